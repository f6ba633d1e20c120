// An audit says what it could not see: sources that list nothing, objects of no source, objects that nobody announced.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { auditOf, faultsOf, type AuditReport } from '../../../audit/audit.ts'
import { keyTimeS } from '../../../audit/key-time.ts'
import { readBuckets } from '../../../audit/read-buckets.ts'
import type { KnownPlaces } from '../../../audit/whereabouts.ts'
import { describeFilter } from '../../../cli/print/filter.ts'
import { formatAudit } from '../../../cli/print/audit-table.ts'
import { checkConfig } from '../../../config/config.ts'
import { objectIdOf } from '../../../schemas/object-id.ts'
import { emptyTally, type Tally } from '../../../schemas/tally.ts'
import { MemoryObjectStore } from '../../../harness/memory-object-store.ts'

const nowMs = Date.parse('2026-11-24T12:00:00Z')
const header = 'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n'
const line = '2 123456789012 eni-1 10.0.0.1 10.0.0.2 1 2 6 10 100 1700000000 1700000060 ACCEPT OK\n'
const tally: Tally = { ...emptyTally(), lines: 2, headers: 1, flows: 1, packets: 10, bytes: 100 }

const keyAt = (day: string, time = '1200', prefix = ''): string =>
  `${prefix}AWSLogs/123456789012/vpcflowlogs/eu-central-1/${day.replaceAll('-', '/')}/123456789012_vpcflowlogs_eu-central-1_fl-1_${day.replaceAll('-', '')}T${time}Z_0a1b2c3d.log`

interface World {
  sources: { bucket: string; prefix?: string; startDate?: string }[]
  /** Objects in S3. */
  held: { bucket: string; key: string }[]
  /** Objects that were read at some time. */
  read: { bucket: string; key: string }[]
  range?: { from: string; to: string }
}

async function auditOfWorld({ sources, held, read, range }: World): Promise<AuditReport> {
  const { s3 } = checkConfig({ s3: { sources } })
  const store = new MemoryObjectStore()
  const idOf = ({ bucket, key }: { bucket: string; key: string }): string => {
    const etag = store.put(bucket, key, header + line)
    return objectIdOf(bucket, key, etag).toString('hex')
  }
  const known: KnownPlaces = new Map(read.map(place => [idOf(place), { ...place, storedMs: nowMs }]))
  const inS3 = new MemoryObjectStore()
  for (const { bucket, key } of held) inS3.put(bucket, key, header + line)
  const tallies = new Map([...known.keys()].map(id => [id, { ...tally }]))
  const scope = { s3, nowMs, range: range && { fromS: Date.parse(range.from) / 1000, toS: Date.parse(range.to) / 1000 } }
  const readings = await readBuckets(
    scope,
    () => inS3,
    () => undefined,
  )
  return auditOf(scope, readings, new Map(), new Map(tallies), tallies, known)
}

const today = { bucket: 'logs', key: keyAt('2026-11-24') }
const old = (day: string): { bucket: string; key: string } => ({ bucket: 'logs', key: keyAt(day) })

