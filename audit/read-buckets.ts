/** Reads what S3 holds, the plain way: the ledger is not asked. */
import { once } from 'node:events'
import type { S3Settings, S3Source } from '../producers/s3/settings.ts'
import { createFlowLogService, flowLogOf } from '../producers/s3/fetch/describe-flow-logs.ts'
import { FlowLogHeaders } from '../producers/s3/fetch/flow-log-headers.ts'
import { namesBeforeDescribed } from '../producers/s3/text/log-format.ts'
import { errorText } from '../runtime/errors.ts'
import { sourceOf, type ObjectStore, type StoreOf } from '../producers/s3/objects/object-store.ts'
import { objectIdOf } from '../schemas/object-id.ts'
import { isListed, listingRoot } from './plain-listing.ts'
import { readParquetPlainly } from './plain-parquet.ts'
import { isEmpty, noHeader, readPlainly, type PlainReading } from './plain-reader.ts'
import { isInRange, type AuditScope } from './whereabouts.ts'

/** One object version as S3 shows it now. */
export interface ObjectReading {
  readonly bucket: string
  readonly key: string
  /** Time of storing. */
  readonly storedMs?: number
  readonly reading: PlainReading
}

/** What S3 showed. */
export interface BucketReadings {
  /** By object version id. */
  readonly readings: Map<string, ObjectReading>
  /** Each source with the number of its objects, of whatever time. */
  readonly sources: { readonly name: string; readonly source: S3Source; readonly listed: number }[]
}

async function download(store: ObjectStore, bucket: string, key: string): Promise<{ etag: string; content: Buffer }> {
  const { etag, body } = await store.open(bucket, key)
  const chunks: Buffer[] = []
  body.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(body, 'end')
  return { etag, content: Buffer.concat(chunks) }
}

/** Reads an object the plain way. Where its source so says, EC2 is asked for the format of lines without a header line. */
async function readObject(s3: S3Settings, source: S3Source, key: string, content: Buffer, headers: FlowLogHeaders): Promise<PlainReading> {
  const reading = await readWithFormat(s3, source, key, content, headers)
  return reading.ok && source.format === undefined && isEmpty(reading.tally) ? { ok: false, reason: 'no lines' } : reading
}

async function readWithFormat(
  s3: S3Settings,
  source: S3Source,
  key: string,
  content: Buffer,
  headers: FlowLogHeaders,
): Promise<PlainReading> {
  if (key.endsWith('.parquet') || /^PAR1[\0-\x1f]/.test(content.toString('latin1', 0, 5)))
    return readParquetPlainly(content, s3.maxLineBytes)
  const before = namesBeforeDescribed(source.format)
  if (before === undefined) return readPlainly(content, s3.maxLineBytes, source.format)
  const reading = readPlainly(content, s3.maxLineBytes)
  if (reading.ok || reading.reason !== noHeader) return reading
  const header = await headers.headerOf(flowLogOf(s3, source, { bucket: source.bucket, key }), Date.now())
  return readPlainly(content, s3.maxLineBytes, `${before}${header}`)
}

/** Reads every object of every source (with a range: of its time), the plain way. The ledger is not asked. */
export async function readBuckets(
  { s3, range }: Pick<AuditScope, 's3' | 'range'>,
  stores: StoreOf,
  progress: (objects: number) => void,
): Promise<BucketReadings> {
  const readings = new Map<string, ObjectReading>()
  const sources: BucketReadings['sources'] = []
  const headers = new FlowLogHeaders(createFlowLogService(s3), s3.retryBaseMs)
  for (const source of s3.sources) {
    const { bucket } = source
    const root = listingRoot(source)
    const store = stores(bucket, root, source)
    let objects = 0
    for await (const { key, etag: listed, lastModifiedMs: storedMs } of store.list(bucket, root)) {
      if (!isListed(source, key)) continue
      objects++
      if (!isInRange({ s3, range }, { bucket, key, storedMs })) continue
      try {
        const { etag, content } = await download(store, bucket, key)
        readings.set(objectIdOf(bucket, key, etag).toString('hex'), {
          ...{ bucket, key, storedMs },
          reading: await readObject(s3, sourceOf(s3.sources, bucket, key) ?? source, key, content, headers),
        })
      } catch (error) {
        readings.set(objectIdOf(bucket, key, listed).toString('hex'), {
          ...{ bucket, key, storedMs },
          reading: { ok: false, reason: errorText(error) },
        })
      }
      progress(readings.size)
    }
    sources.push({ name: `s3://${bucket}/${root}`, source, listed: objects })
  }
  return { readings, sources }
}
