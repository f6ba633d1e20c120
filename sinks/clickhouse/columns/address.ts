/** Addresses as ClickHouse's IPv6 type holds them: 16 bytes, IPv4 as ::ffff:a.b.c.d. */

const colon = 58
const dot = 46

/**
 * Parses the text of an address.
 *
 * @param bytes Where the text is.
 * @param out Gets 16 bytes at `at`; undefined content where the result is false.
 * @returns False if the text is not an address.
 */
export function parseAddress(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === colon) return parseIPv6(bytes, start, end, out, at)
  out.fill(0, at, at + 10)
  out[at + 10] = out[at + 11] = 0xff
  return parseIPv4(bytes, start, end, out, at + 12)
}

function parseIPv4(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number): boolean {
  let octet = 0
  let digits = 0
  let octets = 0
  for (let i = start; i <= end; i++) {
    const byte = i === end ? dot : bytes[i]!
    if (byte === dot) {
      if (digits === 0 || octet > 255 || octets === 4) return false
      out[at + octets++] = octet
      octet = digits = 0
    } else if (byte >= 48 && byte <= 57 && digits < 3) {
      octet = octet * 10 + byte - 48
      digits++
    } else return false
  }
  return octets === 4
}

const hexDigit = (byte: number): number =>
  byte >= 48 && byte <= 57 ? byte - 48 : byte >= 97 && byte <= 102 ? byte - 87 : byte >= 65 && byte <= 70 ? byte - 55 : -1

function parseIPv6(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number): boolean {
  out.fill(0, at, at + 16)
  let filled = 0
  let gap = -1
  let i = start
  if (bytes[i] === colon && bytes[i + 1] !== colon) return false
  while (i < end) {
    if (bytes[i] === colon && bytes[i + 1] === colon) {
      if (gap >= 0) return false
      gap = filled
      i += 2
      continue
    }
    let group = 0
    let digits = 0
    const from = i
    for (; i < end && hexDigit(bytes[i]!) >= 0; i++) {
      group = group * 16 + hexDigit(bytes[i]!)
      digits++
    }
    if (bytes[i] === dot && i < end) {
      if (filled > 12 || !parseIPv4(bytes, from, end, out, at + filled)) return false
      filled += 4
      i = end
      break
    }
    if (digits === 0 || digits > 4 || filled > 14) return false
    out[at + filled++] = group >> 8
    out[at + filled++] = group & 255
    if (i === end) break
    if (bytes[i] !== colon || i + 1 === end) return false
    if (bytes[i + 1] !== colon) i++
  }
  if (gap < 0) return filled === 16
  if (filled > 14) return false
  out.copyWithin(at + 16 - (filled - gap), at + gap, at + filled)
  out.fill(0, at + gap, at + 16 - (filled - gap))
  return true
}

/** The 16 bytes of an address given as a string, or null if it is none. */
export function addressBytes(text: string): Uint8Array | null {
  const bytes = new TextEncoder().encode(text)
  const out = new Uint8Array(16)
  return parseAddress(bytes, 0, bytes.length, out, 0) ? out : null
}
