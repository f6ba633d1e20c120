/** Lists of prefixes: AWS's published ranges, and threat lists. */
import { parseIpv4, parseIpv6, type Words } from '../parse/address-text.ts'
import type { TextPool } from './lookup-set.ts'
import type { RangeBuilder } from './range-table.ts'

/** Adds `address` or `address/bits` to a table; false where it is neither. */
export function addPrefix(builder: RangeBuilder, text: string, value: number, rank = 0): boolean {
  const match = /^([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/.exec(text)
  if (match === null) return false
  const v4 = parseIpv4(match[1]!)
  const bits = match[2] === undefined ? (v4 === undefined ? 128 : 32) : Number(match[2])
  if (v4 !== undefined) {
    if (bits > 32) return false
    const size = 2 ** (32 - bits)
    const first = Math.floor(v4 / size) * size
    builder.add4(first, first + size - 1, value, rank)
    return true
  }
  const words = parseIpv6(match[1]!)
  if (words === undefined || bits > 128) return false
  const first: Words = [...words]
  const last: Words = [...words]
  for (let i = 0; i < 4; i++) {
    const mask = 2 ** (32 - Math.min(32, Math.max(0, bits - 32 * i))) - 1
    first[i] = (first[i]! & ~mask) >>> 0
    last[i] = (last[i]! | mask) >>> 0
  }
  builder.add6(first, last, value, rank)
  return true
}

interface AwsRanges {
  createDate?: string
  prefixes?: { ip_prefix: string; service: string }[]
  ipv6_prefixes?: { ipv6_prefix: string; service: string }[]
}

/**
 * Reads `ip-ranges.json`: the most specific prefix wins, of equal ones a service other than AMAZON.
 *
 * @returns Date of the data as AWS writes it, ISO 8601 where it is understood.
 * @throws Where the text is not that file.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html
 */
export function readAwsRanges(text: string, builder: RangeBuilder, texts: TextPool): string | undefined {
  const file = JSON.parse(text) as AwsRanges
  if (!Array.isArray(file.prefixes)) throw new TypeError('no `prefixes` in it')
  const entries = [
    ...file.prefixes.map(({ ip_prefix: prefix, service }) => ({ prefix, service })),
    ...(file.ipv6_prefixes ?? []).map(({ ipv6_prefix: prefix, service }) => ({ prefix, service })),
  ]
  for (const { prefix, service } of entries) addPrefix(builder, prefix, texts.idOf(service), service === 'AMAZON' ? 0 : 1)
  const date = /^(\d{4})-(\d{2})-(\d{2})-(\d{2})-(\d{2})-(\d{2})$/.exec(file.createDate ?? '')
  return date === null ? file.createDate : `${date[1]!}-${date[2]!}-${date[3]!}T${date[4]!}:${date[5]!}:${date[6]!}Z`
}

/**
 * Reads a threat list: one address or prefix a line, `#` and `;` start a comment (FireHOL netset, Spamhaus DROP).
 *
 * @returns Prefixes read.
 */
export function readThreatList(text: string, builder: RangeBuilder, value: number): number {
  let count = 0
  for (const line of text.split('\n')) {
    const entry = line.split(/[#;]/, 1)[0]!.trim()
    if (entry !== '' && addPrefix(builder, entry, value)) count++
  }
  return count
}
