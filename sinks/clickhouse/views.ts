/**
 * Views are files, not history: schemas/clickhouse/views/<view>.sql is the only text of a view. It is applied at a start if what it comes to is not
 * what the database has: its text with that of the views it reads, and the migrations, because a view keeps the columns that its tables had.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FlowError } from '../../runtime/errors.ts'
import { ownFile } from '../../runtime/own-files.ts'
import { identifier, quoted } from './clickhouse-client.ts'
import { withConditions } from './conditions.ts'
import { commandInTurn, statementsOf, type StatementSettings } from './statements.ts'
import type { Store } from './store.ts'

/** One file of schemas/clickhouse/views/. */
export interface View {
  readonly name: string
  readonly text: string
}

/** The views of a version, and those that it no longer has. */
export interface Views {
  /** Each after those that it reads. */
  readonly files: readonly View[]
  /** Names of views that earlier versions made: they are dropped. */
  readonly retired: readonly string[]
}

/** A view whose file is removed is named here; a test compares this with the names there were in any release. */
const retired: readonly string[] = []

const viewsDir = ownFile('../../schemas/clickhouse/views/', import.meta.url)

/** Reads the views of this version. */
export function readViews(): Views {
  const files = readdirSync(viewsDir)
    .filter(file => file.endsWith('.sql'))
    .map(file => ({ name: file.slice(0, -'.sql'.length), text: readFileSync(join(viewsDir, file), 'utf8') }))
  return { files: inOrder(files), retired }
}

/** Names of the views that a view reads. */
function readsOf({ text, name }: View, all: readonly View[]): Set<string> {
  const said = new Set([...text.replace(/^[ \t]*--.*$/gm, '').matchAll(/\{database\}\.(\w+)/g)].map(match => match[1]!))
  return new Set(all.map(view => view.name).filter(other => other !== name && said.has(other)))
}

/**
 * Orders views: each after those that its text names, else by name.
 *
 * @throws Error for views that read each other in a circle; it names them.
 */
export function inOrder(views: readonly View[]): View[] {
  const ordered: View[] = []
  const visit = (view: View, path: readonly string[]): void => {
    if (ordered.includes(view)) return
    const start = path.indexOf(view.name)
    if (start >= 0) throw new Error(`views read each other in a circle: ${[...path.slice(start), view.name].join(' -> ')}`)
    const reads = readsOf(view, views)
    for (const other of views) if (reads.has(other.name)) visit(other, [...path, view.name])
    ordered.push(view)
  }
  for (const view of [...views].sort((a, b) => (a.name < b.name ? -1 : 1))) visit(view, [])
  return ordered
}

/**
 * What each view comes to, as SHA-256 in hex: another value, and the view is made again.
 *
 * @param views In order.
 * @param tables What stands for the columns of the tables: the hashes of the migrations.
 */
export function viewHashes(views: readonly View[], tables: readonly string[]): Map<string, string> {
  const hashes = new Map<string, string>()
  for (const view of views) {
    const read = [...readsOf(view, views)].map(name => `${name} ${hashes.get(name)}`)
    const whole = [withConditions(view.text), ...tables, ...read].join('\n')
    hashes.set(view.name, createHash('sha256').update(whole).digest('hex'))
  }
  return hashes
}

/** What the database has. */
interface Known {
  readonly name: string
  /** Engine of what has the name; empty: nothing has. */
  readonly engine: string
  /** Hash of the view as it was last made; empty: made by a migration or by somebody else, or dropped since. */
  readonly hash: string
}

/**
 * Makes the views that are missing or of another text, and drops retired ones. May run at once in several processes, which then make the same
 * views twice; of processes of different versions the last one to start decides.
 *
 * @param tables See viewHashes.
 * @returns Names of the views that were made now.
 * @throws FlowError VIEW_NAME_TAKEN if a table of somebody else has the name of a view.
 */
export async function applyViews(
  store: Store,
  settings: StatementSettings,
  tables: readonly string[],
  { files, retired }: Views,
): Promise<string[]> {
  const database = identifier(store.database)
  await store.command(
    `CREATE TABLE IF NOT EXISTS ${database}.schema_views (name String, hash String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')) ENGINE = ReplacingMergeTree(applied_at) ORDER BY name`,
  )
  await store.catchUp?.('schema_views')
  const known = await knownOf(store)
  const hashes = viewHashes(files, tables)
  const changed = files.filter(({ name }) => {
    const found = known.get(name)
    if (found !== undefined && found.engine !== '' && found.engine !== 'View')
      throw new FlowError('VIEW_NAME_TAKEN', { database: store.database, name })
    return found === undefined || found.engine === '' || found.hash !== hashes.get(name)
  })
  const gone = await dropRetired(store, retired, known)
  for (const { text } of changed) for (const statement of statementsOf(text, database, settings)) await commandInTurn(store, statement)
  const rows = [...changed.map(({ name }) => [name, hashes.get(name)!]), ...gone.map(name => [name, ''])]
  if (rows.length > 0)
    await store.command(
      `INSERT INTO ${database}.schema_views (name, hash) VALUES ${rows.map(([name, hash]) => `(${quoted(name!)}, ${quoted(hash!)})`).join(', ')}`,
    )
  return changed.map(view => view.name)
}

async function knownOf(store: Store): Promise<Map<string, Known>> {
  const rows = await store.query<Known>(
    `SELECT name, max(engine) AS engine, max(hash) AS hash
     FROM (
       SELECT name, engine, '' AS hash FROM system.tables WHERE database = {database:String}
       UNION ALL
       SELECT name, '' AS engine, argMax(hash, applied_at) AS hash FROM schema_views GROUP BY name
     )
     GROUP BY name`,
    { database: store.database },
  )
  return new Map(rows.map(row => [row.name, row]))
}

/**
 * Drops retired views, but not one that somebody else made under the name since, nor one that a view of somebody else still reads. If no view is
 * remembered yet, those that are there were made by migrations.
 *
 * @returns Those that are gone.
 */
async function dropRetired(store: Store, retired: readonly string[], known: ReadonlyMap<string, Known>): Promise<string[]> {
  const gone: string[] = []
  const isFirst = [...known.values()].every(({ hash }) => hash === '')
  for (const name of retired) {
    const found = known.get(name)
    if (found?.engine !== 'View' || (found.hash === '' && !isFirst)) continue
    const readers = await store.query<{ name: string }>(
      `SELECT name FROM system.tables
       WHERE database = {database:String} AND engine LIKE '%View' AND name != {name:String} AND match(create_table_query, {word:String})
         AND name NOT IN (SELECT name FROM schema_views)`,
      { database: store.database, name, word: `\\b${name}\\b` },
    )
    if (readers.length > 0) continue
    await commandInTurn(store, `DROP VIEW IF EXISTS ${identifier(store.database)}.${identifier(name)}`)
    gone.push(name)
  }
  return gone
}
