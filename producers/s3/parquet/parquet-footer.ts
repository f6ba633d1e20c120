/**
 * The footer of a Parquet file. The library believes what a file says about itself: what it is given is walked over first, so that it can build
 * no more than there are bytes.
 */
import { parquetMetadata, type FileMetaData, type RowGroup } from 'hyparquet'
import type { RandomAccess } from './parquet-text.ts'
import { plural } from '../../../runtime/counted.ts'

/** Read at once from the end of a file: mostly all of the footer. */
const tailBytes = 524_288
const largestFooter = 16_777_216
const deepestStruct = 64
/** A file may claim so many rows, and some for each of its bytes: a flow log has bytes for each row. */
const [rowsOfAnyFile, rowsOfAByte] = [4_194_304, 64]
const magic = 0x31524150

/**
 * Walks over a struct of the compact protocol of Thrift and builds nothing.
 *
 * @returns Where it ends.
 * @throws Error if it is cut, nested too deeply, or has lists that are longer than the bytes behind them.
 */
export function skipStruct(view: DataView, start: number, depth = 0): number {
  if (depth > deepestStruct) throw new Error('its structs are nested too deeply')
  let offset = start
  const varint = (): number => {
    let value = 0
    for (let i = 0; i < 10; i++) {
      const byte = view.getUint8(offset++)
      value += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) return value
    }
    throw new Error('a number has more than ten bytes')
  }
  const element = (type: number): void => {
    if (type === 3) offset++
    else if (type >= 4 && type <= 6) varint()
    else if (type === 7) offset += 8
    else if (type === 8) {
      const length = varint()
      offset += length
    } else if (type === 9) {
      const head = view.getUint8(offset++)
      const size = head >> 4 === 15 ? varint() : head >> 4
      const inner = head & 15
      if (size > view.byteLength - offset) throw new Error(`a list claims ${plural(size, 'element')}`)
      for (let i = 0; i < size; i++) element(inner <= 2 ? 3 : inner)
    } else if (type === 12) offset = skipStruct(view, offset, depth + 1)
    else if (type > 2) throw new Error(`it has no type ${type}`)
    if (offset > view.byteLength) throw new Error('it is cut')
  }
  for (;;) {
    const head = view.getUint8(offset++)
    if ((head & 15) === 0) return offset
    if (head >> 4 === 0) varint()
    element(head & 15)
  }
}

/** Where the bytes of a column of a row group are. */
export function columnRange({ meta_data }: RowGroup['columns'][number]): { from: number; to: number } {
  if (meta_data === undefined) throw new Error('a column has no metadata')
  const { dictionary_page_offset, data_page_offset, total_compressed_size } = meta_data
  const from = Number(dictionary_page_offset !== undefined && dictionary_page_offset > 0n ? dictionary_page_offset : data_page_offset)
  return { from, to: from + Number(total_compressed_size) }
}

/** Where the bytes of a row group are. */
export function groupRange(group: RowGroup): { from: number; to: number } {
  let [from, to] = [Infinity, 0]
  for (const column of group.columns) {
    const range = columnRange(column)
    if (!(range.from >= 0 && range.from <= range.to)) throw new Error(`a column has its bytes from ${range.from} to ${range.to}`)
    from = Math.min(from, range.from)
    to = Math.max(to, range.to)
  }
  return { from, to }
}

/**
 * Reads the bytes from `from` to `to`.
 *
 * @throws Error if they are outside of the file or not all there; errors of the store.
 */
export async function readExactly(source: RandomAccess, from: number, to: number): Promise<Buffer> {
  if (!(from >= 0 && from < to && to <= source.size)) throw new Error(`its bytes ${from} to ${to} are outside of it`)
  const bytes = await source.read(from, to)
  if (bytes.length !== to - from) throw new Error(`its bytes ${from} to ${to} are not all there`)
  return bytes
}

/**
 * Reads the footer.
 *
 * @param largestGroup Most bytes of one row group as stored.
 * @throws Error if it is not a footer, or claims what the file cannot hold; errors of the store.
 */
export async function readFooter(source: RandomAccess, largestGroup: number): Promise<FileMetaData> {
  const { size } = source
  let tail = await readExactly(source, Math.max(0, size - tailBytes), size)
  if (tail.length < 12 || tail.readUInt32LE(tail.length - 4) !== magic) throw new Error('it does not end as a Parquet file')
  const length = tail.readUInt32LE(tail.length - 8) + 8
  if (length > size || length > largestFooter) throw new Error(`its footer claims ${plural(length, 'byte')}`)
  if (length > tail.length) tail = Buffer.concat([await readExactly(source, size - length, size - tail.length), tail])
  const bytes = Uint8Array.from(tail.subarray(tail.length - length))
  skipStruct(new DataView(bytes.buffer, 0, length - 8), 0)
  const metadata = parquetMetadata(bytes, { geoparquet: false })
  checkClaims(metadata, size, largestGroup)
  return metadata
}

function checkClaims({ row_groups }: FileMetaData, size: number, largestGroup: number): void {
  let [rows, stored] = [0, 0]
  for (const group of row_groups) {
    const count = Number(group.num_rows)
    if (!(count >= 0)) throw new Error(`a row group has ${plural(count, 'row')}`)
    if (count === 0) continue
    rows += count
    const { from, to } = groupRange(group)
    if (!(from < to && to <= size)) throw new Error(`a row group has its bytes from ${from} to ${to}, outside of it`)
    if (to - from > largestGroup) throw new Error(`a row group has ${plural(to - from, 'byte')}; at most ${largestGroup} are read at once`)
    stored += to - from
  }
  if (stored > size) throw new Error(`its row groups claim ${stored} of its ${plural(size, 'byte')}`)
  if (rows > rowsOfAnyFile + rowsOfAByte * size) throw new Error(`it claims ${plural(rows, 'row')} in ${plural(size, 'byte')}`)
}
