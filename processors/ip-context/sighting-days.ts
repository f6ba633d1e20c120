/** A sighting cut into UTC days. */
import type { SecondsRange } from '../../schemas/records.ts'
import { markMinutes, minutesOf, skipsMinute, type Minutes, type Shown } from './day-minutes.ts'
import { append, dayS } from './day-stays.ts'

/** What a sighting shows by day, and how many of its ranges were cut. */
export interface SightingDays {
  readonly days: ReadonlyMap<number, Shown>
  readonly clipped: number
  readonly tooOld: number
}

/**
 * Cuts ranges at midnight UTC.
 *
 * @param latest Last second that can be true: what is later is cut off. So is what is before 1970.
 * @param oldestDay Days before it are left out.
 */
export function splitByDay(ranges: readonly SecondsRange[], latest: number, oldestDay = -Infinity): SightingDays {
  const days = new Map<number, { stays: number[]; minutes: Minutes }>()
  let clipped = 0
  let tooOld = 0
  for (const range of inOrder(ranges)) {
    const first = Math.max(range.first, 0)
    const last = Math.min(range.last, latest)
    if (first !== range.first || last !== range.last) clipped++
    if (last < first) continue
    let day = Math.floor(first / dayS)
    const lastDay = Math.floor(last / dayS)
    if (day < oldestDay) {
      tooOld++
      day = oldestDay
    }
    for (; day <= lastDay; day++) {
      const midnight = day * dayS
      let shown = days.get(day)
      if (shown === undefined) days.set(day, (shown = { stays: [], minutes: undefined }))
      show(shown, Math.max(first - midnight, 0), Math.min(last - midnight, dayS - 1))
    }
  }
  return { days, clipped, tooOld }
}

/** Adds a range of which none before begins later. */
function show(shown: { stays: number[]; minutes: Minutes }, first: number, last: number): void {
  const { stays } = shown
  if (shown.minutes === undefined && stays.length > 0 && skipsMinute(stays.at(-1)!, first)) shown.minutes = minutesOf(stays)
  append(stays, first, last)
  if (shown.minutes !== undefined) markMinutes(shown.minutes, first, last)
}

/** Records promise ascending ranges; others are sorted. */
function inOrder(ranges: readonly SecondsRange[]): readonly SecondsRange[] {
  for (let i = 1; i < ranges.length; i++) if (ranges[i]!.first < ranges[i - 1]!.first) return ranges.toSorted((a, b) => a.first - b.first)
  return ranges
}
