/**
 * Cuts the text of an object into its header lines and blocks of whole lines, in one pass and without holding more than one block. A header
 * line in mid-file ends a block: no block has lines of two headers. How the text is split into chunks never changes the result. A line that
 * is too long is hashed while it passes and never held.
 */
import { createHash, type Hash } from 'node:crypto'
import { beginsWithMark, markLength } from '../../../schemas/byte-order-mark.ts'
import type { DeadPart } from './document-cutter.ts'
import type { HeaderRule } from './header-line.ts'
import { markOwn } from './text-memory.ts'

/** Bounds of the pieces. */
export interface CutLimits {
  /** Most bytes of a block; a single line that is longer is a block of its own. */
  readonly blockBytes: number
  readonly linesPerRecord: number
  /** Most bytes of a line without its line feed. */
  readonly maxLineBytes: number
}

/**
 * A part of the text. The `textBytes` of all pieces add up to the text, and `lines` to its lines.
 * `blank` blank lines before the first header; `header` a header line; `block` whole lines, line ends kept; `long` a line beyond the limit;
 * `dead` a part that is not lines, in the place of one line;
 * `foreign` the first line is not a header: nothing follows.
 */
export type Piece =
  | { readonly kind: 'blank'; readonly line: number; readonly lines: number; readonly textBytes: number }
  | { readonly kind: 'header'; readonly line: number; readonly lines: 1; readonly textBytes: number; readonly text: string }
  | {
      readonly kind: 'block'
      readonly line: number
      readonly lines: number
      readonly textBytes: number
      readonly blankLines: number
      readonly bytes: Buffer
    }
  | {
      readonly kind: 'long' | 'dead'
      readonly line: number
      readonly lines: 1
      readonly textBytes: number
      readonly reason: 'line-too-long' | DeadPart['reason']
      readonly head: Buffer
      readonly length: number
      readonly sha256: Buffer
    }
  | { readonly kind: 'foreign'; readonly line: number; readonly lines: 0; readonly textBytes: 0; readonly head: Buffer }

/** Bytes that are kept of a line beyond the limit. */
export const longLineHead = 4096

const lineFeed = 10
const empty: Buffer = Buffer.alloc(0)

const carriageReturn = 13
const space = 32
/** Bytes between space and this begin most lines: digits, `-`. Such a line is neither blank nor a header. */
const colon = 58

/** What a line is so far: only spaces, spaces and one carriage return, or more than that. The first two are blank, as the parser sees it. */
type Blankness = 0 | 1 | 2

/** Goes on with a line. Looks at one byte of an ordinary one. */
function blankness(known: Blankness, bytes: Buffer, start: number, end: number): Blankness {
  let state = known
  for (let i = start; i < end && state < 2; i++) {
    const byte = bytes[i]
    if (state === 1 || (byte !== space && byte !== carriageReturn)) state = 2
    else if (byte === carriageReturn) state = 1
  }
  return state
}

/** True if nothing stands before the first line feed. */
function isBlankLine(bytes: Buffer): boolean {
  const feed = bytes.indexOf(lineFeed)
  return blankness(0, bytes, 0, feed < 0 ? bytes.length : feed) < 2
}

/** What a line can still be: 0 between names, 1 in a name, 2 at its end, 3 no header line. */
type NameState = 0 | 1 | 2 | 3

/** Goes on with a line that may be a header: names of `a-z0-9_-` that begin with a letter, spaces between; byte-order mark before, CR behind. */
function nameState(known: NameState, bytes: Buffer, start: number, end: number): NameState {
  let state = known
  for (let i = start; i < end && state !== 3; i++) {
    const byte = bytes[i]!
    if (state === 2) state = 3
    else if (byte === space) state = 0
    else if (byte === carriageReturn) state = 2
    else if (byte >= 97 && byte <= 122) state = 1
    else if (state === 1) state = (byte >= 48 && byte <= 57) || byte === 45 || byte === 95 ? 1 : 3
    else state = byte === 0xef || byte === 0xbb || byte === 0xbf ? 0 : 3
  }
  return state
}

/** Cuts one object. `push` its text in order, then `end`; both return the pieces that are complete. */
export class LineCutter {
  readonly #limits: CutLimits
  readonly #isHeader: HeaderRule
  /** The header line that holds for what comes; null: it is still to come. */
  #header: string | null
  #foreign = false
  #pieces: Piece[] = []
  /** Number of the first line of the open block. */
  #line: number
  /** Bytes from earlier chunks: the open block, then the open line. */
  #parts: Buffer[] = []
  #partBytes = 0
  #chunk = empty
  /** Where the open block, or what of it is in this chunk, starts. */
  #from = 0
  /** The open block: whole lines only. */
  #blockBytes = 0
  #blockLines = 0
  #blockBlank = 0
  /** The open line: bytes in earlier chunks. */
  #openBytes = 0
  #openBlank: Blankness = 0
  #openNames: NameState = 0
  #long: { hash: Hash; head: Buffer[]; headBytes: number; length: number } | undefined

