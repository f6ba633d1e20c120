/** Dictionary of next hops. Number 0 is none: most flow logs do not have it. */
import type { NextHopValues } from '../../../flow/flow-batch.ts'
import { columnName, nextHopFields } from '../../../flow/store-columns.ts'
import type { FlowRecord } from '../../../schemas/flow-record.ts'
import type { AvroCursor } from './avro-cursor.ts'
import { SpanDictionary } from './span-dictionary.ts'
import type { TextTable } from './text-table.ts'

/** Columns of a next hop, in the order of its record. */
export const nextHopColumns: readonly { readonly name: string; readonly field: keyof NextHopValues }[] = nextHopFields.map(field => ({
  name: columnName(field),
  field: field.record.slice('nextHop.'.length) as keyof NextHopValues,
}))

/** Gives each next hop a number from 1 on, and keeps its address and texts. */
export class NextHopDictionary {
  readonly #spans = new SpanDictionary()
  /** Text numbers of each entry, one list per column. */
  readonly texts: number[][] = nextHopColumns.map(() => [])
  readonly #table: TextTable

  constructor(table: TextTable) {
    this.#table = table
    this.clear()
  }

  get size(): number {
    return this.#spans.size
  }

  /** Bytes of memory. */
  get bytes(): number {
    return this.#spans.bytes + 8 * nextHopColumns.length * this.#spans.size
  }

  /** Passes over the optional group at the cursor. @returns Its number, or -1: `add` it then. */
  find(cursor: AvroCursor): number {
    if (cursor.bytes[cursor.at] === 0) {
      cursor.at++
      return 0
    }
    const start = cursor.at
    cursor.hash = 0
    cursor.skipGroup(nextHopFields.length)
    return this.#spans.find(cursor.view, start, cursor.at, cursor.hash)
  }

  /** Adds the group that `find` has just passed over. */
  add(cursor: AvroCursor, start: number, record: FlowRecord): number {
    nextHopColumns.forEach(({ field }, i) => this.texts[i]!.push(this.#table.idOfText(record.nextHop?.[field] ?? null)))
    return this.#spans.add(cursor.bytes, start, cursor.at, cursor.hash)
  }

  clear(): void {
    this.#spans.clear()
    this.#spans.add(new Uint8Array(1), 0, 1, 0)
    for (const texts of this.texts) texts.splice(0, texts.length, 0)
  }
}
