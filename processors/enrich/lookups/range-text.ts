/** Country and network tables as text: lines of a range and its values, with or without a header line. */
import { networkOf, rangeOf, type AddressRange } from './address-ranges.ts'
import { dataLines, fieldsOf, separationOf, type Separation } from './delimited-lines.ts'
import { LineCount, LookupFault } from './lookup-fault.ts'
import type { TextPool } from './lookup-set.ts'
import type { RangeBuilder } from './range-builder.ts'
import { columnFault, columnsOfHeader, columnsOfRows, isHeader, plainName, type TableColumns, type TextTable } from './table-columns.ts'
import { asnAndOrg, asnOf, countryCodeOf, isNone, type AsnPool } from './table-values.ts'

/** Lines that decide on the columns of a table without a header line. */
const sampleLines = 1000

/** Countries by ids of GeoNames, from the files of locations that come with MaxMind's networks. */
export type Locations = ReadonlyMap<string, string>

/** What a file of text begins with. */
interface Layout {
  readonly separation: Separation
  readonly columns: TableColumns
  /** Number of the header line, 0 if there is none. */
  readonly headerLine: number
}

function layoutOf(table: TextTable, text: string): Layout {
  const first = dataLines(text).next().value
  if (first === undefined) throw new LookupFault('it is empty')
  const separation = separationOf(first.text)
  const header = fieldsOf(first.text, separation)
  if (header !== undefined && isHeader(header))
    return { separation, columns: columnsOfHeader(table, header, first.text), headerLine: first.number }
  const rows: string[][] = []
  for (const line of dataLines(text)) {
    const fields = fieldsOf(line.text, separation)
    if (fields !== undefined) rows.push(fields)
    if (rows.length === sampleLines) break
  }
  if (rows.length === 0) throw columnFault(table, 'a quote in its lines is not closed', first.text)
  return { separation, columns: columnsOfRows(table, rows, first.text), headerLine: 0 }
}

/** What the readers of values say of a line: the number of its value, -1 for no value, or what is wrong with it. */
type ValueOf = (fields: readonly string[], columns: TableColumns) => number | string

/**
 * Goes over the ranges of a text table.
 *
 * @returns Lines, unreadable ones among them.
 * @throws LookupFault if the columns are not known, or more than a small share of the lines is unreadable.
 */
function readRanges(table: TextTable, text: string, builder: RangeBuilder, valueOf: ValueOf): LineCount {
  const { separation, columns, headerLine } = layoutOf(table, text)
  const count = new LineCount()
  for (const { number, text: line } of dataLines(text)) {
    if (number === headerLine) continue
    count.lines++
    const fields = fieldsOf(line, separation)
    if (fields === undefined) {
      count.refuse(number, line, 'a quote is not closed')
      continue
    }
    const range = lineRange(fields, columns)
    if (range === undefined) {
      count.refuse(number, line, 'no range of addresses')
      continue
    }
    const value = valueOf(fields, columns)
    if (typeof value === 'string') count.refuse(number, line, value)
    else if (value >= 0) addRange(builder, range, value)
  }
  count.check()
  return count
}

function lineRange(fields: readonly string[], { network, first, last }: TableColumns): AddressRange | undefined {
  return network >= 0 ? networkOf(fields[network] ?? '') : rangeOf(fields[first] ?? '', fields[last] ?? '')
}

function addRange(builder: RangeBuilder, range: AddressRange, value: number): void {
  if (range.family === 4) builder.add4(range.first, range.last, value)
  else builder.add6(range.first, range.last, value)
}

/**
 * Reads a country table. Networks of MaxMind name countries by ids, which `locations` resolves.
 *
 * @throws LookupFault as `readRanges`.
 */
export function readCountryText(text: string, builder: RangeBuilder, texts: TextPool, locations: Locations = new Map()): LineCount {
  return readRanges('country', text, builder, (fields, { country, location }) => {
    if (country < 0) {
      if (locations.size === 0)
        throw new LookupFault(
          'its networks name countries by geoname_id: name the file of locations too, separated by a comma (GeoLite2-Country-Locations-en.csv)',
        )
      const id = fields[location] ?? ''
      if (id === '') return -1
      const code = locations.get(id)
      return code === undefined ? `no location ${id}` : code === '' ? -1 : texts.idOf(code)
    }
    const code = countryCodeOf(fields[country] ?? '')
    return code === undefined ? 'not a country of two letters' : code === '' ? -1 : texts.idOf(code)
  })
}

/**
 * Reads an ASN table. AS 0 (not routed) is left out.
 *
 * @throws LookupFault as `readRanges`.
 */
export function readAsnText(text: string, builder: RangeBuilder, asns: AsnPool): LineCount {
  return readRanges('asn', text, builder, (fields, { asn: column, org: orgColumn }) => {
    const field = fields[column] ?? ''
    const both = column === orgColumn ? asnAndOrg.exec(field) : null
    const asn = asnOf(both?.[1] ?? field)
    if (asn === undefined) return 'not an AS number'
    const org = both?.[2] ?? (orgColumn === column ? '' : (fields[orgColumn] ?? ''))
    return asn === 0 ? -1 : asns.idOf(asn, isNone(org) ? '' : org)
  })
}

/** Countries by id if a file is one of MaxMind's locations, undefined if it is not. */
export function readLocations(text: string): Map<string, string> | undefined {
  const lines = dataLines(text)
  const first = lines.next().value
  if (first === undefined) return undefined
  const separation = separationOf(first.text)
  const header = fieldsOf(first.text, separation)?.map(plainName) ?? []
  const id = header.indexOf('geoname_id')
  const country = header.indexOf('country_iso_code')
  if (id < 0 || country < 0 || header.includes('network')) return undefined
  const count = new LineCount()
  const locations = new Map<string, string>()
  for (const { number, text: line } of lines) {
    count.lines++
    const fields = fieldsOf(line, separation)
    const code = countryCodeOf(fields?.[country] ?? '')
    if (fields?.[id] === undefined || fields[id] === '' || code === undefined)
      count.refuse(number, line, 'no id or no country of two letters')
    else locations.set(fields[id], code)
  }
  count.check()
  return locations
}
