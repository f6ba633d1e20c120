/** Who holds or held an address, asked of the cloud map in ClickHouse. */
import { withStore } from '../sinks/clickhouse/clickhouse-client.ts'
import { ask } from '../sinks/clickhouse/queries.ts'
import type { ClickHouseSettings } from '../sinks/clickhouse/settings.ts'
import type { Store } from '../sinks/clickhouse/store.ts'

/** Who held an address at a time, as sinks/clickhouse/queries/who_holds.sql gives it. */
export interface Holder {
  scope: string
  /** held: seen then, or at most 10 minutes before. ambiguous: others were seen with it too, or may have come later around midnight (UTC). last-known: not seen for longer. */
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
  /** First second of the run, which does not cross midnight; `held_since` is that of all runs in a row. */
  valid_from: string
  /** First second of the next owner. */
  valid_to: string | null
  /** False: nobody newer is known until today, so `valid_to` is null; the address need not be held any more. */
  end_known: boolean
  first_seen: string
  last_seen: string
  conflict_s: string
  held_since: string
  /** How often the owner was not seen for more than 10 minutes since then. */
  gaps: number
  /** The next run and its owner (interface, else service), which may be the same one; null and empty: none. */
  next_seen: string | null
  next_owner: string
  /** If ambiguous: the other owners of that UTC day. */
  others: string[]
}

/**
 * Asks the cloud map who held an address.
 *
 * @param ip IPv4 or IPv6 address.
 * @param atS Unix seconds; undefined: now, the newest run of each scope.
 * @returns One answer per scope that knows the address.
 */
export async function findHolders(store: Store, ip: string, atS: number | undefined): Promise<Holder[]> {
  return ask<Holder, 'who_holds'>(store, 'who_holds', { ip, at: atS === undefined ? new Date() : new Date(atS * 1000) })
}

/** Why an answer is not what it seems: the tables have nothing of the time. */
export type Blank = 'map-empty' | 'nothing-read'

/**
 * Says whether "nobody" or "last-known" means more than that the tables have nothing of the time.
 *
 * @param nowS Unix seconds.
 * @returns undefined: it does; the address was looked for in what was read of the day.
 */
export async function blankOf(store: Store, holders: readonly Holder[], atS: number | undefined, nowS: number): Promise<Blank | undefined> {
  if (holders.some(({ state }) => state !== 'last-known')) return undefined
  const [known] = await ask<{ objects: number; lines: number; runs: number }, 'known_of_day'>(store, 'known_of_day', {
    at: new Date((atS ?? nowS) * 1000),
  })
  if (known === undefined || known.runs === 0) return 'map-empty'
  return known.objects === 0 && known.lines === 0 ? 'nothing-read' : undefined
}

/** Who held an address, and whether the tables can know it. */
export interface LookUp {
  readonly holders: Holder[]
  readonly blank: Blank | undefined
}

/** The same with a connection of its own. */
export async function lookUpHolders(settings: ClickHouseSettings, ip: string, atS: number | undefined): Promise<LookUp> {
  return withStore(settings, async store => {
    const holders = await findHolders(store, ip, atS)
    return { holders, blank: await blankOf(store, holders, atS, Math.floor(Date.now() / 1000)) }
  })
}
