import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorCode } from '../../../../../runtime/errors.ts'
import { bucket, FetchBench, gz, keyOf, numbered, settle } from '../../../../support/s3/fetch-cases.ts'

const key = keyOf('a')
const other = keyOf('b')

test('a cut gzip object is tried again with doubled waits, then recorded as failed, and never holds up the others', async () => {
  const bench = new FetchBench()
  const whole = gz(numbered(200))
  await bench.putAndAnnounce(key, whole.subarray(0, whole.length - 30))
  await bench.putAndAnnounce(other, gz(numbered(2)))
  const task = await bench.cluster.startTask(bench.role, 0)
  await task.drain()
  for (const waitMs of [1000, 2000]) {
    bench.cluster.clockMs += 500
    await settle(task)
    assert.equal(bench.ledger(key)?.retryAtMs, bench.cluster.clockMs - 500 + waitMs)
    bench.cluster.clockMs += waitMs - 501
    await settle(task)
    assert.equal(bench.ledger(key)?.state, 'retrying')
    bench.cluster.clockMs += 1
    await settle(task)
  }
  await task.stop()
  const ledger = bench.ledger(key)
  assert.deepEqual([ledger?.state, ledger?.errorCode, ledger?.attempts, ledger?.lines], ['failed', 'OBJECT_BROKEN', 3, 0])
  assert.equal(ledger?.errorDetail, 'unexpected end of file')
  assert.equal(bench.ledger(other)?.state, 'done')
  assert.equal(bench.lines(key).length, 0)
  assert.equal(bench.store.requests.open.filter(opened => opened === key).length, 3)
})

test('neither a transaction nor a retry waits for a clock that was set back', async () => {
  const bench = new FetchBench()
  await bench.putAndAnnounce(key, gz(numbered(3)))
  bench.store.deny(bucket, key)
  const task = await bench.cluster.startTask(bench.role, 0)
  await task.step()
  bench.store.allow()
  assert.equal(bench.ledger(key), undefined)
  bench.cluster.clockMs -= 3_600_000
  await settle(task)
  assert.equal(bench.ledger(key)?.state, 'retrying')
  bench.cluster.clockMs += 500
  await settle(task)
  assert.equal(bench.ledger(key)?.state, 'done')
  assert.equal(bench.lines(key).length, 3)
  await task.stop()
})

test('a large object cut in the middle keeps account of the lines that were published', async () => {
  const bench = new FetchBench({ maxAttempts: 2 })
  bench.store.pieceBytes = 4096
  const whole = gz(numbered(30_000))
  await bench.putAndAnnounce(key, whole.subarray(0, whole.length - 8000))
  const task = await bench.cluster.startTask(bench.role, 0)
  await task.drain()
  bench.cluster.clockMs += 2000
  await settle(task)
  await task.stop()
  const ledger = bench.ledger(key)!
  assert.deepEqual([ledger.state, ledger.errorCode], ['failed', 'OBJECT_BROKEN'])
  assert.ok(ledger.lines > 1000)
  assert.deepEqual(
    bench.lines(key).map(({ line }) => line),
    Array.from({ length: ledger.lines - 1 }, (_unused, index) => index + 2),
  )
})

const passing: { code: ErrorCode; break(bench: FetchBench): void; mend(bench: FetchBench): void }[] = [
  { code: 'S3_ACCESS_DENIED', break: bench => bench.store.deny(bucket, key), mend: bench => bench.store.allow() },
  { code: 'S3_UNAVAILABLE', break: bench => bench.store.deny(bucket, key, 'S3_UNAVAILABLE'), mend: bench => bench.store.allow() },
  {
    code: 'S3_NOT_FOUND',
    break: bench => bench.store.delete(bucket, key),
    mend: bench => void bench.store.put(bucket, key, gz(numbered(3))),
  },
]
for (const trouble of passing) {
  const { code } = trouble
  test(`reads an object after ${code} has passed, also in a new process`, async () => {
    const bench = new FetchBench()
    await bench.putAndAnnounce(key, gz(numbered(3)))
    await bench.putAndAnnounce(other, gz(numbered(2)))
    trouble.break(bench)
    await bench.run()
    assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.errorCode, bench.ledger(key)?.attempts], ['retrying', code, 1])
    assert.equal(bench.ledger(other)?.state, 'done')
    assert.equal(bench.cluster.positionOf(bench.role, 0).offset, 2)
    trouble.mend(bench)
    const task = await bench.cluster.startTask(bench.role, 0)
    await settle(task)
    assert.equal(bench.lines(key).length, 0)
    bench.cluster.clockMs += 1000
    await settle(task)
    await task.stop()
    assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.errorCode], ['done', null])
    assert.equal(bench.lines(key).length, 3)
  })
}

