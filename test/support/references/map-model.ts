/**
 * The cloud map computed second by second, from the rules alone (docs/decisions/0050-the-map-by-days.md). It shares no code with the product, is slow,
 * and is meant to be obvious.
 */
import type { IpSighting, Owner, OwnershipRun } from '../../../schemas/records.ts'

/** A sighting of one address, and when its record was written. */
export interface RecordedSighting {
  readonly sighting: IpSighting
  readonly recordedMs: number
}

const daySeconds = 86_400
const joinSeconds = 600

/** Seconds of one day. */
type Seconds = Uint8Array

/** One owner in one day. */
interface Held {
  readonly owner: Owner
  readonly seconds: Seconds
  /** Of each second that is held: first and last second of the stay it belongs to. */
  begin: Int32Array
  end: Int32Array
  /** Seconds in which it was really seen, gaps not closed. */
  readonly seen: Seconds
}

const nothing = (): Seconds => new Uint8Array(daySeconds)

function mark(seconds: Seconds, midnight: number, first: number, last: number): void {
  seconds.fill(1, Math.max(first - midnight, 0), Math.max(last - midnight + 1, 0))
}

function closeGaps(seconds: Seconds): Seconds {
  const closed = seconds.slice()
  for (let gap = closed.indexOf(0, closed.indexOf(1)); gap >= 0;) {
    const next = closed.indexOf(1, gap)
    if (next < 0 || gap === 0) break
    if (next - gap <= joinSeconds) closed.fill(1, gap, next)
    gap = closed.indexOf(0, next)
  }
  return closed
}

function both(a: Seconds, b: Seconds): Seconds {
  const all = a.slice()
  for (let s = b.indexOf(1); s >= 0; s = b.indexOf(1, s + 1)) all[s] = 1
  return all
}

function withStays(owner: Owner, seconds: Seconds, seen: Seconds): Held {
  const begin = new Int32Array(daySeconds).fill(-1)
  const end = new Int32Array(daySeconds).fill(-1)
  for (let first = seconds.indexOf(1); first >= 0;) {
    const gap = seconds.indexOf(0, first)
    const after = gap < 0 ? daySeconds : gap
    begin.fill(first, first, after)
    end.fill(after - 1, first, after)
    first = seconds.indexOf(1, after)
  }
  return { owner, seconds, begin, end, seen }
}

const interfaceOf = (owner: Owner): string => JSON.stringify([owner.interfaceId, owner.service])
const nameOf = (owner: Owner): string[] => [owner.interfaceId ?? '', owner.service ?? '', owner.instanceId ?? '']
const isLater = (a: string[], b: string[]): boolean => {
  for (const [i, text] of a.entries()) if (text !== b[i]) return text > b[i]!
  return false
}

/** Of each attribute the greatest text that any claim has. */
function describe(owners: readonly Owner[]): Owner {
  const described = { ...owners[0]! }
  for (const name of ['interfaceType', 'subnetId', 'vpcId', 'accountId', 'region', 'azId'] as const) {
    const texts = owners.map(owner => owner[name]).filter(text => text !== null)
    described[name] = texts.length === 0 ? null : texts.sort().at(-1)!
  }
  return described
}

/** What one interface said of the address under one instance. */
interface Named {
  readonly owner: Owner
  /** Gaps closed, and what other claims speak against taken out. */
  readonly seconds: Seconds
  readonly seen: Seconds
}

/** Owners of one interface, and when each was seen: a missing instance is one of the known ones. */
function ownersOfInterface(claims: readonly Named[]): Held[] {
  const described = describe(claims.map(claim => claim.owner))
  const instances = [...new Set(claims.map(claim => claim.owner.instanceId))]
  const of = (instance: string | null): readonly Named[] => claims.filter(claim => claim.owner.instanceId === instance)
  const stayed = (instance: string | null): Seconds => closeGaps(of(instance).reduce((all, claim) => both(all, claim.seconds), nothing()))
  const seen = (instance: string | null): Seconds => of(instance).reduce((all, claim) => both(all, claim.seen), nothing())
  const known = instances.filter(instance => instance !== null).sort()
  if (known.length === 0) return [withStays({ ...described, instanceId: null }, stayed(null), seen(null))]
  const unnamed = instances.includes(null) ? stayed(null) : nothing()
  // seen without an instance counts for each of the instances
  const held = known.map(instance => withStays({ ...described, instanceId: instance }, stayed(instance), both(seen(instance), seen(null))))
  const more = held.map(each => each.seconds.slice())
  // the instance whose stay began last (of two the greater one); before all stays the one whose stay begins first (of two the lesser one)
  let nearest = firstToBegin(held)
  for (let s = 0; s < daySeconds; s++) {
    for (const [i, each] of held.entries()) if (each.begin[s] === s) nearest = i
    if (unnamed[s] === 1 && !held.some(each => each.seconds[s] === 1)) more[nearest]![s] = 1
  }
  return held.map((each, i) => withStays(each.owner, closeGaps(more[i]!), each.seen))
}

