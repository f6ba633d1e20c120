/** Cuts a text into the documents that stand in it one after the other, with a bound for each. */
import { createHash } from 'node:crypto'
import { longLineHead } from './line-blocks.ts'

/** A part of the text that does not consist of lines: it becomes one dead letter. */
export interface DeadPart {
  readonly reason: 'bad-document' | 'document-too-large'
  readonly head: Buffer
  readonly length: number
  readonly sha256: Buffer
}

/** Cuts a text. `push` its chunks in order, then `end`; both give the documents that are complete. */
export interface Cutter {
  push(chunk: Buffer): Iterable<Buffer | DeadPart>
  end(): Iterable<Buffer | DeadPart>
}

const openBrace = 123
const closeBrace = 125
const openBracket = 91
const closeBracket = 93
const colonSign = 58
const comma = 44
const quote = 34
const backslash = 92
const lineFeed = 10

/** White space of JSON, and nothing else: any other byte between two documents is damage that is counted. */
const isSpace = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13 && byte !== 11 && byte !== 12)

/** A document that cannot be read, as a dead part. */
export const badDocument = (bytes: Buffer): DeadPart => ({
  reason: 'bad-document',
  head: Buffer.from(bytes.subarray(0, longLineHead)),
  length: bytes.length,
  sha256: createHash('sha256').update(bytes).digest(),
})

/** The open document: its bytes, or if it is too large, its beginning and checksum. */
class OpenDocument {
  readonly #largest: number
  #parts: Buffer[] = []
  #long: { hash: ReturnType<typeof createHash>; head: Buffer } | undefined
  bytes = 0

  constructor(largest: number) {
    this.#largest = largest
  }

  hold(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.bytes += bytes.length
    if (this.bytes <= this.#largest) {
      this.#parts.push(bytes)
      return
    }
    if (this.#long === undefined) {
      const hash = createHash('sha256')
      for (const part of this.#parts) hash.update(part)
      this.#long = { hash, head: Buffer.concat([...this.#parts, bytes]).subarray(0, longLineHead) }
      this.#parts = []
    }
    this.#long.hash.update(bytes)
  }

  /** The document, which is closed by this; undefined: none was open. */
  take(): Buffer | DeadPart | undefined {
    const { bytes } = this
    const long = this.#long
    const parts = this.#parts
    this.bytes = 0
    this.#long = undefined
    this.#parts = []
    if (bytes === 0) return undefined
    if (long !== undefined) return { reason: 'document-too-large', head: Buffer.from(long.head), length: bytes, sha256: long.hash.digest() }
    return Buffer.concat(parts)
  }
}

/**
 * Cuts JSON documents by their braces. What stands between two documents, other than white space, is a document that cannot be read. One that was
 * cut off ends at the newline in its text, which JSON does not allow there, or before a brace that no value can begin with.
 */
export class DocumentCutter implements Cutter {
  readonly #open: OpenDocument
  #depth = 0
  /** Open braces and brackets, innermost last. */
  readonly #nested: number[] = []
  /** The last byte outside of a text that is not white space. */
  #last = openBrace
  #inText = false
  #escaped = false

  constructor(largest: number) {
    this.#open = new OpenDocument(largest)
  }

  *push(chunk: Buffer): Generator<Buffer | DeadPart> {
    let start = 0
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (this.#depth === 0) {
        if (byte === openBrace) {
          this.#open.hold(chunk.subarray(start, i))
          yield* this.#end(true)
          start = i
          this.#begin()
        } else if (this.#open.bytes === 0 && start === i && isSpace(byte)) start = i + 1
      } else if (this.#inText) {
        if (byte === lineFeed) {
          this.#open.hold(chunk.subarray(start, i))
          start = i + 1
          yield* this.#end(true)
        } else if (this.#escaped) this.#escaped = false
        else if (byte === backslash) this.#escaped = true
        else if (byte === quote) this.#inText = false
      } else if (byte === openBrace && !this.#takesValue()) {
        this.#open.hold(chunk.subarray(start, i))
        start = i
        yield* this.#end(true)
        this.#begin()
      } else if (byte === closeBrace && this.#depth === 1) {
        this.#open.hold(chunk.subarray(start, i + 1))
        start = i + 1
        yield* this.#end(false)
      } else if (!isSpace(byte)) this.#note(byte)
    }
    this.#open.hold(chunk.subarray(start))
  }

  *end(): Generator<Buffer | DeadPart> {
    yield* this.#end(true)
  }

  #begin(): void {
    this.#depth = 1
    this.#nested.length = 0
    this.#nested.push(openBrace)
    this.#last = openBrace
  }

  /** True where a value may begin: behind a colon, and in a list. */
  #takesValue(): boolean {
    const last = this.#last
    return last === colonSign || last === openBracket || (last === comma && this.#nested.at(-1) === openBracket)
  }

  #note(byte: number): void {
    this.#last = byte
    const nested = this.#nested
    if (byte === quote) this.#inText = true
    else if (byte === openBrace || byte === openBracket) {
      nested.push(byte)
      if (byte === openBrace) this.#depth++
    } else if (byte === closeBracket) {
      if (nested.at(-1) === openBracket) nested.pop()
    } else if (byte === closeBrace) {
      this.#depth--
      while (nested.pop() === openBracket);
    }
  }

  /** @param broken True if what is held is not a whole document. */
  *#end(broken: boolean): Generator<Buffer | DeadPart> {
    const document = this.#open.take()
    if (document === undefined) return
    this.#depth = 0
    this.#inText = this.#escaped = false
    if (!Buffer.isBuffer(document) || !broken) yield document
    else if (!document.every(isSpace)) yield badDocument(document)
  }
}

/** Cuts comma-separated records by the line feeds that stand outside of quotes. */
export class RecordCutter implements Cutter {
  readonly #open: OpenDocument
  #quoted = false

  constructor(largest: number) {
    this.#open = new OpenDocument(largest)
  }

  *push(chunk: Buffer): Generator<Buffer | DeadPart> {
    let start = 0
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (byte === quote) this.#quoted = !this.#quoted
      else if (byte === lineFeed && !this.#quoted) {
        this.#open.hold(chunk.subarray(start, i))
        start = i + 1
        yield* this.#end()
      }
    }
    this.#open.hold(chunk.subarray(start))
  }

  *end(): Generator<Buffer | DeadPart> {
    yield* this.#end()
    this.#quoted = false
  }

  *#end(): Generator<Buffer | DeadPart> {
    const record = this.#open.take()
    if (record !== undefined) yield record
  }
}
