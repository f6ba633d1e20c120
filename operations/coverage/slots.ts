/** Which 5-minute slots of a flow log ought to be there and are not. Pure; times are Unix seconds. */
import { slotSeconds } from '../../schemas/object-name.ts'

/** Slots in a row, `to` not included. */
export interface SlotRange {
  readonly from: number
  readonly to: number
}

/** First second of the slot of a time. */
export const slotOf = (seconds: number): number => Math.floor(seconds / slotSeconds) * slotSeconds

/** First second of the slot that follows, or of this one where the time is its first second. */
export const slotAfter = (seconds: number): number => Math.ceil(seconds / slotSeconds) * slotSeconds

/**
 * First slot that need not have arrived yet: a slot is due when it and the time for its delivery are over.
 *
 * @param graceS Seconds from the end of a slot until it is due.
 */
export const firstNotDue = (nowS: number, graceS: number): number => slotOf(nowS - graceS)

/** What to look for. */
export interface Expectation {
  /** First slot known of the flow log: before it nothing is expected. */
  readonly firstKnown: number
  /** Last slot known of it. */
  readonly lastKnown: number
  /** Slots with a done object. */
  readonly done: Iterable<number>
  /** Whole slots, `to` not included. */
  readonly from: number
  readonly to: number
  /** See firstNotDue. */
  readonly notDue: number
  /** Seconds between the objects of the flow log: one slot; two where windows of 10 minutes leave every other slot without an object. */
  readonly everyS: number
}

/** Slots without a done object: those that others frame or follow, and those since the flow log fell silent. */
export interface MissingSlots {
  readonly missing: readonly SlotRange[]
  readonly silent: SlotRange | null
}

/** True if a done object stands for the slot: its own, or one less than `everyS` away. */
export function isStoodFor(isDone: (slot: number) => boolean, slot: number, everyS: number): boolean {
  for (let away = 0; away < everyS; away += slotSeconds) if (isDone(slot - away) || isDone(slot + away)) return true
  return false
}

/** Finds what is missing. */
export function missingSlots(expected: Expectation): MissingSlots {
  const done = new Set(expected.done)
  const to = Math.min(expected.to, expected.notDue)
  const missing: SlotRange[] = []
  let silentFrom = 0
  for (let slot = Math.max(expected.from, expected.firstKnown); slot < to; slot += slotSeconds) {
    if (isStoodFor(at => done.has(at), slot, expected.everyS)) continue
    const last = missing.at(-1)
    if (slot > expected.lastKnown) {
      silentFrom = slot
      break
    }
    if (last?.to === slot) missing[missing.length - 1] = { from: last.from, to: slot + slotSeconds }
    else missing.push({ from: slot, to: slot + slotSeconds })
  }
  return { missing, silent: silentFrom === 0 ? null : { from: silentFrom, to } }
}

/** Slots as ranges, in the order of their first ones. */
export function rangesOf(slots: Iterable<number>): SlotRange[] {
  const ranges: SlotRange[] = []
  for (const slot of [...new Set(slots)].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last?.to === slot) ranges[ranges.length - 1] = { from: last.from, to: slot + slotSeconds }
    else ranges.push({ from: slot, to: slot + slotSeconds })
  }
  return ranges
}

/** How many slots ranges hold. */
export const slotsIn = (ranges: readonly SlotRange[]): number =>
  ranges.reduce((sum, range) => sum + (range.to - range.from) / slotSeconds, 0)
