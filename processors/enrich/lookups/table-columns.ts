/** Which column of a text table holds what: from its header line by the names that makers use, else from what stands in its first lines. */
import { isAddress, isNetwork, networkOf, rangeOf, type AddressRange } from './address-ranges.ts'
import { excerpt, LookupFault, unreadableShare } from './lookup-fault.ts'
import { asnAndOrg, asnOf, countryCodeOf, isNone } from './table-values.ts'
import { attributesOf, readersOf } from './attribute-readers.ts'
import type { AttributeName } from '../../../flow/attributes.ts'

/** Tables that exist as text. */
export type TextTable = 'country' | 'asn'

/** Places of the columns, -1 for one that the table does not have. Either `network`, or `first` and `last` exist. */
export interface TableColumns {
  readonly network: number
  readonly first: number
  readonly last: number
  /** Id of GeoNames, by which a file of locations says the rest. */
  readonly location: number
  /** Column of each attribute of the table, in the order of `attributesOf`. Several that share one are parts of its fields. */
  readonly values: readonly number[]
}

/** Names of the columns of ranges, in the order in which they are looked for. Those of values stand in attribute-readers.ts. */
const names = {
  network: ['network', 'cidr', 'prefix', 'ip_prefix', 'subnet', 'ip_network', 'netblock'],
  first: [
    'start_ip',
    'ip_range_start',
    'ip_from',
    'network_start_ip',
    'range_start',
    'ip_start',
    'start',
    'first',
    'begin_ip',
    'first_ip',
    'from',
  ],
  last: ['end_ip', 'ip_range_end', 'ip_to', 'network_end_ip', 'network_last_ip', 'range_end', 'ip_end', 'end', 'last', 'last_ip', 'to'],
  location: ['geoname_id'],
} as const

const expected: Readonly<Record<TextTable, string>> = {
  country: 'a network or a first and a last address, and a country of two letters',
  asn: 'a network or a first and a last address, an AS number, and if known its organisation',
}

/** What a table is for, for messages. */
const subject: Readonly<Record<TextTable, string>> = { country: 'country', asn: 'AS number' }

/** What the table should have, and what it has. */
export const columnFault = (table: TextTable, why: string, line: string): LookupFault =>
  new LookupFault(`${why}; expected columns are ${expected[table]}; its first line is: ${excerpt(line)}`)

/** A header name as it is compared: lower case, words joined by `_`. */
export const plainName = (field: string): string =>
  field
    .trim()
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_|_$/g, '')

/** True if the fields are names: none of them is an address, a prefix or a number. */
export const isHeader = (fields: readonly string[]): boolean => !fields.some(field => isAddress(field) || isNetwork(field))

/**
 * Columns by the names of a header line.
 *
 * @throws LookupFault if one that is needed is missing.
 */
export function columnsOfHeader(table: TextTable, fields: readonly string[], line: string): TableColumns {
  const header = fields.map(plainName)
  const place = (wanted: readonly string[]): number => columnOf(header, wanted)
  const [network, first, last, location] = [place(names.network), place(names.first), place(names.last), place(names.location)]
  const readers = readersOf(table)
  const values = columnsOfValues(table, header)
  const needed = readers.findIndex(reader => reader.needed !== undefined)
  const hasEnds = first >= 0 && last >= 0
  if (network < 0 && !hasEnds) throw columnFault(table, 'its header line names no range of addresses', line)
  if (values[needed]! < 0 && !(table === 'country' && location >= 0))
    throw columnFault(table, `its header line names no ${subject[table]}`, line)
  return { network: hasEnds ? -1 : network, first: hasEnds ? first : -1, last: hasEnds ? last : -1, location, values }
}

/** Column of the first name that a header line has, -1 if it has none. */
const columnOf = (header: readonly string[], wanted: readonly string[]): number =>
  wanted.map(name => header.indexOf(name)).find(at => at >= 0) ?? -1

/**
 * Columns of the attributes of a table by the names of a header line, in the order of `attributesOf`.
 *
 * @param header Names as `plainName` writes them.
 * @returns -1 for one that is not there; a column is that of the first attribute that knows its name.
 */
export function columnsOfValues(table: TextTable, header: readonly string[]): number[] {
  const taken: number[] = []
  for (const { header: wanted } of readersOf(table)) {
    const at = columnOf(header, wanted)
    taken.push(taken.includes(at) ? -1 : at)
  }
  return taken
}

const continents = new Set(['AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA', 'ZZ'])
const domain = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i

/** Numbers that no AS has and no private one either: a column that is full of them holds something else. */
const isStrangeAsn = (asn: number): boolean => asn > 10_000_000 && asn < 4_200_000_000

