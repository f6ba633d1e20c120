/** How a backfill stands, as a line of text. Pure. */
import type { BackfillCounts } from '../../operations/backfill/backfill-books.ts'

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
    `${countText(ended)} of ${countText(counts.objects)} objects${counts.failed === 0 ? '' : `, ${countText(counts.failed)} failed`}, ` +
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
