/** What fetch counts. Counters of published things move when their transaction is committed. */
import { counter, gauge } from '../../../runtime/metrics.ts'

export const objectsRecorded = counter('flowloom_fetch_objects_total', 'ledger records committed, by state', ['state'])
export const objectsSkipped = counter('flowloom_fetch_arrivals_skipped_total', 'arrivals that asked for nothing new', ['reason'])
export const objectsResumed = counter('flowloom_fetch_objects_resumed_total', 'objects that were read on from a committed line')
export const versionsReplaced = counter(
  'flowloom_fetch_versions_replaced_total',
  'objects that changed after some of their lines were published; the new version is read from its first line',
)
export const linesRead = counter('flowloom_fetch_lines_total', 'lines accounted for, header and blank lines included')
export const linesDead = counter('flowloom_fetch_dead_lines_total', 'lines sent to dead letters', ['reason'])
export const bytesRead = counter('flowloom_fetch_object_bytes_total', 'bytes of objects as stored that were taken in')
export const textBytesRead = counter('flowloom_fetch_text_bytes_total', 'bytes of text after decompression')
export const chunksCommitted = counter('flowloom_fetch_chunks_total', 'transactions that carried a part of a large object')
export const attemptsFailed = counter('flowloom_fetch_attempts_failed_total', 'failed attempts to read an object', ['code'])
export const retriesWaiting = gauge('flowloom_fetch_retries_waiting', 'objects that wait for another attempt')
export const bytesInFlight = gauge('flowloom_fetch_bytes_in_flight', 'bytes of objects read ahead and not yet processed')