test('an object that is not there for good is failed; where S3 does not answer it is tried for ever', async () => {
  const bench = new FetchBench()
  await bench.announce(key)
  await bench.putAndAnnounce(other, gz(numbered(2)))
  bench.store.deny(bucket, other, 'S3_UNAVAILABLE')
  const task = await bench.cluster.startTask(bench.role, 0)
  await task.drain()
  for (let i = 0; i < 40; i++) {
    bench.cluster.clockMs += 60_000
    await settle(task)
  }
  await task.stop()
  assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.errorCode, bench.ledger(key)?.attempts], ['failed', 'S3_NOT_FOUND', 3])
  assert.equal(bench.ledger(other)?.state, 'retrying')
  assert.ok(bench.ledger(other)!.attempts > 6)
  assert.ok(bench.ledger(other)!.retryAtMs! - bench.cluster.clockMs <= 300_000)
})

test('a failed object is read again by a retry arrival only', async () => {
  const bench = new FetchBench({ maxAttempts: 1 })
  await bench.putAndAnnounce(key, gz(numbered(3)))
  bench.store.deny(bucket, key)
  await bench.run()
  assert.equal(bench.ledger(key)?.state, 'failed')
  bench.store.allow()
  await bench.announce(key)
  await bench.run()
  assert.equal(bench.ledger(key)?.state, 'failed')
  await bench.announce(key, 'retry')
  await bench.run()
  assert.equal(bench.ledger(key)?.state, 'done')
  assert.equal(bench.lines(key).length, 3)
})

test('a new version of a failed or done object is read from its first line', async () => {
  const bench = new FetchBench()
  await bench.putAndAnnounce(key, 'no flow log\n')
  await bench.putAndAnnounce(other, gz(numbered(2)))
  await bench.run()
  await bench.putAndAnnounce(key, gz(numbered(4)))
  const etag = await bench.putAndAnnounce(other, gz(numbered(5)))
  await bench.run()
  assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.lines], ['done', 5])
  assert.equal(bench.lines(other, etag).length, 5)
  assert.equal(bench.lines(other).length, 7)
})

test('an object that changed between listing and reading is read once, as what it is now', async () => {
  const bench = new FetchBench()
  await bench.putAndAnnounce(key, gz(numbered(2)))
  const etag = bench.store.put(bucket, key, gz(numbered(4)))
  await bench.announce(key)
  await bench.run()
  assert.equal(bench.ledger(key)?.etag, etag)
  assert.deepEqual(
    bench.lines(key).map(({ line }) => line),
    [2, 3, 4, 5],
  )
})

test('a download that breaks off is tried again', async () => {
  const bench = new FetchBench()
  await bench.putAndAnnounce(key, gz(numbered(3)))
  let left = 1
  bench.store.cutAfter = () => (left-- > 0 ? 50 : undefined)
  await bench.run()
  assert.deepEqual([bench.ledger(key)?.errorCode, bench.ledger(key)?.errorDetail], ['S3_UNAVAILABLE', 'the connection broke'])
  bench.cluster.clockMs += 1000
  const task = await bench.cluster.startTask(bench.role, 0)
  await settle(task)
  await task.stop()
  assert.equal(bench.lines(key).length, 3)
})

test('retries that S3 lets wait hold up neither arrivals nor other retries', async () => {
  const bench = new FetchBench()
  await bench.putAndAnnounce(key, gz(numbered(3)))
  await bench.putAndAnnounce(other, gz(numbered(2)))
  bench.store.deny(bucket, '', 'S3_UNAVAILABLE')
  const task = await bench.cluster.startTask(bench.role, 0)
  await task.drain()
  bench.store.allow()
  let answer: (() => void) | undefined
  bench.store.wait = opened => (opened === key ? new Promise<void>(resolve => (answer = resolve)) : undefined)
  bench.cluster.clockMs += 1000
  await settle(task)
  await bench.putAndAnnounce(keyOf('c'), gz(numbered(4)))
  await task.drain()
  bench.cluster.clockMs += 1000
  await settle(task)
  assert.deepEqual(
    [key, other, keyOf('c')].map(each => bench.ledger(each)?.state),
    ['retrying', 'done', 'done'],
  )
  answer?.()
  await settle(task)
  bench.cluster.clockMs += 1000
  await settle(task)
  assert.equal(bench.ledger(key)?.state, 'done')
  await task.stop()
})

