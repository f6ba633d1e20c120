/** What the ranges of a table say, each combination of values once: ranges hold numbers of entries, and the columns hold the values. */
import { attributeRows, type AttributeName, type LookupName } from '../../../flow/attributes.ts'
import { attributeReaders, attributesOf, type TableReader } from './attribute-readers.ts'
import { LookupFault } from './lookup-fault.ts'
import { TextPool } from './lookup-set.ts'

/** A value of an attribute; null for none. */
export type EntryValue = string | number | null

/** Values of the attributes of a table by entry: numbers, or places in its texts; -1 for none. */
export type AttributeColumns = Readonly<Partial<Record<AttributeName, Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>>>

/** Longest text; it becomes part of every flow of its addresses. */
const longestText = 512

/** Most entries; the tables that are published have some 100,000. It bounds the memory of a table of any size. */
const mostEntries = 2_000_000

/** Numbers entries of a table. Entry 0 is what an address has that the table does not list. */
export class EntryPool {
  readonly texts = new TextPool()
  /** Attributes of the table: the order of values in an entry. */
  readonly names: readonly AttributeName[]
  /** Place of the value without which an entry says nothing, -1 if there is none such. */
  readonly #key: number
  readonly #values: number[][]
  readonly #ids = new Map<string, number>()

  constructor(table: LookupName) {
    this.names = attributesOf(table)
    this.#key = this.names.findIndex(name => (attributeReaders[name] as Partial<TableReader>).needed === 'range')
    this.#values = this.names.map(name => {
      const { unlisted } = attributeRows.find(row => row.name === name)!
      return [unlisted === undefined ? -1 : this.texts.idOf(unlisted)]
    })
  }

  /**
   * Number of the entry with these values, in the order of `names`; -1 if they say nothing.
   *
   * @throws LookupFault if there are too many.
   */
  idOf(values: readonly EntryValue[]): number {
    if (this.#key >= 0 && values[this.#key] === null) return -1
    const cut = values.map(value => (typeof value === 'string' ? value.slice(0, longestText) : value))
    if (cut.every(value => value === null || value === '')) return -1
    const key = cut.join('\0')
    let id = this.#ids.get(key)
    if (id === undefined) {
      id = this.#values[0]!.length
      if (id > mostEntries) throw new LookupFault(`its ranges have more than ${mostEntries} different values`)
      this.#ids.set(key, id)
      cut.forEach((value, i) => this.#values[i]!.push(this.#stored(value)))
    }
    return id
  }

  /** The values by attribute and entry. */
  columns(): AttributeColumns {
    return Object.fromEntries(
      this.names.map((name, i) => {
        const { type } = attributeRows.find(row => row.name === name)!
        return [name, type === 'string' ? Int32Array.from(this.#values[i]!) : Float64Array.from(this.#values[i]!)]
      }),
    )
  }

  #stored(value: EntryValue): number {
    if (value === null || value === '') return -1
    return typeof value === 'string' ? this.texts.idOf(value) : value
  }
}
