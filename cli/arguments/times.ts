/** Points in time as commands take them: one rule for every command. */
import { FlowError } from '../../runtime/errors.ts'

/** Of which command and option a time is, and when it is asked. */
export interface TimeOption {
  readonly command: string
  readonly option: string
  /** Current time, Unix seconds. Later times are refused. */
  readonly nowS: number
}

/** Unix seconds of `--from` and `--to`; undefined: not given. */
export interface TimeRange {
  readonly fromS: number | undefined
  /** First second that is not meant any more. */
  readonly toS: number | undefined
}

const dayS = 86_400
/** Amazon S3 began in this year: no object, and no record made from one, is older. Flow logs in AWS's documentation are of 2014. */
const firstYear = 2006

const wholeDay = /^\d{4}-\d{2}-\d{2}$/
const isoOf = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')

/** Whether there is such a day: `Date.parse` takes the 31st of February for the 3rd of March. */
function isDay(text: string): boolean {
  const ms = Date.parse(`${text}T00:00Z`)
  return !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 10) === text
}

/** Unix seconds of ISO 8601 or of Unix seconds as text; undefined: neither. */
function secondsOf(text: string): number | undefined {
  if (/^[0-9]{9,10}$/.test(text)) return Number(text)
  const [, date = '', time = '', zone = ''] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?$/i.exec(text) ?? []
  if (!isDay(date)) return undefined
  const ms = Date.parse(`${date}T${time === '' ? '00:00' : time}${zone === '' ? 'Z' : zone.toUpperCase()}`)
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000)
}

/**
 * Reads a point in time: ISO 8601 (UTC if no zone is given), or Unix seconds.
 *
 * @throws FlowError USAGE for what is not a time, in the future, or older than S3; it names the option.
 */
export function parseTime(text: string, { command, option, nowS }: TimeOption): number {
  const usage = (detail: string): FlowError => new FlowError('USAGE', { detail, command })
  const seconds = secondsOf(text)
  if (seconds === undefined) throw usage(`--${option} "${text}" is not a time; write 2026-11-17T14:00:00Z or Unix seconds`)
  const shown = isoOf(seconds)
  if (seconds > nowS) throw usage(`--${option} ${shown} is in the future; now it is ${isoOf(Math.floor(nowS))}`)
  if (seconds < Date.UTC(firstYear, 0) / 1000)
    throw usage(`--${option} ${shown} is before ${firstYear}, the year in which S3 began: nothing that is read here is so old`)
  return seconds
}

/**
 * Reads a point in time that must be a second: a day alone could mean its midnight, or any time of it.
 *
 * @throws FlowError USAGE as parseTime does, and for a day without a time.
 */
export function parseSecond(text: string, option: TimeOption): number {
  const seconds = parseTime(text, option)
  if (!wholeDay.test(text)) return seconds
  const detail = `--${option.option} ${text} is a day; say which second of it: ${text}T14:00:00Z, or ${text}T00:00:00Z for midnight (UTC)`
  throw new FlowError('USAGE', { detail, command: option.command })
}

/**
 * Reads `--from` and `--to`.
 *
 * @param wholeDays A day as `--to` is meant to its own end, which may be to come.
 * @throws FlowError USAGE as parseTime does, and if `--from` is not before `--to`.
 */
export function parseTimeRange(
  values: Readonly<Record<string, unknown>>,
  { command, nowS }: Omit<TimeOption, 'option'>,
  wholeDays = false,
): TimeRange {
  const time = (option: 'from' | 'to'): number | undefined =>
    values[option] === undefined ? undefined : parseTime(values[option] as string, { command, option, nowS })
  const fromS = time('from')
  const to = time('to')
  const toS = to !== undefined && wholeDays && wholeDay.test(values['to'] as string) ? to + dayS : to
  const [start, end] = [fromS ?? -Infinity, toS ?? nowS]
  if (start >= end)
    throw new FlowError('USAGE', {
      detail: `--from ${isoOf(start)} must be before --to${toS === undefined ? ', which is now' : ` ${isoOf(end)}`}`,
      command,
    })
  return { fromS, toS }
}
