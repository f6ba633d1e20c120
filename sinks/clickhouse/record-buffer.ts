/** Rows of a small table: decoded records, encoded as one block. */
import type { InBatch, InRecord } from '../../runtime/records.ts'
import type { NativeBlock, NativeWriter } from './native-writer.ts'
import type { RangeBuffer, TableInsert } from './range-task.ts'
import { rowBlock, type CellColumn } from './row-block.ts'
import type { TableName } from './store.ts'

/** A small table: its columns and how a record becomes a row. */
export interface RowTable<R> {
  readonly table: TableName
  readonly columns: readonly CellColumn<R>[]
}

/** See the head of this file. A row holds what avsc decoded: some hundred bytes to a few KiB, for dead letters at most about 12 KiB. */
export class RecordBuffer<R> implements RangeBuffer {
  readonly full = false
  readonly #table: RowTable<R>
  readonly #decode: (record: InRecord) => R | undefined
  #rows: R[] = []

  /** @param decode Gives the row of a record; undefined for a record that has none, such as a barrier. */
  constructor(table: RowTable<R>, decode: (record: InRecord) => R | undefined) {
    this.#table = table
    this.#decode = decode
  }

  get rows(): number {
    return this.#rows.length
  }

  take(batch: InBatch, from: number, until: number, room: number): number {
    let next = from
    const most = this.#rows.length + room
    for (const record of batch.records) {
      if (record.offset < from) continue
      if (record.offset >= until || this.#rows.length >= most) break
      const row = this.#decode(record)
      if (row === undefined) continue
      this.#rows.push(row)
      next = record.offset + 1
    }
    return next
  }

  inserts(): TableInsert[] {
    const { table, columns } = this.#table
    const encode = (writer: NativeWriter): NativeBlock => rowBlock(writer, columns, this.#rows)
    return [{ table, rows: this.#rows.length, once: true, encode }]
  }

  clear(): void {
    this.#rows = []
  }
}
