/** Rows of a small table: decoded records, encoded as one block. */
import type { StoredPart } from '../../runtime/ranges/range-target.ts'
import { takeRecords, type RecordCollector } from '../../runtime/ranges/take-records.ts'
import type { InBatch, InRecord } from '../../runtime/records.ts'
import type { NativeBlock, NativeWriter } from './native-writer.ts'
import { rowBlock, type CellColumn } from './row-block.ts'
import type { TableName } from './store.ts'
import { placeOf, placesByDay, type StoredLooks } from './stored-rows.ts'
import type { RowBuffer, TableInsert } from './table-target.ts'

/** What tells a row from all others, where a row must not stand twice. */
export interface RowIdentity<R> {
  object(row: R): bigint
  /** SQL of a text that names the row within its object, and the same text of a row that is to be inserted. */
  readonly sql: string
  name(row: R): string
  /** Column `start` of the table, if it has one: the question reads these times only. */
  start?(row: R): number
}

/** A small table: its columns and how a record becomes a row. */
export interface RowTable<R> {
  readonly table: TableName
  readonly columns: readonly CellColumn<R>[]
  /** Absent: the engine replaces a row by one of the same key and version, and every reader asks for the newest: a repeated row changes nothing. */
  readonly identity?: RowIdentity<R>
}

/** Bytes of a decoded row beside its texts: the object and a value for each column. */
const objectBytes = 200
const valueBytes = 24

/** Collects the rows of one small table. */
export class RecordBuffer<R> implements RowBuffer, RecordCollector {
  readonly #table: RowTable<R>
  readonly #decode: (record: InRecord) => R | undefined
  readonly #mostBytes: number
  #rows: R[] = []
  #bytes = 0

  /**
   * @param decode Gives the row of a record; undefined for a record that has none, such as a barrier.
   * @param mostBytes Setting `clickhouse.insertBytes`.
   */
  constructor(table: RowTable<R>, decode: (record: InRecord) => R | undefined, mostBytes: number) {
    this.#table = table
    this.#decode = decode
    this.#mostBytes = mostBytes
  }

  get rows(): number {
    return this.#rows.length
  }

  get full(): boolean {
    return this.#bytes >= this.#mostBytes
  }

  take(batch: InBatch, from: number, until: number, room: number): number {
    return takeRecords(this, batch, from, until, room)
  }

  add(record: InRecord): boolean {
    const row = this.#decode(record)
    if (row === undefined) return false
    this.#rows.push(row)
    this.#bytes += this.#sizeOf(record)
    return true
  }

  inserts(): TableInsert[] {
    const { table, columns } = this.#table
    const encode = (writer: NativeWriter): NativeBlock => rowBlock(writer, columns, this.#rows)
    return [{ table, rows: this.#rows.length, once: true, encode }]
  }

  async leaveOutStored(looks: StoredLooks, signal: AbortSignal): Promise<StoredPart> {
    const { table, identity } = this.#table
    if (identity === undefined || this.#rows.length === 0) return { found: 0, broken: false }
    const places =
      identity.start === undefined
        ? [placeOf(this.#rows.map(row => [identity.object(row), identity.name(row)] as const))]
        : placesByDay(this.#rows.map(row => [identity.start?.(row) ?? 0, identity.object(row), identity.name(row)] as const))
    const stored = await looks.find({ table, row: identity.sql, places }, signal)
    const absent = this.#rows.filter(row => !stored.take(identity.object(row), identity.name(row)))
    const found = this.#rows.length - absent.length
    this.#rows = absent
    return { found, broken: found > 0 && absent.length > 0 }
  }

  clear(): void {
    this.#rows = []
    this.#bytes = 0
  }

  /** The texts once decoded and once in the block, and what JavaScript adds to them. */
  #sizeOf({ key, value }: InRecord): number {
    return objectBytes + valueBytes * this.#table.columns.length + 2 * ((key?.length ?? 0) + (value?.length ?? 0))
  }
}
