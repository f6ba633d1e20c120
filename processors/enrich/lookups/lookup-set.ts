/** The lookup tables in force, as the pure parts see them. */
import type { CompiledTable } from './compile-table.ts'
import { attributeRows, type AttributeName, type LookupName } from '../../../flow/attributes.ts'
import { RangeTable } from './range-table.ts'

/** Tables of the lookups. */
export type TableName = LookupName

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

/** Tables compiled for lookup. */
export interface LookupSet {
  readonly texts: TextPool
  /** Undefined: that table is off. */
  readonly ranges: Readonly<Partial<Record<TableName, RangeTable>>>
  /**
   * Attributes whose range table gives places in a column: the numbers of an attribute that is a number, else places in `texts`, -1 for none.
   * The range table of an attribute that has no column gives the place in `texts` itself.
   */
  readonly columns: Readonly<Partial<Record<AttributeName, ArrayLike<number>>>>
  readonly info: readonly TableInfo[]
}

/**
 * The value of an attribute.
 *
 * @param attribute Its place in `attributeRows`.
 * @param found What its range table says, -1 for nothing.
 * @returns A number, or a place in `texts`; -1: there is none.
 */
export function attributeValue({ columns }: LookupSet, attribute: number, found: number): number {
  if (found < 0) return -1
  const column = columns[attributeRows[attribute]!.name]
  return column === undefined ? found : column[found]!
}

/** No tables at all. */
export const noLookups: LookupSet = {
  texts: new TextPool(),
  ranges: {},
  columns: {},
  info: [],
}

/** Puts tables that were compiled one by one together. They are not changed: the same ones can be part of the next set. */
export function lookupSetOf(tables: readonly CompiledTable[]): LookupSet {
  const texts = new TextPool()
  texts.idOf('')
  const placed: Partial<Record<TableName, RangeTable>> = {}
  const columns: Partial<Record<AttributeName, ArrayLike<number>>> = {}
  for (const compiled of tables) {
    const ids = compiled.texts.map(text => texts.idOf(text))
    const placeOf = (value: number): number => (value < 0 ? -1 : ids[value]!)
    const { ranges } = compiled
    if (compiled.table === 'asn') {
      columns.Asn = compiled.asnNumbers
      columns.AsOrg = compiled.asnOrgs.map(placeOf)
      placed.asn = new RangeTable(ranges)
    } else placed[compiled.table] = new RangeTable({ ...ranges, value4: ranges.value4.map(placeOf), value6: ranges.value6.map(placeOf) })
  }
  return {
    texts,
    ranges: placed,
    columns,
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
