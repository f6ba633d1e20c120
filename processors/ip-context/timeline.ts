/** The runs of an address over several days, as somebody would tell them: one holding after the other. */
import { conflictsOf, type Conflict } from './conflicts.ts'
import type { DerivedDay, DerivedRun } from './day-runs.ts'
import { dayS, joinS } from './day-stays.ts'

/** Runs of consecutive days, and up to when the address is known. */
export interface Timeline {
  readonly days: readonly DerivedDay[]
  /** Newest second of the address, in these days or later; -Infinity: it was never seen; Infinity: nothing in order can follow. */
  readonly newest: number
}

/** A timeline as it is told. */
export interface Told {
  readonly runs: readonly DerivedRun[]
  /** The first run of each holding: another owner than before, in all that is told. */
  readonly holdings: readonly DerivedRun[]
  readonly conflicts: readonly Conflict[]
  readonly newest: number
  /** The newest second is in these days. */
  readonly isNewest: boolean
}

/**
 * Tells a timeline: which runs are another holding than the one before.
 *
 * A newcomer is told at once. That an earlier owner has the address again is told only when the other one is gone for more than `joinS`, since
 * of two that are seen all the time one is always seen a moment later. Within a conflict it is not told at all.
 */
export function tell({ days, newest }: Timeline): Told {
  const runs = days.flatMap(day => day.runs)
  const conflicts = conflictsOf(runs)
  const holdings: DerivedRun[] = []
  let i = 0
  let nextConflict = 0
  for (const [at, day] of days.entries())
    for (const run of day.runs) {
      const previous = runs[i - 1]
      i++
      while (nextConflict < conflicts.length && conflicts[nextConflict]!.to < run.validFrom) nextConflict++
      if (holdings.at(-1)?.id === run.id) continue
      if (previous !== undefined && (run.resumed || wasThere(days[at - 1], run))) {
        if (newest <= previous.lastSeen + joinS || comesBack(runs, i, previous)) continue
        const conflict = conflicts[nextConflict]
        if (conflict !== undefined && conflict.from <= run.validFrom) continue
      }
      holdings.push(run)
    }
  const last = days.at(-1)
  return { runs, holdings, conflicts, newest, isNewest: last !== undefined && newest < (last.day + 1) * dayS }
}

/** True if the stay of a run is that of the evening before: a stay is cut at midnight, and its owner is not a newcomer. */
function wasThere(evening: DerivedDay | undefined, run: DerivedRun): boolean {
  if (evening === undefined || evening.day * dayS + dayS + joinS < run.validFrom) return false
  const last = evening.holders.find(holder => holder.id === run.id)?.stays.at(-1)
  return last !== undefined && run.validFrom <= evening.day * dayS + last + joinS + 1
}

/** True if the owner of a run that ended before midnight is seen again within `joinS`: it was never gone. */
function comesBack(runs: readonly DerivedRun[], from: number, { id, lastSeen }: DerivedRun): boolean {
  const until = lastSeen + joinS + 1
  if (Math.floor(until / dayS) === Math.floor(lastSeen / dayS)) return false
  for (let i = from; i < runs.length && runs[i]!.validFrom <= until; i++) if (runs[i]!.id === id) return true
  return false
}

/** The newest of some runs that begins at a second or before it. */
export function runAt(runs: readonly DerivedRun[], second: number): DerivedRun | undefined {
  let low = 0
  let high = runs.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (runs[middle]!.validFrom <= second) low = middle + 1
    else high = middle
  }
  return runs[low - 1]
}
