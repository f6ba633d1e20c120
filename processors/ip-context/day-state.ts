/**
 * What is known of an address in one UTC day: for each kind of sighting the owners, and when each was seen. Joining two states is commutative,
 * associative and idempotent, so order, repetition and lateness do not matter.
 *
 * Bounded: of each kind the first owners in the order of their identity are kept. An owner that has left never comes back, so that this
 * depends on the set of sightings alone, too.
 */
import type { CloudMapDay, DayClaim } from '../../schemas/map-state.ts'
import type { IpSighting, Owner, SightingKind } from '../../schemas/records.ts'
import { decodeMinutes, encodeMinutes, joinMinutes, type Shown } from './day-minutes.ts'
import { dayS, decodeStays, encodeStays, joinStays } from './day-stays.ts'
import { identityOf, mergeOwners, ownerText } from './owners.ts'

/** One owner of one kind, and when it was seen. */
export interface Claim extends Shown {
  readonly id: string
  readonly owner: Owner
}

/** Claims of each kind in the order of `id`. */
export interface DayState {
  readonly own: readonly Claim[]
  readonly packet: readonly Claim[]
  readonly passed: readonly Claim[]
}

/** Most owners of one address in one day. With the longest texts and the most stays a day takes less than 800,000 bytes. */
export const mostOwners: Readonly<Record<SightingKind, number>> = { own: 512, packet: 128, passed: 128 }

/** State of a day without sightings. */
export const emptyDay: DayState = { own: [], packet: [], passed: [] }
const kinds = ['own', 'packet', 'passed'] as const

/** The state that one sighting makes of a day. */
export function dayOfSighting({ kind, owner }: IpSighting, { stays, minutes }: Shown): DayState {
  // of what is passed on, all that counts is which interface does it, and when
  const who: Owner =
    kind === 'passed'
      ? {
          interfaceId: owner.interfaceId,
          instanceId: null,
          interfaceType: null,
          subnetId: null,
          vpcId: null,
          accountId: null,
          region: null,
          azId: null,
          service: owner.service,
        }
      : owner
  return { ...emptyDay, [kind]: [{ id: identityOf(who), owner: who, stays, minutes: kind === 'passed' ? undefined : minutes }] }
}

/** Joins two states. Gives the very first one back if the second adds nothing. */
export function joinDays(a: DayState, b: DayState): DayState {
  const own = joinClaims(a.own, b.own, mostOwners.own)
  const packet = joinClaims(a.packet, b.packet, mostOwners.packet)
  const passed = joinClaims(a.passed, b.passed, mostOwners.passed, false)
  return own === a.own && packet === a.packet && passed === a.passed ? a : { own, packet, passed }
}

function joinClaims(a: readonly Claim[], b: readonly Claim[], most: number, byMinute = true): readonly Claim[] {
  if (b.length === 0) return a
  if (a.length === 0) return b
  const joined: Claim[] = []
  let changed = false
  let i = 0
  let j = 0
  while ((i < a.length || j < b.length) && joined.length < most) {
    const x = a[i]
    const y = b[j]
    if (x !== undefined && (y === undefined || x.id < y.id)) joined.push(a[i++]!)
    else if (x === undefined || y!.id < x.id) {
      joined.push(b[j++]!)
      changed = true
    } else {
      const owner = mergeOwners(x.owner, y!.owner)
      const stays = joinStays(x.stays, y!.stays)
      const minutes = byMinute ? joinMinutes(x, y!, stays) : undefined
      if (owner === x.owner && stays === x.stays && minutes === x.minutes) joined.push(x)
      else {
        joined.push({ id: x.id, owner, stays, minutes })
        changed = true
      }
      i++
      j++
    }
  }
  return changed ? joined : a
}

/** Owners that a state has no room for, of those that it was joined with. */
export function crowdedOut(joined: DayState, added: DayState): number {
  let count = 0
  for (const kind of kinds)
    if (joined[kind].length >= mostOwners[kind]) {
      const last = joined[kind].at(-1)!.id
      for (const claim of added[kind]) if (claim.id > last) count++
    }
  return count
}

/** Last second of a day that its state knows, in Unix seconds; the first one of the day if it knows none. */
export function newestSecond(day: number, { own, packet }: DayState): number {
  let newest = 0
  for (const { stays } of own) if (stays.at(-1)! > newest) newest = stays.at(-1)!
  for (const { stays } of packet) if (stays.at(-1)! > newest) newest = stays.at(-1)!
  return day * dayS + newest
}

/** Stays of a state: what deriving its runs costs. */
export function weightOf({ own, packet, passed }: DayState): number {
  let weight = 1
  for (const { stays } of passed) weight += stays.length
  for (const { stays } of own) weight += stays.length
  for (const { stays } of packet) weight += stays.length
  return weight
}

/** Owners of an entry or a day, each once, in the order of their first use. */
export class OwnerList {
  readonly owners: Owner[] = []
  #places: Map<string, number> | undefined

  /** Index of an owner, added if it is new. */
  indexOf(owner: Owner): number {
    const [first] = this.owners
    if (first === undefined) this.owners.push(owner)
    if (first === undefined || first === owner) return 0
    this.#places ??= new Map([[ownerText(first), 0]])
    const text = ownerText(owner)
    let place = this.#places.get(text)
    if (place === undefined) this.#places.set(text, (place = this.owners.push(owner) - 1))
    return place
  }
}

/** Claims as they stand in a record. */
export function encodeClaims(state: DayState, list: OwnerList): DayClaim[] {
  const claims: DayClaim[] = []
  for (const kind of kinds)
    for (const { owner, stays, minutes } of state[kind])
      claims.push({ kind, owner: list.indexOf(owner), stays: encodeStays(stays), minutes: encodeMinutes(minutes) })
  return claims
}

/** Value of `cloud-map-days`. */
export function encodeDay(state: DayState): CloudMapDay {
  const list = new OwnerList()
  const claims = encodeClaims(state, list)
  return { owners: list.owners, claims }
}

/** State of a day as it stands in a record; records keep the order of the claims. */
export function decodeClaims(owners: readonly Owner[], claims: readonly DayClaim[]): DayState {
  const own: Claim[] = []
  const packet: Claim[] = []
  const passed: Claim[] = []
  for (const { kind, owner: index, stays, minutes } of claims) {
    const owner = owners[index]!
    const claim = { id: identityOf(owner), owner, stays: decodeStays(stays), minutes: decodeMinutes(minutes) }
    if (kind === 'own') own.push(claim)
    else if (kind === 'packet') packet.push(claim)
    else passed.push(claim)
  }
  return { own, packet, passed }
}
