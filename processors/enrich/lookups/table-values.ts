/** What stands in the columns of country and network tables: country codes, and AS numbers with the organisations that hold them. */

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
