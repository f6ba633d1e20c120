/** Metrics and log lines of the runtime itself. */
import { counter, gauge } from '../metrics.ts'
import type { OutPart } from '../task.ts'

/** Why a task ended, as metric label. */
export type TaskEnd = 'stopped' | 'moved' | 'fenced' | 'failed'

/** Tasks that were started, by role. */
export const tasksStarted = counter('flowloom_task_starts_total', 'Tasks started, by role', ['role'])
/** Tasks that ended, by role and reason. */
export const tasksEnded = counter(
  'flowloom_task_ends_total',
  'Tasks ended, by role and reason: stopped, moved to another member, fenced by a successor, failed',
  ['role', 'reason'],
)
/** Tasks that run now. */
export const tasksRunning = gauge('flowloom_tasks_running', 'Tasks that are behind their fence and work', ['role'])
/** Failures in a row. */
export const tasksFailing = gauge(
  'flowloom_task_failures_in_a_row',
  'How often the task of a partition has failed without progress; absent: it gets on. From 5 on /readyz says that its role is not ready',
  ['role', 'partition'],
)
/** Records taken from the input. */
export const recordsReceived = counter('flowloom_records_received_total', 'Records taken from the input topic, by role', ['role'])
/** Records written, committed or not. */
const recordsSent = counter(
  'flowloom_records_sent_total',
  'Records sent and acknowledged by the broker, their transaction committed or not, by role and topic',
  ['role', 'topic'],
)
/** Bytes written before compression, committed or not. */
const bytesSent = counter('flowloom_bytes_sent_total', 'Bytes of the same records before compression, by role and topic', ['role', 'topic'])
/** Transactions committed. */
export const transactionsCommitted = counter('flowloom_transactions_committed_total', 'Transactions committed, by role', ['role'])
/** Records behind. */
export const lagRecords = gauge('flowloom_lag_records', 'Offsets between the position and the end of the input partition', [
  'role',
  'partition',
])
/** Labels of the lag of a task. */
export const lagLabels = (role: string, partition: number): { role: string; partition: string } => ({ role, partition: String(partition) })
/** Records restored. */
export const recordsRestored = counter('flowloom_records_restored_total', 'State records read by starting tasks, by role', ['role'])
/** Readings of side tables. */
export const sideTableReadings = counter(
  'flowloom_side_table_readings_total',
  'How often a side table was read from the beginning of its topic: once, and again when its place in the topic was lost',
  ['table'],
)
/** Records read into side tables. */
export const sideTableRecords = counter('flowloom_side_table_records_total', 'Records read into a side table, tombstones included', [
  'table',
])
/** Fetches that failed. */
export const sideTableReadFailures = counter(
  'flowloom_side_table_read_failures_total',
  'Fetches for a side table that failed; it says what it last knew until one succeeds',
  ['table'],
)
/** Age of side tables. */
export const sideTableAge = gauge(
  'flowloom_side_table_age_seconds',
  'How long ago a side table last had all that was committed to its topic; absent until it was read once. Above kafka.sideTableStaleMs /readyz names it',
  ['table'],
)
/** Keys of side tables. */
export const sideTableEntries = gauge('flowloom_side_table_entries', 'Keys of a side table', ['table'])
/** Memory of side tables. */
export const sideTableBytes = gauge(
  'flowloom_side_table_bytes',
  'Memory of a side table: keys, values and what an entry takes beside them',
  ['table'],
)
/** Fill of side tables. */
export const sideTableFill = gauge(
  'flowloom_side_table_fill_ratio',
  'Share of its bound (entries or memory, whichever is nearer) that a side table uses; above 1 the process ends with SIDE_TABLE_FULL',
  ['table'],
)
/** Keys looked up. */
export const keysLookedUp = counter('flowloom_keys_looked_up_total', 'Keys that tasks looked up in topics of their own, by role', ['role'])
/** Records read for them. */
export const lookUpRecordsRead = counter(
  'flowloom_look_up_records_read_total',
  'Records read to find where the values of looked up keys stand, by role',
  ['role'],
)

/** Counts what a role has sent. */
export function countSent(role: string, parts: readonly OutPart[]): void {
  for (const { topic, records } of parts) {
    const labels = { role, topic: topic.name }
    recordsSent.inc(labels, 'count' in records ? records.count : records.length)
    bytesSent.inc(labels, bytesOf(records))
  }
}

/** Bytes before compression. */
function bytesOf(records: OutPart['records']): number {
  if ('packed' in records) return records.size
  if ('bytes' in records) return records.bytes.length
  return records.reduce((sum, record) => sum + (record.key?.length ?? 0) + (record.value?.length ?? 0), 0)
}
