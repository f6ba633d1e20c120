/** Who holds or held an address: asked of the cloud map in ClickHouse, and to the second of the flows beside it. */
import { clock, clockSeconds } from '../runtime/utc-text.ts'
import { ask } from '../sinks/clickhouse/queries.ts'
import type { Store } from '../sinks/clickhouse/store.ts'

/** A second of a holder that may be the earliest possible one only. */
export type HolderSecond = 'held_since' | 'first_seen' | 'next_seen' | 'valid_to'

/** Who held an address at a time. Times are `2026-11-20 10:00:00`, UTC. */
export interface Holder {
  scope: string
  /** held: seen then, or at most 10 minutes before. ambiguous: others were seen with it too, or may have come later. last-known: not seen for longer. */
  state: 'held' | 'ambiguous' | 'last-known'
  interface_id: string
  instance_id: string
  interface_type: string
  subnet_id: string
  vpc_id: string
  account_id: string
  region: string
  az_id: string
  service: string
  /**
   * Who it is, as in all texts that name owners: the interface with its instance after a space, else the service. The instance is that of another
   * day if no format of the run's own day names one.
   */
  owner: string
  /** First second of the run, which does not cross midnight; `held_since` is that of all runs in a row. */
  valid_from: string
  /** First second in which another owner was seen after that. */
  valid_to: string | null
  /** False: the table knows nobody newer, so `valid_to` is null; the address need not be held any more. */
  end_known: boolean
  first_seen: string
  /** Last second at or before the time in which it was seen. Null: at most 10 minutes before, and the flows that say the second are not there. */
  last_seen: string | null
  /** If it was not seen at the time: when it is seen again in the same run. Null: not, or not known. */
  seen_again: string | null
  /** Others that were seen after `last_seen`, up to the time, though the holder came later: it is ambiguous then. */
  seen_later: { owner: string; at: string }[]
  conflict_s: string
  /**
   * Why it is ambiguous: others for conflict_s; around midnight (UTC); it goes on after another owner, and may not have been seen since; another
   * owner was seen after it (seen_later), or may have been if the flows are gone, though it came later, as two do that take turns; flows show
   * another owner at the same time (overlap).
   */
  doubt: '' | 'conflict' | 'midnight' | 'resumed' | 'turns' | 'overlap'
  held_since: string
  /** How often the owner was not seen for more than 10 minutes since then. */
  gaps: number
  /** When somebody was seen after this run, and who, which may be the same owner; null and empty: nobody. */
  next_seen: string | null
  next_owner: string
  /**
   * If ambiguous: the other owners of that UTC day; of turns and overlap, if flows show it, those who were seen later or at the same time. If
   * last-known: others that were there in its last run, if one of them was last seen in the same second.
   */
  others: string[]
  /** Seconds that are the earliest possible: it was seen in them, or up to 10 minutes later. */
  uncertain: HolderSecond[]
}

/** What a second at which a run begins is: see who_holds.sql. */
type Begin = 'seen' | 'follows' | 'resumed'

/** A row of who_holds.sql. */
interface HolderRow extends Omit<Holder, 'seen_again' | 'seen_later' | 'uncertain'> {
  first_is: Begin
  since_is: Begin
  next_is: Begin
  valid_to_is: Begin
  /** Owner of the run that this one follows without a second between, and its last second; empty and null: none. */
  before: string
  before_last: string | null
  day_owners: string[]
  day_lines: string[]
}

/** When an owner was seen around a time: see sightings_around.sql. Unix seconds. */
interface Around {
  readonly last: number | undefined
  readonly next: number | undefined
}

/** Longest gap in which an owner still counts as held. */
const heldS = 600
/** Longest pause between two records of an owner that is there all the time: two aggregation intervals of a minute. */
const pauseS = 120

/** Whether flows of an interface or service show this owner: flows that name no instance show each owner of the interface. */
const isOf = (owner: string, line: string, instance: string): boolean =>
  owner === line || owner === `${line} ${instance}` || (instance === '' && owner.startsWith(`${line} `))
const eitherBy =
  (choose: (a: number, b: number) => number) =>
  (a: number | undefined, b: number | undefined): number | undefined =>
    a === undefined || b === undefined ? (a ?? b) : choose(a, b)
