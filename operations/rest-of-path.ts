/** Asks Kafka what roles of the path have not dealt with yet: records after the committed positions of their groups. */
import type { Config } from '../config/config.ts'
import { orAborted } from '../runtime/abort.ts'
import { keyDecoder } from '../runtime/avro.ts'
import { errorText, FlowError } from '../runtime/errors.ts'
import { Cluster } from '../runtime/kafka/cluster.ts'
import { readRest, type RestPart } from '../runtime/kafka/rest-reader.ts'
import { createLog } from '../runtime/log.ts'
import { topics, type RecordTypes, type TopicId } from '../schemas/topics.ts'
import { readerOf } from './choose-parts.ts'
import { reachBroker } from './reach-broker.ts'
import { commandLevel } from './session.ts'

/** What is left of a partition. */
export interface Rest {
  readonly partition: number
  /** Records that wait; if it is not whole (`unclear`), at most. */
  readonly records: number
  /** Why which records these are is not known; null: each was visited. */
  readonly unclear: string | null
}

/** Records that are looked at, at most, in each topic. */
const mostRecords = 500_000
/** How long a transaction is waited for, and all of Kafka. */
const openMs = 10_000
const kafkaMs = 30_000

/** @throws FlowError TOPIC_MISSING; the error of the broker. */
export async function checkTopics(cluster: Cluster, ids: readonly TopicId[]): Promise<void> {
  const existing = new Set(await (await cluster.admin()).listTopics())
  for (const topic of ids.map(id => cluster.topicName(topics[id])))
    if (!existing.has(topic)) throw new FlowError('TOPIC_MISSING', { topic })
}

/**
 * Reads the keys of what the one reader of a topic has not dealt with. Barriers and tombstones do not count: they give no row.
 *
 * @param most Records that are looked at, at most, all partitions together.
 * @returns The partitions of which something waits.
 */
export async function restOf<T extends TopicId>(
  cluster: Cluster,
  from: T,
  visit: (key: RecordTypes[T][0], partition: number) => void,
  most: number = mostRecords,
): Promise<Rest[]> {
  const role = readerOf(from)
  const keyOf = keyDecoder(from)
  const records = new Map<number, number>()
  const parts = await readRest(
    cluster,
    role,
    topics[from],
    ({ key, value }, partition) => {
      if (key === null || value === null) return
      records.set(partition, (records.get(partition) ?? 0) + 1)
      visit(keyOf(key), partition)
    },
    { most, openMs },
  )
  return parts.map(part => restPart(cluster.groupOf(role), part, records.get(part.partition) ?? 0)).filter(part => part.records > 0)
}

const unreadTexts = {
  many: 'it is more than is looked at',
  open: 'a transaction stays open',
} as const

function restPart(group: string, part: RestPart, records: number): Rest {
  const { partition, start, position, end, unread } = part
  const most = Math.max(1, end - (position ?? start))
  if (unread !== null) return { partition, records: most, unclear: unreadTexts[unread] }
  // what was written before the first offset that is left may be among what nobody has read
  if (position === null && start > 0) return { partition, records: most, unclear: `the group ${group} has no position there` }
  if (position !== null && position < start)
    return { partition, records: most, unclear: `retention has removed records that the group ${group} has not read` }
  return { partition, records, unclear: null }
}

/** Who is asked. */
export interface Asked {
  readonly config: Config
  /** Kafka is not asked: what is on its way to the tables stays unknown. */
  readonly noKafka: boolean
}

/**
 * Asks a cluster of its own.
 *
 * @returns The answer, or why Kafka gave none: it is a part of the answer of a command.
 */
export async function askOrSay<T>(
  { config, noKafka }: Asked,
  question: (cluster: Cluster) => Promise<T>,
): Promise<T | { readonly unknown: string }> {
  if (noKafka) return { unknown: 'Kafka was not asked (--no-kafka)' }
  const cluster = new Cluster(config.kafka, createLog(commandLevel(config.log.level)))
  try {
    // the client would try for long before it says that nobody listens
    await reachBroker(config.kafka.brokers)
    return await orAborted(question(cluster), AbortSignal.timeout(kafkaMs))
  } catch (error) {
    const isSlow = (error as Error).name === 'TimeoutError'
    return { unknown: isSlow ? `Kafka did not answer within ${kafkaMs / 1000} s` : errorText(error) }
  } finally {
    // not waited for: it may be the broker that does not answer
    void cluster.close().catch(() => undefined)
  }
}
