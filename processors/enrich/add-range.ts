/** Unions of seconds-ranges. */
import type { SecondsRange } from '../../schemas/records.ts'

/**
 * Adds a range to a union: what overlaps or touches is joined.
 *
 * @param ranges Disjoint, ascending, not adjacent; stays so.
 */
export function addRange(ranges: SecondsRange[], first: number, last: number): void {
  const newestRange = ranges.at(-1)
  if (newestRange !== undefined && first >= newestRange.first && first <= newestRange.last + 1) {
    if (last > newestRange.last) newestRange.last = last
    return
  }
  // most rows extend the newest range, so the search goes from the end
  let behind = ranges.length
  while (behind > 0 && ranges[behind - 1]!.first > last + 1) behind--
  let from = behind
  while (from > 0 && ranges[from - 1]!.last >= first - 1) from--
  if (from === behind) {
    ranges.splice(from, 0, { first, last })
    return
  }
  const range = ranges[from]!
  const newest = ranges[behind - 1]!.last
  if (first < range.first) range.first = first
  range.last = last > newest ? last : newest
  if (behind - from > 1) ranges.splice(from + 1, behind - from - 1)
}
