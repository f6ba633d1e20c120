/** The lookup tables in force, as the pure parts see them. */
import type { CompiledTable } from './compile-table.ts'
import { RangeTable } from './range-table.ts'

/** Tables of the lookups. */
export type TableName = 'country' | 'asn' | 'aws' | 'threat'

/** Texts by number: each text once. */
export class TextPool {
  readonly texts: string[] = []
  readonly #ids = new Map<string, number>()

  /** Number of a text. */
  idOf(text: string): number {
    let id = this.#ids.get(text)
    if (id === undefined) {
      id = this.texts.push(text) - 1
      this.#ids.set(text, id)
    }
    return id
  }
}

/** Where a table comes from, for logs, metrics and the console. */
export interface TableInfo {
  readonly table: TableName
  readonly path: string
  readonly ranges: number
  /** Date of the data (ISO 8601) as the file or its package says, else the time it was changed. */
  readonly dataDate: string
  /** Licence and who must be named where the results are shown; null if the file does not say. */
  readonly licence: string | null
  readonly attribution: string | null
  /** Lines that were left out; never more than a small share. */
  readonly unreadableLines: number
  readonly firstUnreadable: string | null
}

/** Tables compiled for lookup; undefined: that table is off. Values of country, AWS and threat tables are numbers in `texts`. */
export interface LookupSet {
  readonly texts: TextPool
  readonly country: RangeTable | undefined
  /** Values are places in `asnNumbers` and `asnOrgs` (a number in `texts`, -1 for none). */
  readonly asn: RangeTable | undefined
  readonly asnNumbers: ArrayLike<number>
  readonly asnOrgs: ArrayLike<number>
  readonly aws: RangeTable | undefined
  readonly threats: RangeTable | undefined
  readonly info: readonly TableInfo[]
}

/** No tables at all. */
export const noLookups: LookupSet = {
  texts: new TextPool(),
  country: undefined,
  asn: undefined,
  asnNumbers: [],
  asnOrgs: [],
  aws: undefined,
  threats: undefined,
  info: [],
}

/** Puts tables that were compiled one by one together. They are not changed: the same ones can be part of the next set. */
export function lookupSetOf(tables: readonly CompiledTable[]): LookupSet {
  const texts = new TextPool()
  texts.idOf('')
  const placed = new Map<TableName, RangeTable>()
  let asnNumbers: ArrayLike<number> = []
  let asnOrgs: ArrayLike<number> = []
  for (const compiled of tables) {
    const ids = compiled.texts.map(text => texts.idOf(text))
    const placeOf = (value: number): number => (value < 0 ? -1 : ids[value]!)
    const { ranges } = compiled
    if (compiled.table === 'asn') {
      asnNumbers = compiled.asnNumbers
      asnOrgs = compiled.asnOrgs.map(placeOf)
      placed.set('asn', new RangeTable(ranges))
    } else placed.set(compiled.table, new RangeTable({ ...ranges, value4: ranges.value4.map(placeOf), value6: ranges.value6.map(placeOf) }))
  }
  return {
    texts,
    country: placed.get('country'),
    asn: placed.get('asn'),
    asnNumbers,
    asnOrgs,
    aws: placed.get('aws'),
    threats: placed.get('threat'),
    info: tables.flatMap(({ info }) => info),
  }
}

/** One entry for each table: the sums of its files, and the oldest date. */
export function sumsOf(info: readonly TableInfo[]): Pick<TableInfo, 'table' | 'dataDate' | 'ranges' | 'unreadableLines'>[] {
  const tables = new Map<TableName, { table: TableName; dataDate: string; ranges: number; unreadableLines: number }>()
  for (const { table, dataDate, ranges, unreadableLines } of info) {
    const sum = tables.get(table)
    if (sum === undefined) {
      tables.set(table, { table, dataDate, ranges, unreadableLines })
      continue
    }
    sum.ranges += ranges
    sum.unreadableLines += unreadableLines
    if (Date.parse(dataDate) < Date.parse(sum.dataDate)) sum.dataDate = dataDate
  }
  return [...tables.values()]
}
