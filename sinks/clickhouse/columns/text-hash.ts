const mixer = 0x9e3779b1
const mixer2 = 0x85ebca6b
const mixer3 = 0xc2b2ae35

/**
 * Hash of two optional Avro strings that follow each other, from their first and last bytes: straight code for the usual lengths. A dictionary
 * verifies the rest.
 *
 * @param alone The first one says enough where the second is absent.
 * @returns 0 where it needs more than that: one is absent, or has fewer than 7 or more than 63 bytes.
 */
export function hashTwoTexts(bytes: Uint8Array, view: DataView, at: number, alone: boolean): number {
  const length = bytes[at + 1]! >>> 1
  if (bytes[at] === 0 || length < 7 || length > 63) return 0
  const end = at + 2 + length
  // Products that do not wait for each other.
  let hash =
    Math.imul(view.getInt32(at + 1, true), mixer) ^
    Math.imul(view.getInt32(at + 5, true), mixer2) ^
    Math.imul(view.getInt32(end - 8, true), mixer3)
  hash ^= Math.imul(view.getInt32(end - 4, true) ^ (hash >>> 15), mixer)
  if (bytes[end] !== 0) {
    const secondLength = bytes[end + 1]! >>> 1
    if (secondLength < 7 || secondLength > 63) return 0
    const last = end + 2 + secondLength
    const more = Math.imul(view.getInt32(last - 8, true), mixer2) ^ Math.imul(view.getInt32(last - 4, true), mixer3)
    hash ^= more ^ (more >>> 13)
  } else if (!alone) return 0
  hash = Math.imul(hash, mixer)
  return hash ^ (hash >>> 15)
}
