/**
 * JSON records that have one field per key, `{"version":2,"srcaddr":"10.0.0.1",...}`, as lines of a flow log: a header line first, and again
 * where a key comes that the one before has not. For lines among them that are not such records their own last header line holds, else the format
 * that is configured.
 */
import { findFlowField } from '../../../flow/fields.ts'
import { isHeaderLine, type MadeHeaders } from './header-line.ts'
import { headerWord, wordsOf, type WordOf } from './field-words.ts'

/** Keys of all records of an object; a flow log has 64 fields. */
const mostKeys = 256

/** Name of a key in the header line: that of AWS, else its own in the letters that a header line has. */
function columnOf(key: string): string {
  if (findFlowField(key) !== undefined) return headerWord(key)
  const plain = key
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, '_')
    .replace(/^[^a-z]+/, '')
  return plain === '' ? 'unnamed' : plain
}

/** Parses JSON without losing digits of whole numbers beyond 2^53. @throws SyntaxError */
function parseExactly(text: string): Record<string, unknown> {
  const reviver = (_key: string, value: unknown, context?: { source?: string }): unknown => {
    const source = context?.source
    return typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && /^-?\d+$/.test(source)
      ? BigInt(source)
      : value
  }
  return JSON.parse(text, reviver) as Record<string, unknown>
}

/** Records of one object, in order. */
export class StructuredRecords {
  readonly #columns = new Map<string, { readonly name: string; readonly wordOf: WordOf }>()
  readonly #headers: MadeHeaders
  #header: string | null = null
  /** The header line of lines that are not records: the last one among them, else the configured one; null: none yet. */
  #plain: string | null
  /** The header line that stands last in the text is that of the records. */
  #holds = false

  constructor(headers: MadeHeaders) {
    this.#headers = headers
    this.#plain = headers.configured
  }

  /**
   * Text that is not a record, behind the header line of such text if that of the records holds: its own last one, else the configured one.
   *
   * @param text Lines, each with its end.
   */
  other(text: string): string {
    let before = ''
    if (this.#holds && this.#plain !== null) {
      this.#holds = false
      before = this.#headers.make(this.#plain)
    }
    for (const line of text.split('\n')) {
      if (line === '' || !this.#headers.isHeader(line, this.#holds ? this.#header : this.#plain)) continue
      this.#plain = line.trim()
      this.#holds = false
    }
    return before + text
  }

  /**
   * The line of a record, behind a header line where its keys need one.
   *
   * @param text JSON of an object; it was parsed before.
   * @returns undefined if its keys are not those of a flow log.
   */
  lineOf(text: string): string | undefined {
    const record = parseExactly(text)
    const fresh = Object.keys(record).filter(key => !this.#columns.has(key))
    if (fresh.length > 0) {
      const names = [...[...this.#columns.values()].map(({ name }) => name), ...fresh.map(columnOf)]
      const line = names.join(' ')
      if (names.length > mostKeys || !isHeaderLine(line)) return undefined
      for (const key of fresh) this.#columns.set(key, { name: columnOf(key), wordOf: wordsOf(columnOf(key)) })
      this.#header = line
      this.#holds = false
    }
    if (this.#header === null) return undefined
    const header = this.#holds ? '' : this.#headers.make(this.#header)
    this.#holds = true
    const words: string[] = []
    for (const [key, { wordOf }] of this.#columns) words.push(wordOf(Object.hasOwn(record, key) ? record[key] : null))
    return `${header}${words.join(' ')}\n`
  }
}
