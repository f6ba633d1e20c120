/** Intervals by the clock of the wall, which can be set back: what waits must not wait until the clock has caught up. */

/**
 * True if an interval is over, or where the clock was set back behind its beginning.
 *
 * @param sinceMs Beginning, Unix milliseconds.
 * @param nowMs Unix milliseconds.
 * @param intervalMs Length.
 */
export const isOver = (sinceMs: number, nowMs: number, intervalMs: number): boolean => nowMs < sinceMs || nowMs - sinceMs >= intervalMs
