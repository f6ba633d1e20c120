/** Ranges of addresses with a value each, compiled to sorted typed arrays: a lookup is one binary search and allocates nothing. */
import type { Words } from '../parse/address-text.ts'

/** Disjoint ascending ranges of both families; ends are included. */
export class RangeTable {
  readonly first4: Uint32Array
  readonly last4: Uint32Array
  readonly value4: Int32Array
  /** Four words per range, most significant first. */
  readonly first6: Uint32Array
  readonly last6: Uint32Array
  readonly value6: Int32Array

  constructor(columns: {
    first4: Uint32Array
    last4: Uint32Array
    value4: Int32Array
    first6: Uint32Array
    last6: Uint32Array
    value6: Int32Array
  }) {
    this.first4 = columns.first4
    this.last4 = columns.last4
    this.value4 = columns.value4
    this.first6 = columns.first6
    this.last6 = columns.last6
    this.value6 = columns.value6
  }

  /** Ranges of both families. */
  get size(): number {
    return this.value4.length + this.value6.length
  }

  /** Value of an IPv4 address (unsigned), -1 for none. */
  find4(address: number): number {
    let low = 0
    let high = this.value4.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      if (this.first4[middle]! <= address) low = middle + 1
      else high = middle - 1
    }
    return high >= 0 && this.last4[high]! >= address ? this.value4[high]! : -1
  }

  /** Value of an IPv6 address, -1 for none. */
  find6(address: Words): number {
    let low = 0
    let high = this.value6.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      if (compareWords(this.first6, middle, address) <= 0) low = middle + 1
      else high = middle - 1
    }
    return high >= 0 && compareWords(this.last6, high, address) >= 0 ? this.value6[high]! : -1
  }
}

function compareWords(table: Uint32Array, index: number, address: Words): number {
  for (let i = 0; i < 4; i++) {
    const difference = table[4 * index + i]! - address[i]!
    if (difference !== 0) return difference
  }
  return 0
}

/** True where entry `next` of `firsts` is the address behind entry `index` of `lasts`. */
function follows(lasts: Uint32Array, index: number, firsts: Uint32Array, next: number): boolean {
  let carry = 1
  for (let i = 3; i >= 0; i--) {
    const sum = lasts[4 * index + i]! + carry
    if (sum >>> 0 !== firsts[4 * next + i]!) return false
    carry = sum > 0xffffffff ? 1 : 0
  }
  return true
}

interface Range {
  first: bigint
  last: bigint
  value: number
  rank: number
}

const bigOf = (words: ArrayLike<number>, at = 0): bigint =>
  (BigInt(words[at]!) << 96n) | (BigInt(words[at + 1]!) << 64n) | (BigInt(words[at + 2]!) << 32n) | BigInt(words[at + 3]!)
const wordsOfBig = (value: bigint): Words => [
  Number(value >> 96n),
  Number((value >> 64n) & 0xffffffffn),
  Number((value >> 32n) & 0xffffffffn),
  Number(value & 0xffffffffn),
]

/**
 * Makes ranges disjoint: where they lie within each other the smaller wins, of equal ones the higher rank, then the first given.
 * Neighbours of equal value are joined.
 */
function flatten(ranges: Range[]): Range[] {
  const sorted = ranges
    .map((range, index) => ({ range, index }))
    .sort(
      (a, b) =>
        compare(a.range.first, b.range.first) || compare(b.range.last, a.range.last) || a.range.rank - b.range.rank || b.index - a.index,
    )
    .map(({ range }) => range)
  const out: Range[] = []
  const open: Range[] = []
  let next = 0n
  const emit = (last: bigint, value: number): void => {
    if (last < next) return
    const before = out.at(-1)
    if (before?.value === value && before.last + 1n === next) before.last = last
    else out.push({ first: next, last, value, rank: 0 })
    next = last + 1n
  }
  for (const range of sorted) {
    while (open.length > 0 && open.at(-1)!.last < range.first) {
      const top = open.pop()!
      emit(top.last, top.value)
    }
    if (open.length > 0) emit(range.first - 1n, open.at(-1)!.value)
    if (next < range.first) next = range.first
    open.push(range)
  }
  while (open.length > 0) {
    const top = open.pop()!
    emit(top.last, top.value)
  }
  return out
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)

/** Collects ranges and compiles them. Sorted disjoint input (the large tables) takes a path without big integers. */
export class RangeBuilder {
  #first4 = new Uint32Array(1024)
  #last4 = new Uint32Array(1024)
  #value4 = new Int32Array(1024)
  #rank4 = new Int8Array(1024)
  #count4 = 0
  #first6 = new Uint32Array(1024)
  #last6 = new Uint32Array(1024)
  #value6 = new Int32Array(256)
  #rank6 = new Int8Array(256)
  #count6 = 0
  #ordered4 = true
  #ordered6 = true

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
      this.#rank4 = wider(this.#rank4, new Int8Array(2 * this.#count4))
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
      this.#rank6 = wider(this.#rank6, new Int8Array(2 * this.#count6))
    }
    const at = this.#count6++
    this.#first6.set(first, 4 * at)
    this.#last6.set(last, 4 * at)
    this.#value6[at] = value
    this.#rank6[at] = rank
  }

  /** The compiled table. Resolves overlaps: the smaller range wins, of equal ones the higher rank, then the first added. */
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
    for (const range of flatten(ranges)) this.add4(Number(range.first), Number(range.last), range.value)
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
    for (const range of flatten(ranges)) this.add6(wordsOfBig(range.first), wordsOfBig(range.last), range.value)
  }
}

function wider<T extends Uint32Array | Int32Array | Int8Array>(from: T, to: T): T {
  to.set(from)
  return to
}
