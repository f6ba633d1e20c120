/** Which tables of a database are ours: those that the migrations make. Others may stand beside them, and are left as they are. */
import type { Migration } from './migrate.ts'

/** Names of the tables that migrations make, also under a former name. */
export function tablesOf(migrations: readonly Migration[]): string[] {
  const text = migrations.map(migration => migration.text).join('\n')
  const named = (statement: RegExp): string[] => [...text.matchAll(statement)].map(match => match[1]!)
  return [
    ...new Set([
      ...named(/^CREATE TABLE IF NOT EXISTS \{database\}\.(\w+)/gm),
      ...named(/^RENAME TABLE IF EXISTS .+ TO \{database\}\.(\w+)/gm),
    ]),
  ]
}
