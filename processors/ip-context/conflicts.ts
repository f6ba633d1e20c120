/** Conflicts of an address: times in which two owners were seen with it at once. They go on over runs, short gaps and midnight. */
import { joinS } from './day-stays.ts'
import type { DerivedRun } from './day-runs.ts'

/** One conflict. */
export interface Conflict {
  readonly from: number
  to: number
  /** The run before it; undefined: none is known. */
  readonly before: DerivedRun | undefined
  readonly first: DerivedRun
  last: DerivedRun
}

/**
 * Conflicts of consecutive runs, oldest first.
 *
 * @param runs Runs of consecutive days, oldest first. The disputed seconds of a run are its first ones.
 */
export function conflictsOf(runs: readonly DerivedRun[]): Conflict[] {
  const conflicts: Conflict[] = []
  for (const [i, run] of runs.entries()) {
    if (run.conflictS === 0) continue
    const to = run.validFrom + run.conflictS - 1
    const newest = conflicts.at(-1)
    if (newest !== undefined && run.validFrom <= newest.to + joinS + 1) {
      newest.to = to
      newest.last = run
    } else conflicts.push({ from: run.validFrom, to, before: runs[i - 1], first: run, last: run })
  }
  return conflicts
}

/** True if nothing that comes in order can make a conflict longer. */
export const isOver = (conflict: Conflict, newestSecond: number): boolean => newestSecond > conflict.to + joinS

/** True if one is the other, perhaps with other ends. */
export const meets = (a: Conflict, b: Conflict): boolean => a.from <= b.to + joinS + 1 && b.from <= a.to + joinS + 1
