/**
 * Checks the page headers of a row group before its pages are decoded. The library believes them: a damaged one would make it fill memory with
 * values that are not there.
 */
import type { RowGroup } from 'hyparquet'
import { parquetHeader } from 'hyparquet/src/column.js'

/** Most values of a nested column in one row group. */
const mostNestedValues = 10_000_000

/** Where the bytes of a column of a row group are. */
export function columnRange({ meta_data }: RowGroup['columns'][number]): { from: number; to: number } {
  if (meta_data === undefined) throw new Error('a column has no metadata')
  const { dictionary_page_offset, data_page_offset, total_compressed_size } = meta_data
  const from = Number(dictionary_page_offset !== undefined && dictionary_page_offset > 0n ? dictionary_page_offset : data_page_offset)
  return { from, to: from + Number(total_compressed_size) }
}

/**
 * Throws where a page is longer than its column, larger than `largestPage` when decompressed, or has more values than the row group.
 *
 * @param held Bytes of the row group.
 * @param start Place of its first byte in the object.
 */
export function checkPages(group: RowGroup, held: Buffer, start: number, largestPage: number): void {
  for (const column of group.columns) {
    const { from, to } = columnRange(column)
    const bytes = held.subarray(from - start, to - start)
    const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: 0 }
    const { path_in_schema, num_values } = column.meta_data!
    const most = path_in_schema.length === 1 ? Number(group.num_rows) : Math.min(Number(num_values), mostNestedValues)
    let values = 0
    while (reader.offset < bytes.length - 1 && values < most) {
      const header = parquetHeader(reader)
      const { compressed_page_size: stored, uncompressed_page_size: size, dictionary_page_header: dictionary } = header
      if (!(stored >= 0 && reader.offset + stored <= bytes.length && size >= 0 && size <= largestPage))
        throw new Error(`a page of column ${path_in_schema.join('.')} has ${stored} bytes, ${size} when decompressed`)
      const count = header.data_page_header?.num_values ?? header.data_page_header_v2?.num_values ?? 0
      values += count
      if (!(count >= 0 && values <= most) || (dictionary !== undefined && !(dictionary.num_values >= 0 && dictionary.num_values <= size)))
        throw new Error(`a page of column ${path_in_schema.join('.')} has more values than its row group`)
      reader.offset += stored
    }
  }
}