/** The first lines of a table without a header line, by columns. */
class Sample {
  readonly #rows: readonly (readonly string[])[]
  /** True if lines begin with two ends of a range, false if with a prefix or an address; undefined for neither. */
  readonly hasEnds: boolean | undefined
  /** Columns behind the range, but for those that say it again. */
  readonly rest: readonly number[]

  constructor(rows: readonly (readonly string[])[]) {
    this.#rows = rows
    const ends = rows.filter(row => rangeOf(row[0]!, row[1] ?? '') !== undefined).length
    const networks = rows.filter(row => isNetwork(row[0]!)).length
    this.hasEnds = ends === 0 && networks === 0 ? undefined : ends > 0 && ends >= networks
    const width = rows.reduce((most, row) => Math.max(most, row.length), 0)
    const ranges = rows.map(row => (this.hasEnds === true ? rangeOf(row[0]!, row[1] ?? '') : networkOf(row[0]!)))
    this.rest = Array.from({ length: width }, (_, column) => column).filter(
      column => column >= (this.hasEnds === true ? 2 : 1) && !this.#repeats(column, ranges),
    )
  }

  values(column: number): string[] {
    return this.#rows.map(row => row[column] ?? '')
  }

  /** Columns of `rest` that have values, and of the right kind but for as few lines as a table may have unreadable. */
  columnsOf(isKind: (value: string) => boolean): number[] {
    return this.rest.filter(column => {
      const values = this.values(column)
      const strange = values.filter(value => !isNone(value) && !isKind(value)).length
      return strange <= values.length * unreadableShare && values.some(value => !isNone(value) && isKind(value))
    })
  }

  /** True for a column that says the range again: as a number, an address or a prefix. */
  #repeats(column: number, ranges: readonly (AddressRange | undefined)[]): boolean {
    return this.values(column).every((value, i) => {
      const range = ranges[i]
      if (range === undefined || isNetwork(value)) return true
      const again = rangeOf(value, value)
      return again !== undefined && [String(range.first), String(range.last)].includes(String(again.first))
    })
  }
}

/**
 * Columns of a table without a header line. What stands there tells countries, AS numbers and organisations; other attributes need the line.
 *
 * @param rows Fields of its first lines; a column must hold the same kind of value in all of them.
 * @throws LookupFault if they cannot be told, or not for certain.
 */
export function columnsOfRows(table: TextTable, rows: readonly (readonly string[])[], line: string): TableColumns {
  const sample = new Sample(rows)
  const { hasEnds, rest } = sample
  if (hasEnds === undefined) throw columnFault(table, 'its lines do not begin with a range of addresses, and it has no header line', line)
  const one = (columns: readonly number[], what: string): number => {
    if (columns.length <= 1) return columns[0] ?? -1
    const places = columns.map(column => column + 1).join(' and ')
    throw columnFault(table, `columns ${places} could be the ${what}; a header line would tell`, line)
  }
  const found = (columns: Readonly<Partial<Record<AttributeName, number>>>): TableColumns => ({
    network: hasEnds ? -1 : 0,
    first: hasEnds ? 0 : -1,
    last: hasEnds ? 1 : -1,
    location: -1,
    values: attributesOf(table).map(name => columns[name] ?? -1),
  })
  const codes = sample.columnsOf(value => countryCodeOf(value) !== undefined)
  if (table === 'country') {
    const areContinents = codes.length === 2 && sample.values(codes[0]!).every(value => continents.has(value.toUpperCase()))
    const country = one(areContinents ? codes.slice(1) : codes, 'country')
    if (country < 0) throw columnFault(table, 'none of its columns holds countries of two letters', line)
    return found({ Country: country })
  }
  const numbers = sample.columnsOf(value => asnOf(value) !== undefined)
  const asn = one(
    numbers.filter(column => !mostAre(sample.values(column), value => isStrangeAsn(asnOf(value) ?? 0))),
    'AS number',
  )
  if (asn < 0) {
    const both = one(
      sample.columnsOf(value => asnAndOrg.test(value)),
      'AS number',
    )
    if (both >= 0) return found({ Asn: both, AsOrg: both })
    const strange =
      numbers[0] === undefined ? 'none of its columns holds AS numbers' : `column ${numbers[0] + 1} holds numbers that are not AS numbers`
    throw columnFault(table, strange, line)
  }
  const domains = sample.columnsOf(value => domain.test(value))
  const texts = rest.filter(
    column => column > asn && !codes.includes(column) && !domains.includes(column) && sample.values(column).some(value => !isNone(value)),
  )
  return found({ Asn: asn, AsOrg: one(texts, 'organisation') })
}

const mostAre = (values: readonly string[], isKind: (value: string) => boolean): boolean => values.filter(isKind).length * 2 > values.length
