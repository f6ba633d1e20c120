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
   * Values of the attributes of the tables that are on, by entry, which is what a range gives: the numbers of an attribute that is a number, else
   * places in `texts`; -1 for none. Entry 0 is what an address has that the table does not list.
   */
  readonly columns: Readonly<Partial<Record<AttributeName, ArrayLike<number>>>>
  readonly info: readonly TableInfo[]
}

/**
 * The value of an attribute.
 *
 * @param attribute Its place in `attributeRows`.
 * @param found The entry of its range table, -1 if it was not asked.
 * @returns A number, or a place in `texts`; -1: there is none.
 */
export function attributeValue({ columns }: LookupSet, attribute: number, found: number): number {
  return found < 0 ? -1 : columns[attributeRows[attribute]!.name]![found]!
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
  const placed: Partial<Record<TableName, RangeTable>> = {}
  const columns: Partial<Record<AttributeName, ArrayLike<number>>> = {}
  for (const compiled of tables) {
    const ids = compiled.texts.map(text => texts.idOf(text))
    placed[compiled.table] = new RangeTable(compiled.ranges)
    for (const { name, lookup, type } of attributeRows) {
      if (lookup !== compiled.table) continue
      const column = compiled.columns[name]!
      columns[name] = type === 'string' ? column.map(place => (place < 0 ? -1 : ids[place]!)) : column
    }
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
