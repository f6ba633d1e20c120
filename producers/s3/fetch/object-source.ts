/** What kind of object it is, and its text from the place where reading goes on. */
import type { Readable } from 'node:stream'
import type { ObjectKey, ObjectLedger } from '../../../schemas/records.ts'
import type { DeadPart } from '../text/document-cutter.ts'
import { unwrapped } from '../text/envelope-text.ts'
import { isColumnLine, MadeHeaders, type HeaderRule } from '../text/header-line.ts'
import { isParquetKey } from '../objects/key-layout.ts'
import type { StoreOf } from '../objects/object-store.ts'
import { beginsAsParquet } from '../text/object-formats.ts'
import { textChunks } from '../text/object-text.ts'
import type { ParquetReaders } from '../parquet/parquet-readers.ts'
import { bytesInMemory, type RandomAccess } from '../parquet/parquet-text.ts'
import { wholeBody, type Download } from './read-ahead.ts'

/** Text to read. */
export interface ObjectSource {
  readonly chunks: AsyncIterable<Buffer | DeadPart>
  /** Bytes at the beginning of the text that were read before. */
  readonly skip: number
  /** True if it is large: its transactions end in time, not only when they are full. */
  readonly streamed: boolean
  readonly isHeader: HeaderRule
  /** Header line of lines that come without one; null: none is known. */
  readonly header: string | null
  /** True if it may have no line at all: its lines come without a header line. */
  readonly mayBeEmpty: boolean
}

/** What opening needs of the task. */
export interface SourceOptions {
  readonly stores: StoreOf
  readonly parquet: ParquetReaders
  readonly signal: AbortSignal
  /** Header line that is configured for the object. */
  readonly header: string | null
  /** True if a format is configured, or asked for. */
  readonly mayBeEmpty: boolean
}

/** Parts of an object version in S3. */
function storedBytes({ stores, signal }: SourceOptions, key: ObjectKey, { etag, size }: Download): RandomAccess {
  const store = stores(key.bucket, key.key)
  return {
    size,
    read: async (from, to) => wholeBody(await store.open(key.bucket, key.key, { ifMatch: etag, range: { from, to }, signal }), key),
  }
}

const sniffedBytes = 5

const isGone = ({ destroyed }: Readable): boolean => destroyed

/** The first bytes of a download, which it gives once more. */
async function beginningOf(body: Download['body']): Promise<Buffer> {
  if (Buffer.isBuffer(body)) return body.subarray(0, sniffedBytes)
  // a stream that breaks now says so again to the reader
  body.on('error', () => undefined)
  if (isGone(body)) return Buffer.alloc(0)
  const { promise, resolve } = Promise.withResolvers<unknown>()
  for (const event of ['readable', 'end', 'error', 'close']) body.once(event, resolve)
  await promise
  for (const event of ['readable', 'end', 'error', 'close']) body.off(event, resolve)
  const head = isGone(body) ? null : (body.read() as Buffer | null)
  if (head !== null) body.unshift(head)
  // without this turn the stream still waits to be asked, and gives nothing by itself
  await new Promise(setImmediate)
  return head ?? Buffer.alloc(0)
}

/**
 * Opens the text of a downloaded object. Parquet is told by its name, or by its first bytes.
 *
 * @param record Version and progress to resume from; its version is the downloaded one.
 */
export async function openSource(options: SourceOptions, key: ObjectKey, download: Download, record: ObjectLedger): Promise<ObjectSource> {
  const { body } = download
  const { mayBeEmpty } = options
  const streamed = !Buffer.isBuffer(body)
  if (!isParquetKey(key.key) && !beginsAsParquet(await beginningOf(body))) {
    const headers = new MadeHeaders(options.header)
    return {
      chunks: unwrapped(textChunks(body, key), key, undefined, false, headers),
      skip: record.textBytes,
      streamed,
      isHeader: headers.isHeader,
      header: options.header,
      mayBeEmpty,
    }
  }
  let access: RandomAccess
  if (Buffer.isBuffer(body)) access = bytesInMemory(body)
  else {
    // only parts are read, and not from the start
    body.destroy()
    access = storedBytes(options, key, download)
  }
  const chunks = options.parquet.read(access, key, record.nextLine, options.signal)
  return { chunks, skip: 0, streamed, isHeader: isColumnLine, header: null, mayBeEmpty }
}
