/**
 * Ownership runs of one UTC day, derived from its state alone.
 *
 * At every second the holder is the owner whose stay began last: a newcomer takes over at once, and if its stay ends inside that of another, that
 * one has the address again. Of two that began in the same second the one with the greater identity holds it: the growth of a stay never moves
 * a run that began before. If two stays overlap for longer than `overlapS`, and both owners were seen in as many minutes of that time, their
 * seconds are a conflict: owners that take turns within ten minutes have stays that overlap, and are never there at once.
 *
 * Whoever holds it, another owner is there too, or may have been seen later: while a stay goes on that began before, and after that until the holder
 * was seen for certain. A run says up to when (`doubtTo`), and who the others are (`others`), since one whose stay equals that of the holder has no run.
 */
import type { OwnershipRun } from '../../schemas/records.ts'
import { holdersOf, type Holder } from './day-holders.ts'
import { firstMinuteEnd, sharedMinutes } from './day-minutes.ts'
import type { DayState } from './day-state.ts'
import { dayS, joinS } from './day-stays.ts'
import { nameOf } from './owners.ts'

/** A run with what announcements need of it. */
export interface DerivedRun extends OwnershipRun {
  /** Identity of the owner. */
  readonly id: string
  /** The stay began before the run: somebody else held the address in between. */
  readonly resumed: boolean
}

/** Most others that a run names. */
const mostOthers = 20
const nobody: string[] = []

/** Runs of a day, oldest first, and who was there. */
export interface DerivedDay {
  readonly day: number
  readonly runs: readonly DerivedRun[]
  readonly holders: readonly Holder[]
}

interface Stay {
  readonly holder: Holder
  readonly first: number
  readonly last: number
  /** Last second in which it is in conflict with a stay that began before it; -1: it never is. */
  disputedTo: number
  /** Last second of all stays that began before it; -1: none did. */
  othersTo: number
}

/**
 * Derives the runs of a day: sorting the stays is all that takes more than one pass.
 *
 * @param day Days since 1970-01-01.
 * @param overlapS Longest overlap of two stays that is not a conflict.
 */
export function deriveDay(day: number, state: DayState, overlapS: number): DerivedDay {
  const holders = holdersOf(state)
  return { day, holders, runs: holders.length === 1 ? ofOneHolder(day, holders[0]!) : ofMany(day, holders, overlapS) }
}

function ofOneHolder(day: number, { id, owner, stays }: Holder): DerivedRun[] {
  const midnight = day * dayS
  const runs: DerivedRun[] = []
  for (let i = 0; i < stays.length; i += 2) {
    const validFrom = midnight + stays[i]!
    const next = stays[i + 2]
    const validTo = next === undefined ? null : midnight + next
    runs.push({
      owner,
      validFrom,
      validTo,
      firstSeen: validFrom,
      lastSeen: midnight + stays[i + 1]!,
      conflictS: 0,
      doubtTo: null,
      others: nobody,
      id,
      resumed: false,
    })
  }
  return runs
}

