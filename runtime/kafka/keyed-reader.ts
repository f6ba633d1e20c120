/**
 * Newest values by key of one partition of a compacted topic that only the asking task writes to. Where they stand is learned by reading the
 * partition once, at the first question, and then only what came since; the values themselves stay in Kafka.
 */
import type { InRecord } from '../records.ts'
import { KeyIndex } from './key-index.ts'
import type { ReadPart } from './partition-reader.ts'

/** The partition: committed records from an offset on. */
export interface KeyedSource {
  read(offset: number, maxBytes: number): Promise<ReadPart>
  /** Offset after the last committed record, as a leader says that is sure of it; else it rejects. */
  committedEnd(): Promise<number>
}

/** Bytes of one fetch while the partition is read, and for a value and its neighbours, which were often written together. */
const scanBytes = 4_194_304
const valueBytes = 262_144

/** Keys of the index, at most: 128 MiB. With more, every question reads the whole partition. */
export const mostIndexed = 4_194_304

/** Fetches in a row that may give nothing although there must be more: each waits a moment at the broker. */
const mostEmpty = 150

/** Value of a key: null if it has none. */
type Value = Buffer | null

/** See the head of this file: questions come one after the other. */
export class KeyedReader {
  readonly #source: KeyedSource
  readonly #start: number
  readonly #mostIndexed: number
  #index: KeyIndex | undefined = new KeyIndex()
  #indexedTo: number
  /** The highest end that was ever seen: a leader that is new can know of less for a moment. */
  #end = 0
  /** Records read, those of whole readings of the partition included. */
  scanned = 0

  /**
   * @param start First offset of the partition.
   * @param most Keys in the index, at most.
   */
  constructor(source: KeyedSource, start: number, most = mostIndexed) {
    this.#source = source
    this.#start = this.#indexedTo = start
    this.#mostIndexed = most
  }

  /** Keys of the index; null if there are too many for one. */
  get indexed(): number | null {
    return this.#index?.size ?? null
  }

  /**
   * Looks keys up. Everything that was committed before the call counts.
   *
   * @returns The newest value of each key, in the order of the keys; null if it has none.
   */
  async lookUp(keys: readonly Buffer[]): Promise<(Buffer | null)[]> {
    this.#end = Math.max(this.#end, await this.#source.committedEnd())
    const found = await this.#indexed(keys)
    return found ?? (await this.#scanFor(keys))
  }

  async #indexed(keys: readonly Buffer[]): Promise<(Buffer | null)[] | undefined> {
    this.#indexedTo = await this.#scan(this.#indexedTo, ({ key, offset }) => {
      if (key === null || this.#index === undefined) return
      this.#index.set(key, offset)
      if (this.#index.size > this.#mostIndexed) this.#index = undefined
    })
    const index = this.#index
    if (index === undefined) return undefined
    const values: (Buffer | null)[] = keys.map(() => null)
    const wanted = keys
      .map((key, place) => ({ key, place, offset: index.get(key) }))
      .filter((one): one is { key: Buffer; place: number; offset: number } => one.offset !== undefined)
      .sort((a, b) => a.offset - b.offset)
    const shared: { key: Buffer; place: number }[] = []
    let part: ReadPart | undefined
    let partFrom = 0
    for (const one of wanted) {
      if (part === undefined || one.offset < partFrom || one.offset >= part.nextOffset) {
        partFrom = one.offset
        part = await this.#readBehind(one.offset)
      }
      const record = part.records.find(({ offset }) => offset === one.offset)
      // compaction has removed it: a tombstone that is no longer needed
      if (record === undefined) continue
      if (record.key?.equals(one.key) === true) values[one.place] = copyOf(record)
      else shared.push(one)
    }
    // another key has the same hash: rare enough to read everything
    if (shared.length > 0) {
      const read = await this.#scanFor(shared.map(({ key }) => key))
      shared.forEach(({ place }, i) => (values[place] = read[i]!))
    }
    return values
  }

  async #scanFor(keys: readonly Buffer[]): Promise<(Buffer | null)[]> {
    const newest = new Map<string, Value>(keys.map(key => [key.toString('latin1'), null]))
    await this.#scan(this.#start, record => {
      const text = record.key?.toString('latin1')
      if (text !== undefined && newest.has(text)) newest.set(text, copyOf(record))
    })
    return keys.map(key => newest.get(key.toString('latin1')) ?? null)
  }

  /** Reads from an offset at which a record once stood. An answer that ends there is that of a leader which does not know it yet. */
  async #readBehind(offset: number): Promise<ReadPart> {
    for (let empty = 0; empty <= mostEmpty; empty++) {
      const part = await this.#source.read(offset, valueBytes)
      if (part.nextOffset > offset) return part
    }
    throw new Error(`nothing is read at offset ${offset}, at which a record was seen before`)
  }

  /** Reads on to the end. A commit is answered before its mark stands in the partition, so this waits for the mark. */
  async #scan(from: number, visit: (record: InRecord) => void): Promise<number> {
    let next = from
    for (let empty = 0; empty <= mostEmpty;) {
      const { records, nextOffset, end } = await this.#source.read(next, scanBytes)
      for (const record of records) visit(record)
      this.scanned += records.length
      empty = nextOffset > next ? 0 : empty + 1
      next = nextOffset
      this.#end = Math.max(this.#end, end)
      if (next >= this.#end) return next
    }
    throw new Error(`nothing is read from offset ${next} on, before the end at ${this.#end}`)
  }
}

/** A value of its own: the record is a part of a whole fetch. */
const copyOf = ({ value }: InRecord): Value => (value === null ? null : Buffer.from(value))
