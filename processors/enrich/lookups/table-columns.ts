/** Which column of a text table holds what: from its header line by the names that makers use, else from what stands in its first lines. */
import { isAddress, isNetwork, networkOf, rangeOf, type AddressRange } from './address-ranges.ts'
import { excerpt, LookupFault, unreadableShare } from './lookup-fault.ts'
import { asnAndOrg, asnOf, countryCodeOf, isNone } from './table-values.ts'

/** Tables that exist as text. */
export type TextTable = 'country' | 'asn'

/** Places of the columns, -1 for one that the table does not have. Either `network`, or `first` and `last` exist. */
export interface TableColumns {
  readonly network: number
  readonly first: number
  readonly last: number
  readonly country: number
  /** Id of GeoNames, which a file of locations turns into a country. */
  readonly location: number
  readonly asn: number
  readonly org: number
}

/** Names in the order in which they are looked for. */
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
  country: ['country_code', 'country_iso_code', 'country_code2', 'iso_code', 'cc', 'country_short', 'country'],
  location: ['geoname_id'],
  asn: ['asn', 'autonomous_system_number', 'as_number', 'asnum', 'origin_asn', 'as'],
  org: [
    'autonomous_system_organization',
    'as_name',
    'as_organization',
    'as_org',
    'asn_org',
    'as_description',
    'organization',
    'organisation',
    'org',
    'as',
    'name',
    'description',
  ],
} as const

const expected: Readonly<Record<TextTable, string>> = {
  country: 'a network or a first and a last address, and a country of two letters',
  asn: 'a network or a first and a last address, an AS number, and if known its organisation',
}

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
  const place = (wanted: readonly string[]): number => wanted.map(name => header.indexOf(name)).find(at => at >= 0) ?? -1
  const columns = Object.fromEntries(Object.entries(names).map(([role, wanted]) => [role, place(wanted)])) as unknown as TableColumns
  if (columns.network < 0 && (columns.first < 0 || columns.last < 0))
    throw columnFault(table, 'its header line names no range of addresses', line)
  if (table === 'country' && columns.country < 0 && columns.location < 0) throw columnFault(table, 'its header line names no country', line)
  if (table === 'asn' && columns.asn < 0) throw columnFault(table, 'its header line names no AS number', line)
  const hasEnds = columns.first >= 0 && columns.last >= 0
  return {
    ...columns,
    network: hasEnds ? -1 : columns.network,
    first: hasEnds ? columns.first : -1,
    last: hasEnds ? columns.last : -1,
    org: columns.org === columns.asn ? -1 : columns.org,
  }
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
 * Columns of a table without a header line.
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
  const none = { network: hasEnds ? -1 : 0, first: hasEnds ? 0 : -1, last: hasEnds ? 1 : -1, location: -1, country: -1, asn: -1, org: -1 }
  const codes = sample.columnsOf(value => countryCodeOf(value) !== undefined)
  if (table === 'country') {
    const areContinents = codes.length === 2 && sample.values(codes[0]!).every(value => continents.has(value.toUpperCase()))
    const country = one(areContinents ? codes.slice(1) : codes, 'country')
    if (country < 0) throw columnFault(table, 'none of its columns holds countries of two letters', line)
    return { ...none, country }
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
    if (both >= 0) return { ...none, asn: both, org: both }
    const strange =
      numbers[0] === undefined ? 'none of its columns holds AS numbers' : `column ${numbers[0] + 1} holds numbers that are not AS numbers`
    throw columnFault(table, strange, line)
  }
  const domains = sample.columnsOf(value => domain.test(value))
  const texts = rest.filter(
    column => column > asn && !codes.includes(column) && !domains.includes(column) && sample.values(column).some(value => !isNone(value)),
  )
  return { ...none, asn, org: one(texts, 'organisation') }
}

const mostAre = (values: readonly string[], isKind: (value: string) => boolean): boolean => values.filter(isKind).length * 2 > values.length
