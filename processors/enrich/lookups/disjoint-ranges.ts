/** Makes overlapping ranges disjoint. */
import type { Words } from '../../../flow/address-text.ts'

/** A range of addresses as numbers; ends are included. */
export interface ValueRange {
  readonly first: bigint
  readonly last: bigint
  readonly value: number
  readonly rank: number
}

/** An IPv6 address of a column as one number. */
export const bigOf = (words: ArrayLike<number>, at = 0): bigint =>
  (BigInt(words[at]!) << 96n) | (BigInt(words[at + 1]!) << 64n) | (BigInt(words[at + 2]!) << 32n) | BigInt(words[at + 3]!)

/** The four words of an IPv6 address. */
export const wordsOfBig = (value: bigint): Words => [
  Number(value >> 96n),
  Number((value >> 64n) & 0xffffffffn),
  Number((value >> 32n) & 0xffffffffn),
  Number(value & 0xffffffffn),
]

/** A range that has begun, and what it is compared by. */
interface Open extends ValueRange {
  readonly size: bigint
  readonly index: number
}

/** True if `a` wins over `b`: the smaller one, of equal ones the higher rank, then the one that was given first. */
const wins = (a: Open, b: Open): boolean => (a.size !== b.size ? a.size < b.size : a.rank !== b.rank ? a.rank > b.rank : a.index < b.index)

/**
 * Disjoint ascending ranges: each address has the value of the smallest range that holds it, of equal ones of that with the higher rank, then of
 * the first given. Neighbours of equal value are joined. n log n steps for n ranges, however they overlap.
 */
export function disjoint(ranges: readonly ValueRange[]): ValueRange[] {
  const sorted = ranges
    .map((range, index): Open => ({ ...range, size: range.last - range.first, index }))
    .sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : a.index - b.index))
  const out: { first: bigint; last: bigint; value: number; rank: number }[] = []
  const open: Open[] = []
  let next = 0n
  /** Gives the addresses from `next` to `last` to the ranges that are open. */
  const emitTo = (last: bigint): void => {
    while (open.length > 0 && next <= last) {
      const top = open[0]!
      if (top.last < next) {
        removeTop(open)
        continue
      }
      const end = top.last < last ? top.last : last
      const before = out.at(-1)
      if (before?.value === top.value && before.last + 1n === next) before.last = end
      else out.push({ first: next, last: end, value: top.value, rank: 0 })
      next = end + 1n
    }
  }
  for (const range of sorted) {
    emitTo(range.first - 1n)
    if (next < range.first) next = range.first
    insert(open, range)
  }
  emitTo(1n << 128n)
  return out
}

/** Puts a range into a heap whose first entry wins over all others. */
function insert(heap: Open[], range: Open): void {
  let at = heap.push(range) - 1
  while (at > 0) {
    const parent = (at - 1) >>> 1
    if (!wins(range, heap[parent]!)) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = range
}

function removeTop(heap: Open[]): void {
  const moved = heap.pop()!
  if (heap.length === 0) return
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && wins(heap[child + 1]!, heap[child]!)) child++
    if (!wins(heap[child]!, moved)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = moved
}
