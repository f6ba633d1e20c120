/**
 * A transactional producer that fences its predecessor. The first transaction, not the connection, takes over the transactional id; any
 * failure makes the producer unusable: throw it away and start again from what is committed.
 */
import type { Kafka, Message, Producer, Transaction } from 'kafkajs'
import type { KafkaSettings } from './settings.ts'
import { causesOf, FlowError } from '../errors.ts'
import { freeMemory } from '../memory.ts'
import type { OutRecord, OutSlab, PackedRecords } from '../records.ts'
import type { OutPart, Position } from '../task.ts'
import { explicitPartitioner } from './client.ts'
import { movingCoordinator, untilPassed } from './known-coordinators.ts'
import type { SlabMessages } from './produced-slabs.ts'
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

/** Memory to frame a part in, where there is some. */
type Scratch = (part: readonly OutRecord[]) => Buffer | undefined

/** Batches of records, framed and compressed one after the other, so that they can share scratch memory. `none`: they would lie in it. */
async function* packedBatches(
  records: readonly OutRecord[],
  codec: Exclude<CodecName, 'none'>,
  scratch: Scratch,
): AsyncGenerator<PackedRecords> {
  for (const part of batchParts(records)) {
    const { bytes, count } = frameRecords(part, scratch(part))
    yield { packed: await compressRecords(codec, bytes), count, size: bytes.length }
  }
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
  scratch: Scratch,
): Promise<PackedRecords[]> {
  const batches: PackedRecords[] = []
  for await (const batch of packedBatches(records, codec, scratch)) batches.push(batch)
  return batches
}

/** Records for a partition as kafkajs takes them. */
export const messagesOf = (partition: number, records: readonly OutRecord[]): (Message & { partition: number })[] =>
  records.map(({ key, value, headers }) => ({ partition, key, value, ...(headers === undefined ? {} : { headers }) }))

const recordsOf = (slab: OutSlab): OutRecord[] => [...readRecords(slab.bytes, slab.count, 0)].map(({ key, value }) => ({ key, value }))

const emptyBytes = new Uint8Array(0)

const tooLarge = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])
const isTooLarge = (error: unknown): boolean => tooLarge.has((error as { type?: string }).type ?? '')

/** What goes to a partition of a topic, which has its full name. */
export interface NamedPart extends Omit<OutPart, 'topic'> {
  readonly topic: string
}

/** What one partition gets in one request. */
interface Batch {
  readonly topic: string
  readonly partition: number
  readonly messages: readonly object[]
  readonly count: number
  /** Bytes before compression. */
  readonly size: number
  /** Undefined if kafkajs encodes the messages. */
  readonly slab: SlabMessages['slab'] | undefined
}

const keyOf = (topic: string, partition: number): string => `${partition}/${topic}`

/** Bytes of one request before compression: what is sent is in memory twice. */
const maxRequestBytes = 8_000_000

/** Batches of one request: Kafka takes one of each partition. */
class Round {
  readonly batches: Batch[] = []
  readonly #partitions = new Set<string>()
  #size = 0

  hasRoom(batch: Batch): boolean {
    return !this.#partitions.has(keyOf(batch.topic, batch.partition)) && (this.#size === 0 || this.#size + batch.size <= maxRequestBytes)
  }

  add(batch: Batch): void {
    this.batches.push(batch)
    this.#partitions.add(keyOf(batch.topic, batch.partition))
    this.#size += batch.size
  }
}

