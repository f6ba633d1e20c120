/** Wall-clock intervals. If the clock is set back, a timer must not stall until it catches up. */

/**
 * True if an interval is over, or where the clock was set back behind its beginning.
 *
 * @param sinceMs Beginning, Unix milliseconds.
 * @param nowMs Unix milliseconds.
 * @param intervalMs Length.
 */
export const isOver = (sinceMs: number, nowMs: number, intervalMs: number): boolean => nowMs < sinceMs || nowMs - sinceMs >= intervalMs
