/** Differences of the derived runs of an address before and after a transaction. */
import type { ChangeKind, CloudMapChange, OwnershipRun } from '../../schemas/records.ts'
import { ownerIdentity, ownerText } from './ownership.ts'

/** What a transaction writes about the runs of one address. */
export interface RunDifferences {
  /** Runs that are new or have another content. */
  upserts: OwnershipRun[]
  /** First seconds of runs that are no more. */
  tombstones: number[]
  /** What is announced: only what changes the answer to "who had this address then". */
  announced: CloudMapChange[]
}

const sameOwner = (a: OwnershipRun, b: OwnershipRun): boolean => ownerIdentity(a.owner) === ownerIdentity(b.owner)

const sameRun = (a: OwnershipRun, b: OwnershipRun): boolean =>
  a.validTo === b.validTo &&
  a.firstSeen === b.firstSeen &&
  a.lastSeen === b.lastSeen &&
  a.conflictS === b.conflictS &&
  ownerText(a.owner) === ownerText(b.owner)

const holderAt = (runs: readonly OwnershipRun[], second: number): OwnershipRun | undefined => runs.findLast(run => run.validFrom <= second)

/**
 * Compares the runs of one address.
 *
 * @param before Runs before the transaction, oldest first.
 * @param after Runs after it, from the same sealed run on.
 */
export function differences(before: readonly OwnershipRun[], after: readonly OwnershipRun[]): RunDifferences {
  const old = new Map(before.map(run => [run.validFrom, run]))
  const kept = new Set(after.map(run => run.validFrom))
  const upserts = after.filter(run => {
    const known = old.get(run.validFrom)
    return known === undefined || !sameRun(known, run)
  })
  return { upserts, tombstones: before.map(run => run.validFrom).filter(first => !kept.has(first)), announced: announce(before, after) }
}

function announce(before: readonly OwnershipRun[], after: readonly OwnershipRun[]): CloudMapChange[] {
  const old = new Map(before.map(run => [run.validFrom, run]))
  const newest = before.at(-1)
  const atEnd = newest === undefined ? undefined : holderAt(after, newest.lastSeen)
  const announced: CloudMapChange[] = []
  const add = (kind: ChangeKind, at: number, was: OwnershipRun | null, is: OwnershipRun | null): number =>
    announced.push({ kind, at, before: was, after: is })
  for (const [i, run] of after.entries()) {
    const previous = after[i - 1] ?? null
    const was = holderAt(before, run.validFrom)
    if (newest === undefined) add(previous === null ? 'appeared' : 'changed', run.validFrom, previous, run)
    else if (run.validFrom > newest.lastSeen || (run === atEnd && !sameOwner(newest, run))) add('changed', run.validFrom, previous, run)
    else if (was === undefined || !sameOwner(was, run)) add('corrected', run.validFrom, was ?? null, run)
    if (run.conflictS > 0 && (old.get(run.validFrom)?.conflictS ?? 0) === 0) add('conflict', run.validFrom, previous, run)
  }
  const told = new Set(announced.map(change => change.after))
  for (const run of before) {
    const is = holderAt(after, run.validFrom)
    if (is === undefined || !(sameOwner(is, run) || told.has(is))) add('corrected', run.validFrom, run, is ?? null)
  }
  return announced
}
