/** Leaves rows out of columns: for a range that was inserted in part. Rare, so it is written for any column, not for speed. */
import type { FlowColumns } from './flow-columns.ts'

/**
 * Keeps the rows that are wanted, in their order.
 *
 * @param wanted One byte a row; 0 leaves the row out.
 */
export function keepRows(columns: FlowColumns, wanted: Uint8Array): void {
  const { rows } = columns
  const capacity = columns.line.length
  keepExtras(columns, wanted)
  let kept = 0
  for (let row = 0; row < rows; row++) if (wanted[row] !== 0) kept++
  const arrays: unknown[] = Object.values(columns)
  for (const array of [...arrays, ...columns.optional]) {
    if (!ArrayBuffer.isView(array) || array instanceof DataView || capacity === 0) continue
    const values = array as Uint32Array
    const width = values.length / capacity
    let to = 0
    for (let row = 0; row < rows; row++) {
      if (wanted[row] === 0) continue
      if (to !== row) values.copyWithin(width * to, width * row, width * (row + 1))
      to++
    }
  }
  for (const column of columns.optional) column.fill(-1, kept)
  columns.rows = kept
}

/** The pairs of `extra`: texts are moved, and `extraEnd` counts those that stay. */
function keepExtras(columns: FlowColumns, wanted: Uint8Array): void {
  const { rows, extraEnd, extraKeys, extraValues } = columns
  let pairs = 0
  let read = 0
  const from = [0, 0]
  const to = [0, 0]
  for (let row = 0; row < rows; row++) {
    const count = extraEnd[row]! - read
    read = extraEnd[row]!
    for (const [i, arena] of [extraKeys, extraValues].entries()) {
      const end = arena.skip(from[i]!, count)
      if (wanted[row] !== 0) {
        arena.bytes.copyWithin(to[i]!, from[i]!, end)
        to[i]! += end - from[i]!
      }
      from[i] = end
    }
    if (wanted[row] !== 0) pairs += count
    extraEnd[row] = pairs
  }
  extraKeys.used = to[0]!
  extraValues.used = to[1]!
  columns.extras = pairs
}
