/** One address in one transaction: its days before and after, and what is to be written about it. Pure; the processor encodes and sends. */
import type { CloudMapChange } from '../../schemas/records.ts'
import { announcements, appeared } from './changes.ts'
import { deriveDay, type DerivedDay, type DerivedRun } from './day-runs.ts'
import { emptyDay, joinDays, newestSecond, weightOf, type DayState } from './day-state.ts'
import { dayS } from './day-stays.ts'
import type { Pace } from './pace.ts'
import { differences, type RunDifferences } from './run-differences.ts'

/** Days by number: days since 1970-01-01. */
export type Days = ReadonlyMap<number, DayState>

/** What an entry of `cloud-map` says. */
export interface AddressEntry {
  /** The newest day and those within the horizon before it, oldest first. */
  readonly hot: Days
  /** No later day is in `cloud-map-days`; -1: none is. */
  readonly storedDay: number
  /** The newest run, as far as the hot days know. */
  readonly current: DerivedRun | null
  /** Since when nobody but its owner is known with the address; null if somebody else was seen up to its last second. */
  readonly currentSince: number | null
}

/** An address before a transaction. */
export interface AddressBefore {
  /** undefined: it is not in the map. */
  readonly entry: Pick<AddressEntry, 'hot' | 'storedDay'> | undefined
  /** It had a holder. */
  readonly held: boolean
  /** No later day is in `cloud-map-days`, as far as is known. */
  readonly storedDay: number
  /** Days that were looked up in `cloud-map-days`; null: not there. */
  readonly lookedUp: ReadonlyMap<number, DayState | null>
}

/** What a transaction writes about an address. */
export interface AddressAfter {
  readonly runs: readonly RunDifferences[]
  readonly changes: readonly CloudMapChange[]
  /** Days for `cloud-map-days`. */
  readonly stored: Days
  /** undefined: the address is not in the map. */
  readonly entry: AddressEntry | undefined
}

/** Settings of the map. */
export interface MapSettings {
  readonly overlapS: number
  readonly horizonS: number
  readonly idleDays: number
}

/**
 * Days of `cloud-map-days` that the sightings of a transaction need: those that may be there; and for announcements their neighbours, and before
 * a day that is new and has another owner than the map the newest one.
 */
export function daysToLookUp(hot: Days | undefined, storedDay: number, added: Days): Set<number> {
  const wanted = new Set<number>()
  const want = (day: number): unknown => day >= 0 && day <= storedDay && hot?.has(day) !== true && wanted.add(day)
  const oldestHot = Math.min(...(hot?.keys() ?? []))
  for (const day of added.keys()) {
    if (hot?.has(day) === true) continue
    if (day <= storedDay) for (const each of [day - 1, day, day + 1]) want(each)
    else if (day < oldestHot && storedDay >= 0 && hot !== undefined && soleHolder([hot, added]) === undefined) want(storedDay)
  }
  return wanted
}

/**
 * Adds sightings to an address.
 *
 * @param added What was seen, by day.
 * @param streamTime Newest second of the partition: an address that is only seen in times long past does not come into the map.
 * @param pace Rests between two days now and then.
 * @returns undefined if nothing changes.
 */
export async function addSightings(
  before: AddressBefore,
  added: Days,
  settings: MapSettings,
  streamTime: number,
  pace: Pace,
): Promise<AddressAfter | undefined> {
  const was = new Map(before.entry?.hot)
  for (const [day, state] of before.lookedUp) if (state !== null) was.set(day, state)
  const is = new Map(was)
  const changed: number[] = []
  for (const [day, more] of added) {
    const old = was.get(day)
    const joined = joinDays(old ?? emptyDay, more)
    if (joined === old) continue
    is.set(day, joined)
    changed.push(day)
  }
  if (changed.length === 0) return undefined
  changed.sort((a, b) => a - b)
  const { hot, stored } = place(before, is, changed, settings, streamTime)
  const { runs, changes, derived } = await tellStory(before, was, is, changed, hot !== undefined, settings.overlapS, pace)
  const storedDay = Math.max(before.storedDay, [...stored.keys()].at(-1) ?? -1)
  const dayOf = (day: number, state: DayState): DerivedDay => derived.get(day) ?? deriveDay(day, state, settings.overlapS)
  return { runs, changes, stored, entry: hot === undefined ? undefined : entryOf(hot, storedDay, dayOf) }
}

/** Decides which days stay hot, and which are written to `cloud-map-days`. */
function place(
  { entry }: AddressBefore,
  is: Days,
  changed: readonly number[],
  { horizonS, idleDays }: MapSettings,
  streamTime: number,
): { hot: Days | undefined; stored: Map<number, DayState> } {
  const newest = newestOf(is)
  const inMap = entry !== undefined || newest >= streamTime - idleDays * dayS
  const hotFrom = inMap ? Math.floor((newest - horizonS) / dayS) : Infinity
  const days = [...is].sort(([a], [b]) => a - b)
  const touched = new Set(changed)
  const stored = new Map(days.filter(([day]) => day < hotFrom && (touched.has(day) || entry?.hot.has(day) === true)))
  return { hot: inMap ? new Map(days.filter(([day]) => day >= hotFrom)) : undefined, stored }
}

