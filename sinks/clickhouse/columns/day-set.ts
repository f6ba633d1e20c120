/** The days (UTC) of the rows of a range: each is a part of its own in the table, so that an insert has a bound in days as in rows. */

const dayS = 86_400

/** Distinct UTC days, as days since 1970. */
export class DaySet {
  readonly #days = new Set<number>()
  /** Seconds of the last day that was seen: nearly every row is of the same one. */
  #from = 0
  #until = 0

  /** Different days so far. */
  get size(): number {
    return this.#days.size
  }

  /** Notes the days of rows. @param starts Unix seconds of all rows, of which `first` <= row < `end` are new. */
  note(starts: Uint32Array, first: number, end: number): void {
    for (let row = first; row < end; row++) {
      const start = starts[row]!
      if (start >= this.#from && start < this.#until) continue
      const day = Math.floor(start / dayS)
      this.#days.add(day)
      this.#from = day * dayS
      this.#until = this.#from + dayS
    }
  }

  /** Forgets the days. */
  clear(): void {
    this.#days.clear()
    this.#from = this.#until = 0
  }
}
