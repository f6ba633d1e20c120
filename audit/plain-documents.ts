/** Lines that are parts of documents, found the plain way: documents as JSON is defined, comma-separated records as RFC 4180 says. */
import { findFlowField } from '../flow/fields.ts'

/** What documents give: their lines as text, and how many are none. */
export interface PlainDocuments {
  readonly text: string
  readonly dead: number
  /** Header lines that stand in the text because of keys of records. */
  readonly headers: ReadonlySet<string>
}

const largestDocument = 16_777_216
const largestRecord = 1_048_576

/** Place behind the document that begins at a place, and whether it is whole: it is cut off by a newline in a string, or before a brace that is none of its values. */
function documentEnd(text: string, start: number): { end: number; next: number } {
  const token = /"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*(?:"|\\?\n|\\?$)|[{}[\]]|[ \t\r\n]+|[^"{}[\] \t\r\n]+/y
  const open: string[] = []
  let last = ':'
  for (token.lastIndex = start; token.lastIndex < text.length;) {
    const at = token.lastIndex
    const word = token.exec(text)![0]
    if (/^[ \t\r\n]/.test(word)) continue
    if (word.startsWith('"') && word.endsWith('\n')) return { end: token.lastIndex - 1, next: token.lastIndex }
    const takesValue = last === ':' || last === '[' || (last === ',' && open.at(-1) === '[')
    if (word === '{' && !takesValue) return { end: at, next: at }
    if (word === '{' || word === '[') open.push(word)
    else if (word === '}') open.length = open.lastIndexOf('{')
    else if (word === ']' && open.at(-1) === '[') open.pop()
    if (open.length === 0) return { end: token.lastIndex, next: token.lastIndex }
    last = word.at(-1)!
  }
  return { end: text.length, next: text.length }
}

/** Cuts a text into its documents, and what stands between them. */
function* documentsOf(text: string): Generator<string, undefined> {
  for (let at = 0; at < text.length;) {
    const start = text.indexOf('{', at)
    const between = text.slice(at, start < 0 ? undefined : start)
    if (!/^[ \t\r\n]*$/.test(between)) yield between
    if (start < 0) return undefined
    const { end, next } = documentEnd(text, start)
    yield text.slice(start, end)
    at = next
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
  /** Columns of lines that are not records: the last header line among them, else what is configured. */
  #plain: string | undefined
  /** Header lines that were put between the lines. */
  readonly headers = new Set<string>()
  #header = ''
  #isLast = false

  constructor(format: string | undefined) {
    this.#plain = format
  }

  #put(header: string): string {
    this.headers.add(header)
    return `${header}\n`
  }

  /** A line that is not a record; the columns of such lines hold for it. */
  other(line: string): string {
    const before = this.#isLast && this.#plain !== undefined ? this.#put(this.#plain) : ''
    if (before !== '') this.#isLast = false
    for (const each of line.split('\n'))
      if (this.#isOwnHeader(each.trim().split(/ +/))) {
        this.#plain = each.trim()
        this.#isLast = false
      }
    return before + line
  }

  /** True for words that are a header line where they stand. */
  #isOwnHeader(words: readonly string[]): boolean {
    if (!words.every(word => /^[a-z][a-z0-9_-]*$/.test(word))) return false
    const held = this.#isLast ? this.#header : this.#plain
    const documented = words.filter(word => findFlowField(word) !== undefined).length
    if (held === undefined) return documented >= Math.max(1, words.length / 2)
    const line = words.join(' ')
    return this.headers.has(line) || line === held.split(/ +/).join(' ') || (words.length > 1 && documented > words.length / 2)
  }

  /** The line of a record, and a header line before it where there are new keys; undefined: not a flow log. */
  line(record: Json): string | undefined {
    const fresh = Object.keys(record).filter(key => !this.#names.includes(key))
    const all = [...this.#names, ...fresh]
    const documented = all.filter(key => findFlowField(key) !== undefined).length
    const enough = documented >= Math.max(1, all.length / 2)
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
    if (fresh.length > 0) this.#isLast = false
    this.#header = names.join(' ')
    const before = this.#isLast ? '' : this.#put(this.#header)
    this.#isLast = true
    return `${before}${values.join(' ')}\n`
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
      return (record === undefined ? undefined : columns.line(record)) ?? columns.other(`${message.replace(/\n$/, '')}\n`)
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

function gathered(documents: Iterable<string>, lines: (document: string) => string | undefined): Omit<PlainDocuments, 'headers'> {
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
function jsonLines(text: string, format: string | undefined): PlainDocuments | undefined {
  if (!/^[ \t\r\n]*\{/.test(text)) return undefined
  const first = documentsOf(text).next().value
  if (first === undefined || linesOf(first, new Columns(format)) === undefined) return undefined
  const columns = new Columns(format)
  return { ...gathered(documentsOf(text), document => linesOf(document, columns)), headers: columns.headers }
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
function exportLines(text: string, format: string | undefined): PlainDocuments | undefined {
  const first = text.split('\n', 1)[0]!
  const names = first
    .replace(/^\ufeff/, '')
    .trim()
    .split(',')
    .map(name => name.replaceAll(/["@]/g, '').toLowerCase())
  const place = names.indexOf('message')
  if (place < 0 || names.length < 2 || !names.includes('timestamp') || !names.every(name => /^[a-z.]+$/.test(name))) return undefined
  const columns = new Columns(format)
  let dead = 0
  const lines: string[] = []
  for (const { fields, whole } of recordsOf(text.slice(first.length + 1))) {
    if (whole === '') continue
    const message = Buffer.byteLength(whole) > largestRecord ? undefined : fields[place]
    if (message === undefined) dead++
    else lines.push(messageLines([message], columns)!)
  }
  return { text: lines.join(''), dead, headers: columns.headers }
}

/** Lines that stand in documents; undefined: the text has lines itself. */
export const documentLines = (text: string, format?: string): PlainDocuments | undefined =>
  exportLines(text, format) ?? jsonLines(text, format)

/** True for a first line of names with commas between, other than that of an export. */
export const isCommaHeader = (text: string): boolean =>
  text
    .split('\n', 1)[0]!
    .replace(/^\ufeff/, '')
    .trim()
    .split(',')
    .every((name, _i, all) => all.length > 1 && /^"?[@a-z][a-z0-9_@.-]*"?$/i.test(name))
