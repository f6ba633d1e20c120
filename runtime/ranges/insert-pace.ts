/**
 * When the ranges of a role in a process are inserted. The target's work grows with the number of inserts (in a table each is a part that must be
 * merged), so the more partitions insert, the longer each waits between two inserts. What comes after a pause waits for none.
 */
import { isOver } from '../wall-clock.ts'

/** Of the interval: how long the first rows after a pause wait for what comes with them. */
const firstShare = 1 / 4
/** Partitions that insert once in an interval each before they begin to wait for longer. */
const partitionsAtOnce = 4
/** Intervals between two inserts of a partition at most, however many partitions insert. */
const mostIntervals = 3
/**
 * Intervals that a range waits to become full while the rows that fill it are already in the topic. They are late anyway.
 */
const fillIntervals = 10

/** A range that is being collected. */
export interface CollectedRange {
  /** Unix milliseconds of its first row. */
  readonly sinceMs: number
  /** The rows that fill it are in the topic already. */
  readonly fills: boolean
}

/** The pace of a role in a process. Tasks are told apart by whatever stands for them. */
export class InsertPace {
  readonly #intervalMs: number
  readonly #insertedMs = new Map<object, number>()

  /** @param intervalMs Least time between two inserts of a task. */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  /** A task has inserted a range, at a time in Unix milliseconds. */
  inserted(task: object, nowMs: number): void {
    for (const [other, ms] of this.#insertedMs)
      if (isOver(ms, nowMs, this.#intervalMs * (mostIntervals + 1))) this.#insertedMs.delete(other)
    this.#insertedMs.set(task, nowMs)
  }

  /** True if a range of a task is to be inserted, full or not. */
  isDue(task: object, { sinceMs, fills }: CollectedRange, nowMs: number): boolean {
    if (fills) return isOver(sinceMs, nowMs, this.#intervalMs * fillIntervals)
    if (!isOver(sinceMs, nowMs, this.#intervalMs * firstShare)) return false
    const insertedMs = this.#insertedMs.get(task)
    return insertedMs === undefined || isOver(insertedMs, nowMs, this.#intervalMs * this.#intervals())
  }

  #intervals(): number {
    return Math.min(mostIntervals, Math.max(1, this.#insertedMs.size / partitionsAtOnce))
  }
}
