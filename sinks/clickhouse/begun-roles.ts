/**
 * Remembers in the tables which roles have begun to fill them. The broker forgets the position of a role that is stopped for long; if retention
 * has removed what it had not read by then, the role must not begin behind it as if it were new.
 */
import type { BeginningLook, RoleInput } from '../../runtime/part.ts'
import { identifier, quoted, withStore } from './clickhouse-client.ts'
import type { ClickHouseSettings } from './settings.ts'
import type { Store, TableName } from './store.ts'

/** Columns of the table `begun_roles` that are written. `role` has the name of the group, so that a role that was renamed finds what it wrote. */
export const begunRoleColumns = ['role', 'consumer_group', 'topic'] as const

/**
 * Asks whether a role has begun to fill its table. If no deployment is remembered (earlier versions did not), rows in the table count for one
 * of its own: a start that is refused without need can be put right by hand; a loss that nobody sees cannot.
 */
export async function hasBegun(store: Store, table: TableName, { ownGroup, group, topic }: RoleInput): Promise<boolean> {
  const [known] = await store.query<{ any: number; same: number }>(
    'SELECT toUInt8(count() > 0) AS any, toUInt8(countIf(consumer_group = {group:String} AND topic = {topic:String}) > 0) AS same FROM begun_roles WHERE role = {ownGroup:String}',
    { ownGroup, group, topic },
  )
  if (known!.any === 1) return known!.same === 1
  return (await store.query(`SELECT 1 FROM ${identifier(table)} LIMIT 1`)).length > 0
}

/** Remembers that roles begin to fill their tables; said again, it changes nothing. */
export async function rememberBeginnings(store: Store, inputs: readonly RoleInput[]): Promise<void> {
  const textOf = ({ ownGroup, group, topic }: RoleInput): string => `(${[ownGroup, group, topic].map(quoted).join(', ')})`
  const known = await store.query<{ role: string; consumer_group: string; topic: string }>(
    `SELECT DISTINCT role, consumer_group, topic FROM begun_roles WHERE (role, consumer_group, topic) IN (${inputs.map(textOf).join(', ')})`,
  )
  const texts = new Set(known.map(({ role, consumer_group, topic }) => textOf({ ownGroup: role, group: consumer_group, topic })))
  const fresh = inputs.map(textOf).filter(text => !texts.has(text))
  if (fresh.length === 0) return
  await store.command(`INSERT INTO ${identifier(store.database)}.begun_roles (${begunRoleColumns.join(', ')}) VALUES ${fresh.join(', ')}`)
}

interface Settings {
  readonly clickhouse: ClickHouseSettings
}

/** One function for all tables: the roles of a process are remembered together. */
const remember: BeginningLook<Settings>['remember'] = (inputs, { clickhouse }) =>
  withStore(clickhouse, store => rememberBeginnings(store, inputs))

/** What `begun_roles` says of the role that fills a table. */
export const beginningsOf = (table: TableName): BeginningLook<Settings> => ({
  doc: `the table ${table} was filled by it before`,
  hasBegun: (input, { clickhouse }) => withStore(clickhouse, store => hasBegun(store, table, input)),
  remember,
})
