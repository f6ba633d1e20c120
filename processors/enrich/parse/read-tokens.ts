/** What all column readers share: going over tokens and spaces, and noting faults. */
import { faultNumber } from './line-faults.ts'
import * as memory from './parse-buffers.ts'

const bytes = memory.blockBytes
const { positions, rowFaults, rowFaultColumns, parkingPlace } = memory

const tooFew = faultNumber('too-few-fields')

/** True if a line ends at p: `\n`, or `\r` before it. */
export const isLineEnd = (p: number): boolean => bytes[p] === 10 || (bytes[p] === 13 && bytes[p + 1] === 10)

/** The first place from p on that is not a space. */
export function skipSpaces(p: number): number {
  let q = p
  while (bytes[q] === 32) q++
  return q
}

/** Notes the first fault of a row; what is left of it is read from the parking place, where nothing is wrong. */
export function noteFault(row: number, fault: number, column: number): void {
  rowFaults[row] = fault
  rowFaultColumns[row] = column
  positions[row] = parkingPlace
}

/** A field that cannot be read: none is there, or one that is wrong. */
export function refuse(row: number, fault: number, column: number): void {
  if (isLineEnd(positions[row]!)) noteFault(row, tooFew, -1)
  else noteFault(row, fault, column)
}

/**
 * Goes over `tokens` tokens of a row.
 *
 * @returns The place behind the last one, -1 where the line ends before; that is noted.
 */
export function scanTokens(row: number, tokens: number): number {
  let left = tokens
  let q = positions[row]!
  if (!isLineEnd(q)) {
    for (;;) {
      while (bytes[q]! > 32) q++
      if (bytes[q] === 32) {
        if (--left === 0) return q
        const next = skipSpaces(q)
        if (isLineEnd(next)) break
        q = next
      } else if (isLineEnd(q)) {
        left--
        break
      } else q++
    }
  }
  if (left === 0) return q
  noteFault(row, tooFew, -1)
  return -1
}
