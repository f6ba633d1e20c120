/** Native blocks of small tables, from decoded records: one list of columns per table, each with a function that reads its cell. */
import type { NativeBlock, NativeWriter } from './native-writer.ts'

/** What a cell can hold: text or bytes for String, whole numbers (Unix seconds or milliseconds for times), 16 bytes for IPv6, pairs for Map, texts for Array. */
export type Cell = string | number | bigint | Uint8Array | readonly string[] | Readonly<Record<string, string>> | null

/** Column types of small tables. The server turns String into the LowCardinality and Enum types of the table. */
export type CellType =
  'String' | 'UInt8' | 'UInt32' | 'UInt64' | 'IPv6' | "DateTime('UTC')" | "DateTime64(3, 'UTC')" | 'Map(String, String)' | 'Array(String)'

/** Types of which a cell has several texts. */
type ManyTexts = 'Map(String, String)' | 'Array(String)'

/** One column. Without `nullable`, an absent cell is '' or 0. */
export interface CellColumn<R> {
  readonly name: string
  readonly type: CellType
  readonly nullable?: boolean
  cell(row: R): Cell
}

const widths: Record<Exclude<CellType, 'String' | ManyTexts>, number> = {
  UInt8: 1,
  UInt32: 4,
  UInt64: 8,
  IPv6: 16,
  "DateTime('UTC')": 4,
  "DateTime64(3, 'UTC')": 8,
}

/** Encodes rows as one block. */
export function rowBlock<R>(writer: NativeWriter, columns: readonly CellColumn<R>[], rows: readonly R[]): NativeBlock {
  writer.begin(columns.length, rows.length)
  for (const column of columns) {
    writer.column(column.name, column.nullable === true ? `Nullable(${column.type})` : column.type)
    const cells = rows.map(row => column.cell(row))
    if (column.nullable === true) {
      // the place first: `take` may move the bytes
      const at = writer.take(cells.length)
      cells.forEach((cell, i) => (writer.bytes[at + i] = cell === null ? 1 : 0))
    }
    if (column.type === 'Map(String, String)') writePairs(writer, cells)
    else if (column.type === 'Array(String)') writeTexts(writer, cells)
    else for (const cell of cells) writeCell(writer, column.type, cell)
  }
  return writer.end(
    columns.map(column => column.name),
    rows.length,
  )
}

const isTexts = (cell: Cell): cell is readonly string[] => Array.isArray(cell)
const isPairs = (cell: Cell): cell is Readonly<Record<string, string>> =>
  typeof cell === 'object' && cell !== null && !(cell instanceof Uint8Array) && !isTexts(cell)

/** Where the pairs of each row end, all keys, all values. */
function writePairs(writer: NativeWriter, cells: readonly Cell[]): void {
  const pairs = cells.map(cell => (isPairs(cell) ? Object.entries(cell) : []))
  let end = 0
  for (const list of pairs) writer.uint64((end += list.length))
  for (const list of pairs) for (const [key] of list) writer.text(key)
  for (const list of pairs) for (const [, value] of list) writer.text(value)
}

/** Where the texts of each row end, all texts. */
function writeTexts(writer: NativeWriter, cells: readonly Cell[]): void {
  const texts = cells.map(cell => (isTexts(cell) ? cell : []))
  let end = 0
  for (const list of texts) writer.uint64((end += list.length))
  for (const list of texts) for (const text of list) writer.text(text)
}

function writeCell(writer: NativeWriter, type: Exclude<CellType, ManyTexts>, cell: Cell): void {
  if (isPairs(cell) || isTexts(cell)) throw new TypeError(`several texts in a column of ${type}`)
  if (type === 'String') {
    if (cell instanceof Uint8Array) writer.span(cell)
    else writer.text(cell === null ? '' : String(cell))
    return
  }
  const width = widths[type]
  const at = writer.take(width)
  if (cell instanceof Uint8Array) writer.bytes.set(cell.subarray(0, width), at)
  else if (width === 1) writer.view.setUint8(at, Number(cell))
  else if (width === 4) writer.view.setUint32(at, Number(cell), true)
  else if (width === 8) writer.view.setBigUint64(at, BigInt.asUintN(64, BigInt(cell ?? 0)), true)
  else writer.bytes.fill(0, at, at + width)
}
