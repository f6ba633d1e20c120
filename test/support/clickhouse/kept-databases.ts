/**
 * Databases that test files leave to those that run after them on the same server. FLOWLOOM_TEST_DATABASES names the folder with a file for each; a
 * file is taken by removing it, so two processes never have the same one. Without that variable nothing is kept.
 */
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Store } from '../../../sinks/clickhouse/store.ts'

const folder = process.env['FLOWLOOM_TEST_DATABASES']

/** The name of a database that nobody uses any more; undefined if there is none. */
export function takeDatabase(): string | undefined {
  if (folder === undefined) return undefined
  return readdirSync(folder).find(name => {
    try {
      rmSync(join(folder, name))
      return true
    } catch {
      // somebody else took it
      return false
    }
  })
}

/** Leaves a database to others, who empty it. @returns False if nothing is kept. */
export function keepDatabase(name: string): boolean {
  if (folder === undefined) return false
  writeFileSync(join(folder, name), '')
  return true
}

/** All that a database has but rows: its tables, views and what is remembered of migrations and views. Two of the same version and settings have the same. */
export async function shapeOf(store: Store): Promise<string> {
  const tables = await store.query<{ text: string }>(
    `SELECT replaceAll(create_table_query, {database:String}, '') AS text FROM system.tables WHERE database = {database:String} ORDER BY name`,
    { database: store.database },
  )
  const remembered = await store.query(
    'SELECT DISTINCT * FROM (SELECT name, hash FROM schema_migrations UNION ALL SELECT name, hash FROM schema_views FINAL) ORDER BY name, hash',
  )
  return JSON.stringify([tables, remembered])
}
