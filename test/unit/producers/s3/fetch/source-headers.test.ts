/** Account, region and scope that a source names stand in the headers of its records. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bucket, FetchBench, header, keyOf, numbered } from '../../../../support/s3/fetch-cases.ts'

const v2 = 'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status'
/** An export of CloudWatch Logs in the default format, as it came in. */
const exported = `2026-11-30T02:00:14.000Z 2 111122223333 eni-0c03000000000001 209.85.128.10 10.155.108.192 54252 8088 6 1 40 1796004014 1796004049 ACCEPT OK
2026-11-30T02:01:12.000Z 2 111122223333 eni-0c03000000000001 - - - - - - - 1796004072 1796004169 - NODATA
`
const named = (headers: Record<string, string | undefined>): unknown => [headers['account-id'], headers['region'], headers['scope']]

const cases: { name: string; source: Record<string, unknown>; expect: unknown[] }[] = [
  {
    name: 'account and region',
    source: { account: '111122223333', region: 'us-east-1' },
    expect: ['111122223333', 'us-east-1', undefined],
  },
  {
    name: 'all three',
    source: { account: '111122223333', region: 'us-east-1', scope: 'vpc-0a1' },
    expect: ['111122223333', 'us-east-1', 'vpc-0a1'],
  },
  {
    name: 'records from another region than the bucket',
    source: { account: '111122223333', region: 'us-east-1', bucketRegion: 'eu-west-1' },
    expect: ['111122223333', 'us-east-1', undefined],
  },
  { name: 'the scope alone', source: { scope: 'our VPC' }, expect: [undefined, undefined, 'our VPC'] },
  // as before: the region of the bucket says nothing of the records
  { name: 'the region of the bucket alone', source: { region: 'us-east-1' }, expect: [undefined, undefined, undefined] },
  { name: 'nothing', source: {}, expect: [undefined, undefined, undefined] },
]
for (const { name, source, expect } of cases)
  test(`an export in the default format carries what its source names: ${name}`, async () => {
    const bench = new FetchBench({ sources: [{ bucket, prefix: 'export', layout: 'any', format: `timestamp ${v2}`, ...source }] })
    await bench.putAndAnnounce('export/1/000000.gz', exported)
    await bench.run()
    const records = bench.cluster.readCommitted('rawLines')
    assert.ok(records.length > 0)
    for (const { headers } of records) assert.deepEqual(named(headers), expect)
    assert.equal(bench.ledger('export/1/000000.gz')?.state, 'done')
  })

test('every block of an object has them, and objects beside the source have none of it', async () => {
  const bench = new FetchBench({
    sources: [{ bucket, prefix: 'export', layout: 'any', account: '111122223333', region: 'us-east-1' }, { bucket }],
  })
  await bench.putAndAnnounce('export/x', [header, ...numbered(100)].join('\n'))
  await bench.putAndAnnounce(keyOf('y'), [header, ...numbered(3)].join('\n'))
  await bench.putAndAnnounce('elsewhere/z', [header, ...numbered(3)].join('\n'))
  await bench.run()
  const found = bench.cluster.readCommitted('rawLines').map(({ key, headers }) => [key.key, headers['account-id']])
  assert.ok(found.filter(([key]) => key === 'export/x').length > 3)
  for (const [key, account] of found) assert.equal(account, key === 'export/x' ? '111122223333' : undefined)
})
