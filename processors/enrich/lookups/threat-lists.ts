/**
 * Threat lists as their makers publish them: an address, prefix or range a line (FireHOL, Spamhaus `drop.txt`), JSON (Spamhaus `drop_v4.json`,
 * Feodo Tracker), CSV with a header line (Feodo Tracker), and the exit addresses of Tor.
 */
import { networkOf, rangeOf, type AddressRange } from './address-ranges.ts'
import { dataLines, fieldsOf, separationOf, type DataLine, type Separation } from './delimited-lines.ts'
import { excerpt, LineCount, LookupFault } from './lookup-fault.ts'
import type { RangeBuilder } from './range-builder.ts'
import { plainName } from './table-columns.ts'

/** Names of the column or key that holds the address, in the order in which they are looked for. */
const addressNames = [
  'cidr',
  'network',
  'prefix',
  'ip_prefix',
  'ip_address',
  'ip',
  'dst_ip',
  'dstip',
  'src_ip',
  'srcip',
  'address',
  'ipaddress',
  'indicator',
]

const expected =
  'expected is one address or prefix a line (`#` and `;` start a comment), CSV with a header line that names the column (cidr, ip, dst_ip), JSON with such keys, or the exit addresses of Tor'

/** An address that lists of host names begin their lines with. */
const hostsAddress = /^(0\.0\.0\.0|127\.0\.0\.1|::1?)$/

/** Range of an entry: an address or prefix, or two addresses; other text may follow. */
function rangeIn(text: string): AddressRange | undefined {
  const network = networkOf(text)
  if (network !== undefined) return network
  const [first, last] = text.split(/\s*-\s*|[\s,|]+/).map(token => token.replaceAll('"', ''))
  const ends = /[.:]/.test(first!) && last !== undefined ? rangeOf(first!, last) : undefined
  return ends ?? (hostsAddress.test(first!) ? undefined : networkOf(first!))
}

/**
 * Reads a threat list.
 *
 * @param value The value of all its ranges.
 * @returns Entries, unreadable ones among them.
 * @throws LookupFault if the text has no known form, or more than a small share of its entries is unreadable.
 */
export function readThreatList(text: string, builder: RangeBuilder, value: number): LineCount {
  const count = new LineCount()
  const add = (entry: unknown, number: number, line: string): void => {
    count.lines++
    const range = typeof entry === 'string' ? rangeIn(entry.trim()) : undefined
    if (range === undefined) count.refuse(number, line, 'no address or prefix')
    else if (range.family === 4) builder.add4(range.first, range.last, value)
    else builder.add6(range.first, range.last, value)
  }
  const first = dataLines(text).next().value
  if (first === undefined) throw new LookupFault(`it has no entries; ${expected}`)
  const start = first.text.trimStart()
  if (start.startsWith('[')) readJsonList(text, add)
  else if (start.startsWith('{')) readJsonLines(text, add)
  else if (/^Exit(Node|Address)\s/.test(start)) readTor(text, add)
  else readLines(text, first, add)
  if (count.unreadable > 0 && count.unreadable === count.lines) {
    const what = count.lines === 1 ? 'its only entry cannot be read:' : `none of its ${count.lines} entries can be read, the first is`
    throw new LookupFault(`${what} ${count.first!}; ${expected}`)
  }
  count.check()
  return count
}

type Add = (entry: unknown, number: number, line: string) => void

/** The address of an entry in JSON; null for a line of metadata. */
function addressIn(entry: unknown): unknown {
  if (typeof entry !== 'object' || entry === null) return entry
  const record = entry as Record<string, unknown>
  if (record['type'] === 'metadata') return null
  return addressNames.map(name => record[name]).find(found => found !== undefined)
}

function readJsonList(text: string, add: Add): void {
  let list: unknown
  try {
    list = JSON.parse(text.replace(/^\ufeff/, ''))
  } catch (cause) {
    throw new LookupFault(`it begins as JSON and is not; ${expected}`, { cause })
  }
  let number = 0
  for (const entry of list as unknown[]) {
    number++
    const address = addressIn(entry)
    if (address !== null) add(address, number, JSON.stringify(entry))
  }
}

function readJsonLines(text: string, add: Add): void {
  for (const { number, text: line } of dataLines(text)) {
    let address: unknown
    try {
      address = addressIn(JSON.parse(line))
    } catch {
      address = undefined
    }
    if (address !== null) add(address, number, line)
  }
}

function readTor(text: string, add: Add): void {
  for (const { number, text: line } of dataLines(text)) {
    const [keyword, address] = line.trim().split(/\s+/)
    if (keyword === 'ExitAddress') add(address, number, line)
    else if (!['ExitNode', 'Published', 'LastStatus'].includes(keyword!)) add(undefined, number, line)
  }
}

/** Place of the column of addresses if a line is a header line, also one in a comment (`#fields: a,b`, `# a,b`). */
function headerOf(line: string): { separation: Separation; column: number } | undefined {
  const names = line.replace(/^#+\s*(fields:)?\s*/i, '')
  const separation = separationOf(names)
  if (separation.delimiter === undefined) return undefined
  const fields = (fieldsOf(names, separation) ?? []).map(plainName)
  const column = addressNames.map(name => fields.indexOf(name)).find(at => at >= 0)
  return column === undefined || fields.some(field => networkOf(field) !== undefined) ? undefined : { separation, column }
}

function readLines(text: string, first: DataLine, add: Add): void {
  let header: ReturnType<typeof headerOf>
  for (const line of dataLines(text, true)) {
    header = headerOf(line.text) ?? header
    if (line.number >= first.number) break
  }
  if (header !== undefined && rangeIn(plainEntry(first.text)) === undefined) {
    const { separation, column } = header
    for (const { number, text: line } of dataLines(text)) {
      if (number === first.number && headerOf(line) !== undefined) continue
      add(fieldsOf(line, separation)?.[column], number, line)
    }
    return
  }
  for (const { number, text: line } of dataLines(text)) {
    const entry = plainEntry(line)
    if (number === first.number && /^start\s+end\b/i.test(entry)) continue
    if (entry !== '') add(entry, number, excerpt(line))
  }
}

/** An entry without the comment behind it. */
const plainEntry = (line: string): string => line.split(/[#;]/, 1)[0]!.trim()
