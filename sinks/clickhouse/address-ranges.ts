/**
 * The one list of address ranges that nobody outside has. Migrations write `{private:EXPRESSION}` for the condition that an IPv6 column (IPv4 as
 * `::ffff:a.b.c.d`) lies in one of them.
 *
 * Applied migrations hold the list as it was: who changes it creates the views again in a new migration.
 */

import { isIP } from 'node:net'

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

/** Compared as whole numbers: comparing IPv6 values takes four times as long, and each row of an answer about what is outside is asked. */
function inRange(cidr: string, column: string): string {
  const [address, text] = cidr.split('/') as [string, string]
  const bits = Number(text)
  if (isIP(address) === 4) {
    const first = address.split('.').reduce((number, part) => number * 256 + Number(part), 0)
    return `bitShiftRight(toUInt128(${column}), ${32 - bits}) = ${(0xffff * 2 ** 32 + first) / 2 ** (32 - bits)}`
  }
  const first = parseInt(address.split(':')[0]!, 16)
  return `bitShiftRight(toUInt128(${column}), ${128 - bits}) = ${first >> (16 - bits)}`
}

const condition = (column: string): string =>
  `(${[...privateRanges.map(cidr => inRange(cidr, column)), `toUInt128(${column}) = 1`].join(' OR ')})`

/**
 * Puts the condition in for each `{private:EXPRESSION}` of a migration.
 *
 * @param text SQL; an expression is a column name, with or without the name of its table.
 */
export const withAddressRanges = (text: string): string =>
  text.replaceAll(/\{private:([\w.]+)\}/g, (_all, column: string) => condition(column))
