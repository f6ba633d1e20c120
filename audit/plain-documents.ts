/** Lines that are parts of documents, found the plain way: documents as JSON is defined, comma-separated records as RFC 4180 says. */
import { findFlowField } from '../flow/fields.ts'

/** What documents give: their lines as text, and how many are none. */
export interface PlainDocuments {
  readonly text: string
  readonly dead: number
}

const largestDocument = 16_777_216
const largestRecord = 1_048_576

/** Cuts a text where a brace that was opened outside of a string is closed. */
function* documentsOf(text: string): Generator<string, undefined> {
  const token = /"[^"\\]*(?:\\[^][^"\\]*)*(?:"|$)|[{}]|[^"{}]+/y
  for (let at = 0; at < text.length;) {
    const start = text.indexOf('{', at)
    const between = text.slice(at, start < 0 ? undefined : start)
    if (!/^[ \t\r\n]*$/.test(between)) yield between
    if (start < 0) return undefined
    let depth = 0
    for (token.lastIndex = start; token.lastIndex < text.length;) {
      const word = token.exec(text)?.[0]
      if (word === '{') depth++
      else if (word === '}') depth--
      if (depth === 0 || word === undefined) break
    }
    at = depth === 0 ? token.lastIndex : text.length
    yield text.slice(start, at)
  }
  return undefined
}

type Json = Record<string, unknown>

/** JSON of an object, numbers that a double cannot hold as their digits. */
function objectOf(text: string): Json | undefined {
  try {
    // a number of 16 digits or more outside of a string becomes a string of its digits
    const digits = text.replace(
      /"[^"\\]*(?:\\[^][^"\\]*)*"|([:,[]\s*)(\d{16,})(?=\s*[,}\]])/g,
      (all, before: string | undefined, number: string | undefined) => (before === undefined ? all : `${before}"${number!}"`),
    )
    const value: unknown = JSON.parse(digits)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
  } catch {
    return undefined
  }
}

/** One field per key: the columns so far, in the order of their coming. */
class Columns {
  readonly #names: string[] = []

  /** The line of a record, and a header line before it where there are new keys; undefined: not a flow log. */
  line(record: Json): string | undefined {
    const fresh = Object.keys(record).filter(key => !this.#names.includes(key))
    const all = [...this.#names, ...fresh]
    const documented = all.filter(key => findFlowField(key) !== undefined).length
    const enough = this.#names.length === 0 ? documented >= Math.max(1, all.length / 2) : documented > all.length / 2 && all.length > 1
    if (fresh.length > 0 && (!enough || all.length > 256)) return undefined
    if (all.length === 0) return undefined
    this.#names.push(...fresh)
    const names = all.map(
      key =>
        (findFlowField(key)?.name ??
          key
            .toLowerCase()
            .replaceAll(/[^a-z0-9_-]/g, '_')
            .replace(/^[^a-z]+/, '')) ||
        'unnamed',
    )
    const values = all.map(key => wordOf(key, Object.hasOwn(record, key) ? record[key] : null))
    return `${fresh.length > 0 ? `${names.join(' ')}\n` : ''}${values.join(' ')}\n`
  }
}

function wordOf(key: string, value: unknown): string {
  if (value === null || value === '') return '-'
  const field = findFlowField(key)
  if (value === 'None' && field !== undefined && !field.record.startsWith('tags.')) return '-'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  if (typeof value === 'string' && field !== undefined && field.awsType !== 'STRING')
    return text.replace(/^(\d+)\.0+$/, '$1').replaceAll(/\s/g, '_')
  return text.replaceAll(/\s/g, '_')
}

const messageLines = (messages: readonly unknown[], columns: Columns): string | undefined => {
  if (!messages.every(message => typeof message === 'string')) return undefined
  return messages
    .map(message => {
      const record = message.startsWith('{') ? objectOf(message) : undefined
      return (record === undefined ? undefined : columns.line(record)) ?? `${message.replace(/\n$/, '')}\n`
    })
    .join('')
}

function linesOf(document: string, columns: Columns): string | undefined {
  const value = objectOf(document)
  if (value === undefined || Buffer.byteLength(document) > largestDocument) return undefined
  const { messageType, logEvents, message } = value
  if (messageType === 'CONTROL_MESSAGE') return ''
  if (messageType === 'DATA_MESSAGE' && Array.isArray(logEvents))
    return messageLines(
      logEvents.map((event: Json | null) => event?.['message']),
      columns,
    )
  if (messageType !== undefined) return undefined
  return message === undefined ? columns.line(value) : messageLines([message], columns)
}

function gathered(documents: Iterable<string>, lines: (document: string) => string | undefined): PlainDocuments {
  const text: string[] = []
  let dead = 0
  for (const document of documents) {
    const some = lines(document)
    if (some === undefined) dead++
    else text.push(some)
  }
  return { text: text.join(''), dead }
}

/** Lines of JSON documents; undefined: the text does not begin with one that has lines. */
function jsonLines(text: string): PlainDocuments | undefined {
  if (!/^[ \t\r\n]*\{/.test(text)) return undefined
  const first = documentsOf(text).next().value
  if (first === undefined || linesOf(first, new Columns()) === undefined) return undefined
  const columns = new Columns()
  return gathered(documentsOf(text), document => linesOf(document, columns))
}

/** Splits comma-separated text into records of fields. */
function* recordsOf(text: string): Generator<{ fields: string[]; whole: string }> {
  const record = /(?:[^"\n]+|"[^"]*(?:"|$))+/g
  for (const [whole] of text.matchAll(record)) {
    const line = whole.replace(/\r$/, '')
    const fields = [...`,${line}`.matchAll(/,(?:"([^"]*(?:""[^"]*)*)"(?=,|$)|([^",]*)(?=,|$))/g)]
    const isSound = fields.reduce((length, [all]) => length + all.length, 0) === line.length + 1
    yield { whole: line, fields: isSound ? fields.map(([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare!) : [] }
  }
}

/** Messages of an export of the console; undefined: not an export. */
function exportLines(text: string): PlainDocuments | undefined {
  const first = text.split('\n', 1)[0]!
  const names = first
    .replace(/^\ufeff/, '')
    .trim()
    .split(',')
    .map(name => name.replaceAll(/["@]/g, '').toLowerCase())
  const place = names.indexOf('message')
  if (place < 0 || names.length < 2 || !names.includes('timestamp') || !names.every(name => /^[a-z.]+$/.test(name))) return undefined
  const columns = new Columns()
  let dead = 0
  const lines: string[] = []
  for (const { fields, whole } of recordsOf(text.slice(first.length + 1))) {
    if (whole === '') continue
    const message = Buffer.byteLength(whole) > largestRecord ? undefined : fields[place]
    if (message === undefined) dead++
    else lines.push(messageLines([message], columns)!)
  }
  return { text: lines.join(''), dead }
}

/** Lines that stand in documents; undefined: the text has lines itself. */
export const documentLines = (text: string): PlainDocuments | undefined => exportLines(text) ?? jsonLines(text)

/** True for a first line of names with commas between, other than that of an export. */
export const isCommaHeader = (text: string): boolean =>
  text
    .split('\n', 1)[0]!
    .replace(/^\ufeff/, '')
    .trim()
    .split(',')
    .every((name, _i, all) => all.length > 1 && /^"?[@a-z][a-z0-9_@.-]*"?$/i.test(name))
