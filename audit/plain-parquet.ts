/** The independent side of the audit for Parquet: whole rows as objects, value by value. Shares the library with the fetcher, not the rendering. */
import { parquetMetadataAsync, parquetReadObjects, parquetSchema, type AsyncBuffer } from 'hyparquet'
import { parquetCompressors } from '../producers/s3/parquet/parquet-pages.ts'
import { ParquetReaders } from '../producers/s3/parquet/parquet-readers.ts'
import { bytesInMemory } from '../producers/s3/parquet/parquet-text.ts'
import { errorText, FlowError } from '../runtime/errors.ts'
import { findFlowField } from '../flow/fields.ts'
import { classifyLine, isMostlyDocumented, type PlainReading } from './plain-reader.ts'
import { isNetworkActivity, plainEvent } from './plain-ocsf.ts'
import { addTally, emptyTally } from '../schemas/tally.ts'

const guard = new ParquetReaders()

function wordOf(column: string, value: string | number | bigint | boolean | Date | null | undefined): string {
  const field = findFlowField(column)
  const tag = column.includes('tag')
  if (value === null || value === undefined || value === '' || (typeof value === 'number' && isNaN(value))) return '-'
  if (value === 'None') return field === undefined || tag ? 'None' : '-'
  const text = value instanceof Date ? String(Math.floor(value.getTime() / 1000)) : String(value)
  if (typeof value === 'string' && field !== undefined && field.awsType !== 'STRING' && /^\d+\.0+$/.test(text)) return text.split('.')[0]!
  if (field?.name.endsWith('account-id') === true && typeof value !== 'string') return text.padStart(12, '0')
  return text.replaceAll(/\s/g, '_')
}

/** Counts events of Security Lake. */
function eventTally(events: readonly Record<string, unknown>[], maxLineBytes: number): PlainReading {
  const tally = emptyTally()
  addTally(tally, { lines: 1, headers: 1 })
  for (const event of events) {
    const values = plainEvent(event)
    if (values === undefined) return { ok: false, reason: 'events of another kind' }
    const columns = Object.keys(values)
    const line = columns.map(column => wordOf(column, values[column] as Parameters<typeof wordOf>[1])).join(' ')
    addTally(tally, classifyLine(columns, Buffer.from(line), maxLineBytes))
  }
  return { ok: true, tally }
}

/**
 * Counts a Parquet object: a header and a line for each row.
 *
 * @param maxLineBytes Longer lines are dead letters, as configured.
 */
export async function readParquetPlainly(stored: Buffer, maxLineBytes: number): Promise<PlainReading> {
  const tally = emptyTally()
  if (stored.length === 0) return { ok: true, tally }
  try {
    // the library believes a file: only one that can be read within limits is given to it
    const chunks = guard.read(bytesInMemory(stored), { bucket: '', key: '' }, 1, new AbortController().signal)
    for await (const _chunk of chunks);
  } catch (error) {
    return { ok: false, reason: error instanceof FlowError ? String(error.details['detail']) : errorText(error) }
  }
  const file: AsyncBuffer = { byteLength: stored.length, slice: (start, end) => Uint8Array.from(stored.subarray(start, end)).buffer }
  try {
    const metadata = await parquetMetadataAsync(file)
    const columns = parquetSchema(metadata).children.map(({ element }) => element.name)
    if (isNetworkActivity(columns))
      return eventTally(await parquetReadObjects({ file, metadata, compressors: parquetCompressors }), maxLineBytes)
    if (!isMostlyDocumented(columns)) return { ok: false, reason: 'not the columns of a flow log' }
    addTally(tally, { lines: 1, headers: 1 })
    for (const row of await parquetReadObjects({ file, metadata, compressors: parquetCompressors })) {
      const line = columns.map(column => wordOf(column, row[column] as Parameters<typeof wordOf>[1])).join(' ')
      addTally(tally, classifyLine(columns, Buffer.from(line), maxLineBytes))
    }
    return { ok: true, tally }
  } catch (error) {
    return { ok: false, reason: errorText(error) }
  }
}
