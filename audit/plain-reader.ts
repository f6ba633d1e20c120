/**
 * The independent side of the audit: reads an object the plain way (unpack, split at newlines, split at spaces) and says what each line is.
 * It shares no code with the parser, on purpose: where the two disagree, one of them is wrong.
 */
import { isIP } from 'node:net'
import { findFlowField } from '../flow/fields.ts'
import { documentLines, isCommaHeader } from './plain-documents.ts'
import { noText, unpackPlainly } from './plain-unpack.ts'
import { addTally, emptyTally, type Tally } from '../schemas/tally.ts'
import { errorText } from '../runtime/errors.ts'

/** The Avro library refuses larger ones. */
const largest = 2 ** 53 - 2

/** Highest value of each whole-number field. */
const wholeNumbers: Readonly<Record<string, number>> = {
  version: 255,
  srcport: 65535,
  dstport: 65535,
  protocol: 255,
  packets: largest,
  bytes: largest,
  start: 2 ** 32 - 1,
  end: 2 ** 32 - 1,
  'tcp-flags': 65535,
  'traffic-path': 255,
  'encryption-status': 255,
  'packets-lost-no-route': largest,
  'packets-lost-blackhole': largest,
  'packets-lost-mtu-exceeded': largest,
  'packets-lost-ttl-expired': largest,
}
const addresses = new Set(['srcaddr', 'dstaddr', 'pkt-srcaddr', 'pkt-dstaddr'])
const words: Readonly<Record<string, readonly string[]>> = {
  action: ['ACCEPT', 'REJECT'],
  'log-status': ['OK', 'NODATA', 'SKIPDATA'],
  'flow-direction': ['ingress', 'egress'],
}

function isGood(name: string, value: string): boolean {
  if (value === '-') return true
  const limit = wholeNumbers[name]
  if (limit !== undefined) return /^[0-9]+$/.test(value) && Number(value) <= limit
  if (addresses.has(name)) return isIP(value) !== 0 && !value.includes('%')
  return words[name]?.includes(value) ?? true
}

/** What one line is, and its sums. */
export function classifyLine(columns: readonly string[], line: Buffer, maxLineBytes: number): Partial<Tally> {
  const bytes = line.at(-1) === 13 ? line.subarray(0, -1) : line
  const text = bytes.toString('utf8').replace(/^ +| +$/g, '')
  if (text === '') return { lines: 1, blank: 1 }
  const dead = { lines: 1, dead: 1 }
  if (line.length > maxLineBytes || !Buffer.from(bytes.toString('utf8')).equals(bytes)) return dead
  const values = text.split(/ +/)
  if (values.length !== columns.length) return dead
  const row = new Map<string, string>()
  // a column that stands twice counts once
  columns.forEach((column, i) => {
    const name = column.replaceAll('_', '-')
    if (!row.has(name)) row.set(name, values[i]!)
  })
  if ([...row].some(([name, value]) => !isGood(name, value))) return dead
  const number = (name: string): number => (/^[0-9]+$/.test(row.get(name) ?? '') ? Number(row.get(name)) : 0)
  if (/^[0-9]+$/.test(row.get('start') ?? '') && /^[0-9]+$/.test(row.get('end') ?? '') && number('end') < number('start')) return dead
  const status = row.get('log-status')
  if (status === 'NODATA') return { lines: 1, noData: 1 }
  if (status === 'SKIPDATA') return { lines: 1, skipData: 1 }
  return { lines: 1, flows: 1, packets: number('packets'), bytes: number('bytes') }
}

/** What the plain reader found in an object. */
export type PlainReading = { readonly ok: true; readonly tally: Tally } | { readonly ok: false; readonly reason: string }

/** Why a text without a header line cannot be read. */
export const noHeader = 'no header line'

/** Words of a line that could be a header: names only, a byte-order mark before them. Undefined: it is none. */
function namesOf(line: Buffer): string[] | undefined {
  const names = line.toString('utf8').trim().split(/ +/)
  return names.every(name => /^[a-z][a-z0-9_-]*$/.test(name)) ? names : undefined
}

/** Columns are not those of a flow log unless AWS documents at least half of them. */
export const isMostlyDocumented = (names: readonly string[]): boolean => documented(names) >= Math.max(1, names.length / 2)

const documented = (names: readonly string[]): number => names.filter(name => findFlowField(name) !== undefined).length

/**
 * Counts the lines of a text.
 *
 * @param configured Columns of lines that come without a header line.
 * @param made Lines that are header lines whatever they look like.
 */
export function countText(
  content: Buffer,
  maxLineBytes: number,
  configured?: readonly string[],
  made: ReadonlySet<string> = new Set(),
): PlainReading {
  const tally = emptyTally()
  let columns = configured
  for (let start = 0; start < content.length;) {
    const newline = content.indexOf(10, start)
    const end = newline < 0 ? content.length : newline
    const line = content.subarray(start, end)
    const bare = start === 0 && line.toString('hex', 0, 3) === 'efbbbf' ? line.subarray(3) : line
    start = end + 1
    const names = line.length > maxLineBytes ? undefined : namesOf(line)
    if (columns === undefined) {
      if (names !== undefined && isMostlyDocumented(names)) {
        columns = names
        addTally(tally, { lines: 1, headers: 1 })
      } else if (line.toString('utf8').trim() === '') addTally(tally, { lines: 1, blank: 1 })
      else return { ok: false, reason: noHeader }
    } else if (
      names !== undefined &&
      (made.has(names.join(' ')) || names.join() === columns.join() || (names.length > 1 && documented(names) > names.length / 2))
    ) {
      columns = names
      addTally(tally, { lines: 1, headers: 1 })
    } else addTally(tally, line.length > maxLineBytes ? { lines: 1, dead: 1 } : classifyLine(columns, bare, maxLineBytes))
  }
  return { ok: true, tally }
}

/**
 * Counts an object.
 *
 * @param stored Bytes as stored in S3; what they are packed as is recognised by their content.
 * @param maxLineBytes Longer lines are dead letters, as configured.
 * @param format Configured format of lines that come without a header line.
 */
export function readPlainly(stored: Buffer, maxLineBytes: number, format?: string): PlainReading {
  const columns = format
    ?.replaceAll(/[${},]/g, ' ')
    .trim()
    .split(/\s+/)
  let content: Buffer
  try {
    content = unpackPlainly(stored)
  } catch (error) {
    return { ok: false, reason: errorText(error) }
  }
  const isHeader = (line: string): boolean => isMostlyDocumented(namesOf(Buffer.from(line)) ?? ['?'])
  const other = noText(content, isHeader)
  if (other !== undefined) return { ok: false, reason: other }
  const found = documentLines(content.toString(), columns?.join(' '))
  if (found === undefined)
    return isCommaHeader(content.toString('utf8', 0, 4096)) ? { ok: false, reason: 'commas' } : countText(content, maxLineBytes, columns)
  const reading = countText(Buffer.from(found.text), maxLineBytes, columns, found.headers)
  if (reading.ok) addTally(reading.tally, { lines: found.dead, dead: found.dead })
  return reading
}

/** True if an object has no line with a record and no header line: nothing says that it is whole. */
export const isEmpty = ({ lines, headers, blank }: Tally): boolean => lines === blank && headers === 0
