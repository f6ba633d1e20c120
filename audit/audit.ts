/** Conservation, object by object: what S3 holds, what the topics hold, what the tables hold. */
import { once } from 'node:events'
import type { S3Settings, S3Source } from '../producers/s3/settings.ts'
import { createFlowLogService, flowLogOf } from '../producers/s3/fetch/describe-flow-logs.ts'
import { FlowLogHeaders } from '../producers/s3/fetch/flow-log-headers.ts'
import { namesBeforeDescribed } from '../producers/s3/text/log-format.ts'
import { errorText } from '../runtime/errors.ts'
import { sourceOf, type ObjectStore, type StoreOf } from '../producers/s3/objects/object-store.ts'
import type { ObjectLedger } from '../schemas/records.ts'
import { objectIdOf } from '../schemas/object-id.ts'
import { isListed, listingRoot } from './plain-listing.ts'
import { readParquetPlainly } from './plain-parquet.ts'
import { isEmpty, noHeader, readPlainly, type PlainReading } from './plain-reader.ts'
import { addTally, emptyTally, tallyFields, totalOf, type Tallies, type Tally } from '../schemas/tally.ts'

/** One object version as S3 shows it now. */
export interface ObjectReading {
  readonly bucket: string
  readonly key: string
  readonly reading: PlainReading
}

/** Where two sides differ. */
export interface Difference {
  readonly objectId: string
  readonly object: string
  readonly side: 'topics' | 'tables' | 'equation'
  readonly detail: string
}

/** What an audit found. */
export interface AuditReport {
  readonly objects: number
  /** Objects that S3 holds but nobody can read, and that the ledger records as failed or retrying. */
  readonly unreadable: readonly string[]
  /** Versions that were read and are not in S3 any more (deleted or overwritten). */
  readonly gone: number
  readonly totals: Readonly<Record<'s3' | 'topics' | 'tables', Tally>>
  readonly differences: readonly Difference[]
}

async function download(store: ObjectStore, bucket: string, key: string): Promise<{ etag: string; content: Buffer }> {
  const { etag, body } = await store.open(bucket, key)
  const chunks: Buffer[] = []
  body.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(body, 'end')
  return { etag, content: Buffer.concat(chunks) }
}

/** Reads an object the plain way. Where its source so says, EC2 is asked for the format of lines without a header line. */
async function readObject(
  s3: S3Settings,
  { format, ...source }: S3Source,
  key: string,
  content: Buffer,
  headers: FlowLogHeaders,
): Promise<PlainReading> {
  const reading = await readWithFormat(s3, { format, ...source }, key, content, headers)
  return reading.ok && format === undefined && isEmpty(reading.tally) ? { ok: false, reason: 'no lines' } : reading
}

async function readWithFormat(
  s3: S3Settings,
  { format, ...source }: S3Source,
  key: string,
  content: Buffer,
  headers: FlowLogHeaders,
): Promise<PlainReading> {
  if (key.endsWith('.parquet') || /^PAR1[\0-\x1f]/.test(content.toString('latin1', 0, 5)))
    return readParquetPlainly(content, s3.maxLineBytes)
  const before = namesBeforeDescribed(format)
  if (before === undefined) return readPlainly(content, s3.maxLineBytes, format)
  const reading = readPlainly(content, s3.maxLineBytes)
  if (reading.ok || reading.reason !== noHeader) return reading
  const header = await headers.headerOf(flowLogOf(s3, source, { bucket: source.bucket, key }), Date.now())
  return readPlainly(content, s3.maxLineBytes, `${before}${header}`)
}

/**
 * Reads every object of every source, the plain way. The ledger is not asked.
 *
 * @returns Readings by object version id.
 */
export async function readBuckets(
  s3: S3Settings,
  stores: StoreOf,
  progress: (objects: number) => void,
): Promise<Map<string, ObjectReading>> {
  const readings = new Map<string, ObjectReading>()
  const headers = new FlowLogHeaders(createFlowLogService(s3), s3.retryBaseMs)
  for (const source of s3.sources) {
    const { bucket } = source
    const root = listingRoot(source)
    const store = stores(bucket, root)
    for await (const { key, etag: listed } of store.list(bucket, root)) {
      if (!isListed(source, key)) continue
      try {
        const { etag, content } = await download(store, bucket, key)
        readings.set(objectIdOf(bucket, key, etag).toString('hex'), {
          bucket,
          key,
          reading: await readObject(s3, sourceOf(s3.sources, bucket, key) ?? source, key, content, headers),
        })
      } catch (error) {
        readings.set(objectIdOf(bucket, key, listed).toString('hex'), { bucket, key, reading: { ok: false, reason: errorText(error) } })
      }
      progress(readings.size)
    }
  }
  return readings
}

const describe = (expected: Tally, actual: Tally): string =>
  tallyFields
    .filter(field => expected[field] !== actual[field])
    .map(field => `${field} ${actual[field]} instead of ${expected[field]}`)
    .join(', ')

/**
 * Compares the three sides.
 *
 * @param topics Undefined: the topics are not looked at (retention has removed their records).
 */
export function compare(
  s3: ReadonlyMap<string, ObjectReading>,
  ledger: ReadonlyMap<string, Pick<ObjectLedger, 'state'>>,
  topics: Tallies | undefined,
  tables: Tallies,
): AuditReport {
  const differences: Difference[] = []
  const unreadable: string[] = []
  const s3Totals = emptyTally()
  const note = (objectId: string, object: string, side: Difference['side'], detail: string): void => {
    if (detail !== '') differences.push({ objectId, object, side, detail })
  }
  for (const [objectId, { bucket, key, reading }] of s3) {
    const object = `s3://${bucket}/${key}`
    const state = ledger.get(objectId)?.state
    if (!reading.ok) {
      unreadable.push(`${object}: ${reading.reason}`)
      if (ledger.size > 0 && state !== 'failed' && state !== 'retrying')
        note(objectId, object, 'topics', `S3 object cannot be read (${reading.reason}), ledger says ${state ?? 'nothing'}`)
      if (topics !== undefined)
        note(objectId, object, 'tables', describe(topics.get(objectId) ?? emptyTally(), tables.get(objectId) ?? emptyTally()))
      continue
    }
    const tally = reading.tally
    addTally(s3Totals, tally)
    if (topics !== undefined) note(objectId, object, 'topics', describe(tally, topics.get(objectId) ?? emptyTally()))
    note(objectId, object, 'tables', describe(tally, tables.get(objectId) ?? emptyTally()))
  }
  for (const [side, tallies] of [
    ['topics', topics],
    ['tables', tables],
  ] as const)
    for (const [objectId, tally] of tallies ?? []) {
      const parts = tally.headers + tally.blank + tally.flows + tally.noData + tally.skipData + tally.dead
      if (parts !== tally.lines)
        note(
          objectId,
          s3.get(objectId)?.key ?? objectId,
          'equation',
          `${side}: ${tally.lines} lines, but ${parts} headers, blank, flows, gaps and dead letters`,
        )
    }
  const known = new Set([...(topics?.keys() ?? []), ...tables.keys()])
  return {
    objects: s3.size,
    unreadable,
    gone: [...known].filter(id => !s3.has(id)).length,
    totals: { s3: s3Totals, topics: totalOf(topics?.values() ?? []), tables: totalOf(tables.values()) },
    differences,
  }
}
