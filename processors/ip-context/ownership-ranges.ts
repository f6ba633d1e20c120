/** Sets of seconds as ascending ranges that are disjoint and not adjacent. */
import type { SecondsRange } from '../../schemas/records.ts'

/**
 * Unites two sets of seconds.
 *
 * @param a Any ranges; those with `last` before `first` are empty.
 * @param b Any ranges.
 * @returns Ascending, disjoint, not adjacent: one form for one set.
 */
export function uniteRanges(a: readonly SecondsRange[], b: readonly SecondsRange[]): SecondsRange[] {
  const sorted = [...a, ...b].filter(range => range.first <= range.last).sort((x, y) => x.first - y.first)
  const united: SecondsRange[] = []
  let newest: SecondsRange | undefined
  for (const range of sorted) {
    if (newest !== undefined && range.first <= newest.last + 1) newest.last = Math.max(newest.last, range.last)
    else united.push((newest = { first: range.first, last: range.last }))
  }
  return united
}

/** The seconds of a set from `from` to `to`, both included. */
export function clipRanges(ranges: readonly SecondsRange[], from: number, to: number): SecondsRange[] {
  return ranges
    .filter(range => range.last >= from && range.first <= to)
    .map(range => ({ first: Math.max(range.first, from), last: Math.min(range.last, to) }))
}
