/** The one list of address ranges that nobody outside has: the direction rule, lookups and views take it from here. */

/** The ranges as CIDRs; those of IPv6 have at most 16 bits; `::1` comes on top. */
export const privateRanges: readonly string[] = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '127.0.0.0/8',
  'fc00::/7',
  'fe80::/10',
]
