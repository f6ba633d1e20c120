/**
 * The list of private ranges (flow/address-ranges.ts) as SQL. Views write `{private:EXPRESSION}` for the condition that an IPv6 column (IPv4 as
 * `::ffff:a.b.c.d`) lies in one of them. What is put in counts as text of the view: a change of the list makes the views again.
 */
import { isIP } from 'node:net'
import { privateRanges } from '../../flow/address-ranges.ts'

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
 * Puts the condition in for each `{private:EXPRESSION}` of a statement.
 *
 * @param text SQL; an expression is a column name, with or without the name of its table.
 */
export const withAddressRanges = (text: string): string =>
  text.replaceAll(/\{private:([\w.]+)\}/g, (_all, column: string) => condition(column))