/** An address leaves the map: its conflict, if it is in one, has ended. */
export function leave({ hot }: Pick<AddressEntry, 'hot'>, overlapS: number): Pick<AddressAfter, 'changes' | 'stored'> {
  if (soleHolder([hot]) !== undefined) return { changes: [], stored: hot }
  const days = [...hot].map(([day, state]) => deriveDay(day, state, overlapS))
  return { changes: announcements({ days, newest: newestOf(hot) }, { days, newest: Infinity }, true), stored: hot }
}

/** Newest second of some days; -Infinity for none. */
export function newestOf(days: Days): number {
  let newest = -Infinity
  for (const [day, state] of days) newest = Math.max(newest, newestSecond(day, state))
  return newest
}

/** The one claim that all these days have, by its identity: with that nothing needs to be compared. */
function soleHolder(all: readonly Days[]): string | undefined {
  let id: string | undefined
  for (const days of all)
    for (const { own, packet } of days.values()) {
      if (own.length !== 1 || packet.length > 0) return undefined
      id ??= own[0]!.id
      if (own[0]!.id !== id) return undefined
    }
  return id
}

async function tellStory(
  before: AddressBefore,
  was: Days,
  is: Days,
  changed: readonly number[],
  inMap: boolean,
  overlapS: number,
  pace: Pace,
): Promise<Pick<AddressAfter, 'runs' | 'changes'> & { derived: ReadonlyMap<number, DerivedDay> }> {
  const runs: RunDifferences[] = []
  const old = new Map<number, DerivedDay>()
  const now = new Map<number, DerivedDay>()
  const derive = async (into: Map<number, DerivedDay>, day: number, state: DayState): Promise<DerivedDay> => {
    const derived = deriveDay(day, state, overlapS)
    into.set(day, derived)
    if (pace.isDue(weightOf(state))) await pace.rest()
    return derived
  }
  for (const day of changed) {
    const from = await derive(old, day, was.get(day) ?? emptyDay)
    const to = await derive(now, day, is.get(day)!)
    runs.push(differences(from.runs, to.runs))
  }
  if (soleHolder([was, is]) !== undefined && (was.size > 0 || !before.held)) {
    const first = now.get(changed[0]!)!.runs[0]!
    return { runs, changes: before.held ? [] : [appeared(first)], derived: now }
  }
  for (const [day, state] of is) if (!now.has(day)) old.set(day, await derive(now, day, state))
  const newestBefore = before.entry === undefined ? (was.size > 0 ? Infinity : -Infinity) : newestOf(before.entry.hot)
  const changes = groupsOf(before, is).flatMap(days =>
    announcements(
      { days: days.map(day => old.get(day) ?? deriveDay(day, emptyDay, overlapS)), newest: newestBefore },
      { days: days.map(day => now.get(day) ?? deriveDay(day, emptyDay, overlapS)), newest: inMap ? newestOf(is) : Infinity },
      before.held,
    ),
  )
  return { runs, changes, derived: now }
}

/** Days in groups: within one, nothing is known of the days between that is not in it. After the newest stored day there is none. */
function groupsOf({ entry, storedDay, lookedUp }: AddressBefore, is: Days): number[][] {
  const days = [...new Set([...is.keys(), ...lookedUp.keys()])].sort((a, b) => a - b)
  const allKnownFrom = Math.min(storedDay, ...(entry?.hot.keys() ?? []))
  const groups: number[][] = []
  for (const [i, day] of days.entries()) {
    const previous = days[i - 1]
    if (previous === undefined || (day - previous > 1 && previous < allKnownFrom)) groups.push([day])
    else groups.at(-1)!.push(day)
  }
  return groups
}

/**
 * What the hot days of an address say of it now.
 *
 * @param dayOf Derives a day.
 */
export function entryOf(hot: Days, storedDay: number, dayOf: (day: number, state: DayState) => DerivedDay): AddressEntry {
  const days = [...hot]
  if (soleHolder([hot]) !== undefined) {
    const [[oldest, { own }]] = days as [[number, DayState]]
    const current = dayOf(...days.at(-1)!).runs.at(-1)!
    return { hot, storedDay, current, currentSince: oldest * dayS + own[0]!.stays[0]! }
  }
  const derived = days.map(each => dayOf(...each))
  const current = derived.findLast(({ runs }) => runs.length > 0)?.runs.at(-1) ?? null
  return { hot, storedDay, current, currentSince: current === null ? null : aloneSince(derived, current.id) }
}

/** The first second of an owner after the last one of all others; null if there is none. */
function aloneSince(days: readonly DerivedDay[], id: string): number | null {
  let othersTo = -Infinity
  for (const { day, holders } of days)
    for (const holder of holders) if (holder.id !== id) othersTo = Math.max(othersTo, day * dayS + holder.stays.at(-1)!)
  for (const { day, holders } of days) {
    const stays = holders.find(holder => holder.id === id)?.stays ?? []
    for (let i = 0; i < stays.length; i += 2)
      if (day * dayS + stays[i + 1]! > othersTo) return Math.max(day * dayS + stays[i]!, othersTo + 1)
  }
  return null
}
