/**
 * Reads a zigzag varint of at most four bytes (28 bits) at once: no loop and no branch on its length, which no processor can guess.
 *
 * @param view Four bytes from `at` on must be in it.
 * @returns Its bits times 8, plus how many bytes it has; 0 where it is longer.
 */
export function shortVarint(view: DataView, at: number): number {
  const word = view.getInt32(at, true)
  const ends = ~word & 0x8080_8080
  const end = ends & -ends
  if (end === 0) return 0
  const bits = word & (end - 1)
  const value = (bits & 0x7f) | ((bits >>> 1) & 0x3f80) | ((bits >>> 2) & 0x1f_c000) | ((bits >>> 3) & 0xfe0_0000)
  return (value << 3) | ((39 - Math.clz32(end)) >> 3)
}

/** The seconds of a varint of five bytes, which all times since 1974 and below 2^31 are; 0 for another. */
export function epochSeconds(bytes: Uint8Array, view: DataView, at: number): number {
  const word = view.getInt32(at, true)
  const high = bytes[at + 4]!
  if ((word & 0x8080_8080) !== (0x8080_8080 | 0) || (word & 1) !== 0 || high > 15) return 0
  return ((word & 0x7f) | ((word >>> 1) & 0x3f80) | ((word >>> 2) & 0x1f_c000) | ((word >>> 3) & 0xfe0_0000) | (high << 28)) >>> 1
}
