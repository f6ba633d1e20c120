/** What an audit could not see, or need not look for: sources that list nothing, objects of no source, objects that nobody announced. */
import { counted } from '../runtime/counted.ts'
import type { S3Settings, S3Source } from '../producers/s3/settings.ts'
import type { Tallies } from '../schemas/tally.ts'
import type { AuditReport } from './audit.ts'
import type { BucketReadings, ObjectReading } from './read-buckets.ts'
import { keyTimeS, type KeyRange } from './key-time.ts'
import { isListed, prefixFolder } from './plain-listing.ts'

/** Where an object version was read from, as the tables know it. */
export interface KnownPlace {
  readonly bucket: string
  readonly key: string
  readonly storedMs: number | undefined
}
/** By object version id. */
export type KnownPlaces = ReadonlyMap<string, KnownPlace>

/** What an audit is about. */
export interface AuditScope {
  readonly s3: S3Settings
  readonly nowMs: number
  /** Objects of this time alone; undefined: all. */
  readonly range?: KeyRange | undefined
}

/** Objects that no other side knows, and why that is so. */
export interface Unread {
  /** Older than what discover looks at: nobody announced them. The first and last of them; null: there is none. */
  readonly unannounced: { readonly count: number; readonly first: string | null; readonly last: string | null }
  /** Of days before `startDate` of their source. */
  readonly beforeStart: number
}

const daySeconds = 86_400
const dayOf = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 10)

/** The source whose objects a key is one of; of several, that with the innermost folder. */
export const sourceOfKey = ({ sources }: Pick<S3Settings, 'sources'>, bucket: string, key: string): S3Source | undefined =>
  sources
    .filter(source => source.bucket === bucket && isListed(source, key))
    .sort((a, b) => prefixFolder(b).length - prefixFolder(a).length)[0]

/** True if an object is of the time that the audit is about. Without a range: always. */
export function isInRange({ range, s3 }: Pick<AuditScope, 'range' | 's3'>, { bucket, key, storedMs }: KnownPlace): boolean {
  if (range === undefined) return true
  const source = sourceOfKey(s3, bucket, key)
  const seconds = source === undefined ? undefined : keyTimeS(source, key, storedMs)
  return seconds !== undefined && seconds >= range.fromS && seconds < range.toS
}

/** Counts of the objects that S3 showed, and of those that the tables know to be of the time. */
export function talliesInRange(scope: AuditScope, tallies: Tallies, s3: ReadonlyMap<string, ObjectReading>, places: KnownPlaces): Tallies {
  if (scope.range === undefined) return tallies
  const isOf = (id: string): boolean => s3.has(id) || (places.has(id) && isInRange(scope, places.get(id)!))
  return new Map([...tallies].filter(([id]) => isOf(id)))
}

/**
 * Takes out the objects that no other side has heard of, if a reason is known: they are told in one line, not as differences of every side.
 *
 * @param isKnown True if the topics or the tables know an object version.
 */
export function setUnreadApart(
  scope: AuditScope,
  readings: ReadonlyMap<string, ObjectReading>,
  isKnown: (id: string) => boolean,
): { rest: Map<string, ObjectReading>; unread: Unread } {
  const oldest = dayOf(Math.floor((scope.nowMs - scope.s3.lookBackMs) / 1000) - daySeconds)
  const rest = new Map<string, ObjectReading>()
  const older: string[] = []
  let beforeStart = 0
  for (const [id, object] of readings) {
    const source = isKnown(id) ? undefined : sourceOfKey(scope.s3, object.bucket, object.key)
    const seconds = source === undefined ? undefined : keyTimeS(source, object.key, object.storedMs)
    if (seconds === undefined) rest.set(id, object)
    else if (source!.startDate !== undefined && dayOf(seconds) < source!.startDate) beforeStart++
    else if (dayOf(seconds) < oldest) older.push(`s3://${object.bucket}/${object.key}`)
    else rest.set(id, object)
  }
  older.sort()
  return { rest, unread: { unannounced: { count: older.length, first: older[0] ?? null, last: older.at(-1) ?? null }, beforeStart } }
}

/** Versions of buckets or prefixes that no source names. */
export interface Foreign {
  /** Bucket, and the beginning of the key. */
  readonly place: string
  readonly versions: number
}

/** Counts versions that no source names, by bucket and what stands before `AWSLogs/` (else the first folder). */
export function foreignOf(s3: Pick<S3Settings, 'sources'>, ids: Iterable<string>, places: KnownPlaces): Foreign[] {
  const counts = new Map<string, number>()
  for (const id of ids) {
    const place = places.get(id)
    if (place === undefined || sourceOfKey(s3, place.bucket, place.key) !== undefined) continue
    const folder = /^(.*?)AWSLogs\//.exec(place.key)?.[1] ?? /^[^/]*\//.exec(place.key)?.[0] ?? ''
    const name = `s3://${place.bucket}/${folder}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return [...counts].map(([place, versions]) => ({ place, versions })).sort((a, b) => b.versions - a.versions)
}

/**
 * Why an audit shows nothing although it found no difference.
 *
 * @param goneOf How many versions of a source the tables know that S3 does not show.
 */
export function blindSpots(
  { sources }: Pick<BucketReadings, 'sources'>,
  report: Pick<AuditReport, 'objects' | 'totals' | 'foreign'>,
  goneOf: (source: S3Source) => number,
): string[] {
  const empty = sources.filter(({ listed }) => listed === 0)
  const spots = empty.flatMap(({ name, source }) => {
    const gone = goneOf(source)
    return gone === 0
      ? []
      : [`${name} lists nothing, but ${counted(gone, 'version')} of it ${gone === 1 ? 'was' : 'were'} read: nothing of it was compared`]
  })
  const foreign = report.foreign.reduce((sum, { versions }) => sum + versions, 0)
  if (empty.length > 0 && foreign > 0)
    spots.push(
      `${empty.map(({ name }) => name).join(', ')} lists nothing, and ${counted(foreign, 'version is', 'versions are')} of places that no source names: check s3.sources`,
    )
  const lines = Math.max(report.totals.tables.lines, report.totals.tables.flows, report.totals.topics.lines)
  if (report.objects === 0 && lines > 0 && spots.length === 0)
    spots.push(`S3 shows no object, but ${counted(lines, 'line was', 'lines were')} read: nothing was compared`)
  return spots
}
