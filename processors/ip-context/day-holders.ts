/**
 * Who may hold an address in a day, of those who showed it. A packet claim is void where something speaks against it, and only there:
 * - `own` beats packet: an interface has its own address for as long as it exists, so that from the first time an interface shows the address as
 *   its own to the last one, and ten minutes around, packet claims of other interfaces are void.
 * - `passed` voids the packet claims of the same interface within ten minutes: it forwards the address then, and does not hold it.
 *
 * A missing instance is compatible with a known one of the same interface.
 */
import type { Owner } from '../../schemas/records.ts'
import { joinMinutes, minutesOf, type Minutes, type Shown } from './day-minutes.ts'
import { joinS, joinStays, withoutStays, type Stays } from './day-stays.ts'
import type { Claim, DayState } from './day-state.ts'
import { identityOf, lineOf, mergeOwners } from './owners.ts'

/** An owner and its stays. Stays of one holder do not overlap. */
export type Holder = Claim

/** The holders of a day, in the order of their identity. */
export function holdersOf({ own, packet, passed }: DayState): readonly Holder[] {
  if (packet.length === 0 && own.length === 1) return own
  const lines = new Map<string, Claim[]>()
  const add = (line: string, claim: Claim): void => {
    const known = lines.get(line)
    if (known === undefined) lines.set(line, [claim])
    else known.push(claim)
  }
  for (const claim of own) add(lineOf(claim.owner), claim)
  if (packet.length > 0) {
    const against = new Contradictions(own, passed)
    for (const claim of packet) {
      const line = lineOf(claim.owner)
      const stays = against.without(line, claim.stays)
      if (stays === claim.stays) add(line, claim)
      else if (stays.length > 0) add(line, { ...claim, stays, minutes: claim.minutes ?? minutesOf(claim.stays) })
    }
  }
  const holders = [...lines.values()].flatMap(holdersOfLine)
  return holders.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** What speaks against packet claims: of each interface the time in which it has the address as its own, and the times in which it passes it on. */
class Contradictions {
  readonly #own = new Map<string, { first: number; last: number }>()
  readonly #passed = new Map<string, Stays>()
  /** By interface that claims; interfaces that have said nothing of their own share one. */
  readonly #against = new Map<string, Stays>()

  constructor(own: readonly Claim[], passed: readonly Claim[]) {
    for (const { owner, stays } of own) {
      const line = lineOf(owner)
      const known = this.#own.get(line)
      const [first, last] = [stays[0]!, stays.at(-1)!]
      if (known === undefined) this.#own.set(line, { first, last })
      else [known.first, known.last] = [Math.min(known.first, first), Math.max(known.last, last)]
    }
    for (const { owner, stays } of passed) {
      const line = lineOf(owner)
      this.#passed.set(line, joinStays(this.#passed.get(line) ?? [], stays))
    }
  }

  /** The stays of a packet claim that nothing speaks against; the very same ones if that is all. */
  without(line: string, stays: Stays): Stays {
    if (this.#own.size === 0 && this.#passed.size === 0) return stays
    const name = this.#own.has(line) || this.#passed.has(line) ? line : ''
    let against = this.#against.get(name)
    if (against === undefined) this.#against.set(name, (against = this.#of(line)))
    return against.length === 0 ? stays : withoutStays(stays, against)
  }

  #of(line: string): Stays {
    const around: [number, number][] = []
    for (const [other, { first, last }] of this.#own) if (other !== line) around.push([first - joinS, last + joinS])
    const passed = this.#passed.get(line) ?? []
    for (let i = 0; i < passed.length; i += 2) around.push([passed[i]! - joinS, passed[i + 1]! + joinS])
    return united(around)
  }
}

/** Joins the claims of one interface. Attributes belong to the interface, so all its claims describe each of its holders. */
function holdersOfLine(claims: readonly Claim[]): readonly Holder[] {
  if (claims.length === 1) return claims
  const described = claims.reduce((owner: Owner, claim) => mergeOwners(owner, claim.owner), claims[0]!.owner)
  const known = new Map<string, Shown>()
  let unknown: Shown = nothing
  for (const claim of claims) {
    const { instanceId } = claim.owner
    if (instanceId === null) unknown = joinShown(unknown, claim)
    else known.set(instanceId, joinShown(known.get(instanceId) ?? nothing, claim))
  }
  if (known.size === 0) return [holder(described, null, unknown)]
  if (known.size === 1) {
    const [[instance, shown]] = [...known] as [[string, Shown]]
    return [holder(described, instance, joinShown(shown, unknown))]
  }
  const refined = refine(known, unknown.stays)
  return [...known].map(([instance, shown]) =>
    holder(described, instance, { stays: refined.get(instance)!, minutes: bothMinutes(shown, unknown) }),
  )
}

const nothing: Shown = { stays: [], minutes: undefined }

function joinShown(a: Shown, b: Shown): Shown {
  if (a.stays.length === 0) return b
  if (b.stays.length === 0) return a
  const stays = joinStays(a.stays, b.stays)
  return { stays, minutes: joinMinutes(a, b, stays) }
}

/** Minutes in which the interface was seen without an instance count for each of its instances. */
function bothMinutes(a: Shown, b: Shown): Minutes {
  const all = (a.minutes ?? minutesOf(a.stays)).slice()
  const more = b.minutes ?? minutesOf(b.stays)
  for (const [i, bits] of more.entries()) all[i]! |= bits
  return all
}

const holder = (described: Owner, instanceId: string | null, { stays, minutes }: Shown): Holder => {
  const owner = described.instanceId === instanceId ? described : { ...described, instanceId }
  return { id: identityOf(owner), owner, stays, minutes }
}

/** Gives seconds without an instance, in which none of the interface is known, to the one that was seen last before them, else to the first one. */
function refine(known: ReadonlyMap<string, Shown>, unknown: Stays): Map<string, Stays> {
  const refined = new Map<string, Stays>()
  const pairs: [number, number][] = []
  const begins: { first: number; instance: string }[] = []
  for (const [instance, { stays }] of known) {
    refined.set(instance, stays)
    for (let i = 0; i < stays.length; i += 2) {
      begins.push({ first: stays[i]!, instance })
      pairs.push([stays[i]!, stays[i + 1]!])
    }
  }
  begins.sort((a, b) => a.first - b.first || (a.instance < b.instance ? -1 : 1))
  const free = withoutStays(unknown, united(pairs))
  const given = new Map<string, number[]>()
  let next = 0
  for (let i = 0; i < free.length; i += 2) {
    while (next < begins.length && begins[next]!.first < free[i]!) next++
    const { instance } = begins[Math.max(next - 1, 0)]!
    const pieces = given.get(instance)
    if (pieces === undefined) given.set(instance, [free[i]!, free[i + 1]!])
    else pieces.push(free[i]!, free[i + 1]!)
  }
  for (const [instance, pieces] of given) refined.set(instance, joinStays(refined.get(instance)!, pieces))
  return refined
}

/** Union of intervals without closing gaps. */
function united(pairs: [number, number][]): Stays {
  pairs.sort((a, b) => a[0] - b[0])
  const union: number[] = []
  for (const [first, last] of pairs) {
    const end = union.length - 1
    if (end >= 0 && first <= union[end]! + 1) union[end] = Math.max(union[end]!, last)
    else union.push(first, last)
  }
  return union
}
