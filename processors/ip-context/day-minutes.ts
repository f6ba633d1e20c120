/**
 * In which minutes of a UTC day an owner was seen. Stays close gaps of up to ten minutes, so two owners that take turns have stays that overlap;
 * only the minutes say whether they were ever there at once. Uniting them is a union of bits, so order, repetition and lateness do not matter.
 */
import { dayS, joinS, type Stays } from './day-stays.ts'

/** Bytes of a set of minutes: a bit for each, the lowest bit of a byte first. */
const setBytes = dayS / 60 / 8

/** A set of minutes; undefined: every minute that the stays touch, which is the usual case and takes no memory. */
export type Minutes = Uint8Array | undefined

/** Stays, and in which minutes of them the owner was really seen. */
export interface Shown {
  readonly stays: Stays
  readonly minutes: Minutes
}

const minuteOf = (second: number): number => Math.floor(second / 60)

/** Adds the minutes of a range of seconds to a set. */
export function markMinutes(minutes: Uint8Array, first: number, last: number): void {
  const to = minuteOf(last)
  for (let minute = minuteOf(first); minute <= to;) {
    if ((minute & 7) === 0 && minute + 7 <= to) {
      minutes[minute >>> 3] = 255
      minute += 8
    } else {
      minutes[minute >>> 3]! |= 1 << (minute & 7)
      minute++
    }
  }
}

/** Every minute that some stays touch. */
export function minutesOf(stays: Stays): Uint8Array {
  const minutes = new Uint8Array(setBytes)
  for (let i = 0; i < stays.length; i += 2) markMinutes(minutes, stays[i]!, stays[i + 1]!)
  return minutes
}

/** True if the step from the end of a stay to a range that joins it skips a minute. */
export const skipsMinute = (last: number, first: number): boolean => first <= last + joinS + 1 && minuteOf(first) > minuteOf(last) + 1

/**
 * Minutes of two that are joined.
 *
 * @param stays The joined stays.
 * @returns The very set of `a` if `b` adds nothing to it.
 */
export function joinMinutes(a: Shown, b: Shown, stays: Stays): Minutes {
  if (a.minutes === undefined && b.minutes === undefined && isSimple(a.stays, b.stays)) return undefined
  const all = (a.minutes ?? minutesOf(a.stays)).slice()
  const more = b.minutes ?? minutesOf(b.stays)
  for (let i = 0; i < setBytes; i++) all[i]! |= more[i]!
  if (sameMinutes(all, minutesOf(stays))) return undefined
  return a.minutes !== undefined && sameMinutes(all, a.minutes) ? a.minutes : all
}

/** The usual case: one stay that begins in or after the last one, and skips no minute. */
function isSimple(a: Stays, b: Stays): boolean {
  if (a.length === 0) return true
  return b.length === 2 && b[0]! >= a[a.length - 2]! && !skipsMinute(a[a.length - 1]!, b[0]!)
}

/** Whether two sets of minutes, as `minutesOf` makes them, are equal. */
export const sameMinutes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

/**
 * Counts the minutes of an interval in which two owners were both seen, up to a number that is enough.
 *
 * @param first First second, of the day, of an interval in which both stay.
 */
export function sharedMinutes(a: Minutes, b: Minutes, first: number, last: number, enough: number): number {
  const from = minuteOf(first)
  const to = minuteOf(last)
  if (a === undefined && b === undefined) return to - from + 1
  let shared = 0
  for (let minute = from; minute <= to && shared < enough; minute++) {
    const bit = 1 << (minute & 7)
    if ((a === undefined || (a[minute >>> 3]! & bit) !== 0) && (b === undefined || (b[minute >>> 3]! & bit) !== 0)) shared++
  }
  return shared
}

/**
 * The end of the first whole minute in which an owner was seen.
 *
 * @param from First second, of the day, in which that minute may begin.
 * @param to Last second in which it may end.
 * @returns Infinity: there is none.
 */
export function firstMinuteEnd(minutes: Minutes, from: number, to: number): number {
  for (let minute = Math.ceil(from / 60); 60 * minute + 59 <= to; minute++)
    if (minutes === undefined || (minutes[minute >>> 3]! & (1 << (minute & 7))) !== 0) return 60 * minute + 59
  return Infinity
}

/** A set as it stands in a record: the number of the first byte that is not zero, and the bytes from there to the last one. */
export function encodeMinutes(minutes: Minutes): Buffer | null {
  if (minutes === undefined) return null
  let first = 0
  while (first < setBytes && minutes[first] === 0) first++
  let end = setBytes
  while (end > first && minutes[end - 1] === 0) end--
  return Buffer.concat([Buffer.of(first), minutes.subarray(first, end)])
}

/** The other way round. */
export function decodeMinutes(encoded: Uint8Array | null): Minutes {
  if (encoded === null) return undefined
  const minutes = new Uint8Array(setBytes)
  minutes.set(encoded.subarray(1, 1 + setBytes - encoded[0]!), encoded[0])
  return minutes
}
