/** Observers, each once, with the numbers by which rows are told apart. */
import { observerOf, scopeOf, type ObserverValues } from './observers.ts'

/** Numbers for texts, by order of appearance; -1 for null. */
class Numbering {
  readonly #ids = new Map<string, number>()

  get count(): number {
    return this.#ids.size
  }

  of(text: string | null): number {
    if (text === null) return -1
    const known = this.#ids.get(text)
    if (known !== undefined) return known
    this.#ids.set(text, this.#ids.size)
    return this.#ids.size - 1
  }
}

/**
 * Number of an observation point without a side of its own: a regional NAT gateway has no interface, and its inner records have the address of
 * the peer outside where an interface would have its own.
 */
export const noSide = -2

/** Entries by id: 1, 2, 3 ... in the order in which they are added. The decoder that fills it finds equal ones, and bounds it. */
export class ObserverDictionary {
  /** True if what observed has no side of its own: a transit gateway, a sensor. */
  readonly transit: boolean
  count = 0
  readonly values: ObserverValues[] = []
  /** Numbers of the observation point (or `noSide`), of the instance and of the scope of addresses, by id; -1: it is not known. */
  readonly points: number[] = []
  readonly instances: number[] = []
  readonly scopes: number[] = []
  readonly #pointNumbers = new Numbering()
  readonly #instanceNumbers = new Numbering()
  readonly #scopeNumbers = new Numbering()

  constructor(transit: boolean) {
    this.transit = transit
  }

  /** Observation points so far: their numbers are below. */
  get pointCount(): number {
    return this.#pointNumbers.count
  }

  /**
   * Adds an entry.
   *
   * @param hasNoSide See `noSide`.
   * @returns Its id.
   */
  add(values: ObserverValues, hasNoSide = false): number {
    const id = ++this.count
    this.values[id] = values
    this.points[id] = hasNoSide ? noSide : this.#pointNumbers.of(observerOf(values))
    this.instances[id] = this.#instanceNumbers.of(values.instanceId)
    this.scopes[id] = this.#scopeNumbers.of(scopeOf(values))
    return id
  }
}