describe('an audit', () => {
  it('fails if S3 shows nothing and the tables have lines: both sources named an empty bucket', async () => {
    const report = await auditOfWorld({ sources: [{ bucket: 'empty' }, { bucket: 'empty', prefix: 'b' }], held: [], read: [today] })
    assert.equal(faultsOf(report) > 0, true)
    const text = formatAudit(report, true)
    assert.match(text, /NOTHING LISTED s3:\/\/empty\/AWSLogs\/: check bucket and prefix/)
    assert.match(text, /NOTHING LISTED s3:\/\/empty\/b\/AWSLogs\/: check/)
    assert.match(text, /1 version is of s3:\/\/logs\/, which no source names/)
    assert.doesNotMatch(text, /every line is accounted for/)
    assert.deepEqual([report.objects, report.gone], [0, 0])
  })

  it('fails if one of two sources lists nothing of what it had', async () => {
    const other = { bucket: 'other', key: keyAt('2026-11-24', '1205') }
    const report = await auditOfWorld({ sources: [{ bucket: 'logs' }, { bucket: 'other' }], held: [today], read: [today, other] })
    assert.match(report.blind[0]!, /^s3:\/\/other\/AWSLogs\/ lists nothing, but 1 version of it was read/)
    assert.equal(faultsOf(report), 1)
  })

  it('fails if the prefix of a source was mistyped', async () => {
    const there = { bucket: 'logs', key: keyAt('2026-11-24', '1200', 'team/') }
    const report = await auditOfWorld({ sources: [{ bucket: 'logs', prefix: 'taem' }], held: [there], read: [there] })
    assert.match(report.blind[0]!, /check s3\.sources/)
    assert.deepEqual(report.foreign, [{ place: 's3://logs/team/', versions: 1 }])
  })

  it('passes if some objects were deleted, and if a source is new and empty', async () => {
    const report = await auditOfWorld({ sources: [{ bucket: 'logs' }, { bucket: 'new' }], held: [today], read: [today, old('2026-11-23')] })
    assert.deepEqual([faultsOf(report), report.gone], [0, 1])
    assert.match(formatAudit(report, true), /NOTHING LISTED s3:\/\/new\/[^]*every line is accounted for on every side$/)
    assert.match(
      formatAudit(report, true),
      /1 version not in S3 any more: their lines are in topics and ClickHouse alone, and are not a diff/,
    )
    assert.match(formatAudit(report, false), /1 version not in S3 any more: their lines are in ClickHouse alone/)
  })

  it('says of which time it is, that topics were left out, and that nobody knows the lines of what cannot be read', async () => {
    const filter = describeFilter({ from: '2026-11-24T00:00:00Z', to: undefined })
    const some = await auditOfWorld({ sources: [{ bucket: 'logs' }], held: [today], read: [today] })
    assert.match(
      formatAudit(some, false, filter),
      /\nwith --from 2026-11-24T00:00:00Z: every line is accounted for in S3 and in ClickHouse; the topics were left out$/,
    )
    const lost = { ...some, unreadable: ['s3://logs/a: cut', 's3://logs/b: cut'] }
    assert.equal(faultsOf(lost), 0)
    assert.match(
      formatAudit(lost, true),
      /\nevery line of the objects that can be read is accounted for on every side; nobody knows the lines of 2 objects that cannot be read$/,
    )
    const none = await auditOfWorld({ sources: [{ bucket: 'logs' }], held: [], read: [] })
    assert.match(formatAudit(none, true, filter), /\nwith --from 2026-11-24T00:00:00Z: there is nothing to compare$/)
  })

  it('does not look at objects outside of AWSLogs/ behind the prefix, nor at those of a prefix within it', async () => {
    const outside = ['other/', 'network/old/', 'net'].map(prefix => ({ bucket: 'logs', key: keyAt('2026-11-24', '1200', prefix) }))
    const inNetwork = { bucket: 'logs', key: keyAt('2026-11-24', '1200', 'network/') }
    const report = await auditOfWorld({
      sources: [{ bucket: 'logs' }, { bucket: 'logs', prefix: 'network' }],
      held: [today, inNetwork, ...outside],
      read: [today, inNetwork],
    })
    assert.deepEqual([report.differences, faultsOf(report), report.objects], [[], 0, 2])
    assert.deepEqual(report.sources.map(({ name, listed }) => [name, listed]), [['s3://logs/AWSLogs/', 1], ['s3://logs/network/AWSLogs/', 1]]) // prettier-ignore
  })

  it('says in one line which objects were never announced because they are older than the look-back', async () => {
    const held = [today, old('2026-09-01'), old('2026-09-02'), old('2026-09-03')]
    const report = await auditOfWorld({ sources: [{ bucket: 'logs' }], held, read: [today] })
    assert.deepEqual(report.differences, [])
    assert.equal(report.unannounced.count, 3)
    assert.equal(faultsOf(report), 3)
    assert.match(formatAudit(report, true), /NEVER ANNOUNCED 3 objects, older than s3\.lookBackMs: backfill them, or set startDate/)
  })

  it('still says of each object of the look-back that it is missing', async () => {
    const report = await auditOfWorld({ sources: [{ bucket: 'logs' }], held: [today, old('2026-11-23')], read: [today] })
    assert.equal(report.unannounced.count, 0)
    assert.deepEqual(
      report.differences.map(({ side }) => side),
      ['topics', 'tables'],
    )
  })

  it('leaves out what is before startDate, unless it was read all the same', async () => {
    const held = [today, old('2026-09-01'), old('2026-09-02')]
    const sources = [{ bucket: 'logs', startDate: '2026-11-20' }]
    const report = await auditOfWorld({ sources, held, read: [today, old('2026-09-02')] })
    assert.deepEqual([faultsOf(report), report.beforeStart, report.gone], [0, 1, 0])
    assert.equal(report.totals.s3.lines, 4)
  })

  it('counts on every side only what is of the time from --from to --to, by the slot in the key', async () => {
    const held = [today, old('2026-11-22'), old('2026-11-23')]
    const read = [today, old('2026-11-22'), old('2026-11-21')]
    const range = { from: '2026-11-22T00:00:00Z', to: '2026-11-23T00:00:00Z' }
    const report = await auditOfWorld({ sources: [{ bucket: 'logs' }], held, read, range })
    assert.deepEqual([report.objects, report.gone, faultsOf(report)], [1, 0, 0])
    for (const side of ['s3', 'topics', 'tables'] as const) assert.equal(report.totals[side].lines, 2)
    const wider = await auditOfWorld({ sources: [{ bucket: 'logs' }], held, read, range: { ...range, from: '2026-11-21T12:00:00Z' } })
    assert.deepEqual([wider.objects, wider.gone], [1, 1])
    const slot = await auditOfWorld({ sources: [{ bucket: 'logs' }], held, read, range: { ...range, from: '2026-11-22T12:01:00Z' } })
    assert.equal(slot.objects, 0)
  })
})

describe('the time that a key names', () => {
  const at = (iso: string): number => Date.parse(iso) / 1000
  for (const { name, layout, key, expect } of [
    { name: 'a slot', layout: 'flow-logs', key: keyAt('2026-11-24', '1205'), expect: at('2026-11-24T12:05:00Z') },
    { name: 'a day', layout: 'flow-logs', key: 'AWSLogs/1/vpcflowlogs/r/2026/11/24/x.log', expect: at('2026-11-24T00:00:00Z') },
    { name: 'an hour', layout: 'firehose', key: '2026/11/24/07/x.gz', expect: at('2026-11-24T07:00:00Z') },
    { name: 'the time of storing', layout: 'any', key: 'x.gz', expect: 5 },
    { name: 'nothing', layout: 'flow-logs', key: 'AWSLogs/x.log', expect: undefined },
  ] as const)
    it(`is ${name}`, () => assert.equal(keyTimeS({ layout, prefix: '' }, key, 5000), expect))
})
