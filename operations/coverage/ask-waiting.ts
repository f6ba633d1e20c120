/**
 * Asks Kafka what was announced, or read, and is not in the table of objects yet. To be asked before the tables are: what is in the table by then
 * stays there, so that tables which are asked later know of everything that does not wait.
 */
import type { Config } from '../../config/config.ts'
import { orAborted } from '../../runtime/abort.ts'
import { keyDecoder } from '../../runtime/avro.ts'
import { errorText, FlowError } from '../../runtime/errors.ts'
import { Cluster } from '../../runtime/kafka/cluster.ts'
import { readRest, type RestPart } from '../../runtime/kafka/rest-reader.ts'
import type { Log } from '../../runtime/log.ts'
import { parseObjectName } from '../../schemas/object-name.ts'
import { topics } from '../../schemas/topics.ts'
import { readerOf } from '../choose-parts.ts'
import { isWaitedFor, type Waiting, type WaitingObject, type WaitingPartition, type WaitingScope, type WaitingStage } from './waiting.ts'

/** The topics on the way from an announcement to the table, in its order: what is before the position of the reader of one is in the next. */
const steps = [
  { stage: 'announced', from: 'objectArrivals' },
  { stage: 'read', from: 'objects' },
] as const

/** Records that are looked at, at most, in each topic: their keys say which slots they are of. */
const mostRecords = 500_000
/** How long a transaction is waited for, and all of Kafka. */
const openMs = 10_000
const kafkaMs = 30_000

/**
 * Asks a cluster.
 *
 * @throws FlowError TOPIC_MISSING; the error of the broker.
 */
export async function askWaiting(cluster: Cluster, scope: WaitingScope): Promise<Waiting> {
  const existing = new Set(await (await cluster.admin()).listTopics())
  for (const topic of steps.map(({ from }) => cluster.topicName(topics[from])))
    if (!existing.has(topic)) throw new FlowError('TOPIC_MISSING', { topic })
  const objects: WaitingObject[] = []
  const partitions: WaitingPartition[] = []
  for (const { stage, from } of steps) {
    const role = readerOf(from)
    const keyOf = keyDecoder(from)
    const records = new Map<number, number>()
    const parts = await readRest(
      cluster,
      role,
      topics[from],
      ({ key, value }, partition) => {
        // a barrier or a tombstone gives no row
        if (key === null || value === null) return
        records.set(partition, (records.get(partition) ?? 0) + 1)
        const name = parseObjectName(keyOf(key).key)
        if (isWaitedFor(name, scope)) objects.push({ stage, partition, ...name })
      },
      { most: mostRecords, openMs },
    )
    for (const part of parts) {
      const waiting = partitionOf(stage, cluster.groupOf(role), part, records.get(part.partition) ?? 0)
      if (waiting.records > 0) partitions.push(waiting)
    }
  }
  return { unknown: null, partitions, objects }
}

const unreadTexts = {
  many: 'it is more than is looked at',
  open: 'a transaction stays open',
} as const

function partitionOf(stage: WaitingStage, group: string, part: RestPart, records: number): WaitingPartition {
  const { partition, start, position, end, unread } = part
  const most = Math.max(1, end - (position ?? start))
  if (unread !== null) return { stage, partition, records: most, unclear: unreadTexts[unread] }
  // what was written before the first offset that is left may be among what nobody has read
  if (position === null && start > 0) return { stage, partition, records: most, unclear: `the group ${group} has no position there` }
  if (position !== null && position < start)
    return { stage, partition, records: most, unclear: `retention has removed records that the group ${group} has not read` }
  return { stage, partition, records, unclear: null }
}

/** The same for a command: why Kafka did not answer is a part of the answer. */
export async function askKafka(kafka: Config['kafka'], log: Log, scope: WaitingScope): Promise<Waiting> {
  const cluster = new Cluster(kafka, log)
  try {
    return await orAborted(askWaiting(cluster, scope), AbortSignal.timeout(kafkaMs))
  } catch (error) {
    const slow = (error as Error).name === 'TimeoutError'
    return { unknown: slow ? `Kafka did not answer within ${kafkaMs / 1000} s` : errorText(error), partitions: [], objects: [] }
  } finally {
    // not waited for: it may be the broker that does not answer
    void cluster.close().catch(() => undefined)
  }
}
