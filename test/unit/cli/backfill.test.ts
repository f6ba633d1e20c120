import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRange } from '../../../cli/backfill.ts'
import { BackfillProgress } from '../../../operations/backfill/backfill-progress.ts'
import { countingLists } from '../../../producers/s3/objects/list-requests.ts'
import { bytesText, fitted, progressText } from '../../../cli/print/backfill-progress.ts'
import type { FlowError } from '../../../runtime/errors.ts'
import { objectIdOf } from '../../../schemas/object-id.ts'
import type { ObjectLedger } from '../../../schemas/records.ts'
import { listObjects } from '../../../producers/s3/objects/list-objects.ts'
import { emptyLedger } from '../../support/records/ledger.ts'
import { MemoryObjectStore } from '../../../harness/memory-object-store.ts'

const nowMs = Date.parse('2026-11-24T12:00:00Z')
const range = (url: string, from?: string, to?: string) =>
  parseRange({ positionals: [url], values: { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) } }, nowMs)
const usage = (error: FlowError): boolean => error.code === 'USAGE'

for (const [url, prefix, below] of [
  ['S3://b/', '', 'AWSLogs/'],
  ['s3://b', '', 'AWSLogs/'],
  ['s3://b/', '', 'AWSLogs/'],
  ['s3://b/AWSLogs', '', 'AWSLogs/'],
  ['s3://b/net/work/', 'net/work', 'net/work/AWSLogs/'],
  ['s3://b/net/AWSLogs/', 'net', 'net/AWSLogs/'],
  ['s3://b/AWSLogs/123456789012/vpcflowlogs/eu-west-1', '', 'AWSLogs/123456789012/vpcflowlogs/eu-west-1'],
] as const)
  test(`reads ${url}`, () => {
    const { bucket, ...rest } = range(url, '2026-11-20')
    assert.deepEqual({ bucket, prefix: rest.prefix, below: rest.below }, { bucket: 'b', prefix, below })
  })

test('a day goes to its end, a time to itself', () => {
  const { fromMs, toMs } = range('s3://bucket', '2026-11-20', '2026-11-21')
  assert.deepEqual([fromMs, toMs], [Date.parse('2026-11-20'), Date.parse('2026-11-22')])
  assert.equal(range('s3://bucket', '2026-11-20', '2026-11-21T01:00:00Z').toMs, Date.parse('2026-11-21T01:00:00Z'))
})

test('the day of today goes to its end, though that is to come', () => {
  assert.equal(range('s3://bucket', '2026-11-20', '2026-11-24').toMs, Date.parse('2026-11-25'))
})

test('says what is wrong with the words', () => {
  for (const words of [
    ['http://b', '2026-11-20'],
    ['s3://b'],
    ['s3://b', '2026-02-31'],
    ['s3://b', '2026-02-31T00:00:00Z'],
    ['s3://b', '20 Nov'],
    ['s3://b', '2026-11-20T25:00:00'],
    ['s3://b', '2026-11-20', '2026-11-19'],
    ['s3://b', '2026-11-25'],
    ['s3://b', '2026-11-20', '2026-11-25'],
    ['s3://b', '1999-12-31'],
  ] as const)
    assert.throws(() => range(...(words as [string])), usage, words.join(' '))
})

test('lists what is below a prefix that ends anywhere, with as few requests as that', async () => {
  const store = new MemoryObjectStore()
  const keyOf = (account: string, region: string, name: string): string =>
    `AWSLogs/${account}/vpcflowlogs/${region}/2026/11/24/${name}.log.gz`
  for (const account of ['111111111111', '222222222222'])
    for (const region of ['eu-west-1', 'us-east-1']) store.put('b', keyOf(account, region, 'x'), 'x')
  const listed = async (below: string): Promise<string[]> => {
    const found: string[] = []
    for await (const { key } of listObjects(store, { bucket: 'b', prefix: '', below, fromDay: '2026-11-23', toDay: '2026-11-24' }))
      found.push(key)
    return found
  }
  assert.equal((await listed('AWSLogs/')).length, 4)
  assert.deepEqual(await listed('AWSLogs/222222222222/vpcflowlogs/us-'), [keyOf('222222222222', 'us-east-1', 'x')])
  store.requests.list.length = 0
  assert.deepEqual(await listed(keyOf('111111111111', 'eu-west-1', '').slice(0, -7)), [keyOf('111111111111', 'eu-west-1', 'x')])
  assert.ok(!store.requests.list.some(prefix => prefix.includes('222222222222')), 'the other account is not asked for')
  assert.deepEqual(await listed('AWSLogs/333'), [])
})

test('counts the LIST requests that it makes: folders, days without objects, pages', async () => {
  const store = new MemoryObjectStore()
  for (const account of ['111111111111', '222222222222'])
    for (const region of ['eu-west-1', 'us-east-1'])
      for (let i = 0; i < (region === 'us-east-1' ? 2001 : 1000); i++)
        store.put('b', `AWSLogs/${account}/vpcflowlogs/${region}/2026/11/24/${i}.log.gz`, '')
  for (const fromDay of ['2026-11-23', '2026-10-01']) {
    store.requests.list.length = 0
    let [objects, requests] = [0, 0]
    const counted = countingLists(store, () => requests++)
    for await (const { key } of listObjects(counted, { bucket: 'b', prefix: '', fromDay, toDay: '2026-11-24' }))
      objects += key === '' ? 0 : 1
    assert.deepEqual([objects, requests], [6002, store.requests.list.length])
    assert.ok(requests > 11, String(requests))
  }
})