function firstToBegin(held: readonly Held[]): number {
  for (let s = 0; s < daySeconds; s++) {
    const i = held.findIndex(each => each.begin[s] === s)
    if (i >= 0) return i
  }
  throw new Error('no instance is known')
}

/** Who held an address in a day. */
function heldOn(day: number, sightings: readonly RecordedSighting[]): Held[] {
  const midnight = day * daySeconds
  const claims = new Map<string, { kind: string; owner: Owner; seconds: Seconds }>()
  for (const { sighting, recordedMs } of sightings) {
    const latest = Math.floor(recordedMs / 1000) + 3600
    for (const { first, last } of sighting.ranges) {
      if (Math.min(last, latest) < midnight || first >= midnight + daySeconds || first > latest) continue
      const name = JSON.stringify([sighting.kind, sighting.owner])
      const claim = claims.get(name) ?? { kind: sighting.kind, owner: sighting.owner, seconds: nothing() }
      claims.set(name, claim)
      mark(claim.seconds, midnight, first, Math.min(last, latest))
    }
  }
  const all = [...claims.values()]
  return [...Map.groupBy(all, claim => interfaceOf(claim.owner)).values()].flatMap(ofInterface => {
    const name = interfaceOf(ofInterface[0]!.owner)
    const against = speaksAgainst(name, all)
    const named = ofInterface
      .filter(({ kind }) => kind !== 'passed')
      .map(({ kind, owner, seconds }): Named => {
        if (kind === 'own') return { owner, seconds, seen: seconds }
        // gaps are closed over all that the interface showed in packets with this instance
        const alike = ofInterface.filter(other => other.kind === 'packet' && other.owner.instanceId === owner.instanceId)
        const stayed = closeGaps(alike.reduce((sum, other) => both(sum, other.seconds), nothing()))
        return { owner, seconds: stayed.map((is, s) => (is === 1 && against[s] === 0 ? 1 : 0)), seen: seconds }
      })
      .filter(({ seconds }) => seconds.includes(1))
    return named.length === 0 ? [] : ownersOfInterface(named)
  })
}

/** Seconds in which a packet claim of an interface does not count. */
function speaksAgainst(name: string, all: readonly { kind: string; owner: Owner; seconds: Seconds }[]): Seconds {
  const against = nothing()
  const around = (first: number, last: number): unknown => against.fill(1, Math.max(first - joinSeconds, 0), last + joinSeconds + 1)
  // another interface has the address as its own from the first second in which it shows it so to the last one
  for (const claims of Map.groupBy(
    all.filter(({ kind, owner }) => kind === 'own' && interfaceOf(owner) !== name),
    claim => interfaceOf(claim.owner),
  ).values()) {
    const own = claims.reduce((sum, claim) => both(sum, claim.seconds), nothing())
    around(own.indexOf(1), own.lastIndexOf(1))
  }
  for (const { seconds } of all.filter(({ kind, owner }) => kind === 'passed' && interfaceOf(owner) === name))
    for (let s = seconds.indexOf(1); s >= 0; s = seconds.indexOf(1, s + 1)) around(s, s)
  return against
}

function runsOf(midnight: number, held: readonly Held[], overlapS: number): OwnershipRun[] {
  const runs: OwnershipRun[] = []
  let open: { run: OwnershipRun; owner: Held; begin: number } | undefined
  const counted = new Map<string, number>()
  const minutes = (mine: Held, other: Held, from: number, to: number): number => {
    const name = [held.indexOf(mine), held.indexOf(other), from, to].join()
    if (!counted.has(name)) counted.set(name, minutesOfBoth(mine, other, from, to))
    return counted.get(name)!
  }
  for (let s = 0; s < daySeconds; s++) {
    let holder: Held | undefined
    for (const each of held) {
      if (each.seconds[s] === 0) continue
      if (holder === undefined || each.begin[s]! > holder.begin[s]!) holder = each
      else if (each.begin[s] === holder.begin[s] && isLater(nameOf(each.owner), nameOf(holder.owner))) holder = each
    }
    if (holder === undefined) {
      open = undefined
      continue
    }
    if (open?.owner !== holder || open.begin !== holder.begin[s]) {
      const first = midnight + s
      if (runs.length > 0) runs.at(-1)!.validTo = first
      const run = {
        owner: holder.owner,
        validFrom: first,
        validTo: null,
        firstSeen: first,
        lastSeen: first,
        conflictS: 0,
        doubtTo: null,
        others: [] as string[],
      }
      runs.push(run)
      open = { run, owner: holder, begin: holder.begin[s]! }
    }
    open.run.lastSeen = midnight + s
    const mine = holder
    const disputed = held.some(other => {
      if (other === mine || other.seconds[s] === 0) return false
      const [from, to] = [Math.max(other.begin[s]!, mine.begin[s]!), Math.min(other.end[s]!, mine.end[s]!)]
      return to - from + 1 > overlapS && 60 * minutes(mine, other, from, to) > overlapS
    })
    if (disputed) open.run.conflictS++
  }
  for (const run of runs) {
    run.doubtTo = doubtOf(run, midnight, held)
    run.others = othersOf(run, midnight, held)
  }
  return runs
}