/** Errors of a coordinator that pass. */
const passing: ReadonlySet<string> = new Set([...movingCoordinator, 'CONCURRENT_TRANSACTIONS'])

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

  /** Adds records to the open transaction. See `sendAll`. */
  send(topic: string, partition: number, records: NamedPart['records']): Promise<void> {
    return this.sendAll([{ topic, partition, records }])
  }

  /**
   * Adds records to the open transaction, of several partitions in one request. What goes to one partition keeps its order. Calls are done one
   * after the other.
   *
   * @throws FlowError RECORD_TOO_LARGE where not even a single batch of them is accepted.
   */
  sendAll(parts: readonly NamedPart[]): Promise<void> {
    return this.#inTurn(async () => {
      let round = new Round()
      for (const part of parts)
        for await (const batch of this.#batchesOf(part)) {
          if (!round.hasRoom(batch)) {
            await this.#sendBatches(round.batches)
            round = new Round()
          }
          round.add(batch)
        }
      await this.#sendBatches(round.batches)
    })
  }

  async *#batchesOf({ topic, partition, records }: NamedPart): AsyncGenerator<Batch> {
    const { encodedBatches, compression } = this.#settings
    const ofSlab = (slab: SlabMessages['slab'], length: number, size: number): Batch => {
      const messages: SlabMessages & { partition: number } = { partition, length, slab, codec: compression }
      return { topic, partition, messages: [{ partition, value: null, slab: messages }], count: length, size, slab }
    }
    const ofPacked = ({ packed, count, size }: PackedRecords): Batch => ofSlab({ bytes: emptyBytes, compressed: packed }, count, size)
    const ofOpen = ({ bytes, count }: OutSlab): Batch => ofSlab({ bytes }, count, bytes.length)
    if ('packed' in records) {
      if (records.count > 0) yield ofPacked(records)
      return
    }
    if ('bytes' in records && encodedBatches && records.bytes.length <= maxBatchBytes) {
      if (records.count > 0) yield ofOpen(records)
      return
    }
    const plain = 'bytes' in records ? recordsOf(records) : records
    if (encodedBatches && compression !== 'none') {
      for await (const batch of packedBatches(plain, compression, part => this.#scratch(part))) yield ofPacked(batch)
      return
    }
    for (const part of batchParts(plain)) {
      if (encodedBatches) yield ofOpen(frameRecords(part))
      else {
        const size = part.reduce((sum, record) => sum + sizeOf(record), 0)
        yield { topic, partition, messages: messagesOf(partition, part), count: part.length, size, slab: undefined }
      }
    }
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

  async #sendBatches(batches: readonly Batch[]): Promise<void> {
    const [first, ...others] = batches
    if (first === undefined) return
    try {
      await this.#request(batches)
    } catch (error) {
      if (!isTooLarge(error)) throw error
      const { topic, count, size } = first
      if (others.length === 0) throw new FlowError('RECORD_TOO_LARGE', { topic, count, bytes: size }, { cause: error })
      // the answer does not say which one: those that were taken are known to the broker by their numbers, and count once
      for (const batch of batches) await this.#sendBatches([batch])
      throw error
    }
    // not after a failed send: it may still be under way
    freeMemory(first.slab?.request)
    for (const { slab } of batches)
      // uncompressed it is the memory of the caller
      if (slab !== undefined && slab.compressed?.buffer !== slab.bytes.buffer) freeMemory(slab.compressed)
  }

  async #request(batches: readonly Batch[]): Promise<void> {
    const transaction = await this.#open()
    this.#used = true
    const answers = await transaction.sendBatch({
      acks: -1,
      compression: codecNumbers[this.#settings.compression],
      topicMessages: batches.map(({ topic, messages }) => ({ topic, messages: messages as never[] })),
    })
    // kafkajs asks a broker that has answered nothing more, even if it leads another of the partitions since
    const answered = new Set(answers.map(({ topicName, partition }) => keyOf(topicName, partition)))
    const left = batches.find(batch => !answered.has(keyOf(batch.topic, batch.partition)))
    if (left !== undefined) throw new Error(`a change of leaders left records of ${left.topic}/${left.partition} unsent`)
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
        // as first operation it meets the end of the previous transaction, or a coordinator that has just moved; kafkajs does not ask again
        await untilPassed(passing, () => transaction.sendOffsets({ consumerGroupId: id, topics }))
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