const lineOf = (owner: string): string => owner.split(' ')[0]!
/** Whether records show one that was last seen before a time as there at that time, too. */
const isAround = ({ last, next }: Around): boolean => last !== undefined && next !== undefined && next - last - 1 <= pauseS
const latest = eitherBy(Math.max)
const soonest = eitherBy(Math.min)

/**
 * Asks who held an address.
 *
 * @param ip IPv4 or IPv6 address.
 * @param atS Unix seconds.
 * @returns One answer per scope that knows the address: the newest run that began by then. Where that run only goes on after the one of another
 *   owner, and flows show that it was not seen since, it is the one who was seen last.
 */
export async function findHolders(store: Store, ip: string, atS: number): Promise<Holder[]> {
  const rows = await ask<HolderRow, 'who_holds'>(store, 'who_holds', { ip, at: new Date(atS * 1000), owner: '' })
  const holders: Holder[] = []
  for (const row of rows) holders.push(await new ScopeAnswer(store, ip, atS, row).holder())
  return holders
}

/** The answer in one scope. */
class ScopeAnswer {
  readonly #store: Store
  readonly #ip: string
  readonly #atS: number
  readonly #row: HolderRow
  /** Owners that held the address that UTC day. */
  readonly #everybody: readonly string[]
  readonly #asked = new Map<number, Promise<Map<string, Around>>>()

  constructor(store: Store, ip: string, atS: number, row: HolderRow) {
    this.#store = store
    this.#ip = ip
    this.#atS = atS
    this.#row = row
    this.#everybody = [row.owner, ...row.day_owners]
  }

  async holder(): Promise<Holder> {
    const row = this.#row
    const known = { last_seen: row.last_seen }
    if (row.last_seen !== null && row.doubt !== 'turns' && row.doubt !== 'resumed') return this.#exact(row, known)
    const around = await this.#around(this.#atS)
    const own = around.get(row.owner)
    const last = own?.last
    const from = clockSeconds(row.valid_from)
    // of another time, or flows of that second are missing
    if (last === undefined || last < this.#atS - heldS || (last < from && row.first_is === 'seen')) return this.#exact(row, known)
    const seen_again = last < this.#atS && own?.next !== undefined ? clock(own.next) : null
    if (last >= from) {
      const later = [...around].filter(([owner, each]) => owner !== row.owner && each.last !== undefined && each.last > last)
      const decided = (row.state === 'held' || row.doubt === 'resumed' || row.doubt === 'turns') && this.#isShown(around)
      return this.#exact(row, {
        ...(decided ? this.#byFlows(around, last) : {}),
        last_seen: clock(last),
        seen_again,
        seen_later: later.map(([owner, each]) => ({ owner, at: clock(each.last!) })),
      })
    }
    return this.#inClosedGap(around, last, seen_again)
  }

  /** Whether flows can answer: they show another owner if the map has one that was there at most `heldS` before. Else flows of that one are missing. */
  #isShown(around: ReadonlyMap<string, Around>): boolean {
    const row = this.#row
    if (row.state === 'held') return true
    return [...around].some(([owner, { last }]) => owner !== row.owner && last !== undefined && last >= this.#atS - heldS)
  }

