/** Prefixes of addresses as ranges of a table. */
import { networkOf } from './address-ranges.ts'
import type { RangeBuilder } from './range-builder.ts'

/** Adds `address` or `address/bits` to a table; false if it is neither. */
export function addPrefix(builder: RangeBuilder, text: string, value: number, rank = 0): boolean {
  const range = networkOf(text)
  if (range === undefined) return false
  if (range.family === 4) builder.add4(range.first, range.last, value, rank)
  else builder.add6(range.first, range.last, value, rank)
  return true
}
