/**
 * A transactional producer that fences its predecessor. The first transaction, not the connection, takes over the transactional id; any
 * failure makes the producer unusable: throw it away and start again from what is committed.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kafka, Producer, Transaction } from 'kafkajs'
import type { KafkaSettings } from './settings.ts'
import { causesOf, FlowError } from '../errors.ts'
import { freeMemory } from '../memory.ts'
import type { OutRecord, OutSlab, PackedRecords } from '../records.ts'
import type { Position } from '../task.ts'
import { explicitPartitioner } from './client.ts'
import type { SlabMessages } from './kafkajs.ts'
import { codecNumbers, compressRecords, frameRecords, readRecords, type CodecName } from './record-format.ts'

/** Most bytes of one produced batch before compression: below the broker's default limit of 1 MiB even if nothing compresses. */
const maxBatchBytes = 900_000

/** Bytes of a record, with room for lengths and offset. */
function sizeOf(record: OutRecord): number {
  let size = (record.key?.length ?? 0) + (record.value?.length ?? 0) + 64
  for (const [name, value] of Object.entries(record.headers ?? {})) size += 8 + Buffer.byteLength(name) + Buffer.byteLength(value)
  return size
}

/** Splits records so that each part fits into a batch. */
export function* batchParts(records: readonly OutRecord[], maxBytes = maxBatchBytes): Generator<readonly OutRecord[]> {
  let start = 0
  let size = 0
  for (let i = 0; i < records.length; i++) {
    const length = sizeOf(records[i]!)
    if (i > start && size + length > maxBytes) {
      yield records.slice(start, i)
      start = i
      size = 0
    }
    size += length
  }
  if (start < records.length) yield records.slice(start)
}

/**
 * Frames and compresses records, in as many batches as they need.
 *
 * @param codec Not `none`: then the batches would lie in the scratch memory.
 * @param scratch Memory to frame a part in, where there is some.
 */
export async function packRecords(
  records: readonly OutRecord[],
  codec: Exclude<CodecName, 'none'>,
  scratch: (part: readonly OutRecord[]) => Buffer | undefined,
): Promise<PackedRecords[]> {
  const batches: PackedRecords[] = []
  for (const part of batchParts(records)) {
    const { bytes, count } = frameRecords(part, scratch(part))
    batches.push({ packed: await compressRecords(codec, bytes), count, size: bytes.length })
  }
  return batches
}

const recordsOf = (slab: OutSlab): OutRecord[] => [...readRecords(slab.bytes, slab.count, 0)].map(({ key, value }) => ({ key, value }))

const emptyBytes = new Uint8Array(0)

const tooLarge = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])

/** Errors of a coordinator that is just moving or loading. */
export const movingCoordinator: ReadonlySet<string> = new Set([
  'NOT_COORDINATOR_FOR_GROUP',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
])
/** Errors of a coordinator that pass. */
const passing: ReadonlySet<string> = new Set([...movingCoordinator, 'CONCURRENT_TRANSACTIONS'])
const coordinatorWaitMs = 10_000

/** TASK_FENCED where a successor has taken over (INVALID_PRODUCER_EPOCH, PRODUCER_FENCED and kin); undefined for any other error. */
export function fencedError(error: unknown, task: string): FlowError | undefined {
  for (const cause of causesOf(error)) {
    const { code, type } = cause as { code?: unknown; type?: unknown }
    if (code === 47 || code === 90 || type === 'INVALID_PRODUCER_EPOCH' || type === 'PRODUCER_FENCED')
      return new FlowError('TASK_FENCED', { task }, { cause: error })
  }
  return undefined
}

/** A producer of one transactional id, which counts until another one takes the id over. */
export class FencedProducer {
  readonly #producer: Producer
  readonly #settings: KafkaSettings
  #transaction: Transaction | undefined
  #used = false
  #frame: Buffer | undefined
  #last: Promise<unknown> = Promise.resolve()
  #broken: Error | undefined

