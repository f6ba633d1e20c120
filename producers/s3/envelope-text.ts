/**
 * Unwraps JSON documents that stand one after the other and have lines in them: CloudWatch Logs subscription envelopes, as Kinesis and Firehose
 * store them, each with the messages of some log events; and the records of flow logs that go to Firehose directly, `{"message":"2 ..."}`, with
 * nothing between them. They may be compressed once more inside. Any other text passes through as it is.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-firehose.html
 */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { ObjectKey } from '../../schemas/records.ts'
import { controlMessages } from './fetch-metrics.ts'
import { longLineHead } from './line-blocks.ts'
import { textChunks } from './object-text.ts'

/** A part of the text that is no lines: it becomes one dead letter. */
export interface DeadPart {
  readonly reason: 'bad-document' | 'document-too-large'
  readonly head: Buffer
  readonly length: number
  readonly sha256: Buffer
}

/** Most bytes of one document. AWS keeps the records of a subscription below 1 MiB as compressed; flow logs shrink to a tenth. */
export const largestDocumentBytes = 16_777_216

const openBrace = 123
const closeBrace = 125
const quote = 34
const backslash = 92

/** White space of JSON, and nothing else: any other byte between two documents is damage that is counted. */
const isSpace = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13 && byte !== 11 && byte !== 12)
const isBlank = (bytes: Buffer): boolean => bytes.every(isSpace)

/** The text of the messages, each ended by a newline; null for a control message, undefined where it is no envelope. */
function messagesOf(document: Buffer): string | null | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(document.toString())
  } catch {
    return undefined
  }
  const { messageType, logEvents, message } = parsed as { messageType?: unknown; logEvents?: unknown; message?: unknown }
  if (messageType === 'CONTROL_MESSAGE') return null
  const isData = messageType === 'DATA_MESSAGE' && Array.isArray(logEvents)
  if (!isData && messageType !== undefined) return undefined
  const messages = isData ? logEvents.map((event: unknown) => (event as { message?: unknown } | null)?.message) : [message]
  if (!messages.every(text => typeof text === 'string')) return undefined
  return messages.map(text => (text.endsWith('\n') ? text : `${text}\n`)).join('')
}

/** Cuts bytes into documents by their braces. What stands between two documents, other than white space, is a document that is none. */
class DocumentCutter {
  readonly #largest: number
  #parts: Buffer[] = []
  #bytes = 0
  #depth = 0
  #inText = false
  #escaped = false
  #long: { hash: ReturnType<typeof createHash>; head: Buffer; length: number } | undefined

  constructor(largest: number) {
    this.#largest = largest
  }

  *push(chunk: Buffer): Generator<Buffer | DeadPart> {
    let start = 0
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (this.#depth === 0) {
        if (byte === openBrace) {
          this.#hold(chunk.subarray(start, i))
          yield* this.#end(true)
          start = i
          this.#depth = 1
        } else if (this.#bytes === 0 && start === i && isSpace(byte)) start = i + 1
      } else if (this.#inText) {
        if (this.#escaped) this.#escaped = false
        else if (byte === backslash) this.#escaped = true
        else if (byte === quote) this.#inText = false
      } else if (byte === quote) this.#inText = true
      else if (byte === openBrace) this.#depth++
      else if (byte === closeBrace && --this.#depth === 0) {
        this.#hold(chunk.subarray(start, i + 1))
        start = i + 1
        yield* this.#end(false)
      }
    }
    this.#hold(chunk.subarray(start))
  }

  *end(): Generator<Buffer | DeadPart> {
    yield* this.#end(true)
  }

  #hold(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#bytes += bytes.length
    if (this.#bytes <= this.#largest) {
      this.#parts.push(bytes)
      return
    }
    if (this.#long === undefined) {
      const hash = createHash('sha256')
      for (const part of this.#parts) hash.update(part)
      this.#long = { hash, head: Buffer.concat([...this.#parts, bytes]).subarray(0, longLineHead), length: 0 }
      this.#parts = []
    }
    this.#long.hash.update(bytes)
  }

  /** @param broken True where what is held is no whole document. */
  *#end(broken: boolean): Generator<Buffer | DeadPart> {
    const bytes = this.#bytes
    if (bytes === 0) return
    const long = this.#long
    const held = Buffer.concat(this.#parts)
    this.#parts = []
    this.#bytes = this.#depth = 0
    this.#inText = this.#escaped = false
    this.#long = undefined
    if (long !== undefined) yield { reason: 'document-too-large', head: Buffer.from(long.head), length: bytes, sha256: long.hash.digest() }
    else if (broken) {
      if (!isBlank(held)) yield badDocument(held)
    } else yield held
  }
}

const badDocument = (bytes: Buffer): DeadPart => ({
  reason: 'bad-document',
  head: Buffer.from(bytes.subarray(0, longLineHead)),
  length: bytes.length,
  sha256: createHash('sha256').update(bytes).digest(),
})

/** Text of some documents; that of neighbours together, because a document may be a single line. */
function* unwrap(documents: Iterable<Buffer | DeadPart>): Generator<Buffer | DeadPart> {
  let text = ''
  for (const document of documents) {
    const messages = Buffer.isBuffer(document) ? messagesOf(document) : undefined
    if (messages === null) controlMessages.inc()
    else if (messages !== undefined) text += messages
    else {
      if (text !== '') yield Buffer.from(text)
      text = ''
      yield Buffer.isBuffer(document) ? badDocument(document) : document
    }
  }
  if (text !== '') yield Buffer.from(text)
}

async function* joined(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
}

/**
 * Unwraps a text, if its first document is an envelope. Memory: one document, at most `largest`, and the messages of a chunk.
 *
 * @param chunks Decompressed text; where it begins like gzip it is decompressed once more, and only once.
 * @param packed True where that was done.
 */
export async function* unwrapped(
  chunks: AsyncIterable<Buffer>,
  name: ObjectKey,
  largest: number = largestDocumentBytes,
  packed = false,
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
    while (head.length < 2 && (await more()));
    if (!packed && head[0] === 0x1f && head[1] === 0x8b) {
      const inner = textChunks(Readable.from(joined(head, rest), { objectMode: false }), name)
      yield* unwrapped(inner, name, largest, true)
      return
    }
    while (head.length < 4096 && isBlank(head) && (await more()));
    if (!/^[ \t\r\n]*\{/.test(head.toString('latin1', 0, 4096))) {
      yield* joined(head, rest)
      return
    }
    // nothing is given away before the first document has said that it is an envelope
    let first: Buffer | DeadPart | undefined
    for (;;) {
      first = new DocumentCutter(largest).push(head).next().value as Buffer | DeadPart | undefined
      if (first !== undefined || head.length > largest || !(await more())) break
    }
    if (first === undefined || !Buffer.isBuffer(first) || messagesOf(first) === undefined) {
      yield* joined(head, rest)
      return
    }
    const cutter = new DocumentCutter(largest)
    for await (const chunk of joined(head, rest)) yield* unwrap(cutter.push(chunk))
    yield* unwrap(cutter.end())
  } finally {
    await rest.return?.()
  }
}