  /** What flows say of a holder that they show last in a second of its run: whether others were seen later or at the same time. */
  #byFlows(around: ReadonlyMap<string, Around>, last: number): Pick<Holder, 'state' | 'doubt' | 'others'> {
    const row = this.#row
    const others: string[] = []
    let isBeside = false
    for (const [owner, each] of around) {
      if (owner === row.owner || each.last === undefined) continue
      if (each.last <= last) {
        if (each.last < last && !isAround(each)) continue
        // flows without an instance show each owner of an interface; the map says whose they are
        if (row.state === 'held' && lineOf(owner) === lineOf(row.owner)) continue
        isBeside = true
      }
      others.push(owner)
    }
    if (others.length === 0) return { state: 'held', doubt: '', others }
    return { state: 'ambiguous', doubt: isBeside ? 'overlap' : 'turns', others }
  }

  /** The holder's run goes on after that of another owner, and it was not seen since. */
  async #inClosedGap(around: ReadonlyMap<string, Around>, ownLast: number, seen_again: string | null): Promise<Holder> {
    const row = this.#row
    let [owner, last] = [row.before, clockSeconds(row.before_last!)]
    for (const [each, { last: seen }] of around) if (each !== row.owner && seen !== undefined && seen > last) [owner, last] = [each, seen]
    const rows = await ask<HolderRow, 'who_holds'>(this.#store, 'who_holds', { ip: this.#ip, at: new Date(this.#atS * 1000), owner })
    const isSameDay = ({ valid_from }: HolderRow): boolean => valid_from.slice(0, 10) === row.valid_from.slice(0, 10)
    const other = rows.find(each => each.scope === row.scope && isSameDay(each))
    const alike = [...around].filter(([each, { last: seen }]) => each !== owner && seen === last).map(([each]) => each)
    if (other === undefined || ownLast === last)
      return this.#exact(row, {
        state: 'ambiguous',
        doubt: row.doubt === '' ? 'resumed' : row.doubt,
        others: row.day_owners,
        last_seen: clock(ownLast),
        seen_again,
      })
    const beside = [...around].filter(([each, seen]) => each !== owner && isAround(seen)).map(([each]) => each)
    const isConflict = Number(other.conflict_s) > 0
    const doubt = isConflict ? 'conflict' : alike.length > 0 ? 'resumed' : beside.length > 0 ? 'overlap' : ''
    return this.#exact(other, {
      state: doubt === '' ? 'held' : 'ambiguous',
      doubt,
      others: doubt === '' ? [] : doubt === 'overlap' ? beside : other.day_owners,
      last_seen: clock(last),
    })
  }

  /** Asks flows for the seconds at which a run begins that follows another one. */
  async #exact(row: HolderRow, known: Partial<Holder>): Promise<Holder> {
    const { first_is, since_is, next_is, valid_to_is, before: _1, before_last: _2, day_owners: _3, day_lines: _4, ...values } = row
    const holder: Holder = { ...values, seen_again: null, seen_later: [], uncertain: [], ...known }
    const owner = row.owner
    const rest = this.#everybody.filter(each => each !== owner)
    const first = async (name: HolderSecond, is: Begin, owners: readonly string[]): Promise<string | undefined> => {
      const second = holder[name]
      if (is === 'seen' || second === null) return undefined
      const next = [...(await this.#around(clockSeconds(second) - 1))].filter(
        ([each, { next }]) => owners.includes(each) && next !== undefined,
      )
      const [earliest] = next.sort(([, a], [, b]) => a.next! - b.next!)
      if (earliest !== undefined) holder[name] = clock(earliest[1].next!)
      else if (is === 'resumed') holder.uncertain.push(name)
      return earliest?.[0]
    }
    await first('held_since', since_is, [owner])
    await first('first_seen', first_is, [owner])
    holder.next_owner = (await first('next_seen', next_is, this.#everybody)) ?? holder.next_owner
    await first('valid_to', valid_to_is, rest)
    return holder
  }

  #around(atS: number): Promise<Map<string, Around>> {
    let answer = this.#asked.get(atS)
    if (answer === undefined) this.#asked.set(atS, (answer = this.#askAround(atS)))
    return answer
  }

  async #askAround(atS: number): Promise<Map<string, Around>> {
    interface AroundRow {
      line: string
      instance: string
      last_at: string | null
      next_at: string | null
    }
    const rows = await ask<AroundRow, 'sightings_around'>(this.#store, 'sightings_around', {
      ip: this.#ip,
      at: new Date(atS * 1000),
      scope: this.#row.scope,
      lines: this.#row.day_lines,
    })
    const number = (text: string | null): number | undefined => (text === null ? undefined : Number(text))
    const around = new Map<string, Around>()
    for (const owner of this.#everybody)
      for (const { line, instance, last_at, next_at } of rows) {
        if (!isOf(owner, line, instance)) continue
        const known = around.get(owner)
        around.set(owner, { last: latest(known?.last, number(last_at)), next: soonest(known?.next, number(next_at)) })
      }
    return around
  }
}
