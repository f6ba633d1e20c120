/** What stands in the columns of country and network tables: country codes, and AS numbers with the organisations that hold them. */
import { LookupFault } from './lookup-fault.ts'
import type { TextPool } from './lookup-set.ts'

/** How makers write that there is no value. `NA` is not among them: it is Namibia. */
const none = /^(|-+|none|null|unknown|n\/a|\?+|zz|xx|[ao][0-9])$/i

/** True for an empty value, and the ways in which makers write one (`-`, `None`, `ZZ`). */
export const isNone = (text: string): boolean => none.test(text)

/** Two capital letters; the empty text if the maker says that there is no country; undefined if it is not a country code. */
export function countryCodeOf(text: string): string | undefined {
  if (/^[A-Za-z]{2}$/.test(text) && !none.test(text)) return text.toUpperCase()
  return none.test(text) ? '' : undefined
}

/** The largest AS number. */
export const largestAsn = 0xffff_ffff

/** AS number of `13335` or `AS13335`; 0 if the maker says that there is none; undefined if it is not an AS number. */
export function asnOf(text: string): number | undefined {
  if (isNone(text)) return 0
  const match = /^(?:AS ?)?(\d{1,10})$/i.exec(text)
  if (match === null) return undefined
  const asn = Number(match[1])
  return asn <= largestAsn ? asn : undefined
}

/** AS number and organisation in one field, as GeoIP legacy tables have them: `AS13335 Cloudflare, Inc.` */
export const asnAndOrg = /^AS(\d{1,10}) +(\S.*)$/

/** Longest name of an organisation; it becomes part of every flow of its addresses. */
const longestOrg = 512

/** Most pairs of AS number and organisation; the tables that are published have 100,000. It bounds the memory of a table of any size. */
const mostPairs = 2_000_000

/** Numbers pairs of AS number and organisation. */
export class AsnPool {
  readonly numbers: number[] = []
  /** Numbers of texts, -1 for none. */
  readonly orgs: number[] = []
  readonly #ids = new Map<string, number>()
  readonly #texts: TextPool

  constructor(texts: TextPool) {
    this.#texts = texts
  }

  /** @throws LookupFault if there are too many. */
  idOf(asn: number, name: string): number {
    const org = name.length > longestOrg ? name.slice(0, longestOrg) : name
    const key = `${asn} ${org}`
    let id = this.#ids.get(key)
    if (id === undefined) {
      if (this.numbers.length === mostPairs) throw new LookupFault(`it has more than ${mostPairs} pairs of AS number and organisation`)
      id = this.numbers.push(asn) - 1
      this.orgs.push(org === '' ? -1 : this.#texts.idOf(org))
      this.#ids.set(key, id)
    }
    return id
  }
}
