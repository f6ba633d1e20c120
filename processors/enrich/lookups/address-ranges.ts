/** Ranges of addresses as text tables write them: dotted, IPv6, whole numbers, prefixes. */
import { parseIpv4, parseIpv6, type Words } from '../../../flow/address-text.ts'

/** A range of one family; ends are included. */
export type AddressRange =
  | { readonly family: 4; readonly first: number; readonly last: number }
  | { readonly family: 6; readonly first: Words; readonly last: Words }

const wordsOf = (value: bigint): Words => [
  Number(value >> 96n),
  Number((value >> 64n) & 0xffffffffn),
  Number((value >> 32n) & 0xffffffffn),
  Number(value & 0xffffffffn),
]

/** IPv4 as a number, IPv6 as words, a whole number as a big integer; undefined for none of them. */
function addressOf(text: string): number | Words | bigint | undefined {
  if (text.includes(':')) return parseIpv6(text)
  if (text.includes('.')) return parseIpv4(text)
  if (!/^\d{1,39}$/.test(text)) return undefined
  const value = BigInt(text)
  return value >> 128n === 0n ? value : undefined
}

/** True for an address or a whole number that can be one. */
export const isAddress = (text: string): boolean => addressOf(text) !== undefined

/** True for a dotted or IPv6 address, with or without the length of a prefix. */
export const isNetwork = (text: string): boolean => /[.:]/.test(text) && networkOf(text) !== undefined

/** Range of `address/bits` or of one address; undefined if it is neither. */
export function networkOf(text: string): AddressRange | undefined {
  const match = /^([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/.exec(text)
  if (match === null) return undefined
  const v4 = parseIpv4(match[1]!)
  const bits = match[2] === undefined ? (v4 === undefined ? 128 : 32) : Number(match[2])
  if (v4 !== undefined) {
    if (bits > 32) return undefined
    const size = 2 ** (32 - bits)
    const first = Math.floor(v4 / size) * size
    return { family: 4, first, last: first + size - 1 }
  }
  const words = parseIpv6(match[1]!)
  if (words === undefined || bits > 128) return undefined
  const first: Words = [...words]
  const last: Words = [...words]
  for (let i = 0; i < 4; i++) {
    const mask = 2 ** (32 - Math.min(32, Math.max(0, bits - 32 * i))) - 1
    first[i] = (first[i]! & ~mask) >>> 0
    last[i] = (last[i]! | mask) >>> 0
  }
  return unmapped(first, last)
}

/**
 * Range of two addresses; undefined if they are not of one family or not in order. Whole numbers up to 2^32 - 1 are IPv4 unless the other end is
 * larger.
 */
export function rangeOf(from: string, to: string): AddressRange | undefined {
  const first = addressOf(from)
  const last = addressOf(to)
  if (first === undefined || last === undefined) return undefined
  if (typeof first === 'number' || typeof last === 'number')
    return typeof first === 'number' && typeof last === 'number' && first <= last ? { family: 4, first, last } : undefined
  if (typeof first === 'bigint' && typeof last === 'bigint') {
    if (first > last) return undefined
    if (last <= 0xffffffffn) return { family: 4, first: Number(first), last: Number(last) }
    return unmapped(wordsOf(first), wordsOf(last))
  }
  if (typeof first === 'bigint' || typeof last === 'bigint') return undefined
  for (let i = 0; i < 4; i++) {
    if (first[i]! > last[i]!) return undefined
    if (first[i]! < last[i]!) break
  }
  return unmapped(first, last)
}

/** A range within `::ffff:0:0/96` is one of IPv4: so IPv6 tables of IP2Location carry the IPv4 addresses. */
function unmapped(first: Words, last: Words): AddressRange {
  const isMapped = (words: Words): boolean => words[0] === 0 && words[1] === 0 && words[2] === 0xffff
  return isMapped(first) && isMapped(last) ? { family: 4, first: first[3], last: last[3] } : { family: 6, first, last }
}
