/** What a task survives and what it does not: lost answers, takeovers, faults of its own, records that are gone. On the real broker. */
import assert from 'node:assert/strict'
import { after, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FlowError } from '../../runtime/errors.ts'
import { registry } from '../../runtime/metrics.ts'
import type { TaskContext } from '../../runtime/task.ts'
import { topics } from '../../schemas/topics.ts'
import { CopyBench, upTo } from '../support/kafka/copy-role.ts'
import { failing, until } from '../support/kafka/kafka-lab.ts'
import { emptyLedger } from '../support/records/ledger.ts'
import { releaseStack } from '../../harness/live-stack.ts'

after(() => releaseStack())

async function open(t: TestContext, ...args: Parameters<typeof CopyBench.open>): Promise<CopyBench> {
  const bench = await CopyBench.open(...args)
  t.after(() => bench.close())
  return bench
}

async function failure(promise: Promise<never>, timeoutMs = 15_000): Promise<FlowError> {
  const error = await Promise.race([promise.catch((reason: unknown) => reason), sleep(timeoutMs, 'nothing', { ref: false })])
  assert.ok(error instanceof FlowError, String(error))
  return error
}

async function lag(): Promise<number | undefined> {
  const metric = (await registry.getSingleMetric('flowloom_lag_records')!.get()).values.find(({ labels }) => labels['role'] === 'copy')
  return metric?.value
}

test('a commit whose answer is lost, done or not, makes a new task, and each record is copied once', async t => {
  const bench = await open(t)
  const runner = bench.runner()
  await runner.start()
  await until(() => runner.ready, 10_000)
  const seen = failing(t, 'endTxn', 7, ['done', 'not done', 'done', 'not done', 'done'])
  await bench.produce(0, 60, 20)
  await until(async () => (await bench.committed()) >= 60, 20_000)
  assert.deepEqual(await bench.copied(), upTo(60))
  assert.ok(seen.count > 5)
  assert.ok(bench.tasks.length >= 6)
  await until(async () => (await lag()) === 0, 5000, 'no lag')
})

test('a task whose transactional id is taken by another process starts again from what is committed', async t => {
  const bench = await open(t)
  const runner = bench.runner()
  await runner.start()
  const producing = bench.produce(0, 60, 20)
  for (let i = 0; i < 3; i++) {
    await until(async () => (await bench.committed()) >= 10 + 15 * i, 15_000)
    const thief = bench.lab.fenced('copy.0')
    await thief.fence()
  }
  await producing
  await until(async () => (await bench.committed()) >= 60, 15_000)
  assert.deepEqual(await bench.copied(), upTo(60))
  const ends = (await registry.getSingleMetric('flowloom_task_ends_total')!.get()).values
  assert.ok(ends.some(({ labels, value }) => labels['role'] === 'copy' && labels['reason'] === 'fenced' && value >= 3))
})

test('a task that fails again and again shows its lag, which grows; the figure goes when the role stops', async t => {
  const bench = await open(t)
  await bench.produce(0, 20)
  const before = (): never => {
    throw new Error('made to fail')
  }
  const runner = bench.runner({ before, restartMs: 100 })
  await runner.start()
  await until(() => bench.tasks.length >= 3, 10_000)
  assert.equal(await lag(), 20, 'nothing is copied')
  await bench.produce(20, 30)
  await until(async () => (await lag()) === 50, 10_000, 'the lag to grow')
  for (let i = 0; i < 20; i++) {
    assert.ok(((await lag()) ?? 0) > 0, 'the figure stands between two attempts too')
    await sleep(25)
  }
  await runner.stop()
  assert.equal(await lag(), undefined)
})

test('a task that fails in the middle of a batch begins it again, and nothing of the first attempt is seen', async t => {
  const bench = await open(t)
  await bench.produce(0, 20)
  let failures = 0
  const before = (context: TaskContext): void => {
    if (context.partition === 0 && failures++ < 3) throw new Error('made to fail')
  }
  await bench.runner({ before }).start()
  await until(async () => (await bench.committed()) >= 20, 15_000)
  assert.deepEqual(await bench.copied(), upTo(20))
  assert.equal(bench.tasks.length, 4)
})

test('a state record of an unknown writer fails the task, not the consumer; its schema is loaded when the registry answers', async t => {
  const asked: number[] = []
  const bench = await open(t, {}, async id => {
    asked.push(id)
    if (asked.length === 1) throw new FlowError('REGISTRY_UNAVAILABLE', { url: 'u', detail: 'd' })
    return topics.objects.value
  })
  const key = bench.session.codecs.objects.encodeKey({ bucket: 'b', key: 'k' })
  const value = bench.session.codecs.objects.encodeValue({ ...emptyLedger, etag: 'e' })
  value.writeInt32BE(987_654, 1)
  await (await bench.lab.plain()).send({ topic: bench.lab.nameOf(topics.objects), messages: [{ partition: 0, key, value }] })
  const restored: string[] = []
  const runner = bench.runner({ restore: (record, { codecs }) => restored.push(codecs.objects.decodeValue(record.value!).etag) })
  await runner.start()
  await until(() => runner.ready, 15_000)
  assert.deepEqual(asked, [987_654, 987_654])
  assert.deepEqual(restored, ['e'])
  assert.equal(bench.tasks.length, 3)
})

test('a fault that no new task mends stops the role, and the task is not started again', async t => {
  const bench = await open(t)
  await bench.produce(0, 1)
  const runner = bench.runner({
    before: () => {
      throw new FlowError('OBJECT_NO_HEADER', { bucket: 'b', key: 'k', detail: 'x' })
    },
  })
  await runner.start()
  assert.equal((await failure(runner.failed)).code, 'OBJECT_NO_HEADER')
  await sleep(300)
  assert.equal(bench.tasks.length, 1)
  assert.equal(await bench.committed(), 0)
})

test('records that retention deleted before they were read stop the role; nothing is skipped', async t => {
  const bench = await open(t)
  await bench.produce(0, 30)
  const early = bench.lab.fenced('copy.0')
  await early.fence()
  await early.commit({
    id: bench.session.cluster.groupOf('copy'),
    topic: bench.lab.nameOf(topics.objectArrivals),
    partition: 0,
    position: { offset: 10, metadata: '' },
  })
  const admin = await bench.session.cluster.admin()
  await admin.deleteTopicRecords({ topic: bench.lab.nameOf(topics.objectArrivals), partitions: [{ partition: 0, offset: '20' }] })
  const runner = bench.runner()
  await runner.start()
  const { code, message } = await failure(runner.failed)
  assert.equal(code, 'OFFSET_LOST')
  assert.match(message, /copy\/0 wants offset 10, but the topic starts at 20/)
  assert.deepEqual(await bench.copied(), [])
})

test('a position that the topic does not reach (it was created anew) stops the role; it is not reset', async t => {
  const bench = await open(t)
  await bench.produce(0, 3)
  const early = bench.lab.fenced('copy.0')
  await early.fence()
  await early.commit({
    id: bench.session.cluster.groupOf('copy'),
    topic: bench.lab.nameOf(topics.objectArrivals),
    partition: 0,
    position: { offset: 1000, metadata: '' },
  })
  const runner = bench.runner()
  await runner.start()
  assert.equal((await failure(runner.failed)).code, 'OFFSET_OUT_OF_RANGE')
  assert.equal(await bench.committed(), 1000)
})
