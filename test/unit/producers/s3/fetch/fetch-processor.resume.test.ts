import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FlowError } from '../../../../../runtime/errors.ts'
import type { FailurePoint } from '../../../../../harness/memory-context.ts'
import { bucket, FetchBench, gz, header, keyOf, numbered } from '../../../../support/s3/fetch-cases.ts'

const small = ['a', 'b', 'c'].map(keyOf)
const large = keyOf('large')
const rows = 9000

/** Three small objects around a large one of several chunks. */
async function filled(): Promise<FetchBench> {
  const bench = new FetchBench()
  // bodies in small pieces, so that the text comes in many chunks
  bench.store.pieceBytes = 4096
  await bench.putAndAnnounce(small[0]!, gz(numbered(30)))
  await bench.putAndAnnounce(large, gz(numbered(rows)))
  await bench.putAndAnnounce(small[1]!, gz(numbered(7)))
  await bench.putAndAnnounce(small[2]!, gz(numbered(1)))
  return bench
}

function assertExact(bench: FetchBench): void {
  for (const [key, count] of [
    [small[0]!, 30],
    [large, rows],
    [small[1]!, 7],
    [small[2]!, 1],
  ] as const) {
    assert.deepEqual(
      bench.lines(key).map(({ line }) => line),
      numbered(count).map((_line, index) => index + 2),
      key,
    )
    assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.lines, bench.ledger(key)?.nextLine], ['done', count + 1, count + 2])
  }
  assert.equal(bench.cluster.positionOf(bench.role, 0).offset, 4)
}

test('a large object is committed in chunks, each with its progress and without moving the position', async () => {
  const bench = await filled()
  await bench.run()
  assertExact(bench)
  const ledger = bench.cluster.readCommitted('objects').filter(record => record.key.key === large)
  assert.ok(ledger.length > 5, `${ledger.length} ledger records`)
  assert.deepEqual(
    ledger.map(record => record.value?.state),
    [...ledger.slice(1).map(() => 'reading'), 'done'],
  )
  const positions = bench.cluster.commits.map(commit => commit.position?.offset)
  // the first chunk also carries the small object before it
  assert.deepEqual(positions, [1, ...ledger.slice(2).map(() => undefined), 4])
})

for (const point of ['send', 'commit', 'commit-unknown'] satisfies FailurePoint[]) {
  test(`after a failure at any ${point}, the next task goes on and every line is there once`, async () => {
    for (let after = 0; ; after++) {
      const bench = await filled()
      const task = await bench.cluster.startTask(bench.role, 0)
      task.context.failAt(point, after)
      const failed = await task
        .drain()
        .then(() => task.stop())
        .then(
          () => false,
          () => true,
        )
      await bench.run()
      assertExact(bench)
      if (!failed) break
      assert.ok(after < 200)
    }
  })
}

for (const point of ['fetch-opened', 'fetch-half-sent', 'fetch-sent', 'fetch-committed']) {
  test(`a task killed at ${point} again and again leaves every line there once`, async () => {
    const bench = await filled()
    let passed = 0
    let kills = 0
    bench.onPoint = reached => {
      if (reached === point && ++passed % 2 === 0) {
        kills++
        throw new Error(`killed at ${point}`)
      }
    }
    for (let tries = 0; tries < 100; tries++) {
      const task = await bench.cluster.startTask(bench.role, 0)
      if (
        await task
          .drain()
          .then(() => task.stop())
          .then(
            () => true,
            () => false,
          )
      )
        break
    }
    assert.ok(kills >= 2)
    bench.onPoint = undefined
    await bench.run()
    assertExact(bench)
  })
}

/** A bench whose task was stopped after the third chunk. */
async function stoppedInLarge(): Promise<FetchBench> {
  const bench = await filled()
  const task = await bench.cluster.startTask(bench.role, 0)
  let chunks = 0
  bench.onPoint = point => {
    if (point === 'fetch-committed' && ++chunks === 3) task.context.abort()
  }
  await task.drain()
  await task.stop()
  return bench
}

test('a stop in the middle of a large object keeps its committed chunks and goes on from there', async () => {
  const bench = await stoppedInLarge()
  assert.equal(bench.ledger(large)?.state, 'reading')
  const opened = bench.store.requests.open.length
  await bench.run()
  assertExact(bench)
  assert.ok(bench.store.requests.open.length > opened)
})

test('a zombie that wakes after the takeover publishes nothing', async () => {
  const bench = await filled()
  const zombie = await bench.cluster.startTask(bench.role, 0)
  let successor: Promise<void> | undefined
  bench.onPoint = point => {
    if (point === 'fetch-sent' && successor === undefined) successor = bench.run()
  }
  await assert.rejects(zombie.drain(), (error: FlowError) => error.code === 'TASK_FENCED')
  await successor
  assertExact(bench)
})

test('an object that is overwritten after a chunk is read as a new version from its first line', async () => {
  const bench = await stoppedInLarge()
  bench.onPoint = undefined
  const old = bench.ledger(large)!
  const etag = bench.store.put(bucket, large, gz(numbered(10)))
  await bench.run()
  assert.deepEqual([bench.ledger(large)?.state, bench.ledger(large)?.etag, bench.ledger(large)?.lines], ['done', etag, 11])
  assert.equal(bench.lines(large, etag).length, 10)
  // what was published of the old version stays, under its own id
  assert.equal(bench.lines(large, old.etag).length, old.lines - 1)
})

test('a late notification of an old version does not publish again what is begun of the present one', async () => {
  const bench = new FetchBench()
  // not compressed: larger than what is held in memory whole, so that a cut comes after lines were published
  const many = numbered(65_000)
  let cut = true
  bench.store.cutAfter = () => (cut ? 1_000_000 : undefined)
  await bench.putAndAnnounce(large, `${[header, ...many].join('\n')}\n`)
  const task = await bench.cluster.startTask(bench.role, 0)
  await task.drain()
  assert.ok(bench.ledger(large)!.nextLine > 1, 'some lines were published before the cut')
  cut = false
  bench.cluster.put('objectArrivals', { bucket, key: large }, { etag: 'old', size: 1, lastModifiedMs: 0, source: 'notification' })
  await task.drain()
  await task.stop()
  const lines = bench.lines(large)
  assert.deepEqual([lines.length, new Set(lines.map(({ line }) => line)).size], [many.length, many.length], 'lines, different lines')
  assert.equal(bench.ledger(large)?.state, 'done')
})
