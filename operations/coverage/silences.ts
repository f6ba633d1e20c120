/** When a flow log has no record at all of an interface. Pure; times are Unix seconds. */

/** First and last second of some records, both included. */
export type RecordTimes = readonly [first: number, last: number]

/** The last second of a record, and the first second of the next one. */
export interface Silence {
  readonly after: number
  readonly until: number
}

/**
 * The times between records.
 *
 * @param times Of all records, by their first second.
 */
export function silencesOf(times: readonly RecordTimes[]): Silence[] {
  const silences: Silence[] = []
  let after = Infinity
  for (const [first, last] of times) {
    if (first > after + 1) silences.push({ after, until: first })
    after = after === Infinity ? last : Math.max(after, last)
  }
  return silences
}

/** The first silence that has a second from `from` to `to`, both included. */
export const silenceIn = (silences: readonly Silence[], from: number, to: number): Silence | undefined =>
  silences.find(({ after, until }) => Math.max(from, after + 1) <= Math.min(to, until - 1))
