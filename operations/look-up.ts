/** What `flowloom lookup` asks: who held an address, where else it was recorded, and whether the tables can know it. */
import { clockSeconds } from '../runtime/utc-text.ts'
import { withStore } from '../sinks/clickhouse/clickhouse-client.ts'
import { ask } from '../sinks/clickhouse/queries.ts'
import type { Store } from '../sinks/clickhouse/store.ts'
import { findHolders, type Holder } from './holders.ts'
import { askOnTheWay, mayBeOnTheWay, type OnTheWay } from './on-the-way.ts'
import type { Asked } from './rest-of-path.ts'

/**
 * Why an answer is not what it seems. map-empty: the map has no row, and should have some, or may get some. nothing-proven: it has none, and rightly,
 * for no flow of that day proves who holds any address. nothing-read: nothing of that day. not-proven: flows show the address at an interface and do
 * not prove that it holds it. on-their-way: records are. kafka-unknown: nobody can say if they are.
 */
export type Blank = 'map-empty' | 'nothing-proven' | 'nothing-read' | 'not-proven' | 'on-their-way' | 'kafka-unknown'

/** Where flows show an address that the map does not have there then: a row of recorded_at.sql, which leaves out what the map knows. */
export interface Recorded {
  /** Empty: the records name none. */
  scope: string
  /** Interface, else resource, else transit gateway attachment; `-`: the format names none. */
  observer: string
  account_id: string
  instance_id: string
  /** own: the interface's own side. packet: packets of that side. either: the direction is unknown. */
  side: 'own' | 'packet' | 'either'
  /** True: by logged direction and times on its own side, so that they should be in the map, or will be. */
  proven: boolean
  /** Which flows it is about. day: of that UTC day, and of the 10 minutes before. minutes: of these alone. since: after the holder was last seen. */
  span: 'day' | 'minutes' | 'since'
  /** Unix seconds: of these flows, and of those at or before the time (null: none). */
  first_at: string
  last_at: string
  last_before: string | null
  flows: string
}

/** What `findRecorded` takes from the answer in a scope. */
type KnownScope = Pick<Holder, 'scope' | 'state' | 'interface_id' | 'last_seen'>

/** Who held an address, and whether the tables can know it. */
export interface LookUp {
  readonly holders: readonly Holder[]
  /** Of every scope that has no holder; of one that has, other interfaces that may have come since the holder was last seen. */
  readonly recorded: readonly Recorded[]
  readonly onTheWay: OnTheWay
  readonly blank: Blank | undefined
}

/**
 * Where flows show the address, and the map does not have it: scope by scope, whatever the others say. Where some scope has a holder, one that the map
 * does not know is found only if it shows the address in the 10 minutes before: the whole day of all interfaces is read only if nobody held it.
 */
export async function findRecorded(store: Store, holders: readonly KnownScope[], ip: string, atS: number): Promise<Recorded[]> {
  const held = holders.filter(({ state }) => state !== 'last-known')
  return ask<Recorded, 'recorded_at'>(store, 'recorded_at', {
    ip,
    at: new Date(atS * 1000),
    held: held.map(({ scope }) => scope),
    held_by: held.map(({ interface_id }) => interface_id),
    held_seen: held.map(({ last_seen }) => (last_seen === null ? -1 : clockSeconds(last_seen))),
    last_known: holders.filter(({ state }) => state === 'last-known').map(({ scope }) => scope),
  })
}

/**
 * Says whether "nobody" or "last-known" means more than that the tables have nothing of the time.
 *
 * @returns undefined: it does; the address was looked for in what was read of the day, and nothing is on its way.
 */
export async function blankOf(store: Store, found: Omit<LookUp, 'blank'>, atS: number): Promise<Blank | undefined> {
  if (found.holders.some(({ state }) => state !== 'last-known')) return undefined
  const [known] = await ask<{ objects: number; lines: number; runs: number; proofs: number }, 'known_of_day'>(store, 'known_of_day', {
    at: new Date(atS * 1000),
  })
  const isProven = found.recorded.some(({ proven }) => proven)
  const mayBecomeKnown = isProven && (known?.runs === 0 || mayBeOnTheWay(found.onTheWay))
  if (found.holders.length === 0 && found.recorded.length > 0 && !mayBecomeKnown) return 'not-proven'
  if (known === undefined || (known.runs === 0 && (known.proofs > 0 || found.onTheWay.steps.length > 0))) return 'map-empty'
  if (known.objects === 0 && known.lines === 0) return 'nothing-read'
  if (known.runs === 0 && found.onTheWay.unknown === null) return 'nothing-proven'
  if (found.holders.length > 0 || !mayBeOnTheWay(found.onTheWay)) return undefined
  return found.onTheWay.unknown === null ? 'on-their-way' : 'kafka-unknown'
}

/**
 * Looks an address up. Kafka is asked before the tables: what is in a table by then stays there.
 *
 * @param atS Unix seconds.
 */
export async function lookUp(asked: Asked, ip: string, atS: number): Promise<LookUp> {
  return withStore(asked.config.clickhouse, async store => {
    const onTheWay = await askOnTheWay(asked, ip, atS)
    const holders = await findHolders(store, ip, atS)
    const recorded = await findRecorded(store, holders, ip, atS)
    const found = { holders, recorded, onTheWay }
    return { ...found, blank: await blankOf(store, found, atS) }
  })
}
