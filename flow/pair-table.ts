/** Dense ids for pairs of integers: open addressing over typed arrays, no allocation per lookup. */
import { grow } from './typed-arrays.ts'

function hashPair(a: number, b: number): number {
  const h = (Math.imul(a, 0x9e3779b1) + b) | 0
  const mixed = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  return mixed ^ (mixed >>> 13)
}

/**
 * Gives each distinct pair (a, b) of 32-bit integers the next id: 0, 1, 2 ... Grows by doubling; the owner bounds it.
 *
 * @throws RangeError for a new pair with another number: cut to 32 bits it would be another pair.
 */
export class PairTable {
  count = 0
  /** First and second member by id. */
  a = new Int32Array(64)
  b = new Int32Array(64)
  #slots = new Int32Array(128)
  #mask = 127

  /** Id of the pair; a new pair takes the next id. */
  idOf(a: number, b: number): number {
    const slots = this.#slots
    const mask = this.#mask
    let slot = hashPair(a, b) & mask
    for (;;) {
      const id = slots[slot]! - 1
      if (id < 0) return this.#add(a, b, slot)
      if (this.a[id] === a && this.b[id] === b) return id
      slot = (slot + 1) & mask
    }
  }

  /** Id of a pair that is there, -1 for another. */
  find(a: number, b: number): number {
    const slots = this.#slots
    const mask = this.#mask
    for (let slot = hashPair(a, b) & mask; ; slot = (slot + 1) & mask) {
      const id = slots[slot]! - 1
      if (id < 0 || (this.a[id] === a && this.b[id] === b)) return id
    }
  }

  /** Forgets all pairs; ids start at 0 again. */
  clear(): void {
    this.count = 0
    this.#slots.fill(0)
  }

  #add(a: number, b: number, slot: number): number {
    if ((a | 0) !== a || (b | 0) !== b) throw new RangeError(`not a pair of 32-bit integers: ${a}, ${b}`)
    const id = this.count++
    if (id === this.a.length) {
      this.a = grow(this.a, 2 * id)
      this.b = grow(this.b, 2 * id)
    }
    this.a[id] = a
    this.b[id] = b
    this.#slots[slot] = id + 1
    if (2 * this.count > this.#slots.length) this.#rehash()
    return id
  }

  #rehash(): void {
    const count = this.count
    this.#slots = new Int32Array(2 * this.#slots.length)
    this.#mask = this.#slots.length - 1
    for (let id = 0; id < count; id++) {
      let slot = hashPair(this.a[id]!, this.b[id]!) & this.#mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask
      this.#slots[slot] = id + 1
    }
  }
}
