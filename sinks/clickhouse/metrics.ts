/** Counters of the part. */
import { counter, histogram } from '../../runtime/metrics.ts'
import type { TableName } from './store.ts'

/** Rows inserted, by table. */
export const rowsInserted = counter<'table'>('flowloom_clickhouse_rows_total', 'rows inserted', ['table'])
/** Inserts, by table. */
export const insertsDone = counter<'table'>('flowloom_clickhouse_inserts_total', 'inserts that succeeded', ['table'])
/** Inserts that failed; their range is repeated. */
export const insertsFailed = counter<'table'>(
  'flowloom_clickhouse_insert_failures_total',
  'inserts that failed or whose outcome is unknown; the range is repeated',
  ['table'],
)
/** Bytes sent, by table. */
export const bytesInserted = counter<'table'>('flowloom_clickhouse_bytes_total', 'bytes of inserts', ['table'])
/** Seconds per insert. */
export const insertSeconds = histogram<'table'>('flowloom_clickhouse_insert_seconds', 'time of one insert', ['table'])
/** Ranges that a new task found pending and inserted again. */
export const rangesRepeated = counter<'role'>('flowloom_clickhouse_ranges_repeated_total', 'ranges inserted again after a restart', [
  'role',
])
/** Ranges that were looked for in the table before they were inserted again, by what was found: `all`, `none` or `some` of their rows. */
export const rangesLookedFor = counter<'role' | 'found'>(
  'flowloom_clickhouse_ranges_looked_for_total',
  'old ranges that were looked for in the table before they were inserted again',
  ['role', 'found'],
)
/** Questions of such looks that failed; the range waits for them. */
export const looksFailed = counter<'table'>(
  'flowloom_clickhouse_look_failures_total',
  'questions for the rows of old ranges that failed or took too long; no row of the range is inserted before they are answered',
  ['table'],
)
/** Records decoded by schema resolution, the slow way. */
export const recordsResolved = counter(
  'flowloom_clickhouse_records_resolved_total',
  'flows of another writer schema, decoded by schema resolution',
)
/** Values that no column can hold; they are stored as absent. */
export const valuesUnfit = counter('flowloom_clickhouse_values_unfit_total', 'values that do not fit their column and are stored as absent')

/** Counts one insert. */
export function insertDone(table: TableName, rows: number, bytes: number, seconds: number): void {
  rowsInserted.inc({ table }, rows)
  insertsDone.inc({ table })
  bytesInserted.inc({ table }, bytes)
  insertSeconds.observe({ table }, seconds)
}
