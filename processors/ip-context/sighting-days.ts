/** A sighting cut into UTC days. */
import type { SecondsRange } from '../../schemas/records.ts'
import { append, dayS, type Stays } from './day-stays.ts'

/** Stays of a sighting by day, and how many of its ranges were cut. */
export interface SightingDays {
  readonly days: ReadonlyMap<number, Stays>
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
  const days = new Map<number, number[]>()
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
      let stays = days.get(day)
      if (stays === undefined) days.set(day, (stays = []))
      append(stays, Math.max(first - midnight, 0), Math.min(last - midnight, dayS - 1))
    }
  }
  return { days, clipped, tooOld }
}

/** Records promise ascending ranges; others are sorted. */
function inOrder(ranges: readonly SecondsRange[]): readonly SecondsRange[] {
  for (let i = 1; i < ranges.length; i++) if (ranges[i]!.first < ranges[i - 1]!.first) return ranges.toSorted((a, b) => a.first - b.first)
  return ranges
}
