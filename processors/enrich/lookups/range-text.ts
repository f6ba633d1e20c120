/** Country and network tables as text: lines of a range and its values, with or without a header line. */
import { readersOf, type TableReader } from './attribute-readers.ts'
import { networkOf, rangeOf, type AddressRange } from './address-ranges.ts'
import { dataLines, fieldsOf, separationOf, type Separation } from './delimited-lines.ts'
import { LineCount, LookupFault } from './lookup-fault.ts'
import type { EntryPool, EntryValue } from './entry-pool.ts'
import type { RangeBuilder } from './range-builder.ts'
import {
  columnFault,
  columnsOfHeader,
  columnsOfRows,
  columnsOfValues,
  isHeader,
  plainName,
  type TableColumns,
  type TextTable,
} from './table-columns.ts'
import { countryCodeOf } from './table-values.ts'

/** Lines that decide on the columns of a table without a header line. */
const sampleLines = 1000

/** Values of the attributes of a country table by ids of GeoNames, from the files of locations that come with MaxMind's networks. */
export type Locations = Map<string, readonly EntryValue[]>

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

/** What a line says: the value of each attribute, or what is wrong with it. */
type ValuesOf = (fields: readonly string[]) => readonly EntryValue[] | string

/**
 * Reads a country or ASN table: the range of each line, and what it says of it. AS 0 (not routed) is left out.
 *
 * @param entries What the lines say.
 * @param locations For networks of MaxMind, which name countries by ids.
 * @returns Lines, unreadable ones among them.
 * @throws LookupFault if the columns are not known, or more than a small share of the lines is unreadable.
 */
export function readRangeText(
  table: TextTable,
  text: string,
  builder: RangeBuilder,
  entries: EntryPool,
  locations: Locations = new Map(),
): LineCount {
  const { separation, columns, headerLine } = layoutOf(table, text)
  const valuesOf = valuesBy(readersOf(table), columns, locations)
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
    const values = valuesOf(fields)
    const entry = typeof values === 'string' ? -1 : entries.idOf(values)
    if (typeof values === 'string') count.refuse(number, line, values)
    else if (entry >= 0) addRange(builder, range, entry)
  }
  count.check()
  return count
}

/** How the values of a line are read. An attribute without a column is what the location of the line says of it. */
function valuesBy(readers: readonly TableReader[], { values: places, location }: TableColumns, locations: Locations): ValuesOf {
  const isLocated = places.some(at => at < 0) && location >= 0
  const needed = readers.findIndex(reader => reader.needed !== undefined)
  const needsLocation = places[needed]! < 0
  if (needsLocation && locations.size === 0)
    return () => {
      throw new LookupFault(
        'its networks name countries by geoname_id: name the file of locations too, separated by a comma (GeoLite2-Country-Locations-en.csv)',
      )
    }
  const parts = places.map((at, i) => (places.indexOf(at) === places.lastIndexOf(at) ? undefined : readers[i]!.part))
  return fields => {
    const id = isLocated ? (fields[location] ?? '') : ''
    const located = id === '' ? undefined : locations.get(id)
    if (needsLocation && id !== '' && located === undefined) return `no location ${id}`
    const values: EntryValue[] = []
    for (let i = 0; i < readers.length; i++) {
      const at = places[i]!
      const field = fields[at] ?? ''
      const value = at < 0 ? (located?.[i] ?? null) : readers[i]!.field(parts[i]?.(field) ?? field)
      if (value === undefined) return `not ${readers[i]!.kind}`
      values.push(value)
    }
    return values
  }
}

function lineRange(fields: readonly string[], { network, first, last }: TableColumns): AddressRange | undefined {
  return network >= 0 ? networkOf(fields[network] ?? '') : rangeOf(fields[first] ?? '', fields[last] ?? '')
}

function addRange(builder: RangeBuilder, range: AddressRange, value: number): void {
  if (range.family === 4) builder.add4(range.first, range.last, value)
  else builder.add6(range.first, range.last, value)
}

/** What a file says of ids if it is one of MaxMind's locations, undefined if it is not. */
export function readLocations(text: string): Locations | undefined {
  const lines = dataLines(text)
  const first = lines.next().value
  if (first === undefined) return undefined
  const separation = separationOf(first.text)
  const header = fieldsOf(first.text, separation)?.map(plainName) ?? []
  const id = header.indexOf('geoname_id')
  const country = header.indexOf('country_iso_code')
  if (id < 0 || country < 0 || header.includes('network')) return undefined
  const readers = readersOf('country')
  const columns = columnsOfValues('country', header)
  const count = new LineCount()
  const locations: Locations = new Map()
  for (const { number, text: line } of lines) {
    count.lines++
    const fields = fieldsOf(line, separation)
    if (fields?.[id] === undefined || fields[id] === '' || countryCodeOf(fields[country] ?? '') === undefined)
      count.refuse(number, line, 'no id or no country of two letters')
    else
      locations.set(
        fields[id],
        readers.map((reader, i) => (columns[i]! < 0 ? null : (reader.field(fields[columns[i]!] ?? '') ?? null))),
      )
  }
  count.check()
  return locations
}
