/** Points in time as commands take them. */
import { FlowError } from '../../runtime/errors.ts'

/** Whether there is such a day: `Date.parse` takes the 31st of February for the 3rd of March. */
function isDay(text: string): boolean {
  const ms = Date.parse(`${text}T00:00Z`)
  return !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 10) === text
}

/**
 * Reads a point in time: ISO 8601, or Unix seconds.
 *
 * @throws FlowError USAGE.
 */
export function parseTime(text: string, command: string): number {
  const seconds = /^[0-9]{9,10}$/.test(text)
  const [, date = '', time = '', zone = ''] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?$/i.exec(text) ?? []
  const ms = seconds
    ? Number(text) * 1000
    : !isDay(date)
      ? NaN
      : Date.parse(`${date}T${time === '' ? '00:00' : time}${zone === '' ? 'Z' : zone.toUpperCase()}`)
  if (Number.isNaN(ms) || ms < 0 || ms >= 2 ** 32 * 1000)
    throw new FlowError('USAGE', { detail: `"${text}" is not a time; write 2026-11-17T14:00:00Z or Unix seconds`, command })
  return Math.floor(ms / 1000)
}
