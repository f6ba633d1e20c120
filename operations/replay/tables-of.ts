/** Which tables and views a database has; none if it does not exist. */
import type { Config } from '../../config/config.ts'
import { withStore } from '../../sinks/clickhouse/clickhouse-client.ts'

/** Asks by way of the database `system`: the server refuses questions in one that does not exist. */
export async function tablesOf(settings: Config['clickhouse'], database: string): Promise<string[]> {
  const sql = 'SELECT name FROM system.tables WHERE database = {database:String}'
  const rows = await withStore({ ...settings, database: 'system' }, store => store.query<{ name: string }>(sql, { database }))
  return rows.map(({ name }) => name)
}
