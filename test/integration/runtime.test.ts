/** The task behind a fence on the real broker: exactly once over failures, rejoins and takeovers; state restored; both batch modes. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openSession, type Session } from '../../cli/session.ts'
import { topics } from '../../schemas/topics.ts'
import { partitionOf } from '../../runtime/partition.ts'
import { FencedProducer } from '../../runtime/kafka/fenced-producer.ts'
import { createKafka } from '../../runtime/kafka/client.ts'
import { RoleRunner } from '../../runtime/kafka/role-runner.ts'
import { readTopic } from '../../runtime/kafka/topic-reader.ts'
import type { Role, Task, TaskContext } from '../../runtime/task.ts'
import { emptyLedger } from '../support/ledger.ts'
import { freshSettings, releaseStack } from '../support/live-stack.ts'

const encodedBatches = process.env['FLOWLOOM_TEST_ENCODED'] !== 'false'

after(() => releaseStack())

/** Counts arrivals per key in the ledger (not idempotent on purpose) and copies each arrival to raw-lines. */
function countingRole(fail: (context: TaskContext) => boolean): Role {
  return {
    name: 'counting',
    from: 'objectArrivals',
    state: 'objects',
    to: ['objects', 'rawLines'],
    createTask(context): Task {
      const counts = new Map<string, number>()
      const { codecs } = context
      return {
        restore(record) {
          const { key } = codecs.objects.decodeKey(record.key!)
          if (record.value !== null) counts.set(key, codecs.objects.decodeValue(record.value).attempts)
        },
        async process(batch) {
          const overlay = new Map<string, number>()
          for (const record of batch.records) {
            const { key } = codecs.objectArrivals.decodeKey(record.key!)
            overlay.set(key, (overlay.get(key) ?? counts.get(key) ?? 0) + 1)
            await context.send(topics.rawLines, record.offset % context.partitionsOf(topics.rawLines), [
              { key: record.key, value: Buffer.from(`${context.partition}:${record.offset}`) },
            ])
            if (fail(context)) throw new Error('made to fail')
          }
          for (const [key, attempts] of overlay)
            await context.send(topics.objects, context.partition, [
              { key: codecs.objects.encodeKey({ bucket: 'b', key }), value: codecs.objects.encodeValue({ ...emptyLedger, attempts }) },
            ])
          await context.commit({ offset: batch.nextOffset, metadata: '' })
          for (const [key, count] of overlay) counts.set(key, count)
        },
      }
    },
  }
}

async function produceArrivals(session: Session, count: number, transactionalId: string): Promise<void> {
  const { cluster, codecs, log } = session
  const producer = new FencedProducer(createKafka(cluster.settings, transactionalId, log), cluster.settings, transactionalId)
  await producer.fence()
  const partitions = cluster.partitionsOf(topics.objectArrivals)
  for (let i = 0; i < count; i++) {
    const key = codecs.objectArrivals.encodeKey({ bucket: 'b', key: `k${i % 10}` })
    const value = codecs.objectArrivals.encodeValue({ etag: null, size: null, lastModifiedMs: null, source: 'poll' })
    await producer.send(cluster.topicName(topics.objectArrivals), partitionOf(key, partitions), [{ key, value }])
    if (i % 25 === 24) await producer.commit()
  }
  await producer.commit()
  await producer.close(true)
}

async function outcome(session: Session): Promise<{ copies: string[]; counts: Map<string, number> }> {
  const copies: string[] = []
  const counts = new Map<string, number>()
  await readTopic(session.cluster, topics.rawLines, record => copies.push(record.value!.toString()))
  await readTopic(session.cluster, topics.objects, record => {
    if (record.value !== null)
      counts.set(session.codecs.objects.decodeKey(record.key!).key, session.codecs.objects.decodeValue(record.value).attempts)
  })
  return { copies, counts }
}

async function until(condition: () => Promise<boolean> | boolean, timeoutMs: number): Promise<void> {
  const endMs = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error('did not happen in time')
    await sleep(100)
  }
}

const processed = async (session: Session): Promise<number> => {
  let sum = 0
  for (let p = 0; p < 4; p++) sum += (await session.cluster.committedPosition('counting', 'objectArrivals', p)).offset
  return sum
}
const end = async (session: Session): Promise<number> => {
  let sum = 0
  for (let p = 0; p < 4; p++) sum += (await session.cluster.limits(topics.objectArrivals, p)).end
  return sum
}

test('each record counts once over failing tasks, a second member and a restart', { timeout: 120_000 }, async () => {
  const signal = new AbortController().signal
  const settings = await freshSettings({ kafka: { encodedBatches } })
  const session = await openSession({ overrides: settings }, signal)
  const options = { ...session, loadSchema: (id: number) => session.registry.loadSchema(id), taskRestartMs: 20 }
  let calls = 0
  let failures = 0
  // bounded: a batch of more than 149 records would else never come to its end
  const flaky = countingRole(() => ++calls % 149 === 0 && ++failures <= 12)
  await produceArrivals(session, 200, 'producer-1')
  const first = new RoleRunner(flaky, options)
  await first.start()
  await sleep(1500)
  const second = new RoleRunner(flaky, options)
  await second.start()
  await produceArrivals(session, 200, 'producer-2')
  await until(async () => (await processed(session)) >= (await end(session)) - 4 * 20, 40_000).catch(() => undefined)
  await first.stop()
  await produceArrivals(session, 100, 'producer-3')
  await sleep(1000)
  await second.stop()
  const third = new RoleRunner(
    countingRole(() => false),
    options,
  )
  await third.start()
  await until(async () => (await outcome(session)).copies.length >= 500, 40_000)
  await sleep(500)
  await third.stop()
  const { copies, counts } = await outcome(session)
  assert.equal(new Set(copies).size, 500)
  assert.equal(copies.length, 500)
  assert.deepEqual(
    [...counts.values()],
    Array.from({ length: counts.size }, () => 50),
  )
  assert.equal(counts.size, 10)
  await session.cluster.close()
})
