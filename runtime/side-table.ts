/**
 * Side tables: compacted topics that a role reads beside its input, kept in memory by key. All tasks of a process share them. They are never
 * part of a transaction: `get` answers with what was read by then.
 *
 * For values that a task itself writes and that are too many for memory there are look-ups (TaskContext.lookUp) instead.
 */
import type { RecordTypes, TopicId } from '../schemas/topics.ts'
import type { Codecs } from './avro.ts'

/** What a table may have. Above it the process ends with SIDE_TABLE_FULL: an answer from a part of the table would be a wrong one. */
export interface TableBound {
  readonly entries: number
  /** Memory of keys and values as they are encoded, with what an entry takes beside them. */
  readonly bytes: number
  /** The setting to raise, for the error. */
  readonly setting: string
}

/** A table that a role wants. */
export interface SideTableSpec<T extends TopicId = TopicId> {
  /** A compacted topic. */
  readonly topic: T
  readonly bound: TableBound
}

/** A table as tasks see it. */
export interface SideTable<T extends TopicId = TopicId> {
  /**
   * The newest committed value of a key, as far as the topic was read.
   *
   * @returns undefined if there is none, or a tombstone.
   * @throws FlowError REGISTRY_SCHEMA_UNKNOWN as the codecs do; what ended the table, once it was ended.
   */
  get(key: RecordTypes[T][0]): RecordTypes[T][1] | undefined
  /** Keys that have a value. */
  readonly size: number
}

/** What an entry takes beside the bytes of its key and value: measured, see the test. */
const entryBytes = 160

/** Values by key, as they are encoded: strings of single bytes take half of what a buffer for each would. */
export class EncodedTable {
  readonly #values = new Map<string, string>()
  #bytes = 0

  /** Notes the newest record of a key. @param value null: a tombstone. */
  set(key: Buffer, value: Buffer | null): void {
    const name = key.toString('latin1')
    const before = this.#values.get(name)
    if (before !== undefined) this.#bytes -= name.length + before.length + entryBytes
    if (value === null) {
      this.#values.delete(name)
      return
    }
    this.#values.set(name, value.toString('latin1'))
    this.#bytes += name.length + value.length + entryBytes
  }

  /** @returns The value, a copy; undefined if there is none. */
  get(key: Buffer): Buffer | undefined {
    const value = this.#values.get(key.toString('latin1'))
    return value === undefined ? undefined : Buffer.from(value, 'latin1')
  }

  /** Keys. */
  get size(): number {
    return this.#values.size
  }

  /** Memory, counted. */
  get bytes(): number {
    return this.#bytes
  }

  /** Share of the bound that is used; above 1 it is exceeded. */
  fill({ entries, bytes }: TableBound): number {
    return Math.max(this.size / entries, this.#bytes / bytes)
  }
}

/**
 * A table with decoded keys and values.
 *
 * @param current Returns the table in use. The table is replaced if the topic is read again. `get` throws what this throws.
 */
export function typedTable<T extends TopicId>(topic: T, codecs: Codecs, current: () => EncodedTable): SideTable<T> {
  const codec = codecs[topic] as unknown as {
    encodeKey(key: RecordTypes[T][0]): Buffer
    decodeValue(bytes: Buffer): RecordTypes[T][1]
  }
  return {
    get(key) {
      const value = current().get(codec.encodeKey(key))
      return value === undefined ? undefined : codec.decodeValue(value)
    },
    get size() {
      return current().size
    },
  }
}
