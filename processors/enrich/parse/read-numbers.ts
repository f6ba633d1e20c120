/** Reads a column of numbers: one loop over the rows, so that the steps of several rows overlap in the processor. */
import { faultNumber } from './line-faults.ts'
import { isLineEnd, noteFault, refuse, skipSpaces } from './read-tokens.ts'
import * as memory from './parse-buffers.ts'

// constants of this module, see parse-buffers.ts
const bytes = memory.blockBytes
const view = memory.blockView
const { positions, doubles, integers } = memory

const badNumber = faultNumber('bad-number')
const tooLarge = faultNumber('number-too-large')
const badTime = faultNumber('bad-time')
const inMilliseconds = faultNumber('time-in-milliseconds')

/** Largest counter: avsc, and so any reader with it, refuses longs above this. */
const maxCounter = 2 ** 53 - 2
const maxTime = 2 ** 32 - 1
const maxTimeMs = maxTime * 1000 + 999
const powers = Float64Array.of(1, 10, 100, 1000)

/**
 * Reads numbers up to 2^53 - 2, times up to 2^32 - 1; -1 for `-`.
 *
 * @param rows Rows to read.
 * @param target Place in `doubles` of the first one.
 * @param isTime 1 for times.
 * @param column Column of the header line.
 */
export function readNumbers(rows: number, target: number, isTime: number, column: number): void {
  for (let row = 0; row < rows; row++) {
    let p = positions[row]!
    const first = p
    // four digits at a time: a digit is 0 to 9 after the exclusive or, and stays below 128 with 118 added
    let word = view.getInt32(p, true) ^ 0x30303030
    let stop = ((word + 0x76767676) | word) & 0x80808080
    let value = 0
    while (stop === 0) {
      value = value * 10_000 + (word & 0xff) * 1000 + ((word >>> 8) & 0xff) * 100 + ((word >>> 16) & 0xff) * 10 + (word >>> 24)
      p += 4
      word = view.getInt32(p, true) ^ 0x30303030
      stop = ((word + 0x76767676) | word) & 0x80808080
    }
    const digits = (31 - Math.clz32(stop & -stop)) >>> 3
    if (digits > 0) {
      const rest = word << (32 - (digits << 3))
      value = value * powers[digits]! + ((rest >>> 24) + ((rest >>> 16) & 0xff) * 10 + ((rest >>> 8) & 0xff) * 100)
      p += digits
    } else if (p === first) {
      if (bytes[p] !== 45) {
        refuse(row, badNumber, column)
        continue
      }
      value = -1
      p++
    }
    if (bytes[p] === 32) p++
    else if (!isLineEnd(p)) {
      noteFault(row, badNumber, column)
      continue
    }
    if (value > maxTime && (isTime === 1 || value > maxCounter)) {
      noteFault(row, isTime !== 1 ? tooLarge : value <= maxTimeMs ? inMilliseconds : badTime, column)
      continue
    }
    doubles[target + row] = value
    positions[row] = bytes[p] === 32 ? skipSpaces(p) : p
  }
}

/**
 * Reads ports: 0 to 65535, -1 for `-`.
 *
 * @param rows Rows to read.
 * @param target Place in `integers` of the first one.
 * @param column Column of the header line.
 */
export function readPorts(rows: number, target: number, column: number): void {
  for (let row = 0; row < rows; row++) {
    let p = positions[row]!
    let port = 0
    let digit = (bytes[p]! - 48) >>> 0
    if (digit > 9) {
      if (bytes[p] !== 45) {
        refuse(row, badNumber, column)
        continue
      }
      port = -1
      p++
    }
    while (digit <= 9) {
      // stays above 65535 and within int32, however many digits follow
      port = (port > 65_535 ? 65_536 : port * 10) + digit
      digit = (bytes[++p]! - 48) >>> 0
    }
    if (bytes[p] === 32) p++
    else if (!isLineEnd(p)) {
      noteFault(row, badNumber, column)
      continue
    }
    if (port > 65_535) {
      noteFault(row, tooLarge, column)
      continue
    }
    integers[target + row] = port
    positions[row] = bytes[p] === 32 ? skipSpaces(p) : p
  }
}
