/**
 * Stays: a set of seconds of one UTC day, in which gaps of at most `joinS` seconds are closed. Closing such gaps is a closure operator, so sets
 * that are united and closed in any order, split or repeated give the same stays. A day has at most 144 of them.
 *
 * Flat pairs `[first, last, first, last, ...]` in seconds of the day, both included, ascending.
 */

/** Seconds of a UTC day. */
export const dayS = 86_400
/** Longest gap, in seconds without a sighting, that does not end a stay. An owner counts as held for as long after its last second. */
export const joinS = 600

/** Stays of a set of seconds; flat pairs, or what is to be read alike. */
export type Stays = readonly number[]

/** Unites two sets of stays. Gives the very first one back if the second adds nothing. */
export function joinStays(a: Stays, b: Stays): Stays {
  if (b.length === 2) return joinOne(a, b[0]!, b[1]!)
  if (a.length === 0) return b
  const joined: number[] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    if (j >= b.length || (i < a.length && a[i]! <= b[j]!)) {
      append(joined, a[i]!, a[i + 1]!)
      i += 2
    } else {
      append(joined, b[j]!, b[j + 1]!)
      j += 2
    }
  }
  return sameStays(a, joined) ? a : joined
}

/** Appends a stay to others of which none begins later. */
export function append(stays: number[], first: number, last: number): void {
  const end = stays.length - 1
  if (end >= 0 && first <= stays[end]! + joinS + 1) {
    if (last > stays[end]!) stays[end] = last
  } else stays.push(first, last)
}

/** The usual case: one stay more, most often at the end. */
function joinOne(a: Stays, first: number, last: number): Stays {
  let i = a.length - 2
  while (i >= 0 && a[i]! > first) i -= 2
  if (i >= 0 && last <= a[i + 1]!) return a
  const joined = a.slice(0, i + 2)
  append(joined, first, last)
  for (let k = i + 2; k < a.length; k += 2) append(joined, a[k]!, a[k + 1]!)
  return sameStays(a, joined) ? a : joined
}

function sameStays(a: Stays, b: Stays): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** The seconds of `a` that are not in `b`. */
export function withoutStays(a: Stays, b: Stays): Stays {
  const left: number[] = []
  let j = 0
  for (let i = 0; i < a.length; i += 2) {
    let first = a[i]!
    const last = a[i + 1]!
    while (j < b.length && b[j + 1]! < first) j += 2
    for (let k = j; k < b.length && b[k]! <= last; k += 2) {
      if (b[k]! > first) left.push(first, b[k]! - 1)
      first = b[k + 1]! + 1
    }
    if (first <= last) left.push(first, last)
  }
  return left
}

/** Stays as they stand in a record: distance from the last second of the stay before, and seconds after the first one. Small numbers take few bytes. */
export function encodeStays(stays: Stays): number[] {
  const encoded: number[] = []
  let last = 0
  for (let i = 0; i < stays.length; i += 2) {
    encoded.push(stays[i]! - last, stays[i + 1]! - stays[i]!)
    last = stays[i + 1]!
  }
  return encoded
}

/** The other way round. */
export function decodeStays(encoded: readonly number[]): Stays {
  const stays: number[] = []
  let last = 0
  for (let i = 0; i < encoded.length; i += 2) {
    const first = last + encoded[i]!
    stays.push(first, (last = first + encoded[i + 1]!))
  }
  return stays
}
