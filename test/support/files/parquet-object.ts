/** Parquet objects for tests, in the physical types that occur. */
import { parquetWriteBuffer, type BasicType, type ColumnSource } from 'hyparquet-writer'
import { gzipSync } from 'node:zlib'
import { findFlowField } from '../../../flow/fields.ts'

/**
 * How values are held. `documented`: the types that AWS documents, nulls for absent values. `text`: everything as text, absent values as `-`
 * and `None`. `wide`: numbers and numeric account ids as 64-bit integers, times as timestamps.
 */
export const parquetTypings = ['documented', 'text', 'wide'] as const
/** Name of a typing. */
export type ParquetTyping = (typeof parquetTypings)[number]

/** How to write. */
export interface ParquetShape {
  readonly typing?: ParquetTyping
  readonly rowGroupSize?: number
  readonly pageSize?: number
  readonly codec?: 'GZIP' | 'SNAPPY' | 'UNCOMPRESSED'
}

function columnOf(name: string, tokens: readonly string[], typing: ParquetTyping): ColumnSource {
  const field = findFlowField(name)
  const column = { name: field === undefined ? name : name.replaceAll('-', '_'), nullable: true }
  const typed = (type: BasicType, value: (token: string) => unknown): ColumnSource => ({
    ...column,
    type,
    data: tokens.map(token => (token === '-' ? null : value(token))),
  })
  if (field === undefined) return typed('STRING', token => token)
  const tag = field.record.startsWith('tags.')
  if (typing === 'text') {
    const absent = ['-', tag ? '-' : 'None', '']
    const data = tokens.map((token, i) => (token === '-' ? absent[i % absent.length] : token))
    return { ...column, type: 'STRING', data }
  }
  if (typing === 'wide' && field.role === 'time') return typed('TIMESTAMP', token => new Date(Number(token) * 1000))
  if (typing === 'wide' && name.endsWith('account-id') && tokens.every(token => /^(\d+|-)$/.test(token))) return typed('INT64', BigInt)
  if (field.awsType === 'STRING') return typed('STRING', token => token)
  if (typing === 'wide' && field.role === 'port') return typed('DOUBLE', Number)
  return typing === 'wide' || field.awsType === 'INT_64' ? typed('INT64', BigInt) : typed('INT32', Number)
}

/**
 * Writes records as a Parquet object.
 *
 * @param columns Names as in a text header; written with underscores.
 * @param rows Words of each record, as in its text line.
 */
export function parquetObject(columns: readonly string[], rows: readonly (readonly string[])[], shape: ParquetShape = {}): Buffer {
  const { typing = 'documented', codec = 'GZIP', ...sizes } = shape
  return Buffer.from(
    parquetWriteBuffer({
      columnData: columns.map((name, i) =>
        columnOf(
          name,
          rows.map(row => row[i]!),
          typing,
        ),
      ),
      codec,
      compressors: { GZIP: input => gzipSync(input) },
      ...sizes,
    }),
  )
}
