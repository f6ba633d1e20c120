/** What time an object is of, by its key: the audit's own reading. */
import type { S3Source } from '../producers/s3/settings.ts'
import { listingRoot } from './plain-listing.ts'

/** A range of time, Unix seconds; `toS` not included. */
export interface KeyRange {
  readonly fromS: number
  readonly toS: number
}

/**
 * Unix seconds of the slot, hour or day that a key names; with the layout `any` the time of storing.
 *
 * @param storedMs Time of storing, if known.
 * @returns undefined: nothing says it.
 */
export function keyTimeS(source: Pick<S3Source, 'prefix' | 'layout'>, key: string, storedMs: number | undefined): number | undefined {
  if (source.layout === 'any') return storedMs === undefined ? undefined : Math.floor(storedMs / 1000)
  if (source.layout === 'firehose') {
    const [year, month, day, hour] = key.slice(listingRoot(source).length).split('/')
    return secondsOf(`${year!}-${month!}-${day!}T${hour!}:00Z`)
  }
  const slot = /_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)Z_[^/]*$/.exec(key)
  if (slot !== null) return secondsOf(`${slot[1]!}-${slot[2]!}-${slot[3]!}T${slot[4]!}:${slot[5]!}Z`)
  const day = /\/(\d{4})\/(\d\d)\/(\d\d)\//.exec(key) ?? /\/year=(\d{4})\/month=(\d\d)\/day=(\d\d)\//.exec(key)
  return day === null ? undefined : secondsOf(`${day[1]!}-${day[2]!}-${day[3]!}T00:00Z`)
}

function secondsOf(text: string): number | undefined {
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms / 1000
}
