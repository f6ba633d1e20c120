/** ClickHouse as the target of ranges: what is collected goes to one table or two, and the server drops a repeated insert by its token. */
import type { RangeInsert, RangeTarget, StoredLook, StoredPart } from '../../runtime/ranges/range-target.ts'
import type { InBatch } from '../../runtime/records.ts'
import { insertDone, insertsFailed } from './metrics.ts'
import type { NativeBlock, NativeWriter } from './native-writer.ts'
import type { Store, TableName } from './store.ts'
import type { StoredLooks } from './stored-rows.ts'

/** Part of a range: what goes to one table. */
export interface TableInsert {
  readonly table: TableName
  readonly rows: number
  /** False: repeated rows are the same to the table, so no token is needed. */
  readonly once: boolean
  encode(writer: NativeWriter): NativeBlock
}

/** Rows of the range that is being collected, as columns or objects. */
export interface RowBuffer {
  readonly rows: number
  readonly full: boolean
  /** Takes records as RangeTarget.take does. */
  take(batch: InBatch, from: number, until: number, room: number): number
  /** What to insert, in this order. */
  inserts(): TableInsert[]
  /** Leaves out rows that must not stand twice and that the table has. */
  leaveOutStored(looks: StoredLooks, signal: AbortSignal): Promise<StoredPart>
  /** After the insert: forgets the rows. */
  clear(): void
}

/** What the targets of a process share. */
export interface TableTargetOptions {
  readonly store: Store
  readonly looks: StoredLooks
  /** Parts whose tokens the server remembers. */
  readonly deduplicationWindow: number
  /** Unix milliseconds. */
  readonly nowMs: () => number
}

/**
 * A token is safe this long after its range was announced: the server still remembers it. It remembers a number of parts, so this is one
 * millisecond for each of them: a fifth of what the quickest insert takes (5 to 7 ms with one row, measured), which leaves room for several
 * inserts at once and for the time of the repeated insert itself. 10 s by default.
 */
export const freshMs = (deduplicationWindow: number): number => Math.min(30_000, deduplicationWindow)

/** The tables that the records of one partition go to. */
export class TableTarget implements RangeTarget<NativeWriter> {
  readonly stored: StoredLook
  readonly #buffer: RowBuffer
  readonly #options: TableTargetOptions

  constructor(buffer: RowBuffer, options: TableTargetOptions) {
    this.#buffer = buffer
    this.#options = options
    this.stored = {
      knownMs: freshMs(options.deduplicationWindow),
      leaveOutStored: (_token, signal) => buffer.leaveOutStored(options.looks, signal),
    }
  }

  get rows(): number {
    return this.#buffer.rows
  }

  get full(): boolean {
    return this.#buffer.full
  }

  take(batch: InBatch, from: number, until: number, room: number): number {
    return this.#buffer.take(batch, from, until, room)
  }

  async insert({ token, lane, assertFresh }: RangeInsert<NativeWriter>): Promise<void> {
    for (const insert of this.#buffer.inserts()) {
      assertFresh()
      if (insert.rows > 0) await this.#insertInto(insert, lane, token)
    }
  }

  async #insertInto(insert: TableInsert, writer: NativeWriter, token: string): Promise<void> {
    const { table, rows, once } = insert
    const block = insert.encode(writer)
    const { store, nowMs } = this.#options
    const startedMs = nowMs()
    try {
      await store.insert(table, block, once ? token : null)
    } catch (error) {
      insertsFailed.inc({ table })
      throw error
    }
    insertDone(table, rows, block.bytes.length, (nowMs() - startedMs) / 1000)
  }

  clear(): void {
    this.#buffer.clear()
  }
}
