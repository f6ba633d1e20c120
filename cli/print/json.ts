/** The one writer of JSON for `--json`: numbers are numbers, times are ISO 8601 in UTC, what is not known is null. The shapes are in docs/json.md. */

/** Names of Unix seconds. A duration has its unit in its name (`latenessS`) and stays a number. */
const timeNames = new Set([
  'from',
  'to',
  'at',
  'slot',
  'slotStart',
  'first',
  'last',
  'firstSeen',
  'lastSeen',
  'firstArrival',
  'lastArrival',
  'firstKnownSlot',
  'lastKnownSlot',
])
/** Names of lists of Unix seconds. */
const timeListNames = new Set(['deadLetterSlots'])

/** Names of text that is empty if it is not known, and of lists of such text: it is written as null. */
const absentNames = new Set([
  'accountId',
  'region',
  'flowLogId',
  'flowLogs',
  'beside',
  'interfaceId',
  'owner',
  'object',
  'etag',
  'detail',
  'errorCode',
  'errorDetail',
])

const orNull = (value: unknown): unknown => (value === '' ? null : value)

/** Unix milliseconds as `2026-11-20T10:00:00.000Z`. */
export const isoMs = (ms: number): string => new Date(ms).toISOString()

/** Unix seconds as `2026-11-20T10:00:00Z`. */
export const isoTime = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')

/** A time as ClickHouse writes it (`2026-11-20 10:00:00`, UTC). */
export const isoOfText = (text: string): string => `${text.replace(' ', 'T')}Z`

/**
 * Writes JSON.
 *
 * @param value Times as Unix seconds under one of the names above, or as text that is ISO 8601 already. Counts that may pass 2^53 as bigint: they
 *   become numbers, or text of digits above 2^53 - 1, where a number would not be exact.
 */
export function formatJson(value: object): string {
  const replace = (name: string, each: unknown): unknown => {
    if (typeof each === 'bigint') return each <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(each) : String(each)
    if (typeof each === 'number' && timeNames.has(name)) return isoTime(each)
    if (absentNames.has(name)) return Array.isArray(each) ? each.map(orNull) : orNull(each)
    return timeListNames.has(name) && Array.isArray(each) ? (each as number[]).map(isoTime) : each
  }
  return JSON.stringify(value, replace, 2)
}
