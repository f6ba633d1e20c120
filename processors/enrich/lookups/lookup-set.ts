/** The lookup tables in force, as the pure parts see them. */
import type { RangeTable } from './range-table.ts'

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
  readonly table: 'country' | 'asn' | 'aws' | 'threat'
  readonly path: string
  readonly ranges: number
  /** Date of the data (ISO 8601) as the file or its package says, else the time it was changed. */
  readonly dataDate: string
  /** Licence and who must be named where the results are shown; null where the file does not say. */
  readonly licence: string | null
  readonly attribution: string | null
}

/** Tables compiled for lookup; undefined: that table is off. Values of country, AWS and threat tables are numbers in `texts`. */
export interface LookupSet {
  readonly texts: TextPool
  readonly country: RangeTable | undefined
  /** Values are places in `asnNumbers` and `asnOrgs` (a number in `texts`, -1 for none). */
  readonly asn: RangeTable | undefined
  readonly asnNumbers: readonly number[]
  readonly asnOrgs: readonly number[]
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
