/** IPv4 and IPv6 addresses: text to numbers and back, and which of them are private or special. Not for the row loop. */
import { privateRanges } from './address-ranges.ts'

/** Four 32-bit words of an IPv6 address, most significant first. */
export type Words = [number, number, number, number]

/** Parses dotted IPv4 text without leading zeros; undefined if it is none. */
export function parseIpv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (match === null) return undefined
  let value = 0
  for (let i = 1; i <= 4; i++) {
    const part = match[i]!
    if (Number(part) > 255 || (part.length > 1 && part.startsWith('0'))) return undefined
    value = value * 256 + Number(part)
  }
  return value
}

/** Dotted text of an IPv4 address. */
export const formatIpv4 = (value: number): string => `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`

/** Parses any IPv6 text of RFC 4291 (compressed, upper case, embedded IPv4) without zone; undefined if it is none. */
export function parseIpv6(text: string): Words | undefined {
  if (text.length < 2 || text.length > 45) return undefined
  let source = text
  const dot = source.indexOf('.')
  if (dot >= 0) {
    const colon = source.lastIndexOf(':')
    const v4 = parseIpv4(source.slice(colon + 1))
    if (v4 === undefined || colon < 0) return undefined
    source = `${source.slice(0, colon + 1)}${(v4 >>> 16).toString(16)}:${(v4 & 0xffff).toString(16)}`
  }
  const halves = source.split('::')
  if (halves.length > 2) return undefined
  const head = halves[0] === '' ? [] : halves[0]!.split(':')
  const tail = halves.length === 1 || halves[1] === '' ? [] : halves[1]!.split(':')
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail]
  if (!groups.every(group => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined
  const word = (i: number): number => ((parseInt(groups[i]!, 16) << 16) | parseInt(groups[i + 1]!, 16)) >>> 0
  return [word(0), word(2), word(4), word(6)]
}

/** Canonical text of an IPv6 address by RFC 5952: lower case, longest run of zeros compressed, IPv4-mapped with dots. */
export function formatIpv6(words: Words): string {
  if (words[0] === 0 && words[1] === 0 && words[2] === 0xffff) return `::ffff:${formatIpv4(words[3])}`
  const groups = words.flatMap(word => [word >>> 16, word & 0xffff])
  let best = -1
  let bestLength = 1
  for (let i = 0; i < 8; i++) {
    let j = i
    while (j < 8 && groups[j] === 0) j++
    if (j - i > bestLength) [best, bestLength] = [i, j - i]
    if (j > i) i = j
  }
  const text = (part: number[]): string => part.map(group => group.toString(16)).join(':')
  return best < 0 ? text(groups) : `${text(groups.slice(0, best))}::${text(groups.slice(best + bestLength))}`
}

/** What kind of network an address belongs to: bits of a number. */
export const addressFlag = {
  /** RFC 1918, shared (100.64/10), link-local, loopback, unique local: an address of ours for the direction rule. */
  private: 1,
  /** Private, or any other range that is never looked up: documentation, multicast, reserved, unspecified. */
  special: 2,
  /** Never the address of an interface: unspecified, loopback, IPv4 link-local, multicast, reserved. */
  nobody: 4,
} as const

const specialRanges: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
]
const nobodyRanges: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
]
const privateBlocks = privateRanges
  .map(cidr => cidr.split('/') as [string, string])
  .filter(([base]) => base.includes('.'))
  .map(([base, bits]) => ({ value: parseIpv4(base)! >>> (32 - Number(bits)), shift: 32 - Number(bits) }))
const specialBlocks = specialRanges.map(([base, bits]) => ({ value: parseIpv4(base)! >>> (32 - bits), shift: 32 - bits }))
const nobodyBlocks = nobodyRanges.map(([base, bits]) => ({ value: parseIpv4(base)! >>> (32 - bits), shift: 32 - bits }))

/**
 * Flags of an IPv4 address.
 *
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry
 */
export function flagsOfIpv4(value: number): number {
  const nobody = nobodyBlocks.some(block => value >>> block.shift === block.value) ? addressFlag.nobody : 0
  for (const block of privateBlocks) if (value >>> block.shift === block.value) return addressFlag.private | addressFlag.special | nobody
  for (const block of specialBlocks) if (value >>> block.shift === block.value) return addressFlag.special | nobody
  return nobody
}

/**
 * Flags of an IPv6 address.
 *
 * @see https://www.iana.org/assignments/iana-ipv6-special-registry
 */
export function flagsOfIpv6(words: Words): number {
  const first = words[0]
  if (first >>> 25 === 0x7e || first >>> 22 === 0x3fa) return addressFlag.private | addressFlag.special
  if (first === 0 && words[1] === 0 && (words[2] === 0xffff || words[2] === 0)) {
    if (words[2] === 0 && words[3] === 1) return addressFlag.private | addressFlag.special | addressFlag.nobody
    if (words[2] === 0 && words[3] === 0) return addressFlag.special | addressFlag.nobody
    return words[2] === 0xffff ? flagsOfIpv4(words[3]) | addressFlag.special : addressFlag.special
  }
  if (first >>> 24 === 0xff) return addressFlag.special | addressFlag.nobody
  if (first === 0x20010db8 || first >>> 29 !== 1) return addressFlag.special
  return 0
}