/** The others that stay in any second of a run: the first twenty of their names. */
function othersOf({ owner, validFrom, lastSeen }: OwnershipRun, midnight: number, held: readonly Held[]): string[] {
  const there = held.filter(
    other => other.owner !== owner && other.seconds.subarray(validFrom - midnight, lastSeen - midnight + 1).includes(1),
  )
  return there
    .map(other => `${other.owner.interfaceId ?? other.owner.service}${other.owner.instanceId === null ? '' : ` ${other.owner.instanceId}`}`)
    .sort()
    .slice(0, 20)
}

/** The last second of a run in which another owner may have been seen later than the one who has it: second after second, from the rule alone. */
function doubtOf({ owner, validFrom, lastSeen }: OwnershipRun, midnight: number, held: readonly Held[]): number | null {
  const mine = held.find(each => each.owner === owner)!
  const [from, to] = [validFrom - midnight, lastSeen - midnight]
  let doubtTo: number | null = null
  /** Last second that may be one of somebody else; undefined: there was none. */
  let others: number | undefined = mine.begin[from]! < from ? from - 1 : undefined
  for (let s = from; s <= to; s++) {
    const isBesides = held.some(other => other !== mine && other.seconds[s] === 1)
    if (isBesides) others = s
    if (others === undefined) continue
    // seen for certain: in a minute that lies behind it, at the end of its stay, or because it is never unseen for longer
    const isSeen = (minute: number): boolean => 60 * minute > others! && mine.seen.subarray(60 * minute, 60 * minute + 60).includes(1)
    const lastMinute = Math.floor((s + 1) / 60) - 1
    const isSure =
      s === mine.end[s] || s - others > joinSeconds || Array.from({ length: 12 }, (_, i) => lastMinute - i).some(m => m >= 0 && isSeen(m))
    if (isBesides || !isSure) doubtTo = midnight + s
  }
  const beside = held.filter(other => other !== mine && other.seconds[to] === 1)
  return beside.length > 0 && [mine, ...beside].every(each => each.end[to] === to) ? lastSeen + joinSeconds : doubtTo
}

/** Minutes of a time in which two owners were both seen. */
function minutesOfBoth(a: Held, b: Held, from: number, to: number): number {
  let count = 0
  for (let minute = Math.floor(from / 60); minute <= Math.floor(to / 60); minute++) {
    const inMinute = (seconds: Seconds): boolean => seconds.subarray(60 * minute, 60 * minute + 60).includes(1)
    if (inMinute(a.seen) && inMinute(b.seen)) count++
  }
  return count
}

/** The runs of one address. */
export function modelRuns(sightings: readonly RecordedSighting[], overlapS: number): OwnershipRun[] {
  const days = new Set<number>()
  for (const { sighting } of sightings)
    for (const { first, last } of sighting.ranges)
      for (let day = Math.floor(first / daySeconds); day <= Math.floor(last / daySeconds); day++) days.add(day)
  return [...days].sort((a, b) => a - b).flatMap(day => runsOf(day * daySeconds, heldOn(day, sightings), overlapS))
}

/** What an entry says of an address now, from some of its days (oldest first): the newest run, and since when nobody but its owner was seen. */
export function modelEntry(
  sightings: readonly RecordedSighting[],
  days: readonly number[],
  overlapS: number,
): { current: Owner; currentSince: number | null; lastSeen: number } | null {
  const held = days.map(day => ({ midnight: day * daySeconds, owners: heldOn(day, sightings) }))
  const newest = held.flatMap(({ midnight, owners }) => runsOf(midnight, owners, overlapS)).at(-1)
  if (newest === undefined) return null
  const name = JSON.stringify(nameOf(newest.owner))
  let currentSince: number | null = null
  // from the newest second on, until somebody else is met
  for (const { midnight, owners } of held.reverse()) {
    const isOwner = owners.map(({ owner }) => JSON.stringify(nameOf(owner)) === name)
    for (let s = daySeconds - 1; s >= 0; s--) {
      if (owners.some(({ seconds }, i) => seconds[s] === 1 && !isOwner[i]))
        return { current: newest.owner, currentSince, lastSeen: newest.lastSeen }
      if (owners.some(({ seconds }, i) => seconds[s] === 1 && isOwner[i])) currentSince = midnight + s
    }
  }
  return { current: newest.owner, currentSince, lastSeen: newest.lastSeen }
}