  /**
   * @param isHeader Decides whether a line is a header: the first one that is not blank, and any later one that consists of names.
   * @param at Number of the first line that will be pushed, and the header line that holds for it; null: it is still to come.
   */
  constructor(limits: CutLimits, isHeader: HeaderRule, at: { line: number; header: string | null } = { line: 1, header: null }) {
    this.#limits = limits
    this.#isHeader = isHeader
    this.#header = at.header
    this.#line = at.line
  }

  /** Bytes at the end of what was pushed that are not given back as a piece yet, and still refer to their chunks. */
  get heldBytes(): number {
    return this.#partBytes
  }

  push(chunk: Buffer): Piece[] {
    this.#chunk = chunk
    this.#from = 0
    let lineStart = 0
    const { maxLineBytes, blockBytes, linesPerRecord } = this.#limits
    while (!this.#foreign) {
      const feed = chunk.indexOf(lineFeed, lineStart)
      if (this.#long !== undefined) {
        this.#extendLong(chunk.subarray(lineStart, feed < 0 ? chunk.length : feed))
        if (feed < 0) return this.#given()
        this.#endLong(1)
        this.#from = lineStart = feed + 1
        continue
      }
      if (feed < 0) break
      const length = this.#openBytes + feed - lineStart
      if (length > maxLineBytes) {
        if (!this.#beginLong(length)) break
        this.#endLong(1)
        this.#from = lineStart = feed + 1
        continue
      }
      if (this.#blockBytes + length + 1 > blockBytes && this.#blockLines > 0) this.#endBlock()
      const first = chunk[lineStart]!
      // most lines are known to be data by one byte
      const data = this.#openBytes === 0 && first > space && first < colon
      const isHeader = !data && this.#header !== null && this.#isNextHeader(lineStart, feed)
      if (isHeader) this.#endBlock()
      this.#addLine(length + 1, data ? 2 : blankness(this.#openBlank, chunk, lineStart, feed))
      lineStart = feed + 1
      if (isHeader || this.#header === null) this.#takeHeader(isHeader)
      else if (this.#blockLines >= linesPerRecord) this.#endBlock()
    }
    if (this.#foreign) return this.#given()
    const rest = chunk.length - lineStart
    this.#openBlank = blankness(this.#openBlank, chunk, lineStart, chunk.length)
    this.#openNames = nameState(this.#openNames, chunk, lineStart, chunk.length)
    this.#openBytes += rest
    if (this.#openBytes > maxLineBytes) this.#beginLong(this.#openBytes)
    else if (chunk.length > this.#from) {
      this.#parts.push(chunk.subarray(this.#from))
      this.#partBytes += chunk.length - this.#from
    }
    this.#chunk = empty
    return this.#given()
  }

  /** Puts a part that is not lines in the place of the next line. Comes only between whole lines. */
  dead(part: DeadPart): Piece[] {
    this.#endBlock()
    this.#pieces.push({ kind: 'dead', line: this.#line++, lines: 1, textBytes: part.length, ...part })
    return this.#given()
  }

  end(): Piece[] {
    this.#chunk = empty
    this.#from = 0
    if (this.#foreign) return this.#given()
    if (this.#long !== undefined) this.#endLong(0)
    else if (this.#openBytes > 0) {
      if (this.#blockBytes + this.#openBytes > this.#limits.blockBytes && this.#blockLines > 0) this.#endBlock()
      const isHeader = this.#header !== null && this.#isNextHeader(0, 0)
      if (isHeader) this.#endBlock()
      this.#addLine(this.#openBytes, this.#openBlank)
      if (isHeader || this.#header === null) this.#takeHeader(isHeader)
    }
    this.#endBlock()
    return this.#given()
  }

  #given(): Piece[] {
    const pieces = this.#pieces
    this.#pieces = []
    return pieces
  }

  #addLine(bytes: number, blank: Blankness): void {
    this.#blockBytes += bytes
    this.#blockLines++
    if (blank < 2) this.#blockBlank++
    this.#openBytes = 0
    this.#openBlank = 0
    this.#openNames = 0
  }

  /** True if the open line, of which the rest is this part of the chunk, is another header line. */
  #isNextHeader(start: number, end: number): boolean {
    const state = nameState(this.#openNames, this.#chunk, start, end)
    if (state === 3 || this.#openBytes + end - start === 0) return false
    const rest = this.#chunk.subarray(start, end)
    const bytes =
      this.#openBytes === 0 ? rest : Buffer.concat([Buffer.concat(this.#parts, this.#partBytes).subarray(-this.#openBytes), rest])
    return this.#isHeader(bytes.toString().trim(), this.#header)
  }

  #endBlock(): void {
    if (this.#blockLines === 0) return
    const joined = this.#partBytes > 0
    const bytes = this.#take(this.#blockBytes)
    // joined from chunks, into memory of exactly its size: nothing else refers to that
    if (joined && bytes.length === bytes.buffer.byteLength) markOwn(bytes)
    if (beginsWithMark(bytes, this.#line) && isBlankLine(bytes.subarray(markLength))) this.#blockBlank++
    this.#pieces.push({
      kind: 'block',
      line: this.#line,
      lines: this.#blockLines,
      textBytes: bytes.length,
      blankLines: this.#blockBlank,
      bytes,
    })
    this.#line += this.#blockLines
    this.#blockBytes = this.#blockLines = this.#blockBlank = 0
  }

  /** Looks at the one line of the block while the header is missing. Blank lines are given at once, so that they cannot pile up. */
  #takeHeader(known: boolean): void {
    const bytes = this.#take(this.#blockBytes)
    // trim() also takes away carriage return and byte order mark
    const text = bytes.toString().trim()
    const at = { line: this.#line, textBytes: bytes.length }
    if (text === '') {
      const last = this.#pieces.at(-1)
      if (last?.kind === 'blank')
        this.#pieces[this.#pieces.length - 1] = { ...last, lines: last.lines + 1, textBytes: last.textBytes + bytes.length }
      else this.#pieces.push({ kind: 'blank', ...at, lines: 1 })
    } else if (known || this.#isHeader(text, null)) {
      this.#header = text
      this.#pieces.push({ kind: 'header', ...at, lines: 1, text })
    } else this.#refuse(bytes)
    this.#line++
    this.#blockBytes = this.#blockLines = this.#blockBlank = 0
  }

  #refuse(bytes: Buffer): void {
    this.#foreign = true
    this.#pieces.push({ kind: 'foreign', line: this.#line, lines: 0, textBytes: 0, head: Buffer.from(bytes.subarray(0, longLineHead)) })
  }

  /**
   * The open line, of which `length` bytes are known, is too long: ends the block before it and starts to hash it.
   *
   * @returns False if it stands in the place of the header: the object is foreign.
   */
  #beginLong(length: number): boolean {
    this.#endBlock()
    const known = this.#take(length)
    if (this.#header === null) {
      this.#refuse(known)
      return false
    }
    this.#long = { hash: createHash('sha256'), head: [], headBytes: 0, length: 0 }
    this.#extendLong(known)
    this.#openBytes = 0
    return true
  }

  #extendLong(bytes: Buffer): void {
    const long = this.#long!
    long.hash.update(bytes)
    long.length += bytes.length
    if (long.headBytes >= longLineHead) return
    const head = Buffer.from(bytes.subarray(0, longLineHead - long.headBytes))
    long.head.push(head)
    long.headBytes += head.length
  }

  #endLong(lineEndBytes: number): void {
    const { hash, head, length } = this.#long!
    this.#pieces.push({
      kind: 'long',
      reason: 'line-too-long',
      line: this.#line,
      lines: 1,
      textBytes: length + lineEndBytes,
      head: Buffer.concat(head),
      length,
      sha256: hash.digest(),
    })
    this.#long = undefined
    this.#openBytes = 0
    this.#openBlank = 0
    this.#openNames = 0
    this.#line++
  }

  /** The next bytes, across chunks; without a copy where they lie in this chunk. */
  #take(bytes: number): Buffer {
    if (this.#partBytes === 0) {
      this.#from += bytes
      return this.#chunk.subarray(this.#from - bytes, this.#from)
    }
    const missing = bytes - this.#partBytes
    if (missing >= 0) {
      const taken = Buffer.concat([...this.#parts, this.#chunk.subarray(this.#from, this.#from + missing)], bytes)
      this.#from += missing
      this.#parts = []
      this.#partBytes = 0
      return taken
    }
    const held = Buffer.concat(this.#parts, this.#partBytes)
    this.#parts = [held.subarray(bytes)]
    this.#partBytes -= bytes
    return held.subarray(0, bytes)
  }
}
