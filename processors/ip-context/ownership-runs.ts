/**
 * Ownership runs, derived from the seconds in which each owner was seen.
 *
 * At every second the holder is the owner whose range began last (of two that began together, the one that ends first): a newcomer takes
 * over at once, and where it ends inside the range of another, that one has the address again. A run goes on over a gap as long as nobody
 * else holds the address in between. Where two ranges overlap for longer than `overlapS`, the seconds are a conflict.
 */
import type { Owner, OwnershipRun, SecondsRange } from '../../schemas/records.ts'
import { mergeOwners, ownerIdentity, type OwnerSeen, type Ownership } from './ownership.ts'
import { uniteRanges } from './ownership-ranges.ts'

/** Runs of an address, oldest first, and a place to seal. */
export interface DerivedRuns {
  runs: OwnershipRun[]
  /**
   * The latest second, at most the limit, at which the past can be cut off without changing any run, whatever is seen at or after the cut:
   * nobody but the holder is seen on both sides of it. Null: there is none.
   */
  cleanCut: number | null
}

/** One range of one owner while the sweep passes over it. */
interface Stay extends SecondsRange {
  readonly id: string
  /** Where it began; -Infinity where the beginning is sealed. */
  readonly began: number
  run?: Draft
}

interface Draft {
  readonly id: string
  /** Owner as sealed; undefined for a run that began later. */
  readonly sealed: Owner | undefined
  readonly first: number
  lastSeen: number
  conflictS: number
}

/**
 * Derives the runs of an address.
 *
 * @param state Seconds seen since the seal; the sealed run, where there is one, is the first of the result.
 * @param overlapS Longest overlap of two ranges that is no conflict.
 * @param limit Latest second to look for a clean cut.
 */
export function deriveRuns(state: Ownership, overlapS: number, limit = -Infinity): DerivedRuns {
  const byIdentity = rangesByIdentity(state.owners)
  // One owner, the usual case, needs no sweep: with thousands of ranges that takes 1 % of the time.
  if (byIdentity.size <= 1) return oneOwner(state, byIdentity, limit)
  const stays = staysOf(state, byIdentity)
  const times = [...new Set(stays.flatMap(stay => [stay.first, stay.last + 1]))].sort((a, b) => a - b)
  const drafts = sealedDraft(state)
  for (const stay of stays) if (stay.began === -Infinity) stay.run = drafts[0]!
  let cleanCut: number | null = null
  const clean = (second: number): void => {
    if (cleanCut === null || second > cleanCut) cleanCut = second
  }
  let active: Stay[] = []
  let next = 0
  let holder: Stay | undefined
  for (const [i, time] of times.entries()) {
    active = active.filter(stay => stay.last >= time)
    if (time <= limit && (active.length === 0 || (active.length === 1 && active[0] === holder))) clean(time)
    for (let stay = stays[next]; stay?.first === time; stay = stays[++next]) active.push(stay)
    active.sort((a, b) => a.began - b.began || b.last - a.last || (a.id < b.id ? -1 : 1))
    holder = active.at(-1)
    const end = (times[i + 1] ?? time + 1) - 1
    if (active.length <= 1 && Math.min(limit, end) > time) clean(Math.min(limit, end))
    if (holder !== undefined) passOver(drafts, active, holder, time, end, overlapS)
  }
  return { runs: finished(drafts, state.owners), cleanCut }
}

function sealedDraft({ sealed }: Ownership): Draft[] {
  if (sealed === null) return []
  const { owner, validFrom, lastSeen, conflictS } = sealed
  return [{ id: ownerIdentity(owner), sealed: owner, first: validFrom, lastSeen, conflictS }]
}

function oneOwner(state: Ownership, byIdentity: RangesByIdentity, limit: number): DerivedRuns {
  const drafts = sealedDraft(state)
  const [id, ranges] = [...byIdentity][0] ?? []
  const oldest = ranges?.[0]
  if (id === undefined || ranges === undefined || oldest === undefined) return { runs: finished(drafts, state.owners), cleanCut: null }
  const { last } = ranges.at(-1)!
  if (drafts[0]?.id === id) drafts[0].lastSeen = last
  else drafts.push({ id, sealed: undefined, first: oldest.first, lastSeen: last, conflictS: 0 })
  return { runs: finished(drafts, state.owners), cleanCut: limit < oldest.first ? null : Math.min(limit, last + 1) }
}

/** Notes the seconds from `time` to `end`, in which the same ranges are active. */
function passOver(drafts: Draft[], active: readonly Stay[], holder: Stay, time: number, end: number, overlapS: number): void {
  let run = drafts.at(-1)
  if (run?.id !== holder.id) drafts.push((run = { id: holder.id, sealed: undefined, first: time, lastSeen: time, conflictS: 0 }))
  holder.run = run
  for (const stay of active) if (stay.run !== undefined) stay.run.lastSeen = end
  const disputed = active.some(
    stay => stay !== holder && Math.min(stay.last, holder.last) - Math.max(stay.first, holder.first) + 1 > overlapS,
  )
  if (disputed) run.conflictS += end - time + 1
}

type RangesByIdentity = ReadonlyMap<string, readonly SecondsRange[]>

function rangesByIdentity(owners: readonly OwnerSeen[]): RangesByIdentity {
  const byIdentity = new Map<string, SecondsRange[]>()
  for (const { owner, ranges } of owners) {
    const id = ownerIdentity(owner)
    const known = byIdentity.get(id)
    byIdentity.set(id, known === undefined ? ranges : uniteRanges(known, ranges))
  }
  return byIdentity
}

/** All ranges in the order of their first seconds. */
function staysOf(state: Ownership, byIdentity: RangesByIdentity): Stay[] {
  const { sealed, sealedBefore } = state
  const carried = sealed === null ? undefined : ownerIdentity(sealed.owner)
  const stays: Stay[] = []
  for (const [id, ranges] of byIdentity) {
    for (const { first, last } of ranges)
      stays.push({ id, first, last, began: id === carried && first === sealedBefore ? -Infinity : first })
  }
  return stays.sort((a, b) => a.first - b.first)
}

/** Runs with the attributes that were seen in them. */
function finished(drafts: readonly Draft[], owners: readonly OwnerSeen[]): OwnershipRun[] {
  return drafts.map((draft, i) => {
    let owner = draft.sealed
    for (const seen of owners) {
      if (ownerIdentity(seen.owner) !== draft.id) continue
      if (seen.ranges.some(range => range.first <= draft.lastSeen && range.last >= draft.first)) {
        owner = owner === undefined ? seen.owner : mergeOwners(owner, seen.owner)
      }
    }
    const { first, lastSeen, conflictS } = draft
    return { owner: owner!, validFrom: first, validTo: drafts[i + 1]?.first ?? null, firstSeen: first, lastSeen, conflictS }
  })
}
