/** Collects the records of a range one by one, for targets that take no slabs. */
import type { InBatch, InRecord } from '../records.ts'

/** What a target collects into. */
export interface RecordCollector {
  readonly rows: number
  readonly full: boolean
  /** @returns False for a record that gives no row, such as a barrier. */
  add(record: InRecord): boolean
}

/**
 * The `take` of a RangeTarget: one row for a record, or none.
 *
 * @param room Rows that may be added, at most; Infinity: the range was announced and is taken whole, full or not.
 * @returns Offset after the last record that gave a row; `from` if none did.
 */
export function takeRecords(collector: RecordCollector, batch: InBatch, from: number, until: number, room: number): number {
  let next = from
  const most = collector.rows + room
  const whole = room === Infinity
  for (const record of batch.records) {
    if (record.offset < from) continue
    if (record.offset >= until || collector.rows >= most || (!whole && collector.full)) break
    if (collector.add(record)) next = record.offset + 1
  }
  return next
}
