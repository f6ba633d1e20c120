/**
 * Fetches committed records of partitions from any offset, without a consumer group: kafkajs has its fetch in the consumer alone, so this asks
 * the leaders of the partitions through the cluster inside of kafkajs.
 */
/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-explicit-any -- kafkajs internals have no types */
import { createRequire } from 'node:module'
import type * as KafkaJs from 'kafkajs'
import type { InRecord } from '../records.ts'
import { toFetched } from './membership.ts'

const require = createRequire(import.meta.url)

/** What one fetch gave of a partition. */
export interface ReadPart {
  /** Records from the asked offset on, in their order; none if only marks or aborted records stand there. */
  readonly records: readonly InRecord[]
  /** Where to read on. */
  readonly nextOffset: number
  /** Offset after the last record that is written, committed or not. */
  readonly end: number
}

/** The same, and how far transactions have ended. */
export interface StablePart extends ReadPart {
  /** Offset before which no transaction is open: readers of committed records come no further. */
  readonly stableEnd: number
}

/** Limits of a fetch. */
export interface FetchLimits {
  /** Most bytes of a partition, but at least one batch. */
  readonly partitionBytes: number
  /** Most bytes of an answer of a leader. */
  readonly maxBytes: number
  /** How long a leader may wait for something to come. */
  readonly waitMs: number
}

const readCommitted = 1

/** The leaders of a topic and the connections to them; opened at the first fetch. */
export class LeaderFetch {
  readonly #kafka: KafkaJs.Kafka
  readonly #topic: string
  readonly #encoded: boolean
  #cluster: Promise<any> | undefined

  /** @param encoded `kafka.encodedBatches`: whether kafkajs hands batches over undecoded. */
  constructor(kafka: KafkaJs.Kafka, topic: string, encoded: boolean) {
    this.#kafka = kafka
    this.#topic = topic
    this.#encoded = encoded
  }

  /**
   * Fetches once from each leader.
   *
   * @param offsets Where to read, by partition.
   * @returns By partition; all that were asked for.
   * @throws The error of any broker; after it `refresh` finds leaders that have moved.
   */
  async fetch(offsets: ReadonlyMap<number, number>, limits: FetchLimits): Promise<Map<number, StablePart>> {
    const cluster = await this.#connected()
    const leaders: Record<string, number[]> = cluster.findLeaderForPartitions(this.#topic, [...offsets.keys()])
    const answers = await Promise.all(
      Object.entries(leaders).map(async ([nodeId, partitions]) => {
        const broker = await cluster.findBroker({ nodeId })
        const { partitionBytes, maxBytes, waitMs } = limits
        return await broker.fetch({
          isolationLevel: readCommitted,
          maxWaitTime: waitMs,
          minBytes: 1,
          maxBytes,
          topics: [
            {
              topic: this.#topic,
              partitions: partitions.map(partition => ({
                partition,
                fetchOffset: String(offsets.get(partition)!),
                maxBytes: partitionBytes,
              })),
            },
          ],
        })
      }),
    )
    const parts = new Map<number, StablePart>()
    for (const { responses } of answers)
      for (const { partitions } of responses)
        for (const data of partitions) {
          const partition = data.partition as number
          parts.set(partition, await this.#partOf(data, offsets.get(partition)!))
        }
    const missing = [...offsets.keys()].filter(partition => !parts.has(partition))
    if (missing.length > 0) throw new Error(`no leader answers for partitions ${missing.join(', ')} of ${this.#topic}`)
    return parts
  }

  async #partOf(data: any, offset: number): Promise<StablePart> {
    const Batch = require('kafkajs/src/consumer/batch')
    const batch = new Batch(this.#topic, String(offset), data)
    // nothing committed yet from here on: kafkajs takes the end of the partition for the last offset then, open transactions included
    const nothing: boolean = batch.isEmptyIncludingFiltered() && !batch.isEmptyDueToLogCompactedMessages()
    const { records } = await toFetched({ batch } as KafkaJs.EachBatchPayload, this.#encoded).decode(offset, false)
    return {
      records,
      nextOffset: nothing ? offset : Number(batch.lastOffset()) + 1,
      end: Number(batch.highWatermark),
      stableEnd: Number(data.lastStableOffset),
    }
  }

  /** Asks anew who leads what; if nobody answers, the connections are closed, and opened at the next fetch. */
  async refresh(): Promise<void> {
    await (await this.#connected()).refreshMetadata().catch(() => this.close())
  }

  #connected(): Promise<any> {
    this.#cluster ??= (async () => {
      const create = Object.getOwnPropertySymbols(this.#kafka).find(({ description }) => description === 'private:Kafka:createCluster')
      const cluster = (this.#kafka as any)[create!]({})
      await cluster.connect()
      await cluster.addTargetTopic(this.#topic)
      await cluster.refreshMetadataIfNecessary()
      return cluster
    })()
    const opened = this.#cluster
    opened.catch(() => {
      if (this.#cluster === opened) this.#cluster = undefined
    })
    return opened
  }

  /** Closes the connections; the next fetch opens them again. */
  async close(): Promise<void> {
    const cluster = await this.#cluster?.catch(() => undefined)
    this.#cluster = undefined
    await cluster?.disconnect()
  }
}
