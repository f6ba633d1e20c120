/**
 * The independent side of the audit: reads an object the plain way (gunzip, split at newlines, split at spaces) and says what each line is.
 * It shares no code with the parser, on purpose: where the two disagree, one of them is wrong.
 */
import { isIP } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { findFlowField } from '../schemas/flow-fields.ts'
import { addTally, emptyTally, type Tally } from './tally.ts'

const largest = 2 ** 53 - 1

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
  const row = new Map(columns.map((name, i) => [name, values[i]!]))
  const status = row.get('log-status')
  if (status === 'NODATA') return { lines: 1, noData: 1 }
  if (status === 'SKIPDATA') return { lines: 1, skipData: 1 }
  if ([...row].some(([name, value]) => !isGood(name, value))) return dead
  const number = (name: string): number => (/^[0-9]+$/.test(row.get(name) ?? '') ? Number(row.get(name)) : 0)
  if (/^[0-9]+$/.test(row.get('start') ?? '') && /^[0-9]+$/.test(row.get('end') ?? '') && number('end') < number('start')) return dead
  return { lines: 1, flows: 1, packets: number('packets'), bytes: number('bytes') }
}

/** What the plain reader found in an object. */
export type PlainReading = { readonly ok: true; readonly tally: Tally } | { readonly ok: false; readonly reason: string }

/**
 * Counts an object.
 *
 * @param stored Bytes as stored in S3; gzip is recognised by its content.
 * @param maxLineBytes Longer lines are dead letters, as configured.
 */
export function readPlainly(stored: Buffer, maxLineBytes: number): PlainReading {
  let content = stored
  if (stored[0] === 0x1f && stored[1] === 0x8b) {
    try {
      content = gunzipSync(stored)
    } catch (error) {
      return { ok: false, reason: (error as Error).message }
    }
  }
  const tally = emptyTally()
  let columns: string[] | undefined
  for (let start = 0; start < content.length;) {
    const newline = content.indexOf(10, start)
    const end = newline < 0 ? content.length : newline
    const line = content.subarray(start, end)
    start = end + 1
    if (columns === undefined) {
      const header = line
        .toString('utf8')
        .replace(/^\uFEFF/, '')
        .trim()
      if (header === '') {
        addTally(tally, { lines: 1, blank: 1 })
        continue
      }
      columns = header.split(/ +/)
      // words that look like names are no header unless AWS documents at least one of them
      if (!columns.every(name => /^[a-z][a-z0-9-]*$/.test(name)) || !columns.some(name => findFlowField(name) !== undefined))
        return { ok: false, reason: 'no header line' }
      addTally(tally, { lines: 1, headers: 1 })
    } else addTally(tally, classifyLine(columns, line, maxLineBytes))
  }
  return { ok: true, tally }
}
