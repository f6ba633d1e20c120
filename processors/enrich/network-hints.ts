/** Settings of section `networks` that are allowed, and are often a slip. */
import { judgedEach } from '../../runtime/partial-settings.ts'
import { formatIpv4, formatIpv6 } from '../../flow/address-text.ts'
import { networkOf } from './lookups/address-ranges.ts'
import type { NetworkSettings } from './settings.ts'

/** The first address of a network, as text. */
function firstOf(cidr: string): string | undefined {
  const range = networkOf(cidr)
  if (range === undefined) return undefined
  if (range.family === 6) return formatIpv6(range.first)
  // written as IPv6, `::ffff:a.b.c.d` is IPv4
  return `${cidr.includes(':') ? '::ffff:' : ''}${formatIpv4(range.first)}`
}

function hintOf(cidr: string): string | undefined {
  const [address, prefix] = cidr.split('/') as [string, string]
  const bits = Number(prefix)
  if (bits === 0)
    return `${cidr} is every ${address.includes(':') ? 'IPv6' : 'IPv4'} address: all of them count as yours, and nobody is outside`
  const network = firstOf(cidr)
  return network === undefined || network === firstOf(address)
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
