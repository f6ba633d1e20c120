/** Which tables and views a database has; none if it does not exist. */
import type { Config } from '../../config/config.ts'
import { connectClickHouse } from '../../sinks/clickhouse/clickhouse-client.ts'

/** Asks by way of the database `system`: the server refuses questions in one that does not exist. */
export async function tablesOf(settings: Config['clickhouse'], database: string): Promise<string[]> {
  const store = connectClickHouse({ ...settings, database: 'system' })
  try {
    const rows = await store.query<{ name: string }>('SELECT name FROM system.tables WHERE database = {database:String}', { database })
    return rows.map(({ name }) => name)
  } finally {
    await store.close()
  }
}
