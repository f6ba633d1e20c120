/** How a backfill stands, as lines of text. */
import { counted } from '../../runtime/counted.ts'
import type { BackfillCounts } from '../../operations/backfill/backfill-progress.ts'
import type { BackfillEvent } from '../../operations/backfill/backfill.ts'

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
const barWidth = 24

/** Bytes for people, powers of 1000. */
export function bytesText(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** power
  return `${power === 0 ? String(value) : value.toFixed(value < 10 ? 2 : 1)} ${units[power]!}`
}

/** A count for people. */
export const countText = (count: number): string => Math.round(count).toLocaleString('en-US')

function timeText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  if (seconds < 90 * 60) return `${Math.ceil(seconds / 60)} min`
  return `${(seconds / 3600).toFixed(1)} h`
}

/**
 * The line.
 *
 * @param toRead Objects and bytes that were to be read when the first was announced.
 * @param seconds Since then.
 */
export function progressText(counts: BackfillCounts, toRead: { bytes: number }, seconds: number): string {
  const ended = counts.done + counts.failed
  const share = counts.objects === 0 ? 1 : ended / counts.objects
  const filled = Math.floor(share * barWidth)
  const left = Math.max(0, toRead.bytes - counts.endedBytes)
  const timeLeft =
    ended >= counts.objects
      ? ''
      : counts.endedBytes === 0 || seconds === 0
        ? ', time left unknown'
        : `, ${timeText((left * seconds) / counts.endedBytes)} left`
  return (
    `[${'#'.repeat(filled)}${'-'.repeat(barWidth - filled)}] ${Math.floor(share * 100)} %  ` +
    `${countText(ended)} of ${counted(Math.round(counts.objects), 'object')}${counts.failed === 0 ? '' : `, ${countText(counts.failed)} failed`}, ` +
    `${bytesText(counts.endedBytes)} of ${bytesText(toRead.bytes)}, ` +
    `${countText(seconds === 0 ? 0 : counts.endedLines / seconds)} flow records/s${timeLeft}`
  )
}

/**
 * The line as a terminal of so many columns can show it: without the bar, and then without its end, where it is too long. A line that wraps
 * cannot be written anew in its place.
 */
export function fitted(text: string, columns: number): string {
  const short = text.length < columns ? text : text.replace(/^\[[#-]+\] +/, '')
  return short.slice(0, Math.max(0, columns - 1))
}

/** What to say of what happened on the way, line by line. */
export function backfillTexts(event: BackfillEvent): string[] {
  switch (event.kind) {
    case 'foreign-bucket':
      return [`no source of s3.sources has the bucket ${event.bucket}: it is read with s3.region and the credentials of section s3`]
    case 'listing':
      return [`${counted(Math.round(event.objects), 'object')} listed`]
    case 'not-listed':
      return [`NOT LISTED ${event.prefix}: ${event.error.message}`]
    case 'left-out':
      return [
        `${counted(Math.round(event.folders), 'folder')} of accounts and regions left out, such as ${event.example}: no source chooses them`,
      ]
    case 'found':
      return foundTexts(event.counts)
    case 'estimate':
      return [`S3 requests of the backfill, estimated: ${countText(event.get)} GET and ${countText(event.list)} LIST`]
    case 'stalled':
      return [`no object was read for ${event.seconds} s: does a process run the role fetch?`]
    case 'progress':
      return [progressText(event.counts, event.toRead, event.seconds)]
  }
}

function foundTexts({ objects, bytes, done, failed, archived }: BackfillCounts): string[] {
  const left = objects - done - failed
  return [
    `${counted(Math.round(objects), 'object')}, ${bytesText(bytes)}: ${countText(done)} are read already, ${countText(failed)} have failed, ${countText(left)} are to be read`,
    ...(failed === 0 ? [] : ['`flowloom retry` reads again what has failed: a backfill leaves it out']),
    ...(archived === 0
      ? []
      : [
          `${countText(archived)} of them are in an archive (storage class GLACIER or DEEP_ARCHIVE): they fail as OBJECT_ARCHIVED unless they are restored first`,
        ]),
  ]
}
