/** Writes arrivals for commands. */
import { arrivalRecords, type Announcement } from '../producers/s3/objects/announce-arrivals.ts'
import { createKafka, explicitPartitioner } from '../runtime/kafka/client.ts'
import { topics } from '../schemas/topics.ts'
import type { Session } from './session.ts'

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
      for (const [partition, records] of arrivalRecords(codecs, partitions, objects))
        await producer.send({ topic, acks: -1, messages: records.map(record => ({ ...record, partition })) })
    },
    close: () => producer.disconnect(),
  }
}
