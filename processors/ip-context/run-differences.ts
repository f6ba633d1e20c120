/** Runs of a day that a transaction writes. */
import type { OwnershipRun } from '../../schemas/records.ts'
import type { DerivedRun } from './day-runs.ts'
import { ownerText } from './owners.ts'

/** Differences of the runs of one day. */
export interface RunDifferences {
  /** Runs that are new or have another content. */
  readonly upserts: readonly DerivedRun[]
  /** First seconds of runs that are gone. */
  readonly tombstones: readonly number[]
}

const sameRun = (a: OwnershipRun, b: OwnershipRun): boolean =>
  a.validTo === b.validTo &&
  a.lastSeen === b.lastSeen &&
  a.conflictS === b.conflictS &&
  a.doubtTo === b.doubtTo &&
  a.others.length === b.others.length &&
  a.others.every((other, i) => other === b.others[i]) &&
  (a.owner === b.owner || ownerText(a.owner) === ownerText(b.owner))

/** Compares the runs of a day, both oldest first. */
export function differences(before: readonly DerivedRun[], after: readonly DerivedRun[]): RunDifferences {
  const upserts: DerivedRun[] = []
  const tombstones: number[] = []
  let i = 0
  for (const run of after) {
    for (; i < before.length && before[i]!.validFrom < run.validFrom; i++) tombstones.push(before[i]!.validFrom)
    const old = before[i]
    if (old?.validFrom !== run.validFrom) upserts.push(run)
    else {
      if (!sameRun(old, run)) upserts.push(run)
      i++
    }
  }
  for (; i < before.length; i++) tombstones.push(before[i]!.validFrom)
  return { upserts, tombstones }
}
