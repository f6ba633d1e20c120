/**
 * Brings the database to the schema of this version: schemas/clickhouse/*.sql in order, each once, for what holds rows; then the views
 * (views.ts), then the settings that may change.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FlowError } from '../../runtime/errors.ts'
import { ownFile } from '../../runtime/own-files.ts'
import { checkServers } from './check-servers.ts'
import { identifier, quoted } from './clickhouse-client.ts'
import { formOf, type FormSettings } from './ddl.ts'
import { tablesOf } from './owned-tables.ts'
import { commandInTurn, statementsOf, type StatementSettings } from './statements.ts'
import type { Store } from './store.ts'
import { ttlChange, type TtlSettings } from './time-to-live.ts'
import type { ClickHouseSettings } from './settings.ts'
import { applyViews, readViews, type Views } from './views.ts'

/** One migration file. */
export interface Migration {
  readonly name: string
  /** SHA-256 of the file, in hex. */
  readonly hash: string
  readonly text: string
}

const migrationsDir = ownFile('../../schemas/clickhouse/', import.meta.url)

/** Reads the migrations of this version, in order. */
export function readMigrations(): Migration[] {
  const names = readdirSync(migrationsDir).filter(name => name.endsWith('.sql'))
  return names.sort().map(name => {
    const text = readFileSync(join(migrationsDir, name), 'utf8')
    return { name, hash: createHash('sha256').update(text).digest('hex'), text }
  })
}

type TableSettings = StatementSettings & Partial<Pick<ClickHouseSettings, 'url'>> & TtlSettings & FormSettings

/** Name under which a view is reported. */
const viewFile = (view: string): string => `views/${view}.sql`

/**
 * Makes the database, its tables and its views. Every statement may run twice, and at once in several processes: the first to finish records it.
 * Statements are written for one server; the store makes those for several of them (ddl.ts).
 *
 * @param tellForeign Told of each of our tables that has a time to live which somebody else has set: it stays, whatever the settings say.
 * @returns Files of the migrations and views that were applied now, under schemas/clickhouse/.
 * @throws FlowError MIGRATION_CHANGED if an applied migration has another content now; VIEW_NAME_TAKEN, CLICKHOUSE_SERVERS, CLICKHOUSE_UNAVAILABLE,
 *   CLICKHOUSE_REFUSED.
 */
export async function migrate(
  store: Store,
  settings: TableSettings,
  migrations: readonly Migration[] = readMigrations(),
  views: Views = readViews(),
  tellForeign: (table: string, ttl: string) => void = () => undefined,
): Promise<string[]> {
  await checkServers(store, formOf(settings), settings.url ?? store.database)
  const database = identifier(store.database)
  await store.command(`CREATE DATABASE IF NOT EXISTS ${database}`)
  await store.command(
    `CREATE TABLE IF NOT EXISTS ${database}.schema_migrations (name String, hash String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')) ENGINE = ReplacingMergeTree ORDER BY (name, hash)`,
  )
  await store.catchUp?.('schema_migrations')
  const applied = await store.query<{ name: string; hash: string }>('SELECT DISTINCT name, hash FROM schema_migrations')
  const done: string[] = []
  for (const migration of migrations) {
    const hashes = applied.filter(row => row.name === migration.name).map(row => row.hash)
    if (hashes.some(hash => hash !== migration.hash)) throw new FlowError('MIGRATION_CHANGED', { name: migration.name })
    if (hashes.length > 0) continue
    for (const statement of statementsOf(migration.text, database, settings)) if (!isOfView(statement)) await apply(store, statement)
    await store.command(
      `INSERT INTO ${database}.schema_migrations (name, hash) VALUES (${quoted(migration.name)}, ${quoted(migration.hash)})`,
    )
    done.push(migration.name)
  }
  const hashes = migrations.map(migration => migration.hash)
  done.push(...(await applyViews(store, settings, hashes, views)).map(viewFile))
  await alignSettings(store, settings, tablesOf(migrations), tellForeign)
  return done
}

/**
 * True for a statement that makes, drops or comments on a view. The migrations of the first releases have such statements and are never edited:
 * on a database that they have not reached yet they are left out, because views come from their own files after the last migration.
 */
const isOfView = (statement: string): boolean => /^(?:CREATE OR REPLACE VIEW|DROP VIEW|ALTER TABLE .+ MODIFY COMMENT) /.test(statement)

/** Runs a statement. RENAME cannot run twice by itself: it is done if the new name is there, be it by another process in this moment. */
async function apply(store: Store, statement: string): Promise<void> {
  const target = /^RENAME TABLE IF EXISTS .+ TO .+\.(\w+)$/m.exec(statement)?.[1]
  const isDone = async (): Promise<boolean> => {
    const tables = await store.query('SELECT 1 FROM system.tables WHERE database = {database:String} AND name = {name:String}', {
      database: store.database,
      name: target,
    })
    return tables.length > 0
  }
  if (target === undefined) return commandInTurn(store, statement)
  if (await isDone()) return
  try {
    await commandInTurn(store, statement)
  } catch (error) {
    if (!(await isDone())) throw error
  }
}

/** The times to live and the deduplication window are settings, so in our tables they follow the configuration of the last start. */
async function alignSettings(
  store: Store,
  settings: TableSettings,
  names: readonly string[],
  tellForeign: (table: string, ttl: string) => void,
): Promise<void> {
  const database = identifier(store.database)
  const tables = await store.query<{ name: string; full: string }>(
    "SELECT name, engine_full AS full FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree' AND name IN {names:Array(String)}",
    { database: store.database, names },
  )
  for (const { name, full } of tables) {
    const table = `${database}.${identifier(name)}`
    const window = `non_replicated_deduplication_window = ${settings.deduplicationWindow}`
    // on several servers the store writes it as replicated_deduplication_window
    if (!new RegExp(`\\b(?:non_)?replicated_deduplication_window = ${settings.deduplicationWindow}\\b`).test(full))
      await store.command(`ALTER TABLE ${table} MODIFY SETTING ${window}`)
    const { statement, foreign } = ttlChange(name, full, settings)
    if (statement !== undefined) await store.command(`ALTER TABLE ${table} ${statement}`)
    if (foreign !== undefined) tellForeign(name, foreign)
  }
}
