/**
 * A Parquet object as the text of the same flow log: line 1 is a header line made of its columns, line n + 1 is row n. The same file gives the
 * same text, so that what was published of it can be gone on from by line.
 */
import { parquetMetadataAsync, parquetRead, type AsyncBuffer, type Compressors, type FileMetaData, type RowGroup } from 'hyparquet'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { errorText, FlowError } from '../../runtime/errors.ts'
import { checkPages, columnRange } from './parquet-pages.ts'
import { headerWord, secondsParsers, wordsOf, type WordOf } from './parquet-values.ts'

/** Bytes of an object that can be read from anywhere. */
export interface RandomAccess {
  readonly size: number
  /** @throws FlowError of the store. */
  read(from: number, to: number): Promise<Buffer>
}

/** Most bytes of one row group as stored: they are held in memory, together with the values of one slice of rows. */
export const largestRowGroupBytes = 134_217_728
/** Values that are decoded at once. */
const sliceCells = 1_048_576
const textChunkBytes = 262_144

const exactly = (bytes: Buffer, length: number): Uint8Array => {
  if (bytes.length !== length) throw new Error(`a page has ${bytes.length} bytes instead of ${length}`)
  return bytes
}

/** Codecs of Node; Snappy comes with the library. What a page says about its length is its limit. */
export const parquetCompressors: Compressors = {
  GZIP: (input, length) => exactly(gunzipSync(input, { maxOutputLength: Math.max(1, length) }), length),
  BROTLI: (input, length) => exactly(brotliDecompressSync(input, { maxOutputLength: Math.max(1, length) }), length),
  ZSTD: (input, length) => exactly(zstdDecompressSync(input, { maxOutputLength: Math.max(1, length) }), length),
}

/** Bytes held in memory as random access. */
export const bytesInMemory = (bytes: Buffer): RandomAccess => ({
  size: bytes.length,
  read: (from, to) => Promise.resolve(bytes.subarray(from, to)),
})

const arrayBufferOf = (bytes: Buffer): ArrayBuffer => Uint8Array.from(bytes).buffer

/** The file as the library wants it, with one range of it held in memory. */
class HeldRange implements AsyncBuffer {
  readonly byteLength: number
  readonly #source: RandomAccess
  #from = 0
  #held: Buffer = Buffer.alloc(0)

  constructor(source: RandomAccess) {
    this.#source = source
    this.byteLength = source.size
  }

