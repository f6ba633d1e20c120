/** Reads committed records of one partition from any offset, patient with leaders that move. */
import { setTimeout as sleep } from 'node:timers/promises'
import type * as KafkaJs from 'kafkajs'
import { flowErrorOf } from '../errors.ts'
import { LeaderFetch, type ReadPart } from './leader-fetch.ts'

const attempts = 20
const againMs = 250
const waitMs = 200

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

/** True for the answer of a broker that the asked offset is not, or no longer, in the partition. */
export const isBeyondEnd = (error: unknown): boolean => (error as { type?: string }).type === 'OFFSET_OUT_OF_RANGE'

/** One partition, and the connection to its leader; opened at the first read. */
export class PartitionReader {
  readonly #leader: LeaderFetch
  readonly #partition: number

  /** @param encoded `kafka.encodedBatches`: whether kafkajs hands batches over undecoded. */
  constructor(kafka: KafkaJs.Kafka, topic: string, partition: number, encoded: boolean) {
    this.#leader = new LeaderFetch(kafka, topic, encoded)
    this.#partition = partition
  }

  /**
   * Reads what is committed from an offset on.
   *
   * @param maxBytes Most bytes, but at least one batch.
   * @throws The error of the broker once it lasts; a leader that moves is waited for.
   */
  read(offset: number, maxBytes: number): Promise<ReadPart> {
    return whenLed(() => this.#readOnce(offset, maxBytes), { isFinal: isBeyondEnd, prepare: () => this.#leader.refresh() })
  }

  async #readOnce(offset: number, maxBytes: number): Promise<ReadPart> {
    const parts = await this.#leader.fetch(new Map([[this.#partition, offset]]), { partitionBytes: maxBytes, maxBytes, waitMs })
    return parts.get(this.#partition)!
  }

  /** Closes the connection; the next read opens it again. */
  async close(): Promise<void> {
    await this.#leader.close()
  }
}
