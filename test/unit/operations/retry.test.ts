import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { retryOf, UnreadObjects } from '../../../operations/retry.ts'
import { parsePlace } from '../../../cli/arguments/s3-place.ts'
import type { ObjectLedger } from '../../../schemas/records.ts'
import { emptyLedger } from '../../support/records/ledger.ts'
import { bucket, FetchBench, gz, keyOf, numbered, settle } from '../../support/s3/fetch-cases.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const of = (state: ObjectLedger['state']): ObjectLedger => ({ ...emptyLedger, state })

test('an object is unread by its newest record, and below the prefix alone', () => {
  const unread = new UnreadObjects(parsePlace('logs/', 'retry'))
  for (const [key, record] of [
    ['logs/failed', of('reading')],
    ['logs/failed', of('failed')],
    ['logs/waits', of('retrying')],
    ['logs/mended', of('failed')],
    ['logs/mended', of('done')],
    ['logs/begun', of('retrying')],
    ['logs/begun', of('reading')],
    ['logs/gone', of('failed')],
    ['logs/gone', null],
    ['others/failed', of('failed')],
  ] as const)
    unread.observe({ bucket: 'b', key }, record)
  assert.deepEqual(
    unread.list.map(({ key }) => key.key),
    ['logs/failed', 'logs/waits'],
  )
})

test('retry takes s3://bucket/prefix as other commands do, and keys of any bucket', () => {
  const named = (prefix: string): string[] => {
    const unread = new UnreadObjects(parsePlace(prefix, 'retry'))
    for (const [bucket, key] of [
      ['a', 'logs/x'],
      ['a', 'x'],
      ['b', 'logs/x'],
      ['ab', 'logs/x'],
    ] as const)
      unread.observe({ bucket, key }, of('failed'))
    return unread.list.map(({ key }) => `${key.bucket}/${key.key}`)
  }
  assert.deepEqual(named('s3://a/logs/'), ['a/logs/x'])
  assert.deepEqual(named('s3://a/'), ['a/logs/x', 'a/x'])
  assert.deepEqual(named('s3://a'), ['a/logs/x', 'a/x'])
  assert.deepEqual(named('logs'), ['a/logs/x', 'b/logs/x', 'ab/logs/x'])
  assert.deepEqual(named('/logs'), ['a/logs/x', 'b/logs/x', 'ab/logs/x'])
  assert.throws(() => named('arn:aws:s3:::a/logs'), /write s3:\/\/a\/logs;/)
  assert.throws(() => named('https://a.s3.amazonaws.com/logs'), /write s3:\/\/a\/logs;/)
  assert.throws(() => named('s3:/a/logs'), { code: 'USAGE' })
})

test('objects that are read take no memory, however many the ledger has', () => {
  const unread = new UnreadObjects()
  collect()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 200_000; i++) unread.observe({ bucket: 'b', key: `AWSLogs/123456789012/vpcflowlogs/${i}.log.gz` }, of('done'))
  collect()
  assert.ok(process.memoryUsage().heapUsed - before < 10_000_000)
  assert.deepEqual(unread.list, [])
})

test('an object that fails again after a retry keeps its version, and is read when it is mended', async () => {
  const key = keyOf('denied')
  const bench = new FetchBench({ maxAttempts: 1 })
  const etag = await bench.putAndAnnounce(key, gz(numbered(5)))
  const { size, lastModifiedMs, objectId } = await failed()
  assert.ok(size > 0 && lastModifiedMs !== null)
  assert.deepEqual(await failed(), { size, lastModifiedMs, objectId })
  bench.store.allow()
  await again()
  assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.objectId, bench.lines(key).length], ['done', objectId, 5])

  async function again(): Promise<void> {
    const record = bench.ledger(key)
    if (record !== undefined) bench.cluster.put('objectArrivals', { bucket, key }, retryOf({ key: { bucket, key }, record }).arrival)
    const task = await bench.cluster.startTask(bench.role, 0)
    await task.drain()
    await settle(task)
    await task.stop()
  }

  async function failed(): Promise<Pick<ObjectLedger, 'size' | 'lastModifiedMs' | 'objectId'>> {
    bench.store.deny(bucket, key)
    await again()
    const record = bench.ledger(key)!
    assert.deepEqual([record.state, record.errorCode, record.etag], ['failed', 'S3_ACCESS_DENIED', etag])
    return { size: record.size, lastModifiedMs: record.lastModifiedMs, objectId: record.objectId }
  }
})
