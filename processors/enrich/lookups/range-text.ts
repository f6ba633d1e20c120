/** Range tables as text: CSV and TSV lines `first, last, value ...`, addresses dotted, IPv6 or as one number. */
import { parseIpv6, type Words } from '../parse/address-text.ts'
import type { RangeBuilder } from './range-table.ts'
import type { TextPool } from './lookup-set.ts'

/** One line: the range, and where the rest of the line is. */
type OnRange4 = (first: number, last: number, fields: readonly string[]) => void
type OnRange6 = (first: Words, last: Words, fields: readonly string[]) => void

const wordsOf = (value: bigint): Words => [
  Number(value >> 96n),
  Number((value >> 64n) & 0xffffffffn),
  Number((value >> 32n) & 0xffffffffn),
  Number(value & 0xffffffffn),
]

/** IPv4 as a number, IPv6 as words, undefined for neither. */
function addressOf(text: string): number | Words | undefined {
  if (text.includes(':')) return parseIpv6(text)
  if (/^\d+$/.test(text)) {
    if (text.length <= 10 && Number(text) <= 0xffffffff) return Number(text)
    return text.length <= 39 ? wordsOf(BigInt(text)) : undefined
  }
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let value = 0
  for (const part of parts) value = value * 256 + Number(part)
  return Number.isInteger(value) && value <= 0xffffffff ? value : undefined
}

/** Fields of a line; quotes enclose a field and are doubled within it. */
function fieldsOf(line: string): string[] {
  if (line.includes('\t')) return line.split('\t')
  if (!line.includes('"')) return line.split(',')
  const fields: string[] = []
  const pattern = /(?:"((?:[^"]|"")*)"|([^,]*))(,|$)/y
  for (;;) {
    const match = pattern.exec(line)
    if (match === null) return fields
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '')
    if (match[3] === '') return fields
  }
}

/**
 * Goes over the ranges of a text table. Lines that are none (header, comment) are skipped.
 *
 * @returns Lines that gave a range.
 */
function eachRange(text: string, on4: OnRange4, on6: OnRange6): number {
  let count = 0
  for (let start = 0; start < text.length;) {
    let end = text.indexOf('\n', start)
    if (end < 0) end = text.length
    const fields = fieldsOf(text.slice(start, text.charCodeAt(end - 1) === 13 ? end - 1 : end))
    start = end + 1
    if (fields.length < 3) continue
    const first = addressOf(fields[0]!)
    const last = addressOf(fields[1]!)
    if (typeof first === 'number' && typeof last === 'number' && first <= last) on4(first, last, fields)
    else if (typeof first === 'object' && typeof last === 'object') on6(first, last, fields)
    else continue
    count++
  }
  return count
}

/**
 * Reads a country table: `first,last,CC`, or iptoasn's five columns.
 *
 * @returns Lines that gave a range.
 */
export function readCountryText(text: string, builder: RangeBuilder, texts: TextPool): number {
  const country = (fields: readonly string[]): number => {
    const code = fields.length >= 5 ? fields[3]! : fields[2]!
    return /^[A-Z]{2}$/.test(code) ? texts.idOf(code) : -1
  }
  return eachRange(
    text,
    (first, last, fields) => {
      const value = country(fields)
      if (value >= 0) builder.add4(first, last, value)
    },
    (first, last, fields) => {
      const value = country(fields)
      if (value >= 0) builder.add6(first, last, value)
    },
  )
}

/** Numbers pairs of AS number and organisation. */
export class AsnPool {
  readonly numbers: number[] = []
  readonly orgs: number[] = []
  readonly #ids = new Map<string, number>()
  readonly #texts: TextPool

  constructor(texts: TextPool) {
    this.#texts = texts
  }

  idOf(asn: number, org: string): number {
    const key = `${asn} ${org}`
    let id = this.#ids.get(key)
    if (id === undefined) {
      id = this.numbers.push(asn) - 1
      this.orgs.push(org === '' ? -1 : this.#texts.idOf(org))
      this.#ids.set(key, id)
    }
    return id
  }
}

/**
 * Reads an ASN table: `first,last,asn,org`, or iptoasn's `first last asn country org`. AS 0 (not routed) is left out.
 *
 * @returns Lines that gave a range.
 */
export function readAsnText(text: string, builder: RangeBuilder, asns: AsnPool): number {
  const value = (fields: readonly string[]): number => {
    const asn = Number(fields[2]!.replace(/^AS/, ''))
    const org = fields.length >= 5 ? fields[4]! : (fields[3] ?? '')
    return Number.isInteger(asn) && asn > 0 ? asns.idOf(asn, org) : -1
  }
  return eachRange(
    text,
    (first, last, fields) => {
      const id = value(fields)
      if (id >= 0) builder.add4(first, last, id)
    },
    (first, last, fields) => {
      const id = value(fields)
      if (id >= 0) builder.add6(first, last, id)
    },
  )
}
