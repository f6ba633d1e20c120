/** Brings the database to the schema of this version: schemas/clickhouse/*.sql in order, each once; then the settings that may change. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FlowError } from '../../runtime/errors.ts'
import { ownFile } from '../../runtime/own-files.ts'
import { withAddressRanges } from './address-ranges.ts'
import { checkServers } from './check-servers.ts'
import { identifier, quoted } from './clickhouse-client.ts'
import { formOf, type FormSettings } from './ddl.ts'
import type { Store } from './store.ts'
import { ttlChange, type TtlSettings } from './time-to-live.ts'
import type { Config } from '../../config.ts'

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

type TableSettings = Pick<Config['clickhouse'], 'deduplicationWindow'> &
  Partial<Pick<Config['clickhouse'], 'url'>> &
  TtlSettings &
  FormSettings

/**
 * Makes the database and its tables. Every statement may run twice, and at once in several processes: the first to finish records it.
 * Statements are written for one server; the store makes those for several of them (ddl.ts).
 *
 * @returns Names of the migrations that were applied now.
 * @throws FlowError MIGRATION_CHANGED where an applied migration has another content now; CLICKHOUSE_SERVERS, CLICKHOUSE_UNAVAILABLE, CLICKHOUSE_REFUSED.
 */
export async function migrate(
  store: Store,
  settings: TableSettings,
  migrations: readonly Migration[] = readMigrations(),
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
    for (const statement of statementsOf(migration.text, database, settings)) await apply(store, statement)
    await store.command(
      `INSERT INTO ${database}.schema_migrations (name, hash) VALUES (${quoted(migration.name)}, ${quoted(migration.hash)})`,
    )
    done.push(migration.name)
  }
  await alignSettings(store, settings)
  return done
}

/** Another process replaces the view or changes the table at this moment (CANNOT_ASSIGN_ALTER, ATOMIC_RENAME_FAIL), or is between a rename and the new table (UNKNOWN_TABLE). */
const busyCodes: readonly unknown[] = ['517', '521', '60']
const mostTries = 50
const pauseMs = 200

/** Runs a statement, again while another process is at the same table. */
async function commandInTurn(store: Store, statement: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await store.command(statement)
      return
    } catch (error) {
      const isBusy = error instanceof FlowError && error.code === 'CLICKHOUSE_REFUSED' && busyCodes.includes(error.details['code'])
      if (!isBusy || tries === mostTries) throw error
      await sleep(pauseMs)
    }
  }
}

/** The statements of a migration, with the settings put in. A statement ends with a semicolon at the end of a line. */
export function statementsOf(text: string, database: string, settings: Pick<TableSettings, 'deduplicationWindow'>): string[] {
  const filled = withAddressRanges(text)
    .replaceAll('{database}', database)
    .replaceAll('{deduplicationWindow}', String(settings.deduplicationWindow))
  const statements = filled.split(/;[ \t]*\r?\n/).filter(part => part.replace(/^\s*--.*$/gm, '').trim() !== '')
  return statements.map(part => part.trim())
}

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

/** The times to live and the deduplication window are settings, so they follow the configuration of the last start. */
async function alignSettings(store: Store, settings: TableSettings): Promise<void> {
  const database = identifier(store.database)
  const tables = await store.query<{ name: string; full: string }>(
    "SELECT name, engine_full AS full FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree' AND name != 'schema_migrations'",
    { database: store.database },
  )
  for (const { name, full } of tables) {
    const table = `${database}.${identifier(name)}`
    const window = `non_replicated_deduplication_window = ${settings.deduplicationWindow}`
    // on several servers the store writes it as replicated_deduplication_window
    if (!new RegExp(`\\b(?:non_)?replicated_deduplication_window = ${settings.deduplicationWindow}\\b`).test(full))
      await store.command(`ALTER TABLE ${table} MODIFY SETTING ${window}`)
    const change = ttlChange(name, full, settings)
    if (change !== undefined) await store.command(`ALTER TABLE ${table} ${change}`)
  }
}
