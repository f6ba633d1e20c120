/**
 * Who may hold an address in a day, of those who showed it:
 * - `passed` voids the packet claims of the same interface: it forwards the address and does not hold it.
 * - `own` beats packet: if an interface shows the address as its own, packet claims of other interfaces are void.
 * - a missing instance is compatible with a known one of the same interface.
 */
import type { Owner } from '../../schemas/records.ts'
import { joinStays, withoutStays, type Stays } from './day-stays.ts'
import type { Claim, DayState } from './day-state.ts'
import { identityOf, lineOf, mergeOwners } from './owners.ts'

/** An owner and its stays. Stays of one holder do not overlap. */
export type Holder = Claim

/** The holders of a day, in the order of their identity. */
export function holdersOf({ own, packet, passed }: DayState): readonly Holder[] {
  if (packet.length === 0 && own.length === 1) return own
  const ownLines = new Set(own.map(claim => lineOf(claim.owner)))
  const passing = new Set(passed.map(claim => lineOf(claim.owner)))
  const lines = new Map<string, Claim[]>()
  const add = (line: string, claim: Claim): void => {
    const known = lines.get(line)
    if (known === undefined) lines.set(line, [claim])
    else known.push(claim)
  }
  for (const claim of own) add(lineOf(claim.owner), claim)
  for (const claim of packet) {
    const line = lineOf(claim.owner)
    const others = ownLines.size - (ownLines.has(line) ? 1 : 0)
    if (others === 0 && !passing.has(line)) add(line, claim)
  }
  const holders = [...lines.values()].flatMap(holdersOfLine)
  return holders.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** Joins the claims of one interface. Attributes belong to the interface, so all its claims describe each of its holders. */
function holdersOfLine(claims: readonly Claim[]): readonly Holder[] {
  if (claims.length === 1) return claims
  const described = claims.reduce((owner: Owner, claim) => mergeOwners(owner, claim.owner), claims[0]!.owner)
  const known = new Map<string, Stays>()
  let unknown: Stays = []
  for (const { owner, stays } of claims) {
    if (owner.instanceId === null) unknown = joinStays(unknown, stays)
    else known.set(owner.instanceId, joinStays(known.get(owner.instanceId) ?? [], stays))
  }
  if (known.size === 0) return [holder(described, null, unknown)]
  if (known.size === 1) {
    const [[instance, stays]] = [...known] as [[string, Stays]]
    return [holder(described, instance, joinStays(stays, unknown))]
  }
  refine(known, unknown)
  return [...known].map(([instance, stays]) => holder(described, instance, stays))
}

const holder = (described: Owner, instanceId: string | null, stays: Stays): Holder => {
  const owner = described.instanceId === instanceId ? described : { ...described, instanceId }
  return { id: identityOf(owner), owner, stays }
}

/** Gives seconds without an instance, in which none of the interface is known, to the one that was seen last before them, else to the first one. */
function refine(known: Map<string, Stays>, unknown: Stays): void {
  let all: Stays = []
  const begins: { first: number; instance: string }[] = []
  for (const [instance, stays] of known) for (let i = 0; i < stays.length; i += 2) begins.push({ first: stays[i]!, instance })
  begins.sort((a, b) => a.first - b.first || (a.instance < b.instance ? -1 : 1))
  all = exactUnion([...known.values()])
  const free = withoutStays(unknown, all)
  const given = new Map<string, number[]>()
  let next = 0
  for (let i = 0; i < free.length; i += 2) {
    while (next < begins.length && begins[next]!.first < free[i]!) next++
    const { instance } = begins[Math.max(next - 1, 0)]!
    const pieces = given.get(instance)
    if (pieces === undefined) given.set(instance, [free[i]!, free[i + 1]!])
    else pieces.push(free[i]!, free[i + 1]!)
  }
  for (const [instance, pieces] of given) known.set(instance, joinStays(known.get(instance)!, pieces))
}

/** Union without closing gaps. */
function exactUnion(sets: readonly Stays[]): Stays {
  const pairs: [number, number][] = []
  for (const stays of sets) for (let i = 0; i < stays.length; i += 2) pairs.push([stays[i]!, stays[i + 1]!])
  pairs.sort((a, b) => a[0] - b[0])
  const union: number[] = []
  for (const [first, last] of pairs) {
    const end = union.length - 1
    if (end >= 0 && first <= union[end]! + 1) union[end] = Math.max(union[end]!, last)
    else union.push(first, last)
  }
  return union
}
