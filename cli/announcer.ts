/** Writes arrivals for commands. */
import { createKafka, explicitPartitioner } from '../runtime/kafka/client.ts'
import { partitionOf } from '../runtime/partition.ts'
import type { ObjectArrival, ObjectKey } from '../schemas/records.ts'
import { topics } from '../schemas/topics.ts'
import type { Session } from './session.ts'

/** An object and what is said of it. */
export interface Announcement {
  readonly key: ObjectKey
  readonly arrival: ObjectArrival
}

/** Announces objects. */
export interface Announcer {
  /** Resolves when Kafka has them. Calls must not overlap. */
  announce(objects: readonly Announcement[]): Promise<void>
  close(): Promise<void>
}

/** Connects to Kafka. Announcing an object twice does no harm. */
export async function openAnnouncer({ config, cluster, codecs, log }: Session, name: string): Promise<Announcer> {
  const producer = createKafka(config.kafka, cluster.groupOf(name), log).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: explicitPartitioner,
  })
  await producer.connect()
  const topic = cluster.topicName(topics.objectArrivals)
  const partitions = cluster.partitionsOf(topics.objectArrivals)
  return {
    async announce(objects) {
      const messages = objects.map(({ key, arrival }) => ({
        key: codecs.objectArrivals.encodeKey(key),
        value: codecs.objectArrivals.encodeValue(arrival),
      }))
      for (const [partition, ofPartition] of Map.groupBy(messages, ({ key }) => partitionOf(key, partitions)))
        await producer.send({ topic, acks: -1, messages: ofPartition.map(message => ({ ...message, partition })) })
    },
    close: () => producer.disconnect(),
  }
}
