/** Joining, long work, bounded memory, planned stops, and sources, on the real broker. */
import assert from 'node:assert/strict'
import { after, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { SourceRunner } from '../../runtime/kafka/source-runner.ts'
import type { Source } from '../../runtime/task.ts'
import { topics } from '../../schemas/topics.ts'
import { CopyBench, upTo } from '../support/kafka/copy-role.ts'
import { failing, require, until } from '../support/kafka/kafka-lab.ts'
import { releaseStack } from '../../harness/live-stack.ts'

after(() => releaseStack())

async function open(t: TestContext, kafka: Record<string, unknown> = {}): Promise<CopyBench> {
  const bench = await CopyBench.open(kafka)
  t.after(() => bench.close())
  return bench
}

async function membersOf(bench: CopyBench): Promise<number> {
  const { groups } = await (await bench.session.cluster.admin()).describeGroups([bench.session.cluster.groupOf('copy')])
  return groups[0]!.members.length
}

test('work that takes longer than the session keeps the partition: heartbeats do not wait for it', async t => {
  const bench = await open(t, { sessionTimeoutMs: 1500, heartbeatIntervalMs: 200 })
  await bench.produce(0, 1)
  await bench.runner({ before: () => sleep(4000) }).start()
  await until(async () => (await bench.committed()) >= 1, 15_000)
  assert.equal(bench.tasks.length, 1)
  assert.deepEqual(await bench.copied(), [0])
})

test('a task that does not get on stops the fetching after two batches', async t => {
  const bench = await open(t)
  const { prototype } = require('kafkajs/src/broker') as { prototype: { fetch: (request: object) => Promise<unknown> } }
  const original = prototype.fetch
  let fetches = 0
  prototype.fetch = async function (request) {
    if (JSON.stringify(request).includes(topics.objectArrivals.name)) fetches++
    return original.call(this, request)
  }
  t.after(() => (prototype.fetch = original))
  let release!: () => void
  const released = new Promise<void>(resolve => (release = resolve))
  await bench.runner({ before: () => released }).start()
  await bench.produce(0, 30, 20)
  // the fetches that are under way come to their end; more than those would never do so
  let before: number
  await until(
    async () => {
      before = fetches
      await sleep(300)
      return fetches === before
    },
    10_000,
    'an end of the fetching',
  )
  await sleep(800)
  assert.equal(fetches, before!)
  release()
  await until(async () => (await bench.committed()) >= 30, 10_000)
  assert.deepEqual(await bench.copied(), upTo(30))
})

test('a planned stop aborts the open transaction: readers are not kept waiting for its timeout', async t => {
  const bench = await open(t)
  await bench.produce(0, 5)
  let sent = false
  const runner = bench.runner({ insteadOfCommit: () => (sent = true) })
  await runner.start()
  await until(() => sent, 10_000)
  await (await bench.lab.plain()).send({ topic: bench.lab.nameOf(topics.rawLines), messages: [{ partition: 0, value: '-1' }] })
  assert.deepEqual(await bench.copied(), [])
  await runner.stop()
  await until(async () => (await bench.copied()).length > 0, 5000)
  assert.deepEqual(await bench.copied(), [-1])
  assert.equal((await bench.lab.read(topics.rawLines, { uncommitted: true })).length, 6)
  assert.equal(await bench.committed(), 0)
  assert.equal(await membersOf(bench), 0)
})

test('a stop in the middle of joining leaves no member behind', async t => {
  const bench = await open(t)
  for (const waitMs of [0, 5, 20, 60]) {
    const runner = bench.runner()
    const starting = runner.start()
    await sleep(waitMs)
    await runner.stop()
    await starting
  }
  await sleep(700)
  assert.equal(await membersOf(bench), 0)
})

test('a member that is about to stop takes no partitions of one that goes', async t => {
  const bench = await open(t)
  const [holder, stopping, successor] = [bench.runner(), bench.runner(), bench.runner()]
  await holder.start()
  await until(() => holder.ready, 10_000)
  await stopping.start()
  await bench.produce(0, 20)
  await until(async () => (await bench.committed()) >= 20, 15_000)
  const before = bench.tasks.length
  stopping.prepareStop()
  await holder.stop()
  const admin = await bench.session.cluster.admin()
  const isAlone = async (): Promise<boolean> => {
    const { groups } = await admin.describeGroups([bench.session.cluster.groupOf('copy')])
    return groups[0]!.state === 'Stable' && groups[0]!.members.length === 1
  }
  await until(isAlone, 20_000)
  assert.equal(stopping.ready, true, 'it is still a member')
  assert.equal(bench.tasks.length, before)
  await bench.produce(20, 20)
  await successor.start()
  await until(async () => (await bench.committed()) >= 40, 20_000)
  assert.equal(bench.tasks.length, before + 1)
  assert.deepEqual(await bench.copied(), upTo(40))
})

test('a consumer that breaks is replaced, and each record is copied once', async t => {
  const bench = await open(t)
  const runner = bench.runner()
  await runner.start()
  await until(() => runner.ready, 10_000)
  await bench.produce(0, 20)
  // CORRUPT_MESSAGE-like: not retriable, so kafkajs gives the consumer up
  failing(t, 'fetch', 29, ['not done'])
  await bench.produce(20, 20)
  await until(async () => (await bench.committed()) >= 40, 15_000)
  assert.deepEqual(await bench.copied(), upTo(40))
  assert.ok(bench.tasks.length >= 2)
})

function source(runShard: Source['runShard']): Source {
  return { name: 'arrivals', to: ['objectArrivals'], shardBy: 'objectArrivals', runShard }
}

test('a record sent after a failed send of a source is not taken for its repetition', async t => {
  const bench = await open(t)
  let attempt = 0
  const runner = new SourceRunner(
    source(async context => {
      attempt++
      // the answer to the first send is lost although the broker has the record
      if (attempt === 1) failing(t, 'produce', 29, ['done'])
      await context.send(topics.objectArrivals, 0, [{ key: null, value: Buffer.from(`${attempt}`), headers: { h: `${attempt}` } }])
      await new Promise(resolve => context.signal.addEventListener('abort', resolve))
    }),
    { ...bench.session, taskRestartMs: 50 },
  )
  await runner.start()
  t.after(() => runner.stop())
  await until(async () => (await bench.lab.read(topics.objectArrivals)).length >= 2, 10_000)
  const found = await bench.lab.read(topics.objectArrivals)
  assert.deepEqual(
    found.map(({ value }) => String(value)),
    ['1', '2'],
  )
  assert.equal(String(found[1]!.headers['h']), '2')
})

test('a shard that ends by itself is started again after a pause, and stops with its runner', async t => {
  const bench = await open(t)
  let runs = 0
  let running = 0
  const runner = new SourceRunner(
    source(async context => {
      running++
      if (++runs > 3) await new Promise(resolve => context.signal.addEventListener('abort', resolve))
      running--
    }),
    { ...bench.session, taskRestartMs: 100 },
  )
  const beganMs = Date.now()
  await runner.start()
  await until(() => runs > 3, 10_000)
  assert.ok(Date.now() - beganMs >= 300)
  await runner.stop()
  assert.equal(running, 0)
  assert.equal(runs, 4)
})
