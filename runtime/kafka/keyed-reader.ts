/**
 * Newest values by key of one partition of a compacted topic that only the asking task writes to. Where they stand is learned by reading the
 * partition once, at the first question, and then only what came since; the values themselves stay in Kafka.
 *
 * Keys come in groups (of the cloud map: the days). If there are more keys than the index may have, it forgets those of the groups that nobody
 * asked for lately, and a question for one of these reads the pieces of the partition that have records of its group.
 */
import type { InRecord } from '../records.ts'
import { GroupIndex } from './group-index.ts'
import type { ReadPart } from './leader-fetch.ts'

/** The partition: committed records from an offset on. */
export interface KeyedSource {
  read(offset: number, maxBytes: number): Promise<ReadPart>
  /** Offset after the last committed record, as a leader says that is sure of it; else it rejects. */
  committedEnd(): Promise<number>
}

/** Bytes of one fetch while the partition is read, and for a value and its neighbours, which were often written together. */
const scanBytes = 4_194_304
const valueBytes = 262_144

/** Keys of the index, at most: 128 MiB. */
export const mostIndexed = 4_194_304

/** Fetches in a row that may give nothing although there must be more: each waits a moment at the broker. */
const mostEmpty = 150

/** Value of a key: null if it has none. */
type Value = Buffer | null

interface Question {
  readonly key: Buffer
  readonly group: number
  /** Place in the answer. */
  readonly place: number
}

/** What a reader of keys may have. */
export interface KeyedOptions {
  /** First offset of the partition. */
  readonly start: number
  /** Group of a key; without it all are one. */
  readonly groupOf?: ((key: Buffer) => number) | undefined
  /** Keys in the index, at most. */
  readonly most?: number
}

/** Answers questions for keys, one after the other. */
export class KeyedReader {
  readonly #source: KeyedSource
  readonly #groupOf: (key: Buffer) => number
  readonly #index: GroupIndex
  #indexedTo: number
  /** The highest end that was ever seen: a leader that is new can know of less for a moment. */
  #end = 0
  /** Records read, those of whole readings of the partition included. */
  scanned = 0

  constructor(source: KeyedSource, { start, groupOf = () => 0, most = mostIndexed }: KeyedOptions) {
    this.#source = source
    this.#groupOf = groupOf
    this.#index = new GroupIndex(start, most)
    this.#indexedTo = start
  }

  /** Keys of the index. */
  get indexed(): number {
    return this.#index.size
  }

  /**
   * Looks keys up. Everything that was committed before the call counts.
   *
   * @returns The newest value of each key, in the order of the keys; null if it has none.
   */
  async lookUp(keys: readonly Buffer[]): Promise<(Buffer | null)[]> {
    await this.#catchUp()
    const values: (Buffer | null)[] = keys.map(() => null)
    const found: (Question & { offset: number })[] = []
    const open: Question[] = []
    for (const [place, key] of keys.entries()) {
      const group = this.#groupOf(key)
      const offset = this.#index.find(group, key)
      if (offset === undefined) open.push({ key, group, place })
      else if (offset !== null) found.push({ key, group, place, offset })
    }
    // of another key with the same hash: rare enough to read its group
    open.push(...(await this.#readFound(found, values)))
    if (open.length > 0) await this.#readGroups(open, values)
    return values
  }

  /**
   * The greatest group that any record is of. Everything that was committed before the call counts.
   *
   * @returns undefined if there is no record.
   */
  async greatestGroup(): Promise<number | undefined> {
    await this.#catchUp()
    return this.#index.greatest
  }

  async #catchUp(): Promise<void> {
    this.#end = Math.max(this.#end, await this.#source.committedEnd())
    this.#indexedTo = await this.#scan(this.#indexedTo, ({ key, offset }) => {
      if (key !== null) this.#index.add(this.#groupOf(key), key, offset)
    })
  }

  /** Reads values whose offset is known. */
  async #readFound(found: (Question & { offset: number })[], values: (Buffer | null)[]): Promise<Question[]> {
    const shared: Question[] = []
    let part: ReadPart | undefined
    let partFrom = 0
    for (const one of found.sort((a, b) => a.offset - b.offset)) {
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
    return shared
  }

  /** Reads the pieces of the partition that have records of the groups of some keys, and keeps what they say as far as there is room. */
  async #readGroups(open: readonly Question[], values: (Buffer | null)[]): Promise<void> {
    const groups = new Set(open.map(({ group }) => group))
    const newest = new Map<string, Value>(open.map(({ key }) => [key.toString('latin1'), null]))
    this.#index.begin(groups)
    for (const { first, end } of this.#index.piecesOf(groups))
      await this.#scan(
        first,
        record => {
          if (record.key === null || record.offset >= end) return
          const group = this.#groupOf(record.key)
          if (!groups.has(group)) return
          this.#index.again(group, record.key, record.offset)
          const text = record.key.toString('latin1')
          if (newest.has(text)) newest.set(text, copyOf(record))
        },
        end,
      )
    for (const { key, place } of open) values[place] = newest.get(key.toString('latin1')) ?? null
  }

  /** Reads from an offset at which a record once stood. An answer that ends there is that of a leader which does not know it yet. */
  async #readBehind(offset: number): Promise<ReadPart> {
    for (let empty = 0; empty <= mostEmpty; empty++) {
      const part = await this.#source.read(offset, valueBytes)
      if (part.nextOffset > offset) return part
    }
    throw new Error(`nothing is read at offset ${offset}, at which a record was seen before`)
  }

  /** Reads on to the end, or to another offset. A commit is answered before its mark stands in the partition, so this waits for the mark. */
  async #scan(from: number, visit: (record: InRecord) => void, to = Infinity): Promise<number> {
    let next = from
    for (let empty = 0; empty <= mostEmpty;) {
      const { records, nextOffset, end } = await this.#source.read(next, scanBytes)
      for (const record of records) visit(record)
      this.scanned += records.length
      empty = nextOffset > next ? 0 : empty + 1
      next = nextOffset
      this.#end = Math.max(this.#end, end)
      if (next >= this.#end || next >= to) return next
    }
    throw new Error(`nothing is read from offset ${next} on, before the end at ${this.#end}`)
  }
}

/** A value of its own: the record is a part of a whole fetch. */
const copyOf = ({ value }: InRecord): Value => (value === null ? null : Buffer.from(value))
