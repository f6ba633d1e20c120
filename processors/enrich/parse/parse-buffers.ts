/**
 * The memory that the parser works in. There is one of each in a process, and the modules of the parser hold them in constants of their own: V8
 * then knows address and length while it compiles, and an access is one instruction instead of a dozen. Parsing is synchronous; nothing in here
 * outlives a call of `LineParser.parse`.
 */
import { slack } from '../../../flow/byte-arena.ts'
import { numberNames } from '../../../flow/numbers.ts'

/** Bytes of a block that are parsed at once; a longer block is parsed in parts. Only what is used takes memory. */
export const blockCapacity = 4_194_304
/** A longer line is none: what is made of a line must fit in a record that the broker takes, however long its tags are. */
export const maxLineBytes = 262_144
/** Most columns of a header line. AWS documents fewer than 100. */
export const maxColumns = 4096

/** Behind the longest block: dashes, where the rest of a faulty line is read. */
export const parkingPlace = blockCapacity + 64
const parkingBytes = 2 * maxColumns
/** The bytes being parsed, ended by a newline and zeros: no kernel needs bounds, and 8-byte reads may go over the end. */
export const blockBytes = new Uint8Array(parkingPlace + parkingBytes + 64)
/** The same bytes. */
export const blockView = new DataView(blockBytes.buffer)
/** The same bytes, for `indexOf`. */
export const blockBuffer = Buffer.from(blockBytes.buffer)
for (let i = 0; i < parkingBytes; i += 2) blockBytes.set([45, 32], parkingPlace + i)

/** Rows that are read together: few enough for their text and columns to stay in the cache, enough to be worth a loop. */
export const rowCapacity = 512
/** Next byte of each row that is to be read. */
export const positions = new Int32Array(rowCapacity)
/** First byte of each line. */
export const lineStarts = new Int32Array(rowCapacity)
/** Place of the newline of each line. */
export const lineEnds = new Int32Array(rowCapacity)
/** Number of the fault of each row, 0 for none. */
export const rowFaults = new Uint8Array(rowCapacity)
/** Column that has the fault of each row, -1 for none. */
export const rowFaultColumns = new Int32Array(rowCapacity)
/** Observer that the identifying column of each row speaks for, 0 for none. */
export const rowGuesses = new Int32Array(rowCapacity)

/** First of the integer columns of each kind. */
export const integerColumn = { address: 0, port: 4, line: 6, observer: 7, traits: 8, nextHop: 9, extra: 10 } as const
/** Integer columns: column c of row r at `c * rowCapacity + r`. */
export const integers = new Int32Array(11 * rowCapacity)
/** Values of the numeric columns (`numberNames`), in the same way. */
export const doubles = new Float64Array(numberNames.length * rowCapacity)

/** Room for the spans of one kind: span s of row r at `s * rows + r`, where `rows` are the rows that the plan reads together. */
export const spanCapacity = 65_536

/** First byte of spans, and the byte after them. */
export interface SpanColumns {
  readonly from: Int32Array
  readonly to: Int32Array
}
const spanColumns = (): SpanColumns => ({ from: new Int32Array(spanCapacity), to: new Int32Array(spanCapacity) })
/** Spans of the observer columns. */
export const observerSpans = spanColumns()
/** Spans of the trait columns. */
export const traitSpans = spanColumns()
/** Spans of the next hop. */
export const nextHopSpans = spanColumns()
/** Spans of unknown columns. */
export const extraSpans = spanColumns()
/** Addresses, in the order of `addressNames`. */
export const addressSpans = spanColumns()
/** The spans of one row. */
export const rowSpans: SpanColumns = { from: new Int32Array(maxColumns), to: new Int32Array(maxColumns) }

/**
 * Copies bytes of a block here: about 3 % of the parser.
 *
 * @param end Place behind them; at most `blockCapacity` behind `start`.
 */
export function loadBlock(block: Uint8Array, start: number, end: number): void {
  const length = end - start
  blockBytes.set(start === 0 && end === block.length ? block : block.subarray(start, end))
  blockBytes[length] = 10
  blockBytes.fill(0, length + 1, length + slack)
}

/** Brings the spans of a row together in `rowSpans`. */
export function gatherSpans({ from, to }: SpanColumns, spans: number, rows: number, row: number): SpanColumns {
  for (let s = 0, at = row; s < spans; s++, at += rows) {
    rowSpans.from[s] = from[at]!
    rowSpans.to[s] = to[at]!
  }
  return rowSpans
}
