/** Settings of section `networks` that are allowed, and are often a slip. */
import { judgedEach } from '../../runtime/partial-settings.ts'
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6, type Words } from '../../flow/address-text.ts'
import type { NetworkSettings } from './settings.ts'

/** The leading bits of 32. */
const masked = (value: number, bits: number): number => (bits <= 0 ? 0 : bits >= 32 ? value : (value & (-1 << (32 - bits))) >>> 0)

/** The network that an entry means: its address without the bits behind the prefix. */
function networkOf(address: string, bits: number): string | undefined {
  const v4 = parseIpv4(address)
  if (v4 !== undefined) return formatIpv4(masked(v4, bits))
  const words = parseIpv6(address)
  return words === undefined ? undefined : formatIpv6(words.map((word, i) => masked(word, bits - 32 * i)) as Words)
}

/** The same text for the same address. */
const plain = (address: string): string | undefined => networkOf(address, 128)

function hintOf(cidr: string): string | undefined {
  const [address, prefix] = cidr.split('/') as [string, string]
  const bits = Number(prefix)
  if (bits === 0)
    return `${cidr} is every ${address.includes(':') ? 'IPv6' : 'IPv4'} address: all of them count as yours, and nobody is outside`
  const network = networkOf(address, bits)
  return network === undefined || network === plain(address)
    ? undefined
    : `${cidr} has bits behind its prefix: it means ${network}/${prefix}; for the one address write ${address}/${address.includes(':') ? 128 : 32}`
}

/** Finds them all. */
export const networkHints = ({ own }: NetworkSettings): string[] =>
  judgedEach(own, (entry, index) =>
    typeof entry === 'string'
      ? named(`networks.own[${index}]`, hintOf(entry))
      : entry.cidrs.flatMap((cidr, at) => named(`networks.own[${index}].cidrs[${at}]`, hintOf(cidr))),
  )

const named = (place: string, hint: string | undefined): string[] => (hint === undefined ? [] : [`${place}: ${hint}`])
