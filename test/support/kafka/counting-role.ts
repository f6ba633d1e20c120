/** A role that shows every record that is left out, taken twice, or taken with a state that is not whole. */
import type { Session } from '../../../operations/session.ts'
import { createKafka } from '../../../runtime/kafka/client.ts'
import { FencedProducer } from '../../../runtime/kafka/fenced-producer.ts'
import { readTopic } from '../../../runtime/kafka/topic-reader.ts'
import { partitionOf } from '../../../runtime/partition.ts'
import type { Role, Task, TaskContext } from '../../../runtime/task.ts'
import { topics } from '../../../schemas/topics.ts'
import { emptyLedger } from '../records/ledger.ts'

/** Counts arrivals per key in the ledger (not idempotent on purpose) and copies each arrival to raw-lines. */
export function countingRole(fail: (context: TaskContext) => boolean): Role {
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

/** Announces objects with ten keys, 25 in a transaction. */
export async function produceArrivals(session: Session, count: number, transactionalId: string): Promise<void> {
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

/** What the role wrote: its copies, and the count of each key. */
export async function countingOutcome(session: Session): Promise<{ copies: string[]; counts: Map<string, number> }> {
  const copies: string[] = []
  const counts = new Map<string, number>()
  await readTopic(session.cluster, topics.rawLines, record => copies.push(record.value!.toString()))
  await readTopic(session.cluster, topics.objects, record => {
    if (record.value !== null)
      counts.set(session.codecs.objects.decodeKey(record.key!).key, session.codecs.objects.decodeValue(record.value).attempts)
  })
  return { copies, counts }
}
