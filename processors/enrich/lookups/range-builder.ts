/** Collects the ranges of a table, of whatever order and overlap, and compiles them. */
import type { Words } from '../../../flow/address-text.ts'
import { bigOf, disjoint, wordsOfBig } from './disjoint-ranges.ts'
import { compareWords, RangeTable, type Ipv4Alias } from './range-table.ts'

/** Collects ranges and compiles them. Sorted disjoint input (the large tables) takes a path without big integers. */
export class RangeBuilder {
  #first4 = new Uint32Array(1024)
  #last4 = new Uint32Array(1024)
  #value4 = new Int32Array(1024)
  #rank4 = new Int16Array(1024)
  #count4 = 0
  #first6 = new Uint32Array(1024)
  #last6 = new Uint32Array(1024)
  #value6 = new Int32Array(256)
  #rank6 = new Int16Array(256)
  #count6 = 0
  #ordered4 = true
  #ordered6 = true
  readonly #aliases: Ipv4Alias[] = []

  /** Ranges added so far. */
  get size(): number {
    return this.#count4 + this.#count6
  }

  /** @param rank Of equal ranges the higher rank wins. */
  add4(first: number, last: number, value: number, rank = 0): void {
    const before = this.#count4 - 1
    if (before >= 0 && first <= this.#last4[before]!) this.#ordered4 = false
    if (this.#count4 === this.#value4.length) {
      this.#first4 = wider(this.#first4, new Uint32Array(2 * this.#count4))
      this.#last4 = wider(this.#last4, new Uint32Array(2 * this.#count4))
      this.#value4 = wider(this.#value4, new Int32Array(2 * this.#count4))
      this.#rank4 = wider(this.#rank4, new Int16Array(2 * this.#count4))
    }
    const at = this.#count4++
    this.#first4[at] = first
    this.#last4[at] = last
    this.#value4[at] = value
    this.#rank4[at] = rank
  }

  add6(first: Words, last: Words, value: number, rank = 0): void {
    const before = this.#count6 - 1
    if (before >= 0 && compareWords(this.#last6, before, first) >= 0) this.#ordered6 = false
    if (this.#count6 === this.#value6.length) {
      this.#first6 = wider(this.#first6, new Uint32Array(8 * this.#count6))
      this.#last6 = wider(this.#last6, new Uint32Array(8 * this.#count6))
      this.#value6 = wider(this.#value6, new Int32Array(2 * this.#count6))
      this.#rank6 = wider(this.#rank6, new Int16Array(2 * this.#count6))
    }
    const at = this.#count6++
    this.#first6.set(first, 4 * at)
    this.#last6.set(last, 4 * at)
    this.#value6[at] = value
    this.#rank6[at] = rank
  }

  /** Addresses of IPv6 that carry an IPv4 address; they take its value where no range of their own has one. */
  alias(prefix: Words, bits: number): void {
    if (this.#aliases.some(known => known.bits === bits && known.prefix.every((word, i) => word === prefix[i]))) return
    this.#aliases.push({ prefix, bits })
  }

  /** The compiled table. Resolves overlaps: of the ranges that hold an address the smallest wins, of equal ones the higher rank, then the first added. */
  build(): RangeTable {
    if (!this.#ordered4) this.#flatten4()
    if (!this.#ordered6) this.#flatten6()
    this.#joinNeighbours()
    return new RangeTable({
      first4: this.#first4.slice(0, this.#count4),
      last4: this.#last4.slice(0, this.#count4),
      value4: this.#value4.slice(0, this.#count4),
      first6: this.#first6.slice(0, 4 * this.#count6),
      last6: this.#last6.slice(0, 4 * this.#count6),
      value6: this.#value6.slice(0, this.#count6),
      aliases: this.#aliases,
    })
  }

  /** Joins neighbours of equal value; only now, because until overlaps are resolved the size of a range matters. */
  #joinNeighbours(): void {
    let to = 0
    for (let from = 1; from < this.#count4; from++) {
      if (this.#value4[to] === this.#value4[from] && this.#last4[to]! + 1 === this.#first4[from]) this.#last4[to] = this.#last4[from]!
      else {
        to++
        this.#first4[to] = this.#first4[from]!
        this.#last4[to] = this.#last4[from]!
        this.#value4[to] = this.#value4[from]!
      }
    }
    this.#count4 = Math.min(this.#count4, to + 1)
    to = 0
    for (let from = 1; from < this.#count6; from++) {
      const join = this.#value6[to] === this.#value6[from] && follows(this.#last6, to, this.#first6, from)
      if (!join) {
        to++
        this.#first6.copyWithin(4 * to, 4 * from, 4 * from + 4)
        this.#value6[to] = this.#value6[from]!
      }
      this.#last6.copyWithin(4 * to, 4 * from, 4 * from + 4)
    }
    this.#count6 = Math.min(this.#count6, to + 1)
  }

  #flatten4(): void {
    const ranges = Array.from({ length: this.#count4 }, (_, i) => ({
      first: BigInt(this.#first4[i]!),
      last: BigInt(this.#last4[i]!),
      value: this.#value4[i]!,
      rank: this.#rank4[i]!,
    }))
    this.#count4 = 0
    this.#ordered4 = true
    for (const range of disjoint(ranges)) this.add4(Number(range.first), Number(range.last), range.value)
  }

  #flatten6(): void {
    const ranges = Array.from({ length: this.#count6 }, (_, i) => ({
      first: bigOf(this.#first6, 4 * i),
      last: bigOf(this.#last6, 4 * i),
      value: this.#value6[i]!,
      rank: this.#rank6[i]!,
    }))
    this.#count6 = 0
    this.#ordered6 = true
    for (const range of disjoint(ranges)) this.add6(wordsOfBig(range.first), wordsOfBig(range.last), range.value)
  }
}

function wider<T extends Uint32Array | Int32Array | Int16Array>(from: T, to: T): T {
  to.set(from)
  return to
}

/** True if entry `next` of `firsts` is the address behind entry `index` of `lasts`. */
function follows(lasts: Uint32Array, index: number, firsts: Uint32Array, next: number): boolean {
  let carry = 1
  for (let i = 3; i >= 0; i--) {
    const sum = lasts[4 * index + i]! + carry
    if (sum >>> 0 !== firsts[4 * next + i]!) return false
    carry = sum > 0xffffffff ? 1 : 0
  }
  return true
}
