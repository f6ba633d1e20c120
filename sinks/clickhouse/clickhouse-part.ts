/** ClickHouse as a part of the path. */
import { harmless, part, type Guard, type OutputLook, type PartOptions } from '../../runtime/part.ts'
import type { Log } from '../../runtime/log.ts'
import { connectClickHouse, withStore } from './clickhouse-client.ts'
import { beginningsOf } from './begun-roles.ts'
import { clickhouseRoles, createClickHouseRoles } from './clickhouse-sink.ts'
import { firstDeadLetter, firstFlow, firstGap } from './first-rows.ts'
import { migrate } from './migrate.ts'
import { recordOwnNetworks, type OwnNetworkEntry } from './own-networks.ts'
import { probeClickHouse } from './probe-clickhouse.ts'
import { resetTables } from './reset.ts'
import { clickhouseSection, type ClickHouseSettings } from './settings.ts'
import type { TableName } from './store.ts'

/** The settings that clickhouse takes from the whole. */
export interface ClickHouseConfig {
  readonly clickhouse: ClickHouseSettings
  readonly kafka: { readonly topicPrefix: string }
  /** The tables say what is ours, so that views can ask. */
  readonly networks: { readonly own: readonly OwnNetworkEntry[] }
}

/** The rows of a table that keeps every row would stand twice. */
const keepsAll = (table: TableName, look: OutputLook<ClickHouseConfig>): Guard<ClickHouseConfig> => ({
  repeated: { refusedIfFound: look },
  missed: { refusedIfBegun: beginningsOf(table) },
})
/** The rows of a table that keeps the newest row of each key. */
const keepsNewest = harmless('its table keeps the newest row of each key, and so does its topic')

/**
 * Brings the tables up to date.
 *
 * @param ownNetworks What the settings say of our networks, to be recorded; undefined: what was recorded stays.
 */
export async function migrateTables(settings: ClickHouseSettings, ownNetworks?: readonly OwnNetworkEntry[], log?: Log): Promise<void> {
  await withStore(settings, async store => {
    await migrate(store, settings, undefined, undefined, (table, ttl) =>
      log?.warn({ table, ttl }, 'time to live of the table is not ours and stays; the settings have no effect on it'),
    )
    if (ownNetworks !== undefined) await recordOwnNetworks(store, ownNetworks)
  })
}

/** What clickhouse is and does. */
export const clickhouse = part({
  name: 'clickhouse',
  formerName: 'sink',
  kind: 'sink',
  doc: 'brings it into ClickHouse, each range of offsets once',
  settings: { clickhouse: clickhouseSection },
  roles: clickhouseRoles,
  fills: 'ClickHouse',
  prepare: ({ clickhouse, networks }: ClickHouseConfig, log) => migrateTables(clickhouse, networks.own, log),
  guard: {
    'clickhouse-flows': keepsAll('flows', firstFlow),
    'clickhouse-gaps': keepsAll('flow_gaps', firstGap),
    'clickhouse-runs': keepsNewest,
    'clickhouse-objects': keepsNewest,
    'clickhouse-dead-letters': keepsAll('dead_letters', firstDeadLetter),
    'clickhouse-replays': keepsNewest,
  },
  probe: ({ clickhouse }: ClickHouseConfig) => probeClickHouse(clickhouse),
  reset: {
    drops: 'tables',
    what: ({ clickhouse }: ClickHouseConfig) =>
      `those of flowloom, with its views, in database ${clickhouse.database} at ${clickhouse.url}; others stay`,
    run: ({ clickhouse }: ClickHouseConfig) => withStore(clickhouse, store => resetTables(store, clickhouse)),
  },
  build({ config: { clickhouse, kafka } }: PartOptions<ClickHouseConfig>) {
    const store = connectClickHouse(clickhouse)
    return { roles: createClickHouseRoles({ ...clickhouse, store, topicPrefix: kafka.topicPrefix }), close: () => store.close() }
  },
})
