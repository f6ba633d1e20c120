/** Reads what goes into the column `extra`: counters of lost packets, and columns of the log that have none of their own. */
import { lostCounters } from '../../../flow/numbers.ts'
import type { AvroCursor } from './avro-cursor.ts'
import type { ByteArena } from './byte-arena.ts'
import type { FlowColumns } from './flow-columns.ts'

const encoder = new TextEncoder()
/** Names of the counters of lost packets, in the order of their record. */
const lostNames = lostCounters.map(({ name }) => encoder.encode(name))

/** Reads the record of lost packets; the cursor is then behind it. */
export function takeLost(cursor: AvroCursor, columns: FlowColumns): void {
  for (const name of lostNames) {
    if (cursor.bytes[cursor.at++] === 0) continue
    const count = encoder.encode(String(cursor.long()))
    columns.extraKeys.add(name, 0, name.length)
    columns.extraValues.add(count, 0, count.length)
    columns.extras++
  }
}

/** Reads the map of further columns; the cursor is then behind it. */
export function takeExtra(cursor: AvroCursor, columns: FlowColumns): void {
  for (let count = cursor.long(); count !== 0; count = cursor.long()) {
    if (count < 0) {
      count = -count
      cursor.long()
    }
    for (; count > 0; count--) {
      copyText(cursor, columns.extraKeys)
      copyText(cursor, columns.extraValues)
      columns.extras++
    }
  }
}

function copyText(cursor: AvroCursor, to: ByteArena): void {
  const length = cursor.long()
  to.add(cursor.bytes, cursor.at, cursor.at + length)
  cursor.at += length
}
