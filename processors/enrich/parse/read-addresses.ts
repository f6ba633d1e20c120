/** Reads a column of addresses into dictionary ids. */
import type { AddressDictionary } from '../../../flow/address-dictionary.ts'
import { equalBytes } from '../../../flow/byte-arena.ts'
import { faultNumber } from './line-faults.ts'
import { isLineEnd, noteFault, refuse, skipSpaces } from './read-tokens.ts'
import * as memory from './parse-buffers.ts'

// constants of this module, see parse-buffers.ts
const bytes = memory.blockBytes
const view = memory.blockView
const { positions, integers, rowCapacity } = memory
const { from: spanFrom, to: spanTo } = memory.addressSpans

const badAddress = faultNumber('bad-address')

/**
 * Reads addresses; id 0 for `-`.
 *
 * @param rows Rows to read.
 * @param target Column of `addressNames`.
 * @param twin The column read before that usually has the same value, -1 for none.
 * @param column Column of the header line.
 */
export function readAddresses(rows: number, target: number, twin: number, column: number, addresses: AddressDictionary): void {
  const at = target * rowCapacity
  const twinAt = twin * rowCapacity
  for (let row = 0; row < rows; row++) {
    const first = positions[row]!
    let p = first
    if (twin >= 0) {
      const start = spanFrom[twinAt + row]!
      const length = spanTo[twinAt + row]! - start
      if (bytes[p + length]! <= 32 && equalBytes(view, p, view, start, length)) {
        p += length
        integers[at + row] = integers[twinAt + row]!
      } else p = 0
    } else p = 0
    if (p === 0) {
      p = readV4(first, at + row, addresses)
      if (p < 0) p = readOther(first, at + row, addresses)
    }
    if (p < 0) {
      refuse(row, badAddress, column)
      continue
    }
    spanFrom[at + row] = first
    spanTo[at + row] = p
    if (bytes[p] === 32) p++
    else if (!isLineEnd(p)) {
      noteFault(row, badAddress, column)
      continue
    }
    positions[row] = bytes[p] === 32 ? skipSpaces(p) : p
  }
}

/** Four octets, without a branch on their length. Returns the place behind, -1 where this is no IPv4 address. */
function readV4(p: number, at: number, addresses: AddressDictionary): number {
  let value = 0
  let bad = 0
  let q = p
  for (let octet = 0; octet < 4; octet++) {
    const word = view.getInt32(q, true) ^ 0x30303030
    const stop = ((word + 0x76767676) | word) & 0x80808080
    if (stop === 0) return -1
    const digits = (31 - Math.clz32(stop & -stop)) >>> 3
    const shifted = word << (32 - (digits << 3))
    const part = (shifted >>> 24) + ((shifted >>> 16) & 0xff) * 10 + ((shifted >>> 8) & 0xff) * 100
    // negative: no digit, above 255, or a zero in front of others (two digits are at least 10, three at least 100)
    bad |= (digits - 1) | (255 - part) | (part - ((0x640a0000 >>> (digits << 3)) & 0xff))
    value = (value << 8) | part
    q += digits + 1
    if (octet < 3 && bytes[q - 1] !== 46) return -1
  }
  if (bad < 0 || bytes[q - 1]! > 32) return -1
  integers[at] = addresses.internV4(value)
  return q - 1
}

/** `-` or IPv6. Returns the place behind, -1 if this is not an address. */
function readOther(p: number, at: number, addresses: AddressDictionary): number {
  let q = p
  while (bytes[q]! > 32) q++
  const id = q === p + 1 && bytes[p] === 45 ? 0 : addresses.internV6(bytes, view, p, q) || -1
  if (id < 0) return -1
  integers[at] = id
  return q
}
