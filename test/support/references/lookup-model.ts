/** What a lookup table must say of an address: a search through all its ranges, one after the other. Nothing here comes from the product. */

/** A range of a table; ends are included. `order` is its place in the file. */
export interface ModelRange {
  readonly family: 4 | 6
  readonly first: bigint
  readonly last: bigint
  readonly value: string
}

/** The value of the smallest range that holds an address, of equally small ones the first in the file; undefined if none does. */
export function modelLookup(ranges: readonly ModelRange[], family: 4 | 6, address: bigint): string | undefined {
  let best: ModelRange | undefined
  for (const range of ranges) {
    if (range.family !== family || address < range.first || address > range.last) continue
    if (best === undefined || range.last - range.first < best.last - best.first) best = range
  }
  return best?.value
}

/** Text of an address, IPv6 in full or as short as the parts `::` allow. */
export function modelText(family: 4 | 6, address: bigint, isShort = true): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map(shift => String((address >> shift) & 255n)).join('.')
  const groups = Array.from({ length: 8 }, (_, i) => ((address >> BigInt(112 - 16 * i)) & 0xffffn).toString(16))
  const zeros = isShort && groups.slice(2).every(group => group === '0')
  return zeros ? `${groups[0]!}:${groups[1]!}::` : groups.join(':')
}

/** Prefix of a range that is one; undefined for others. */
export function modelPrefix({ family, first, last }: ModelRange): string | undefined {
  const width = family === 4 ? 32 : 128
  for (let bits = 0; bits <= width; bits++) {
    const size = 1n << BigInt(width - bits)
    if (last - first + 1n === size && first % size === 0n) return `${modelText(family, first)}/${bits}`
  }
  return undefined
}

/** How a maker writes the range and its value. `undefined` from `line`: the form cannot say it. */
export interface TableForm {
  readonly name: string
  readonly table: 'country' | 'asn'
  readonly header?: string
  readonly line: (range: ModelRange, ends: [string, string]) => string | undefined
}

const number = ({ first, last }: ModelRange): [string, string] => [String(first), String(last)]
/** A whole number up to 2^32 - 1 is an IPv4 address, so small ends of IPv6 cannot be written as numbers. */
const hasNumbers = ({ family, last }: ModelRange): boolean => family === 4 || last > 0xffffffffn
const quoted = (...fields: string[]): string => fields.map(field => `"${field.replaceAll('"', '""')}"`).join(',')

const prefixAndCode = (range: ModelRange): string | undefined => {
  const prefix = modelPrefix(range)
  return prefix === undefined ? undefined : `${prefix},${range.value}`
}
const ip2LocationAsn = (range: ModelRange): string | undefined => {
  const prefix = modelPrefix(range)
  return hasNumbers(range) && prefix !== undefined ? quoted(...number(range), prefix, range.value, `Org of ${range.value}`) : undefined
}

/** Values are countries in the country forms, and AS numbers in the ASN forms. */
export const tableForms: readonly TableForm[] = [
  { name: 'ends, code', table: 'country', line: ({ value }, [a, b]) => `${a},${b},${value}` },
  { name: 'semicolons', table: 'country', line: ({ value }, [a, b]) => `${a};${b};${value.toLowerCase()}` },
  { name: 'tabs', table: 'country', line: ({ value }, [a, b]) => `${a}\t${b}\t${value}` },
  { name: 'iptoasn', table: 'country', line: ({ value }, [a, b]) => `${a}\t${b}\t7018\t${value}\tA "big" one, of all` },
  {
    name: 'IP2Location DB3',
    table: 'country',
    line: (range, _) => (hasNumbers(range) ? quoted(...number(range), range.value, 'A "big", name', 'Region', 'City') : undefined),
  },
  {
    name: 'ip-location-db',
    table: 'country',
    header: 'ip_range_start,ip_range_end,country_code',
    line: ({ value }, [a, b]) => `${a},${b},${value}`,
  },
  {
    name: 'IPinfo',
    table: 'country',
    header: 'start_ip,end_ip,country,country_name,continent,continent_name,asn,as_name,as_domain',
    line: ({ value }, [a, b]) => `${a},${b},${value},"Name, the",AS,Asia,AS7018,Org,org.example`,
  },
  {
    name: 'GeoIP legacy',
    table: 'country',
    line: (range, [a, b]) => (range.family === 4 ? quoted(a, b, ...number(range), range.value, 'Name') : undefined),
  },
  {
    name: 'prefix, code',
    table: 'country',
    line: prefixAndCode,
  },
  { name: 'ends, AS, org', table: 'asn', line: ({ value }, [a, b]) => `${a},${b},${value},"Org ""of"" ${value}, Inc."` },
  { name: 'iptoasn', table: 'asn', line: ({ value }, [a, b]) => `${a}\t${b}\t${value}\tUS\tOrg of ${value}` },
  {
    name: 'IP2Location ASN',
    table: 'asn',
    line: ip2LocationAsn,
  },
  {
    name: 'GeoLite2',
    table: 'asn',
    header: 'network,autonomous_system_number,autonomous_system_organization',
    line: range => (modelPrefix(range) === undefined ? undefined : `${modelPrefix(range)!},${range.value},"Org, ${range.value}"`),
  },
  {
    name: 'IPinfo ASN',
    table: 'asn',
    header: 'start_ip,end_ip,asn,name,domain',
    line: ({ value }, [a, b]) => `${a},${b},AS${value},Org of ${value},org.example`,
  },
]

/** Text of a table in a form, and the ranges that the form could say. */
export function writeTable(form: TableForm, ranges: readonly ModelRange[], isCrlf: boolean): { text: string; said: ModelRange[] } {
  const said: ModelRange[] = []
  const lines = form.header === undefined ? [] : [form.header]
  for (const range of ranges) {
    const ends: [string, string] = [modelText(range.family, range.first), modelText(range.family, range.last, false)]
    const line = form.line(range, ends)
    if (line === undefined) continue
    said.push(range)
    lines.push(line)
  }
  return { text: lines.map(line => `${line}${isCrlf ? '\r' : ''}\n`).join(''), said }
}