  async hold(from: number, to: number): Promise<Buffer> {
    if (!(from >= 0 && from < to && to <= this.byteLength)) throw new Error(`its bytes ${from} to ${to} are outside of it`)
    this.#held = Buffer.alloc(0)
    this.#held = await this.#source.read(from, to)
    this.#from = from
    if (this.#held.length !== to - from) throw new Error(`its bytes ${from} to ${to} are not all there`)
    return this.#held
  }

  async slice(start: number, end: number = this.byteLength): Promise<ArrayBuffer> {
    const inside = start >= this.#from && end <= this.#from + this.#held.length
    const bytes = inside ? this.#held.subarray(start - this.#from, end - this.#from) : await this.#source.read(start, end)
    if (bytes.length !== end - start) throw new Error(`it ends at ${this.#from + bytes.length}, within the bytes ${start} to ${end}`)
    return arrayBufferOf(bytes)
  }
}

interface Column {
  readonly name: string
  readonly wordOf: WordOf
}

/** Columns at the top of the schema, in the order of the file. */
function columnsOf({ schema }: FileMetaData): Column[] {
  const columns: Column[] = []
  const end = (at: number): number => {
    let next = at + 1
    for (let i = 0; i < (schema[at]!.num_children ?? 0); i++) next = end(next)
    return next
  }
  for (let at = 1; at < schema.length; at = end(at)) columns.push({ name: schema[at]!.name, wordOf: wordsOf(schema[at]!.name) })
  return columns
}

/** Where the bytes of a row group are. */
function rangeOf(group: RowGroup): { from: number; to: number } {
  const ranges = group.columns.map(columnRange)
  return { from: Math.min(...ranges.map(({ from }) => from)), to: Math.max(...ranges.map(({ to }) => to)) }
}

/**
 * Text of the object from a line on, in chunks of whole lines. Memory: the bytes of one row group (at most `largestRowGroupBytes`) and a
 * million decoded values.
 *
 * @param fromLine 1 begins with the header line.
 * @throws FlowError OBJECT_BROKEN where it is no Parquet file, is damaged, or has a row group that is too large; OBJECT_NO_HEADER where no
 *   column is a documented field; errors of the store.
 */
export async function* parquetText(
  source: RandomAccess,
  name: { bucket: string; key: string },
  fromLine = 1,
  largestGroup: number = largestRowGroupBytes,
): AsyncGenerator<Buffer, void, undefined> {
  if (source.size === 0) return
  try {
    const file = new HeldRange(source)
    const metadata = await parquetMetadataAsync(file, { geoparquet: false })
    const columns = columnsOf(metadata)
    if (columns.length === 0) throw new Error('it has no columns')
    if (fromLine <= 1) yield Buffer.from(`${columns.map(column => headerWord(column.name)).join(' ')}\n`)
    let groupStart = 0
    for (const group of metadata.row_groups) {
      const rows = Number(group.num_rows)
      let from = Math.max(0, fromLine - 2 - groupStart)
      if (from < rows) {
        const range = rangeOf(group)
        if (range.to - range.from > largestGroup)
          throw new Error(`a row group has ${range.to - range.from} bytes; at most ${largestGroup} are read at once`)
        checkPages(group, await file.hold(range.from, range.to), range.from, largestRowGroupBytes)
        const step = Math.max(1, Math.floor(sliceCells / columns.length))
        for (; from < rows; from += step) {
          const to = Math.min(rows, from + step)
          yield* linesOf(columns, await readSlice(file, metadata, columns, groupStart + from, groupStart + to), to - from)
        }
      }
      groupStart += rows
    }
    if (fromLine > groupStart + 2) throw new Error(`it has ${groupStart} rows, fewer than were read before`)
  } catch (error) {
    if (error instanceof FlowError) throw error
    throw new FlowError('OBJECT_BROKEN', { ...name, detail: `Parquet: ${errorText(error)}` }, { cause: error })
  }
}

/** Values of some rows, column by column. */
async function readSlice(
  file: AsyncBuffer,
  metadata: FileMetaData,
  columns: readonly Column[],
  rowStart: number,
  rowEnd: number,
): Promise<ArrayLike<unknown>[][]> {
  const slices = new Map<string, { values: ArrayLike<unknown>[]; next: number }>()
  for (const { name } of columns) slices.set(name, { values: [], next: rowStart })
  await parquetRead({
    ...{ file, metadata, rowStart, rowEnd, compressors: parquetCompressors, geoparquet: false },
    parsers: secondsParsers,
    onChunk: ({ columnName, columnData, rowStart: first, rowEnd: last }) => {
      const slice = slices.get(columnName)
      if (slice === undefined || last <= slice.next || first > slice.next) return
      const wanted = Math.min(last, rowEnd)
      const whole = slice.next === first && wanted === last
      slice.values.push(whole ? columnData : Array.prototype.slice.call(columnData, slice.next - first, wanted - first))
      slice.next = wanted
    },
  })
  return columns.map(({ name }) => {
    const slice = slices.get(name)!
    if (slice.next !== rowEnd) throw new Error(`column ${name} ends at row ${slice.next} of ${rowEnd}`)
    return slice.values
  })
}

/** Renders rows as lines. */
function* linesOf(columns: readonly Column[], slices: ArrayLike<unknown>[][], rows: number): Generator<Buffer> {
  const words = columns.map(({ wordOf }, i) => wordsIn(slices[i]!, wordOf))
  const [first, ...others] = words
  let text = ''
  for (let row = 0; row < rows; row++) {
    text += first![row]!
    for (const word of others) text += ` ${word[row]!}`
    text += '\n'
    if (text.length < textChunkBytes) continue
    yield Buffer.from(text)
    text = ''
  }
  if (text !== '') yield Buffer.from(text)
}

/** The words of a column. Values repeat in runs: the last one is remembered. */
function wordsIn(slices: readonly ArrayLike<unknown>[], wordOf: WordOf): string[] {
  const words: string[] = []
  let last: unknown
  let word = wordOf(last)
  for (const values of slices)
    for (let i = 0; i < values.length; i++) {
      const value = values[i]
      if (value !== last) [last, word] = [value, wordOf(value)]
      words.push(word)
    }
  return words
}