test('a new version of an object that waits for another attempt is read at once', async () => {
  const bench = new FetchBench()
  await bench.putAndAnnounce(key, gz(numbered(3)).subarray(0, 40))
  await bench.run()
  assert.equal(bench.ledger(key)?.state, 'retrying')
  await bench.putAndAnnounce(key, gz(numbered(3)))
  await bench.run()
  assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.attempts], ['done', 0])
  assert.equal(bench.lines(key).length, 3)
})

test('an arrival of an old version, after the new one was read, publishes nothing', async () => {
  const bench = new FetchBench()
  await bench.putAndAnnounce(key, gz(numbered(4)))
  await bench.run()
  bench.cluster.put('objectArrivals', { bucket, key }, { etag: 'of-an-old-version', size: 100, lastModifiedMs: 0, source: 'notification' })
  await bench.run()
  assert.equal(bench.lines(key).length, 4)
  assert.equal(bench.cluster.positionOf(bench.role, 0).offset, 2)
})

test('a retry arrival goes on behind the lines that a failed object had published, with all its attempts again', async () => {
  const bench = new FetchBench({ maxAttempts: 1 })
  bench.store.pieceBytes = 4096
  await bench.putAndAnnounce(key, gz(numbered(30_000)))
  const task = await bench.cluster.startTask(bench.role, 0)
  bench.onPoint = point => {
    if (point === 'fetch-committed') task.context.abort()
  }
  await task.drain()
  await task.stop()
  bench.store.deny(bucket, key)
  await bench.run()
  const failed = bench.ledger(key)!
  assert.deepEqual([failed.state, failed.errorCode, failed.attempts], ['failed', 'S3_ACCESS_DENIED', 1])
  assert.ok(failed.lines > 1000)
  bench.store.allow()
  await bench.announce(key, 'retry')
  await bench.run()
  assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.attempts, bench.ledger(key)?.lines], ['done', 0, 30_001])
  assert.deepEqual(
    bench.lines(key).map(({ line }) => line),
    numbered(30_000).map((_text, index) => index + 2),
  )
})

test('missing credentials are told once, not once for each object, and again after a while', async () => {
  const bench = new FetchBench()
  const warned: [fields: { code: string }, text: string][] = []
  const times = (): number => warned.length
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields: { code: string }, text: string) => void warned.push([fields, text]),
  }
  Object.assign(bench.cluster, { log: { ...log, child: () => log } })
  const keys = ['a', 'b', 'c', 'd'].map(keyOf)
  for (const each of keys) await bench.putAndAnnounce(each, gz(numbered(2)))
  bench.store.deny(bucket, '', 'S3_CREDENTIALS')
  const task = await bench.cluster.startTask(bench.role, 0)
  await task.drain()
  bench.cluster.clockMs += 500
  await settle(task)
  assert.equal(warned.length, 1, JSON.stringify(warned))
  assert.equal(warned[0]![0].code, 'S3_CREDENTIALS')
  assert.match(warned[0]![1], /^there are no credentials that AWS takes; the objects wait and are tried again, less often each time$/)
  assert.deepEqual(new Set(keys.map(each => bench.ledger(each)?.state)), new Set(['retrying']))
  const tries = (): number => bench.store.requests.open.length
  const before = tries()
  for (let minute = 0; minute < 2; minute++) {
    bench.cluster.clockMs += 60_000
    await settle(task)
  }
  assert.ok(tries() > before)
  assert.ok(times() >= 2 && times() <= 3, `${times()}`)
  bench.store.allow()
  bench.cluster.clockMs += 300_000
  await settle(task)
  await task.stop()
  assert.deepEqual(new Set(keys.map(each => bench.ledger(each)?.state)), new Set(['done']))
})
