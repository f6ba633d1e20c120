/**
 * The one place where a statement that is written for one server becomes the one for several: migrations, settings and drops are written once,
 * and every statement of `Store.command` passes through here.
 *
 * @see https://clickhouse.com/docs/engines/table-engines/mergetree-family/replication
 * @see https://clickhouse.com/docs/sql-reference/distributed-ddl
 * @see https://clickhouse.com/docs/cloud/reference/shared-merge-tree
 */
import type { ClickHouseSettings } from './settings.ts'

/** How many servers stand behind the address: one; the replicas of a cluster with one shard; ClickHouse Cloud. */
export type ServerForm = { readonly kind: 'one' } | { readonly kind: 'cluster'; readonly name: string } | { readonly kind: 'cloud' }

/** Settings that say so. */
export type FormSettings = Partial<Pick<ClickHouseSettings, 'cluster' | 'cloud'>>

/** Reads the form of the settings. */
export function formOf({ cluster, cloud }: FormSettings): ServerForm {
  if (cluster !== undefined) return { kind: 'cluster', name: cluster }
  return { kind: cloud === true ? 'cloud' : 'one' }
}

/**
 * Time for which replicas remember tokens, beside their number. The default of newer servers is an hour, less than a broker's outage; a sink
 * that comes back later looks for its range in the table, so it need not be longer than what happens often.
 */
const tokenSeconds = 7 * 86_400

const name = String.raw`(?:\x60(?:[^\x60\\]|\\.)*\x60|\w+)`
const fullName = `${name}(?:\\.${name})?`
const comments = String.raw`^(?:\s*--[^\n]*\n)*\s*`

/** Statements that define something, up to the place where ON CLUSTER stands. */
const definitions: readonly RegExp[] = [
  `CREATE (?:OR REPLACE )?(?:DATABASE|TABLE|VIEW|MATERIALIZED VIEW|FUNCTION|DICTIONARY)(?: IF NOT EXISTS)? ${fullName}`,
  `ALTER TABLE ${fullName}`,
  `(?:DROP|TRUNCATE) (?:DATABASE|TABLE|VIEW|FUNCTION|DICTIONARY)(?: IF EXISTS)? ${fullName}`,
  `(?:RENAME TABLE|RENAME DICTIONARY)(?: IF EXISTS)? ${fullName} TO ${fullName}(?:, ${fullName} TO ${fullName})*`,
  `EXCHANGE TABLES ${fullName} AND ${fullName}`,
  `OPTIMIZE TABLE ${fullName}`,
  `SYSTEM SYNC REPLICA(?= )`,
].map(text => new RegExp(`${comments}${text}`, 'i'))

/** Statements that define nothing: they are the same for each form. */
const others = new RegExp(`${comments}(?:INSERT|SELECT|WITH|SET|CHECK|EXPLAIN)\\b`, 'i')

/**
 * The statement for one of the forms.
 *
 * @param statement As for one server; keywords as in the migrations, names plain or in backticks.
 * @throws Error for a statement of an unknown kind: it would reach one replica only.
 */
export function statementFor(form: ServerForm, statement: string): string {
  if (form.kind === 'one' || others.test(statement)) return statement
  const found = definitions.map(definition => definition.exec(statement)?.[0]).find(head => head !== undefined)
  if (found === undefined) throw new Error(`no form for several servers: ${statement.slice(0, 80)}`)
  const named = withWindow(statement)
  if (form.kind === 'cloud') return named
  const onCluster = ` ON CLUSTER \`${form.name.replace(/[\\`]/g, '\\$&')}\``
  return `${found}${onCluster}${withReplicas(named.slice(found.length))}`
}

/** Tables of several servers keep their tokens in Keeper, under another setting. */
const withWindow = (statement: string): string =>
  statement.replace(
    /\bnon_replicated_deduplication_window = (\d+)/g,
    `replicated_deduplication_window = $1, replicated_deduplication_window_seconds = ${tokenSeconds}`,
  )

/** Path and name of a replica are left to the defaults of the server: the id of the table, its shard and its replica. */
const withReplicas = (statement: string): string => statement.replace(/\bENGINE = (\w*MergeTree)\b/g, 'ENGINE = Replicated$1')

/** Settings of an insert. */
export function insertSettings(
  form: ServerForm,
  { insertQuorum, insertTimeoutMs }: { insertQuorum: string; insertTimeoutMs: number },
): string {
  if (form.kind !== 'cluster') return ''
  // In parallel: several partitions are inserted at once.
  const quorum = insertQuorum === 'auto' ? "'auto'" : insertQuorum
  return `, insert_quorum = ${quorum}, insert_quorum_parallel = 1, insert_quorum_timeout = ${insertTimeoutMs}`
}

/** Settings of a question, so that it sees what any server has acknowledged. A cluster has no such setting for inserts in parallel: see `catchUp`. */
export const questionSettings = (form: ServerForm): Record<string, 1> => (form.kind === 'cloud' ? { select_sequential_consistency: 1 } : {})