const recordOf = (key: string, etag: string, more: Partial<ObjectLedger> = {}): ObjectLedger => ({
  ...emptyLedger,
  objectId: objectIdOf('b', key, etag),
  etag,
  size: 10,
  lines: 6,
  headerLines: 1,
  ...more,
})

test('the books: what was read before is not wanted, what is announced ends with any version', () => {
  const books = new BackfillProgress()
  for (const key of ['before', 'older', 'overwritten', 'broken', 'late']) books.list('b', { key, etag: 'v2', size: 10 })
  const hear = (key: string, etag: string, more?: Partial<ObjectLedger>): void =>
    books.observe({ bucket: 'b', key }, recordOf(key, etag, more))
  hear('before', 'v2')
  hear('older', 'v1')
  hear('elsewhere', 'v2')
  hear('late', 'v2', { state: 'reading' })
  assert.deepEqual([books.counts.objects, books.counts.bytes, books.counts.done], [5, 50, 1])
  assert.equal(books.take('b', 'before'), false)
  for (const key of ['older', 'overwritten', 'broken', 'late']) assert.equal(books.take('b', key), true)
  assert.equal(books.take('b', 'older'), false)
  assert.equal(books.counts.underWay, 4)
  hear('older', 'v2')
  hear('overwritten', 'v3')
  hear('broken', 'v2', { state: 'failed', lines: 0, headerLines: 0 })
  const { done, failed, underWay, endedBytes, endedLines } = books.counts
  assert.deepEqual({ done, failed, underWay, endedBytes, endedLines }, { done: 3, failed: 1, underWay: 1, endedBytes: 30, endedLines: 10 })
  hear('broken', 'v2')
  assert.deepEqual([books.counts.done, books.counts.failed], [4, 0])
})

test('the books: objects of an archive are counted, by the storage class of the listing', () => {
  const books = new BackfillProgress()
  const classes = ['GLACIER', 'DEEP_ARCHIVE', 'GLACIER_IR', 'STANDARD', 'INTELLIGENT_TIERING']
  for (const storageClass of classes) books.list('b', { key: storageClass, etag: 'v', size: 1, storageClass })
  books.list('b', { key: 'GLACIER', etag: 'v', size: 1, storageClass: 'GLACIER' })
  books.list('b', { key: 'unsaid', etag: 'v', size: 1 })
  assert.deepEqual([books.counts.objects, books.counts.archived], [6, 2])
})

test('the books: a version that was read, overwritten and came back is done, so that nobody waits for it', () => {
  const books = new BackfillProgress()
  for (const key of ['back', 'begun', 'cut']) books.list('b', { key, etag: 'v1', size: 10 })
  const earlier = (key: string, done: boolean): Pick<ObjectLedger, 'earlier'> => ({
    earlier: [{ ...emptyLedger, objectId: objectIdOf('b', key, 'v1'), done }],
  })
  for (const [key, wasDone, state] of [
    ['back', true, 'done'],
    ['begun', true, 'retrying'],
    ['cut', false, 'done'],
  ] as const)
    books.observe({ bucket: 'b', key }, recordOf(key, 'v2', { state, ...earlier(key, wasDone) }))
  assert.deepEqual(
    ['back', 'begun', 'cut'].map(key => books.take('b', key)),
    [false, false, true],
  )
  assert.deepEqual([books.counts.done, books.counts.underWay], [2, 1])
})

test('progress says objects, bytes, speed and time left', () => {
  const counts = { objects: 2000, bytes: 4e9, done: 999, failed: 1, archived: 0, underWay: 10, endedBytes: 2e9, endedLines: 60_000 }
  assert.equal(
    progressText(counts, { bytes: 4e9 }, 60),
    '[############------------] 50 %  1,000 of 2,000 objects, 1 failed, 2.00 GB of 4.00 GB, 1,000 flow records/s, 60 s left',
  )
  assert.match(progressText({ ...counts, endedBytes: 0 }, { bytes: 4e9 }, 0), /0 flow records\/s, time left unknown$/)
  assert.match(progressText({ ...counts, done: 1999 }, { bytes: 4e9 }, 60), /^\[#{24}\] 100 %.*records\/s$/)
  assert.deepEqual([0, 999, 1000, 123_456_789].map(bytesText), ['0 B', '999 B', '1.00 kB', '123.5 MB'])
})

test('progress never wraps: the bar goes first, then the end', () => {
  const text = '[####----] 50 %  1,000 of 2,000 objects'
  for (const [columns, shown] of [
    [40, text],
    [39, '50 %  1,000 of 2,000 objects'],
    [20, '50 %  1,000 of 2,00'],
    [1, ''],
  ] as const)
    assert.equal(fitted(text, columns), shown)
})
