// Which objects the audit takes for those of a source: the same as discover finds, in random buckets with sources that contain each other.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isListed, listingRoot } from '../../../audit/plain-listing.ts'
import { sourceOfKey } from '../../../audit/whereabouts.ts'
import { MemoryObjectStore } from '../../../harness/memory-object-store.ts'
import { listObjects } from '../../../producers/s3/objects/list-objects.ts'
import { sourceOf } from '../../../producers/s3/objects/object-store.ts'
import { isWanted } from '../../../producers/s3/objects/source-layout.ts'
import type { S3Source } from '../../../producers/s3/settings.ts'

const bucket = 'logs'
const day = '2026-11-24'
const [one, two] = ['111122223333', '222233334444']

const optional = <T extends string>(values: readonly T[]): fc.Arbitrary<T[] | undefined> =>
  fc.option(fc.subarray([...values], { minLength: 1 }), { nil: undefined })
const sources: fc.Arbitrary<S3Source> = fc
  .record({
    prefix: fc.constantFrom('', '/', 'network', 'network/', '/network/old', 'net', 'AWSLogs', 'network/AWSLogs'),
    layout: fc.constantFrom('flow-logs' as const, 'flow-logs' as const, 'firehose' as const, 'any' as const),
    accounts: optional([one, two]),
    regions: optional(['us-east-1', 'eu-west-1']),
    keyPattern: fc.option(fc.constantFrom('\\.gz$', 'x'), { nil: undefined }),
  })
  .map(({ layout, prefix, ...choice }) => {
    const { accounts, regions, keyPattern } = choice
    const flowLogs = { ...(accounts && { accounts }), ...(regions && { regions }) }
    return { bucket, prefix, layout, ...(layout === 'flow-logs' ? flowLogs : keyPattern === undefined ? {} : { keyPattern }) }
  })

const account = fc.constantFrom(one, two, `aws-account-id=${one}`, 'x', '')
const service = fc.constantFrom('vpcflowlogs', 'vpcflowlogs', 'aws-service=vpcflowlogs', 'CloudTrail')
const region = fc.constantFrom('us-east-1', 'eu-west-1', 'aws-region=us-east-1')
const date = fc.constantFrom('2026/11/24', '2026/11/24/10', 'year=2026/month=11/day=24', 'year=2026/month=11/day=24/hour=10')
const name = fc.constantFrom('x.log.gz', 'x.log', 'x.parquet', 'x.log.zst', 'x.json', 'x', 'y_vpcflowlogs_.log.gz', '')
const before = fc.constantFrom('', 'network/', 'network/old/', 'other/', 'net/', 'AWSLogs/', 'network/AWSLogs/')
const keys = fc.oneof(
  fc
    .tuple(before, fc.constantFrom('AWSLogs', 'AWSLogs', 'awslogs'), fc.constantFrom('', 'o-abc123/', 'o-ABC/'), account, service, region, date, name)
    .map(([start, logs, org, ...rest]) => `${start}${logs}/${org}${rest.join('/')}`), // prettier-ignore
  fc.tuple(before, date, name).map(([start, ...rest]) => `${start}${rest.join('/')}`),
)

test('an object is of a source for the audit if it is for discover, and the innermost source is the same', () =>
  fc.assert(
    fc.property(fc.array(sources, { minLength: 1, maxLength: 4 }), keys, (all, key) => {
      // a folder of Hive has folders of Hive below it
      fc.pre(key.includes('aws-service=') === key.includes('aws-region='))
      for (const source of all) assert.equal(isListed(source, key), isWanted(source, key), `${JSON.stringify(source)} ${key}`)
      const found = sourceOf(all, bucket, key)
      const expected = found !== undefined && isWanted(found, key) ? found : undefined
      assert.equal(sourceOfKey({ sources: all }, bucket, key), expected)
    }),
    { numRuns: 20_000 },
  ))

test('the audit lists of a bucket what discover lists of it, in the layout of AWS', async () =>
  fc.assert(
    fc.asyncProperty(
      sources.filter(({ layout }) => layout === 'flow-logs'),
      fc.uniqueArray(keys, { minLength: 1, maxLength: 12 }),
      async (source, held) => {
        const store = new MemoryObjectStore()
        // folders of Hive are Hive's to the day, as AWS makes them
        const made = held.filter(key => new Set([...['aws-account-id=', 'aws-service=', 'aws-region=', 'year=']].map(mark => key.includes(mark))).size === 1) // prettier-ignore
        for (const key of made) store.put(bucket, key, 'x')
        const discovered: string[] = []
        const scope = { ...source, others: [], onLeftOut: () => undefined, fromDay: day, toDay: day }
        for await (const { key } of listObjects(store, scope)) discovered.push(key)
        const audited: string[] = []
        for await (const { key } of store.list(bucket, listingRoot(source))) if (isListed(source, key)) audited.push(key)
        assert.deepEqual(audited.sort(), discovered.sort())
      },
    ),
    { numRuns: 300 },
  ))
