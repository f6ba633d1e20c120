/** Metrics and log lines of the runtime itself. */
import { counter, gauge } from '../metrics.ts'

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
export const recordsSent = counter(
  'flowloom_records_sent_total',
  'Records sent and acknowledged by the broker, their transaction committed or not, by role and topic',
  ['role', 'topic'],
)
/** Bytes written before compression, committed or not. */
export const bytesSent = counter('flowloom_bytes_sent_total', 'Bytes of the same records before compression, by role and topic', [
  'role',
  'topic',
])
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
/** Keys looked up. */
export const keysLookedUp = counter('flowloom_keys_looked_up_total', 'Keys that tasks looked up in topics of their own, by role', ['role'])
/** Records read for them. */
export const lookUpRecordsRead = counter(
  'flowloom_look_up_records_read_total',
  'Records read to find where the values of looked up keys stand, by role',
  ['role'],
)
