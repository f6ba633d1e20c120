/**
 * Which keys of a bucket are objects of a source. `flow-logs`: the folders that AWS writes flow logs to. `firehose`: date and hour folders
 * (UTC), as Firehose makes them below a prefix. `any`: everything below the prefix.
 *
 * @see https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html
 */
import type { S3Source } from '../settings.ts'
import { dayOf, isFlowLogKey, isInSource } from './key-layout.ts'
import { accountsPrefix, folderOf } from '../source-folder.ts'

/** What of a source its layout is made of. */
export type SourceLayout = Pick<S3Source, 'prefix' | 'layout' | 'keyPattern' | 'accounts' | 'regions'>

const hourMs = 3_600_000
const hourFolder = /^(\d{4})\/(\d{2})\/(\d{2})\/([01]\d|2[0-3])\/./
/** What the export of CloudWatch Logs writes to see whether it may. */
const exportTest = /(?:^|\/)aws-logs-write-test$/

/** Prefix in front of all objects of a source: empty, or with a slash at its end. */
export const rootOf = (source: SourceLayout): string => (source.layout === 'flow-logs' ? accountsPrefix(source) : folderOf(source))

/** First millisecond of the hour whose folder an object of a `firehose` source lies in; undefined for any other key. */
export function folderHour(source: SourceLayout, key: string): number | undefined {
  const root = rootOf(source)
  const match = key.startsWith(root) ? hourFolder.exec(key.slice(root.length)) : null
  if (match === null) return undefined
  const [, year, month, day, hour] = match
  const ms = Date.parse(`${year!}-${month!}-${day!}T${hour!}:00:00Z`)
  return Number.isNaN(ms) ? undefined : ms
}

/** True if a key is that of an object to read. */
export function isWanted(source: SourceLayout, key: string): boolean {
  if (source.layout === 'flow-logs') return isInSource(source, key) && isFlowLogKey(key)
  if (!key.startsWith(rootOf(source)) || key.endsWith('/') || exportTest.test(key)) return false
  if (source.layout === 'firehose' && folderHour(source, key) === undefined) return false
  return source.keyPattern === undefined || patternOf(source.keyPattern).test(key)
}

const patterns = new Map<string, RegExp>()

/** Compiled once: the settings are few. */
function patternOf(text: string): RegExp {
  let pattern = patterns.get(text)
  if (pattern === undefined) patterns.set(text, (pattern = new RegExp(text)))
  return pattern
}

/** Hours of a day, `hh`, that a time has a part of. `toMs` is the first millisecond that is not wanted any more. */
export function hoursOf(day: string, fromMs: number, toMs: number): string[] {
  const startMs = Date.parse(day)
  return Array.from({ length: 24 }, (_unused, hour) => hour)
    .filter(hour => startMs + (hour + 1) * hourMs > fromMs && startMs + hour * hourMs < toMs)
    .map(hour => String(hour).padStart(2, '0'))
}

/** A time to list. `toMs` is the first millisecond that is not wanted any more. */
export interface TimeRange {
  readonly fromMs: number
  readonly toMs: number
}

/**
 * Hours of a `firehose` source to list: from the look-back window, and the hour before it because an object comes some minutes after its hour
 * began, up to the end of today, so that whole days are one prefix.
 *
 * @param startDate Nothing before this day.
 */
export function hourWindow(nowMs: number, lookBackMs: number, startDate?: string): TimeRange {
  const fromMs = nowMs - lookBackMs - hourMs
  const toMs = Date.parse(dayOf(nowMs)) + 24 * hourMs
  return { fromMs: startDate === undefined ? fromMs : Math.max(fromMs, Date.parse(startDate)), toMs }
}
