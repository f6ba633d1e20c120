/** When the transaction of a task is committed: after an interval, and less often while the task is far behind and its records are late anyway. */
import { isOver } from './wall-clock.ts'

/** Intervals of a transaction while at least as many records wait as it has taken. */
const intervalsBehind = 4

/** The time of one open transaction after the other. */
export class CommitPace {
  readonly #intervalMs: number
  readonly #nowMs: () => number
  #sinceMs: number | undefined
  #taken = 0
  #lag = 0

  /**
   * @param intervalMs Time between two transactions.
   * @param nowMs The clock, Unix milliseconds.
   */
  constructor(intervalMs: number, nowMs: () => number) {
    this.#intervalMs = intervalMs
    this.#nowMs = nowMs
  }

  /** True if something was taken that is not committed. */
  get isOpen(): boolean {
    return this.#sinceMs !== undefined
  }

  /** Something was taken. Called for each record, so it asks the clock for the first one alone. */
  take(records: number): void {
    this.#sinceMs ??= this.#nowMs()
    this.#taken += records
  }

  /** So many records wait behind those that were taken. */
  waiting(lag: number): void {
    this.#lag = lag
  }

  /** True if the transaction has been open for long enough. */
  get isDue(): boolean {
    const intervals = this.#taken > 0 && this.#lag >= this.#taken ? intervalsBehind : 1
    return this.#sinceMs !== undefined && isOver(this.#sinceMs, this.#nowMs(), intervals * this.#intervalMs)
  }

  /** The transaction is over. */
  end(): void {
    this.#sinceMs = undefined
    this.#taken = 0
  }
}
