/** Times of records that do not carry both: the 5-minute slot in the name of the object, and the record says so. */
import { slotSeconds } from '../../schemas/object-name.ts'
import { timeSources, timesKept, type TimeKept, type TimeSource } from '../../schemas/records.ts'
import { numberPlace } from '../../flow/numbers.ts'
import { timeSource, type FlowBatch } from '../../flow/flow-batch.ts'

function fill(start: Float64Array, end: Float64Array, source: Uint8Array, rows: number, slotStart: number | null): void {
  for (let row = 0; row < rows; row++) {
    const from = start[row]!
    const to = end[row]!
    if (from >= 0 && to >= 0) {
      source[row] = timeSource.logged
      continue
    }
    if (slotStart === null) {
      source[row] = from >= 0 ? timeSource.start : to >= 0 ? timeSource.end : timeSource.none
      const known = from >= 0 ? from : to >= 0 ? to : 0
      start[row] = known
      end[row] = known
      continue
    }
    source[row] = timeSource.slot
    if (from < 0) start[row] = to < 0 ? slotStart : Math.min(slotStart, to)
    if (to < 0) end[row] = Math.max(slotStart + slotSeconds - 1, from)
  }
}

/**
 * Fills absent times of flows and gaps: both or one from the slot (never beyond the one that is logged). Where the object name has no slot,
 * nothing is derived: the one that is logged stands for both, 0 where neither is.
 *
 * @param slotStart Unix seconds of the slot of the object, null if unknown.
 */
export function resolveTimes(batch: FlowBatch, slotStart: number | null): void {
  fill(batch.numbers[numberPlace.start]!, batch.numbers[numberPlace.end]!, batch.timeSource, batch.rows, slotStart)
  fill(batch.gaps.start, batch.gaps.end, batch.gaps.timeSource, batch.gaps.rows, slotStart)
}

/** `timeSource` of a record for its value in the batch. */
export const timeSourceOf = (value: number): TimeSource => timeSources[value] ?? 'none'

/** `timeKept` of a record for the `timeSource` in the batch. */
export const timeKeptOf = (value: number): TimeKept | null => timesKept[value - timeSource.start] ?? null
