/**
 * Reads committed records of one partition from any offset, without a consumer group: kafkajs has its fetch in the consumer alone, so this
 * asks the leader of the partition through the cluster inside of kafkajs.
 */
/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-explicit-any -- kafkajs internals have no types */
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import type * as KafkaJs from 'kafkajs'
import { flowErrorOf } from '../errors.ts'
import type { InRecord } from '../records.ts'
import { toFetched } from './membership.ts'

const require = createRequire(import.meta.url)

/** What one fetch gave. */
export interface ReadPart {
  /** Records from the asked offset on, in their order; none where only marks or aborted records stand there. */
  readonly records: readonly InRecord[]
  /** Where to read on. */
  readonly nextOffset: number
  /** Offset after the last record that is written, committed or not. */
  readonly end: number
}

const attempts = 20
const againMs = 250
const waitMs = 200
const readCommitted = 1

/** What whenLed does beside asking again. */
interface Patience {
  /** Errors that do not pass, beside those of flowloom that are not retriable. Default: none. */
  readonly isFinal?: (error: unknown) => boolean
  /** Comes before every further attempt. Default: nothing. */
  readonly prepare?: () => Promise<void>
}

/**
 * Asks again while a leader is new: `ask` rejects until it is sure.
 *
 * @throws The last error once it lasts, and at once one that is final.
 */
export async function whenLed<T>(ask: () => Promise<T>, { isFinal, prepare }: Patience = {}): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      if (attempt >= attempts || flowErrorOf(error)?.retriable === false || isFinal?.(error) === true) throw error
      await sleep(againMs)
      await prepare?.()
    }
  }
}

const isBeyondEnd = (error: unknown): boolean => (error as { type?: string }).type === 'OFFSET_OUT_OF_RANGE'

/** One partition, and the connection to its leader; opened at the first read. */
export class PartitionReader {
  readonly #kafka: KafkaJs.Kafka
  readonly #topic: string
  readonly #partition: number
  readonly #encoded: boolean
  #cluster: Promise<any> | undefined

  /** @param encoded `kafka.encodedBatches`: whether kafkajs hands batches over undecoded. */
  constructor(kafka: KafkaJs.Kafka, topic: string, partition: number, encoded: boolean) {
    this.#kafka = kafka
    this.#topic = topic
    this.#partition = partition
    this.#encoded = encoded
  }

  /**
   * Reads what is committed from an offset on.
   *
   * @param maxBytes Most bytes, but at least one batch.
   * @throws The error of the broker once it lasts; a leader that moves is waited for.
   */
  read(offset: number, maxBytes: number): Promise<ReadPart> {
    return whenLed(() => this.#readOnce(offset, maxBytes), {
      isFinal: isBeyondEnd,
      prepare: async () => {
        await (await this.#connected()).refreshMetadata().catch(() => this.close())
      },
    })
  }

  async #readOnce(offset: number, maxBytes: number): Promise<ReadPart> {
    const cluster = await this.#connected()
    const leaders = cluster.findLeaderForPartitions(this.#topic, [this.#partition])
    const broker = await cluster.findBroker({ nodeId: Object.keys(leaders as object)[0] })
    const answer = await broker.fetch({
      isolationLevel: readCommitted,
      maxWaitTime: waitMs,
      minBytes: 1,
      maxBytes,
      topics: [{ topic: this.#topic, partitions: [{ partition: this.#partition, fetchOffset: String(offset), maxBytes }] }],
    })
    const Batch = require('kafkajs/src/consumer/batch')
    const batch = new Batch(this.#topic, String(offset), answer.responses[0].partitions[0])
    // nothing committed yet from here on: kafkajs takes the end of the partition for the last offset then, open transactions included
    const nothing: boolean = batch.isEmptyIncludingFiltered() && !batch.isEmptyDueToLogCompactedMessages()
    const { records } = await toFetched({ batch } as KafkaJs.EachBatchPayload, this.#encoded).decode(offset, false)
    return { records, nextOffset: nothing ? offset : Number(batch.lastOffset()) + 1, end: Number(batch.highWatermark) }
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

  /** Closes the connection; the next read opens it again. */
  async close(): Promise<void> {
    const cluster = await this.#cluster?.catch(() => undefined)
    this.#cluster = undefined
    await cluster?.disconnect()
  }
}