function ofMany(day: number, holders: readonly Holder[], overlapS: number): DerivedRun[] {
  const stays = staysOf(holders)
  const midnight = day * dayS
  const runs: DerivedRun[] = []
  /** Stays that began, newest last. Those below the last one may have ended. */
  const begun: Stay[] = []
  /** Those of them that may be in conflict with one that begins now; at the first second after `goingTo` one of them has ended. */
  let going: Stay[] = []
  let goingTo = Infinity
  /** Stays that began and had not ended when the newest one began. */
  let there: Stay[] = []
  let thereTo = Infinity
  let from = 0
  const endRun = (stay: Stay, to: number): void => {
    if (to < from) return
    const { holder } = stay
    const conflictTo = Math.min(stay.disputedTo, to)
    const doubtTo = doubtIn(stay, from, to)
    const validFrom = midnight + from
    const previous = runs.at(-1)
    if (previous !== undefined) previous.validTo = validFrom
    runs.push({
      owner: holder.owner,
      validFrom,
      validTo: null,
      firstSeen: validFrom,
      lastSeen: midnight + to,
      conflictS: Math.max(conflictTo - from + 1, 0),
      doubtTo: doubtTo < from ? null : midnight + doubtTo,
      others: stay.othersTo < from ? nobody : namesOf(there.filter(other => other !== stay && other.last >= from)),
      id: holder.id,
      resumed: from > stay.first,
    })
  }
  for (let next = 0; next < stays.length || begun.length > 0;) {
    const newest = begun.at(-1)
    const stay = stays[next]
    if (newest !== undefined && (stay === undefined || newest.last < stay.first)) {
      endRun(newest, newest.last)
      from = newest.last + 1
      while (begun.length > 0 && begun.at(-1)!.last < from) begun.pop()
      continue
    }
    if (newest !== undefined) endRun(newest, stay!.first - 1)
    if (stay!.first > goingTo) {
      going = going.filter(({ last }) => last >= stay!.first)
      goingTo = going.reduce((least, { last }) => Math.min(least, last), Infinity)
    }
    // a shorter one overlaps nobody for long enough
    if (stay!.last - stay!.first + 1 > overlapS) {
      stay!.disputedTo = disputedTo(stay!, going, overlapS)
      going.push(stay!)
      goingTo = Math.min(goingTo, stay!.last)
    }
    if (stay!.first > thereTo) {
      there = there.filter(({ last }) => last >= stay!.first)
      thereTo = there.reduce((least, { last }) => Math.min(least, last), Infinity)
    }
    there.push(stay!)
    thereTo = Math.min(thereTo, stay!.last)
    stay!.othersTo = newest === undefined ? -1 : Math.max(newest.last, newest.othersTo)
    begun.push(stay!)
    from = stay!.first
    next++
  }
  return runs
}

const namesOf = (stays: readonly Stay[]): string[] =>
  stays
    .map(({ holder }) => nameOf(holder.owner))
    .sort()
    .slice(0, mostOthers)

/**
 * Last second in which another owner is there too or may have been seen later, if a stay has the address from one second to another; less than `from`:
 * none. After the last second of the others the holder was seen at the end of the next minute that shows it, at most `joinS` later, and at the end of
 * its stay. If another stay ends in that very second, both were seen last, until they no longer count as held.
 */
function doubtIn({ holder, first, last, othersTo }: Stay, from: number, to: number): number {
  const isResumed = from > first
  if (othersTo < from && !isResumed) return -1
  const othersLast = Math.max(Math.min(othersTo, to), from - 1)
  if (othersLast === to) return to === last && othersTo === to ? to + joinS : to
  const unseenTo = Math.min(to === last ? to - 1 : to, othersLast + joinS)
  return Math.min(unseenTo, firstMinuteEnd(holder.minutes, othersLast + 1, unseenTo) - 1)
}

/** Last second in which a stay is in conflict with one of those that go on when it begins. */
function disputedTo({ holder, first, last }: Stay, going: readonly Stay[], overlapS: number): number {
  const enough = Math.floor(overlapS / 60) + 1
  let to = -1
  for (const other of going) {
    const end = Math.min(other.last, last)
    if (end <= to || end - first + 1 <= overlapS) continue
    if (sharedMinutes(holder.minutes, other.holder.minutes, first, end, enough) >= enough) to = end
  }
  return to
}

/** All stays in the order in which they begin; of those that begin together the greatest identity is last. */
function staysOf(holders: readonly Holder[]): Stay[] {
  const all: Stay[] = []
  for (const holder of holders)
    for (let i = 0; i < holder.stays.length; i += 2)
      all.push({ holder, first: holder.stays[i]!, last: holder.stays[i + 1]!, disputedTo: -1, othersTo: -1 })
  return all.sort((a, b) => a.first - b.first || (a.holder.id < b.holder.id ? -1 : 1))
}