  constructor(kafka: Kafka, settings: KafkaSettings, transactionalId: string) {
    this.#settings = settings
    this.#producer = kafka.producer({
      transactionalId,
      maxInFlightRequests: 1,
      transactionTimeout: settings.transactionTimeoutMs,
      createPartitioner: explicitPartitioner,
      retry: { initialRetryTime: 5, retries: 50, multiplier: 1.5, factor: 0.2, maxRetryTime: 1000 },
    })
  }

  /** Connects and takes over the transactional id. From here on no predecessor can commit. */
  async fence(): Promise<void> {
    await this.#producer.connect()
    this.#transaction = await this.#producer.transaction()
  }

  /**
   * Adds records to the open transaction, one request per partition and batch. Calls are done one after the other.
   *
   * @throws FlowError RECORD_TOO_LARGE where not even a single batch of them is accepted.
   */
  send(topic: string, partition: number, records: readonly OutRecord[] | OutSlab | PackedRecords): Promise<void> {
    return this.#inTurn(async () => {
      if ('packed' in records)
        return this.#sendBatch(topic, partition, records.count, records.size, { bytes: emptyBytes, compressed: records.packed })
      if ('bytes' in records && this.#settings.encodedBatches && records.bytes.length <= maxBatchBytes)
        return this.#sendSlab(topic, partition, records)
      for (const part of batchParts('bytes' in records ? recordsOf(records) : records)) {
        if (this.#settings.encodedBatches) await this.#sendSlab(topic, partition, frameRecords(part, this.#scratch(part)))
        else await this.#sendMessages(topic, partition, part)
      }
    })
  }

  /** Does the work of `send` that needs no open transaction. Null if batches are not encoded here, or not compressed. */
  pack(records: readonly OutRecord[]): Promise<PackedRecords[] | null> {
    const { encodedBatches, compression } = this.#settings
    if (!encodedBatches || compression === 'none') return Promise.resolve(null)
    return this.#inTurn(() => packRecords(records, compression, part => this.#scratch(part)))
  }

  /** Memory for large batches, made at the first one; sends are done one after the other, so one is enough. */
  #scratch(part: readonly OutRecord[]): Buffer | undefined {
    if (this.#frame === undefined && part.some(record => (record.value?.length ?? 0) > 65_536))
      this.#frame = Buffer.allocUnsafeSlow(maxBatchBytes + 65_536)
    return this.#frame
  }

  #sendSlab(topic: string, partition: number, { bytes, count }: OutSlab): Promise<void> {
    return this.#sendBatch(topic, partition, count, bytes.length, { bytes })
  }

  async #sendBatch(topic: string, partition: number, length: number, size: number, slab: SlabMessages['slab']): Promise<void> {
    if (length === 0) return
    const messages: SlabMessages & { partition: number } = { partition, length, slab, codec: this.#settings.compression }
    const transaction = await this.#open()
    this.#used = true
    await this.#judged(
      topic,
      length,
      size,
      transaction.send({ topic, acks: -1, messages: [{ partition, value: null, slab: messages } as never] }),
    )
    // not after a failed send: it may still be under way
    freeMemory(slab.request)
    // uncompressed it is the memory of the caller
    if (slab.compressed?.buffer !== slab.bytes.buffer) freeMemory(slab.compressed)
  }

  async #sendMessages(topic: string, partition: number, records: readonly OutRecord[]): Promise<void> {
    const transaction = await this.#open()
    this.#used = true
    const bytes = records.reduce((sum, record) => sum + sizeOf(record), 0)
    const sent = transaction.send({
      topic,
      acks: -1,
      compression: codecNumbers[this.#settings.compression],
      messages: records.map(record => ({
        partition,
        key: record.key,
        value: record.value,
        ...(record.headers === undefined ? {} : { headers: record.headers }),
      })),
    })
    await this.#judged(topic, records.length, bytes, sent)
  }

  async #judged(topic: string, count: number, bytes: number, sent: Promise<unknown>): Promise<void> {
    try {
      await sent
    } catch (cause) {
      if (tooLarge.has((cause as { type?: string }).type ?? '')) throw new FlowError('RECORD_TOO_LARGE', { topic, count, bytes }, { cause })
      throw cause
    }
  }

  /**
   * Commits, and with it the position of a consumer group.
   *
   * @returns False if there was nothing to commit.
   */
  commit(group?: { id: string; topic: string; partition: number; position: Position }): Promise<boolean> {
    return this.#inTurn(async () => {
      if (!this.#used && group === undefined) return false
      const transaction = await this.#open()
      if (group !== undefined) {
        const { id, topic, partition, position } = group
        const topics = [{ topic, partitions: [{ partition, offset: String(position.offset), metadata: position.metadata }] }]
        this.#used = true
        await this.#untilFree(() => transaction.sendOffsets({ consumerGroupId: id, topics }))
      }
      this.#used = false
      this.#transaction = undefined
      await transaction.commit()
      return true
    })
  }

  /**
   * One call after the other: concurrent sends of kafkajs can lose or repeat records. The first failure is the answer to every later call, so
   * nothing can be committed without what failed to be sent.
   */
  #inTurn<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#last.then(async () => {
      if (this.#broken !== undefined) throw this.#broken
      try {
        return await call()
      } catch (error) {
        this.#broken = error instanceof Error ? error : new Error(String(error))
        throw error
      }
    })
    this.#last = result.catch(() => undefined)
    return result
  }

  /**
   * AddOffsetsToTxn as first operation meets the end of the previous transaction, or a coordinator that has just moved; kafkajs does not retry
   * it. Nothing is damaged by asking again.
   */
  async #untilFree(call: () => Promise<void>): Promise<void> {
    const endMs = Date.now() + coordinatorWaitMs
    for (;;) {
      try {
        await call()
        return
      } catch (error) {
        const { type } = error as { type?: string }
        if (type === undefined || !passing.has(type) || Date.now() > endMs) throw error
        await sleep(5)
      }
    }
  }

  async #open(): Promise<Transaction> {
    return (this.#transaction ??= await this.#producer.transaction())
  }

  /**
   * Ends the connection.
   *
   * @param abort Abort the open transaction first (a planned end); else it is left to the successor's fence, or to its timeout.
   */
  async close(abort: boolean): Promise<void> {
    await this.#last
    if (abort && this.#used && this.#broken === undefined) await this.#transaction?.abort().catch(() => undefined)
    await this.#producer.disconnect()
  }
}
