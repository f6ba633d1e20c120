/**
 * The state of one address: for each owner the exact union of the seconds in which it was seen. Folding is commutative, associative and
 * idempotent, so late, repeated and shuffled sightings give the same state. Runs are derived from it (ownership-runs.ts).
 */
import type { CloudMapEntry, IpSighting, Owner, SecondsRange } from '../../schemas/records.ts'
import { clipRanges, uniteRanges } from './ownership-ranges.ts'

/** One owner, as one format names it, and when it was seen. */
export type OwnerSeen = CloudMapEntry['owners'][number]
/** What runs are derived from: the part of a cloud-map entry that is state. */
export type Ownership = Pick<CloudMapEntry, 'owners' | 'sealedBefore' | 'sealed' | 'lateRuns'>

/** State of an address that was never seen. */
export const neverSeen: Ownership = { owners: [], sealedBefore: null, sealed: null, lateRuns: 0 }

const attributes = ['interfaceType', 'subnetId', 'vpcId', 'accountId', 'region', 'azId'] as const
const separator = '\u0000'

/** What makes two owners the same one: interface, instance and service. The other attributes only describe it. */
export const ownerIdentity = (owner: Owner): string =>
  [owner.interfaceId, owner.instanceId, owner.service].map(text => text ?? '').join(separator)

/** Identity and attributes: two formats that name an owner with different columns are two of these. */
export const ownerText = (owner: Owner): string =>
  ownerIdentity(owner) + separator + attributes.map(name => owner[name] ?? '').join(separator)

/** Joins what two formats say of one owner, in any order: of each attribute the greatest text. */
export function mergeOwners(a: Owner, b: Owner): Owner {
  const merged = { ...a }
  for (const name of attributes) {
    const other = b[name]
    if (other !== null && (merged[name] === null || other > merged[name])) merged[name] = other
  }
  return merged
}

/** Newest second of the state, sealed time included; undefined for an address that was never seen. */
export function newestSecond(state: Ownership): number | undefined {
  let newest = state.sealed?.lastSeen
  for (const { ranges } of state.owners) {
    const last = ranges.at(-1)?.last
    if (last !== undefined && (newest === undefined || last > newest)) newest = last
  }
  return newest
}

/** The state of the seconds from `from` to `to` only; the seal stays. */
export function clipOwners(owners: readonly OwnerSeen[], from: number, to: number): OwnerSeen[] {
  return owners.map(({ owner, ranges }) => ({ owner, ranges: clipRanges(ranges, from, to) })).filter(seen => seen.ranges.length > 0)
}

/**
 * Folds one sighting into the state of its address.
 *
 * @returns The new state, and what fell into sealed time: those seconds are counted and not folded.
 */
export function foldSighting(state: Ownership, sighting: IpSighting): { state: Ownership; late: SecondsRange[] } {
  const ranges = uniteRanges(sighting.ranges, [])
  const sealedBefore = state.sealedBefore ?? -Infinity
  const late = clipRanges(ranges, -Infinity, sealedBefore - 1)
  const fresh = clipRanges(ranges, sealedBefore, Infinity)
  const owners = fresh.length === 0 ? state.owners : withSeen(state.owners, sighting.owner, fresh)
  return { state: { ...state, owners, lateRuns: state.lateRuns + (late.length > 0 ? 1 : 0) }, late }
}

/** Owners stand in the order of their text, so that one state has one encoding. */
function withSeen(owners: readonly OwnerSeen[], owner: Owner, ranges: SecondsRange[]): OwnerSeen[] {
  const text = ownerText(owner)
  const at = owners.findIndex(seen => ownerText(seen.owner) >= text)
  const found = at < 0 ? undefined : owners[at]
  if (found === undefined) return [...owners, { owner, ranges }]
  if (ownerText(found.owner) === text) return owners.with(at, { owner: found.owner, ranges: uniteRanges(found.ranges, ranges) })
  return owners.toSpliced(at, 0, { owner, ranges })
}
