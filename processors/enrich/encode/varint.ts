/** Variable-length integers of Avro and of Kafka's record format: zigzag, 7 bits a byte, least significant first. */

/**
 * Writes a non-negative integer up to 2^53.
 *
 * @returns The place behind it.
 */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let p = at
  if (value <= 0xffffffff) {
    if (value < 64) {
      bytes[p] = value << 1
      return p + 1
    }
    // the doubled value leaves int32 from 2^30 on, so its first 7 bits are taken apart
    bytes[p++] = ((value << 1) & 127) | 128
    let rest = value >>> 6
    while (rest > 127) {
      bytes[p++] = (rest & 127) | 128
      rest >>>= 7
    }
    bytes[p] = rest
    return p + 1
  }
  // larger: low 28 bits of the doubled value as four bytes, the rest by division
  const doubled = value * 2
  let low = doubled % 0x10000000
  let high = Math.floor(doubled / 0x10000000)
  for (let i = 0; i < 4; i++) {
    bytes[p++] = (low & 127) | 128
    low >>>= 7
  }
  while (high > 127) {
    bytes[p++] = (high % 128) | 128
    high = Math.floor(high / 128)
  }
  bytes[p++] = high
  return p
}

/** Bytes that `writeVarint` takes for a value. */
export function varintLength(value: number): number {
  let length = 1
  for (let rest = value * 2; rest > 127; rest = Math.floor(rest / 128)) length++
  return length
}
