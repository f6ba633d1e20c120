/** Sealing: time that is long past leaves the state of an address, and stays in cloud-map-runs. */
import type { OwnershipRun, Owner, SecondsRange } from '../../schemas/records.ts'
import { clipOwners, newestSecond, ownerIdentity, type Ownership } from './ownership.ts'
import { uniteRanges } from './ownership-ranges.ts'
import { deriveRuns } from './ownership-runs.ts'

/**
 * Cuts off the past of an address: seconds before the cut are gone, the run that was on then stays as their end.
 *
 * @param cut A clean cut of `deriveRuns`: then no run changes by it, whatever is seen at or after it.
 * @returns The same state where nothing lies before the cut; else `sealedBefore` is the second after the last one that is gone, so that
 * many small cuts give the same state as a large one.
 */
export function sealBefore(state: Ownership, cut: number, overlapS: number): Ownership {
  const past = { ...state, owners: clipOwners(state.owners, -Infinity, cut - 1) }
  const newest = past.owners.length === 0 ? undefined : deriveRuns(past, overlapS).runs.at(-1)
  if (newest === undefined) return state
  return {
    ...state,
    owners: clipOwners(state.owners, cut, Infinity),
    sealedBefore: newestSecond(past)! + 1,
    sealed: { ...newest, validTo: null },
  }
}

/**
 * Halves a state that grew too large, at a clean cut where there is one. Without one, two owners share the address all the time: then runs
 * around the cut lose the part of an overlap that lies across it.
 *
 * @returns The smaller state, and its runs as far as they differ from those before: all from the sealed one on.
 */
export function sealEarly(state: Ownership, overlapS: number): { state: Ownership; runs: OwnershipRun[] } {
  const firsts = state.owners.flatMap(({ ranges }) => ranges.map(range => range.first)).sort((a, b) => a - b)
  const middle = firsts[firsts.length >> 1] ?? -Infinity
  const { cleanCut } = deriveRuns(state, overlapS, middle)
  let smaller = cleanCut !== null && cleanCut >= firsts[firsts.length >> 2]! ? sealBefore(state, cleanCut, overlapS) : state
  if (smaller === state) smaller = sealBefore(state, middle, overlapS)
  if (smaller === state) smaller = sealBefore(state, (newestSecond(state) ?? 0) + 1, overlapS)
  return { state: smaller, runs: deriveRuns(smaller, overlapS).runs }
}

/**
 * Runs of their own for seconds that came after they were sealed. A run of the same owner that the state still knows holds them already.
 *
 * A late run begins one second after its first sighting: that second may be the key of a sealed run that is no longer in the state, and
 * a repetition of old data must not overwrite it. It ends with its last sighting, so that it hides nothing else.
 */
export function lateRuns(sealed: OwnershipRun | null, owner: Owner, ranges: readonly SecondsRange[]): OwnershipRun[] {
  const runs: OwnershipRun[] = []
  for (const { first, last } of uniteRanges(ranges, [])) {
    const known = sealed !== null && ownerIdentity(sealed.owner) === ownerIdentity(owner) && last >= sealed.validFrom
    const end = known ? sealed.validFrom - 1 : last
    const validFrom = first + 1
    if (validFrom > end || validFrom === sealed?.validFrom) continue
    runs.push({ owner, validFrom, validTo: end + 1, firstSeen: first, lastSeen: end, conflictS: 0 })
  }
  return runs
}
