/** Ranges of addresses with a value each, compiled to sorted typed arrays: a lookup is one binary search and allocates nothing. */
import type { Words } from '../../../flow/address-text.ts'

/**
 * A range of IPv6 addresses that carry an IPv4 address: the 32 bits behind the first `bits`. What is known of that address is known of them, as
 * MaxMind DB files say of 6to4, Teredo and mapped addresses.
 */
export interface Ipv4Alias {
  readonly prefix: Words
  /** At most 96. */
  readonly bits: number
}

/** What a table is made of; can be moved to another thread. */
export interface RangeColumns {
  readonly first4: Uint32Array
  readonly last4: Uint32Array
  readonly value4: Int32Array
  /** Four words per range, most significant first. */
  readonly first6: Uint32Array
  readonly last6: Uint32Array
  readonly value6: Int32Array
  readonly aliases: readonly Ipv4Alias[]
}

/** Disjoint ascending ranges of both families; ends are included. An IPv6 address without a range may be an alias of an IPv4 address. */
export class RangeTable implements RangeColumns {
  readonly first4: Uint32Array
  readonly last4: Uint32Array
  readonly value4: Int32Array
  readonly first6: Uint32Array
  readonly last6: Uint32Array
  readonly value6: Int32Array
  readonly aliases: readonly Ipv4Alias[]

  constructor(columns: RangeColumns) {
    this.first4 = columns.first4
    this.last4 = columns.last4
    this.value4 = columns.value4
    this.first6 = columns.first6
    this.last6 = columns.last6
    this.value6 = columns.value6
    this.aliases = columns.aliases
  }

  /** What it is made of. */
  get columns(): RangeColumns {
    const { first4, last4, value4, first6, last6, value6, aliases } = this
    return { first4, last4, value4, first6, last6, value6, aliases }
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
    if (high >= 0 && compareWords(this.last6, high, address) >= 0) return this.value6[high]!
    for (const { prefix, bits } of this.aliases) if (startsWith(address, prefix, bits)) return this.find4(bitsAt(address, bits))
    return -1
  }
}

function startsWith(address: Words, prefix: Words, bits: number): boolean {
  for (let i = 0; 32 * i < bits; i++) {
    const shift = Math.max(0, 32 * (i + 1) - bits)
    if (address[i]! >>> shift !== prefix[i]! >>> shift) return false
  }
  return true
}

/** 32 bits of an address, from bit `at` on. */
function bitsAt(address: Words, at: number): number {
  const word = at >>> 5
  const shift = at & 31
  return shift === 0 ? address[word]! : ((address[word]! << shift) | (address[word + 1]! >>> (32 - shift))) >>> 0
}

/** Order of entry `index` of a column of IPv6 addresses and an address: negative, 0 or positive. */
export function compareWords(table: Uint32Array, index: number, address: Words): number {
  for (let i = 0; i < 4; i++) {
    const difference = table[4 * index + i]! - address[i]!
    if (difference !== 0) return difference
  }
  return 0
}
