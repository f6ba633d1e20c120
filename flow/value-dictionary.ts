/** Next hops and unknown columns: values of which rows have few. */

/** Entries by id: 1, 2, 3 ... in the order in which they are added; 0: none. The decoder that fills it finds equal ones, and bounds it. */
export class ValueDictionary<T> {
  /** By id; null: nothing is known. */
  readonly values: (T | null)[] = [null]

  /** Adds an entry. @returns Its id. */
  add(value: T | null): number {
    return this.values.push(value) - 1
  }
}
