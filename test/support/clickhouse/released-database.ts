/** A database as a release of before views were files left it: each statement of its migrations has run, those about views too. */
import { identifier, quoted } from '../../../sinks/clickhouse/clickhouse-client.ts'
import { readMigrations } from '../../../sinks/clickhouse/migrate.ts'
import { statementsOf } from '../../../sinks/clickhouse/statements.ts'
import type { Store } from '../../../sinks/clickhouse/store.ts'

/** Last migration that was released. */
export const lastReleased = '0010-owners-between.sql'

/** Makes it. */
export async function makeReleasedDatabase(store: Store, last = lastReleased): Promise<void> {
  const database = identifier(store.database)
  await store.command(`CREATE DATABASE IF NOT EXISTS ${database}`)
  await store.command(
    `CREATE TABLE ${database}.schema_migrations (name String, hash String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')) ENGINE = ReplacingMergeTree ORDER BY (name, hash)`,
  )
  for (const { name, hash, text } of readMigrations().filter(migration => migration.name <= last)) {
    for (const statement of statementsOf(text, database, { deduplicationWindow: 1000 })) await store.command(statement)
    await store.command(`INSERT INTO ${database}.schema_migrations (name, hash) VALUES (${quoted(name)}, ${quoted(hash)})`)
  }
}
