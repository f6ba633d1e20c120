/** Starting again from nothing, on the side of ClickHouse. The offsets of the consumer groups are reset elsewhere, in the same breath. */
import type { ClickHouseSettings } from './settings.ts'
import { identifier } from './clickhouse-client.ts'
import { migrate, readMigrations } from './migrate.ts'
import { tablesOf } from './owned-tables.ts'
import { memoryTables, tableNames, type Store } from './store.ts'
import { readViews } from './views.ts'

/** Names of all objects that the migrations and views make. */
export function ownedObjects(): { tables: string[]; views: string[] } {
  return { tables: [...tablesOf(readMigrations()), ...memoryTables], views: readViews().files.map(view => view.name) }
}

/**
 * Drops the tables and views of flowloom with all rows and the memory of insert tokens; other tables of the database stay.
 * No process of the part may run: its next insert would fail, and its task start again.
 */
export async function dropTables(store: Store): Promise<void> {
  const database = identifier(store.database)
  await store.command(`CREATE DATABASE IF NOT EXISTS ${database}`)
  const { tables, views } = ownedObjects()
  for (const view of views) await store.command(`DROP VIEW IF EXISTS ${database}.${identifier(view)} SYNC`)
  for (const table of tables) await store.command(`DROP TABLE IF EXISTS ${database}.${identifier(table)} SYNC`)
}

/** Drops everything and makes it again, empty. The part must then read its topics from their start. */
export async function resetTables(store: Store, settings: ClickHouseSettings): Promise<void> {
  await dropTables(store)
  await migrate(store, settings)
}

/** Rows per table, for a look before and after. */
export async function countRows(store: Store): Promise<Record<string, number>> {
  const rows = await store.query<{ name: string; rows: string }>(
    'SELECT name, toString(coalesce(total_rows, 0)) AS rows FROM system.tables WHERE database = {database:String} AND name IN ({names:Array(String)})',
    { database: store.database, names: [...tableNames] },
  )
  return Object.fromEntries(rows.map(row => [row.name, Number(row.rows)]))
}
