/**
 * Unwraps texts in which the lines are parts of something else, one after the other: CloudWatch Logs subscription envelopes, as Kinesis and
 * Firehose store them, each with the messages of some log events; records of flow logs that go to Firehose directly, `{"message":"2 ..."}`; JSON
 * records with one field per key; and what the console of CloudWatch Logs exports, `timestamp,message`. They may be compressed once more inside.
 * Any other text passes through as it is.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-firehose.html
 */
import { Readable } from 'node:stream'
import { FlowError } from '../../../runtime/errors.ts'
import { counter } from '../../../runtime/metrics.ts'
import type { ObjectKey } from '../../../schemas/records.ts'
import { areCommaNames, csvFields, messageColumn } from './csv-records.ts'
import { badDocument, DocumentCutter, RecordCutter, type Cutter, type DeadPart } from './document-cutter.ts'
import { headBytes, isBinary, unreadFormat } from './object-formats.ts'
import { textChunks } from './object-text.ts'
import { MadeHeaders } from './header-line.ts'
import { StructuredRecords } from './structured-records.ts'

const controlMessages = counter(
  'flowloom_fetch_control_messages_total',
  'control messages of CloudWatch Logs subscriptions, which carry no lines; counted when read',
)

/** Most bytes of one document. AWS keeps the records of a subscription below 1 MiB as compressed; flow logs shrink to a tenth. */
export const largestDocumentBytes = 16_777_216
/** Most bytes of a comma-separated record: a quote that is never closed takes no more with it. A log event has at most 1 MiB. */
const largestRecordBytes = 1_048_576

/** The text of a document, each line ended by a newline; null for a control message, undefined if it cannot be read. */
type LinesOf = (document: Buffer) => string | null | undefined

/** Makes lines of messages: they are lines themselves, or JSON with one field per key. */
function messageLines(records: StructuredRecords): (messages: readonly unknown[]) => string | undefined {
  return messages => {
    let lines = ''
    for (const message of messages) {
      if (typeof message !== 'string') return undefined
      const line = isObject(parsed(message.startsWith('{') ? message : '')) ? records.lineOf(message) : undefined
      lines += line ?? records.other(message.endsWith('\n') ? message : `${message}\n`)
    }
    return lines
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Reads JSON documents. */
function documentLines(headers: MadeHeaders): LinesOf {
  const records = new StructuredRecords(headers)
  const linesOf = messageLines(records)
  return document => {
    const text = document.toString()
    const value = parsed(text)
    if (!isObject(value)) return undefined
    const { messageType, logEvents, message } = value as { messageType?: unknown; logEvents?: unknown; message?: unknown }
    if (messageType === 'CONTROL_MESSAGE') return null
    if (messageType === 'DATA_MESSAGE' && Array.isArray(logEvents))
      return linesOf(logEvents.map((event: unknown) => (event as { message?: unknown } | null)?.message))
    if (messageType !== undefined) return undefined
    return message === undefined ? records.lineOf(text) : linesOf([message])
  }
}

/** Reads records of an export, of which one field is the message. */
function recordLines(place: number, headers: MadeHeaders): LinesOf {
  const linesOf = messageLines(new StructuredRecords(headers))
  return record => {
    const text = record.toString().replace(/\r$/, '')
    const message = csvFields(text)?.[place]
    return text === '' ? '' : message === undefined ? undefined : linesOf([message])
  }
}

/** Text of some documents; that of neighbours together, because a document may be a single line. */
function* unwrap(documents: Iterable<Buffer | DeadPart>, linesOf: LinesOf): Generator<Buffer | DeadPart> {
  let text = ''
  for (const document of documents) {
    const lines = Buffer.isBuffer(document) ? linesOf(document) : undefined
    if (lines === null) controlMessages.inc()
    else if (lines !== undefined) text += lines
    else {
      if (text !== '') yield Buffer.from(text)
      text = ''
      yield Buffer.isBuffer(document) ? badDocument(document) : document
    }
  }
  if (text !== '') yield Buffer.from(text)
}

async function* unwrapAll(chunks: AsyncIterable<Buffer>, cutter: Cutter, linesOf: LinesOf): AsyncGenerator<Buffer | DeadPart> {
  for await (const chunk of chunks) yield* unwrap(cutter.push(chunk), linesOf)
  yield* unwrap(cutter.end(), linesOf)
}

async function* joined(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
}

/** @throws FlowError OBJECT_FORMAT, OBJECT_NOT_TEXT if the beginning of what should be text is not text. */
function checkText(head: Buffer, name: ObjectKey): void {
  const format = unreadFormat(head)
  if (format !== undefined) throw new FlowError('OBJECT_FORMAT', { ...name, detail: format })
  if (isBinary(head)) throw new FlowError('OBJECT_NOT_TEXT', { ...name, detail: `it begins with ${head.toString('hex', 0, 16)}` })
}

/**
 * Unwraps a text, if its first document is of one of these kinds. Memory: one document, at most `largest`, and the lines of a chunk.
 *
 * @param chunks Decompressed text; where it begins like gzip it is decompressed once more, and only once.
 * @param packed True if that was done.
 * @param headers Hears of the header lines that are made.
 * @throws FlowError OBJECT_FORMAT, OBJECT_NOT_TEXT; OBJECT_NO_HEADER for other comma-separated text; what `chunks` throws.
 */
export async function* unwrapped(
  chunks: AsyncIterable<Buffer>,
  name: ObjectKey,
  largest: number = largestDocumentBytes,
  packed = false,
  headers = new MadeHeaders(),
): AsyncGenerator<Buffer | DeadPart> {
  const rest = chunks[Symbol.asyncIterator]()
  try {
    let head: Buffer = Buffer.alloc(0)
    const more = async (): Promise<boolean> => {
      const next = await rest.next()
      if (next.done === true) return false
      head = head.length === 0 ? next.value : Buffer.concat([head, next.value])
      return true
    }
    while (head.length < headBytes && (await more()));
    if (!packed && head[0] === 0x1f && head[1] === 0x8b) {
      const inner = textChunks(Readable.from(joined(head, rest), { objectMode: false }), name)
      yield* unwrapped(inner, name, largest, true, headers)
      return
    }
    const beginning = head.subarray(0, headBytes)
    checkText(beginning, name)
    const firstLine = beginning.toString().split('\n', 1)[0]!
    const place = messageColumn(firstLine)
    if (place !== undefined) {
      const behind = head.subarray(Buffer.byteLength(firstLine) + 1)
      yield* unwrapAll(joined(behind, rest), new RecordCutter(Math.min(largest, largestRecordBytes)), recordLines(place, headers))
      return
    }
    if (areCommaNames(firstLine)) {
      const detail = `${JSON.stringify(firstLine.slice(0, 80))}: of comma-separated text, only exports with the columns timestamp,message are read`
      throw new FlowError('OBJECT_NO_HEADER', { ...name, detail })
    }
    if (!/^[ \t\r\n]*\{/.test(beginning.toString('latin1'))) {
      yield* joined(head, rest)
      return
    }
    // nothing is given away before the first document has said what it is
    let first: Buffer | DeadPart | undefined
    for (;;) {
      first = new DocumentCutter(largest).push(head).next().value as Buffer | DeadPart | undefined
      if (first !== undefined || head.length > largest || !(await more())) break
    }
    if (first === undefined || !Buffer.isBuffer(first) || documentLines(headers)(first) === undefined) yield* joined(head, rest)
    else yield* unwrapAll(joined(head, rest), new DocumentCutter(largest), documentLines(headers))
  } finally {
    await rest.return?.()
  }
}
