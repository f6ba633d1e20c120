/**
 * The pages of a column of a row group. The library believes page headers: they are checked before anything is decompressed or decoded.
 */
import type { Compressors, RowGroup } from 'hyparquet'
import { parquetHeader } from 'hyparquet/src/column.js'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { columnRange, skipStruct } from './parquet-footer.ts'
import { errorText } from '../../../runtime/errors.ts'
import { plural } from '../../../runtime/counted.ts'

/** Header of a page. */
export type PageHeader = ReturnType<typeof parquetHeader>

/** Most bytes of a page after decompression. */
export const largestPage = 134_217_728
/** Most values of a page. */
const mostValues = 16_777_216
/** Most values of a nested column in one row group. */
const mostNestedValues = 10_000_000
/** Most bytes that must be held at once to read a row group: a page and the dictionary of each column, decompressed, and some for each value. */
const mostAtOnce = 536_870_912
/** All the pages of a row group may have so many bytes when decompressed, and some for each stored byte. */
const [bytesOfAnyGroup, bytesOfAByte] = [268_435_456, 64]

const exactly = (bytes: Buffer, length: number): Uint8Array => {
  if (bytes.length !== length) throw new Error(`a page has ${plural(bytes.length, 'byte')} instead of ${length}`)
  return bytes
}

/** Codecs of Node; Snappy comes with the library. What a page says about its length is its limit. */
export const parquetCompressors: Compressors = {
  GZIP: (input, length) => exactly(gunzipSync(input, { maxOutputLength: Math.max(1, length) }), length),
  BROTLI: (input, length) => exactly(brotliDecompressSync(input, { maxOutputLength: Math.max(1, length) }), length),
  ZSTD: (input, length) => exactly(zstdDecompressSync(input, { maxOutputLength: Math.max(1, length) }), length),
}

/** A page as stored. */
export interface Page {
  readonly header: PageHeader
  /** Values, absent ones included; 0 for a dictionary. */
  readonly values: number
  readonly bytes: Uint8Array
}

/** The bytes of a column of a row group. */
export function columnBytes(column: RowGroup['columns'][number], held: Buffer, start: number): Buffer {
  const { from, to } = columnRange(column)
  return held.subarray(from - start, to - start)
}

/**
 * The pages of a column, one after the other, each checked by itself.
 *
 * @param bytes As stored.
 * @param most Values of the column: pages behind them are not looked at.
 * @throws Error if a page is longer than its column or larger than `largestPage`, or there are more values than `most`.
 */
export function* pagesOf(bytes: Buffer, most: number): Generator<Page, void, undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const reader = { view, offset: 0 }
  let values = 0
  while (reader.offset < bytes.length - 1 && values < most) {
    skipStruct(view, reader.offset)
    const header = parquetHeader(reader)
    const { compressed_page_size: stored, uncompressed_page_size: size } = header
    if (!(stored >= 0 && reader.offset + stored <= bytes.length && size >= 0 && size <= largestPage))
      throw new Error(`a page has ${plural(stored, 'byte')}, ${size} when decompressed`)
    const count = valuesOf(header, size)
    values += count
    if (values > most) throw new Error(`a page has ${plural(count, 'value')}, more than its row group`)
    yield { header, values: count, bytes: bytes.subarray(reader.offset, reader.offset + stored) }
    reader.offset += stored
  }
}

function valuesOf(header: PageHeader, size: number): number {
  const { type, data_page_header: first, data_page_header_v2: second, dictionary_page_header: dictionary } = header
  if (type === 'DICTIONARY_PAGE' && dictionary !== undefined) {
    const { num_values: entries } = dictionary
    if (!(entries >= 0 && entries <= size && entries <= mostValues))
      throw new Error(`a dictionary claims ${plural(entries, 'entry', 'entries')}`)
    return 0
  }
  const data = type === 'DATA_PAGE' ? first : type === 'DATA_PAGE_V2' ? second : undefined
  if (data === undefined) throw new Error(`it has a page of the kind ${type}`)
  const { num_values: count } = data
  if (!(count >= 0 && count <= mostValues)) throw new Error(`a page claims ${plural(count, 'value')}`)
  if (type === 'DATA_PAGE_V2') {
    const { num_nulls: nulls, repetition_levels_byte_length: repetition, definition_levels_byte_length: definition } = second!
    if (!(nulls >= 0 && nulls <= count)) throw new Error(`a page claims ${nulls} of ${plural(count, 'value')} to be absent`)
    if (!(repetition >= 0 && definition >= 0 && repetition + definition <= Math.min(size, header.compressed_page_size)))
      throw new Error(`a page claims levels of ${repetition} and ${plural(definition, 'byte')}`)
  }
  return count
}

/** Most values that a column of a row group may have. */
export function valuesOfColumn({ meta_data }: RowGroup['columns'][number], rows: number, isFlat: boolean): number {
  return isFlat ? rows : Math.min(Number(meta_data!.num_values), mostNestedValues)
}

/**
 * Checks all the page headers of a row group before its pages are decoded.
 *
 * @param held Bytes of the row group.
 * @param start Place of its first byte in the object.
 * @param usage How each column is read, by its path: a page at a time, all of it at once, or not.
 * @throws Error if one of them lies, or together they claim more than is held at once.
 */
export function checkPages(group: RowGroup, held: Buffer, start: number, usage: (path: string) => 'flat' | 'listed' | 'none'): void {
  let [atOnce, all] = [0, 0]
  for (const column of group.columns) {
    let [dictionaryBytes, pageBytes] = [0, 0]
    const name = column.meta_data!.path_in_schema.join('.')
    const use = usage(name)
    if (use === 'none') continue
    const isNested = use === 'listed'
    try {
      for (const { header, values } of pagesOf(
        columnBytes(column, held, start),
        valuesOfColumn(column, Number(group.num_rows), !isNested),
      )) {
        const size = header.uncompressed_page_size
        all += size
        if (header.type === 'DICTIONARY_PAGE')
          dictionaryBytes = Math.max(dictionaryBytes, size + entryBytes * header.dictionary_page_header!.num_values)
        else if (isNested) pageBytes += size + values * entryBytes
        else pageBytes = Math.max(pageBytes, size + values * bytesOfAValue(header))
      }
    } catch (error) {
      throw new Error(`column ${name}: ${errorText(error)}`, { cause: error })
    }
    atOnce += dictionaryBytes + pageBytes
  }
  if (atOnce > mostAtOnce) throw new Error(`a row group takes ${plural(atOnce, 'byte')} at once; at most ${mostAtOnce} are held`)
  if (all > bytesOfAnyGroup + bytesOfAByte * held.length)
    throw new Error(`the pages of a row group claim ${plural(all, 'byte')} in ${held.length} stored`)
}

/** Encoding of the values of a page. */
export const encodingOf = ({ type, data_page_header: first, data_page_header_v2: second }: PageHeader): string =>
  (type === 'DATA_PAGE' ? first : second)!.encoding

/** An object of the heap that holds a value or a word. */
const entryBytes = 96

/** A level, and where all the values of a page are decoded at once, the value. */
const bytesOfAValue = (header: PageHeader): number => {
  const encoding = encodingOf(header)
  return /^PLAIN|DICTIONARY$/.test(encoding) ? 1 : encoding.endsWith('BYTE_ARRAY') ? entryBytes : 9
}
