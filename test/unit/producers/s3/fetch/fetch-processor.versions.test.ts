/** Overwritten objects that get back the bytes that they had before: each version adds its lines once, whatever came in between. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ledger } from '../../../../../producers/s3/fetch/ledger.ts'
import { objectIdOf } from '../../../../../schemas/object-id.ts'
import type { ObjectArrival } from '../../../../../schemas/records.ts'
import { emptyLedger } from '../../../../support/records/ledger.ts'
import { bucket, FetchBench, gz, keyOf, numbered, settle } from '../../../../support/s3/fetch-cases.ts'

const key = keyOf('x')
const rows = 9000
const [a, b] = [gz(numbered(rows)), gz(numbered(40, 7))]

const linesOf = (bench: FetchBench, etag: string): number[] => bench.lines(key, etag).map(({ line }) => line)
const upTo = (count: number): number[] => Array.from({ length: count }, (_unused, index) => index + 2)

/** Reads, and stops after so many commits. */
async function runUntil(bench: FetchBench, commits: number): Promise<void> {
  const task = await bench.cluster.startTask(bench.role, 0)
  let seen = 0
  bench.onPoint = point => {
    if (point === 'fetch-committed' && ++seen === commits) task.context.abort()
  }
  await task.drain()
  await task.stop()
  bench.onPoint = undefined
}

test('a version that comes back after it was read adds nothing, however often', async () => {
  const bench = new FetchBench()
  const etags: string[] = []
  for (const body of [a, b, a, b, a]) {
    etags.push(await bench.putAndAnnounce(key, body))
    await bench.run()
  }
  assert.deepEqual(linesOf(bench, etags[0]!), upTo(rows))
  assert.deepEqual(linesOf(bench, etags[1]!), upTo(40))
  assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.earlier.length], ['done', 1])
})

test('a version that was overwritten in the middle and comes back goes on where it was', async () => {
  const bench = new FetchBench()
  bench.store.pieceBytes = 4096
  const first = await bench.putAndAnnounce(key, a)
  await runUntil(bench, 2)
  const { state, nextLine } = bench.ledger(key)!
  assert.ok(state === 'reading' && nextLine > 1 && nextLine < rows, `${state} at line ${nextLine}`)
  const second = await bench.putAndAnnounce(key, b)
  await bench.run()
  assert.equal(linesOf(bench, first).length, nextLine - 2)
  await bench.putAndAnnounce(key, a)
  await bench.run()
  assert.deepEqual(linesOf(bench, first), upTo(rows))
  assert.deepEqual(linesOf(bench, second), upTo(40))
  assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.etag, bench.ledger(key)?.lines], ['done', first, rows + 1])
  await bench.putAndAnnounce(key, b)
  await bench.run()
  assert.deepEqual(linesOf(bench, second), upTo(40))
})

test('a version that could not be read and is gone again is given up, for the one that was read before', async () => {
  const bench = new FetchBench()
  const first = await bench.putAndAnnounce(key, a)
  await bench.run()
  await bench.putAndAnnounce(key, b)
  bench.store.deny(bucket, key)
  const task = await bench.cluster.startTask(bench.role, 0)
  await task.drain()
  await settle(task)
  bench.store.allow()
  await bench.putAndAnnounce(key, a)
  await task.drain()
  const opened = bench.store.requests.open.length
  bench.cluster.clockMs += 600_000
  await settle(task)
  await task.stop()
  assert.equal(bench.store.requests.open.length, opened, 'it is not tried again')
  assert.deepEqual(linesOf(bench, first), upTo(rows))
  assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.errorCode], ['failed', 'S3_CHANGED'])
})

test('a late word of a version that was read and overwritten opens nothing', () => {
  const ledger = new Ledger()
  const name = { bucket, key }
  const version = (etag: string) => ({ ...emptyLedger, etag, objectId: objectIdOf(bucket, key, etag) })
  const arrival = (etag: string): ObjectArrival => ({ etag, size: 1, lastModifiedMs: 0, source: 'notification' })
  for (let i = 0; i < 150; i++) ledger.set(name, ledger.begin(name, version(`v${i}`)))
  assert.deepEqual(ledger.decide(name, arrival('v149')), { do: 'skip', reason: 'done' })
  assert.deepEqual(ledger.decide(name, arrival('v148')), { do: 'skip', reason: 'done' })
  assert.deepEqual(ledger.decide(name, arrival('v49')), { do: 'skip', reason: 'done' })
  assert.equal(ledger.decide(name, arrival('v48')).do, 'read', 'beyond what is remembered')
  assert.equal(ledger.decide(name, arrival('new')).do, 'read')
  ledger.set(name, null)
  assert.equal(ledger.decide(name, arrival('v148')).do, 'read')
})

test('the record of an object that was overwritten again and again stays small, and keeps the versions that were read to their end', () => {
  const ledger = new Ledger()
  const name = { bucket, key }
  let record = emptyLedger
  const ids: string[] = []
  for (let i = 0; i < 60; i++) {
    const etag = `etag-${i}`
    const fresh = { ...emptyLedger, objectId: objectIdOf(bucket, key, etag), etag, state: 'reading' as const, nextLine: 1 }
    record = ledger.begin(name, fresh)
    const isDone = i % 3 === 0
    record = { ...record, header: `version ${'x'.repeat(20_000)}`, nextLine: 7, state: isDone ? 'done' : 'reading' }
    ids.push(record.objectId.toString('hex'))
    ledger.set(name, record)
  }
  const held = record.earlier.map(({ objectId }) => objectId.toString('hex'))
  assert.deepEqual(
    ids.filter((id, i) => i % 3 === 0 && !held.includes(id)),
    [],
  )
  const begun = record.earlier.filter(({ done }) => !done)
  assert.equal(begun.length, 6)
  // the newest of them
  assert.deepEqual(
    begun.map(({ objectId }) => objectId.toString('hex')),
    ids
      .slice(0, -1)
      .filter((_, i) => i % 3 !== 0)
      .slice(-6),
  )
  assert.ok(record.earlier.reduce((sum, { header }) => sum + (header?.length ?? 0), 0) <= 131_072)
})
