/** When a flow log has no record at all of an interface. Pure; times are Unix seconds. */

/** First and last second of some records. */
export type Span = readonly [first: number, last: number]

/** The last second of a record, and the first second of the next one. */
export interface Silence {
  readonly after: number
  readonly until: number
}

/**
 * The times between records.
 *
 * @param spans By their first second.
 */
export function silencesOf(spans: readonly Span[]): Silence[] {
  const silences: Silence[] = []
  let after = Infinity
  for (const [first, last] of spans) {
    if (first > after + 1) silences.push({ after, until: first })
    after = after === Infinity ? last : Math.max(after, last)
  }
  return silences
}

/** The silence that a time of `from` to `to` (both included) has a second in which is more than `reachS` away from its both ends. */
export const silenceIn = (silences: readonly Silence[], from: number, to: number, reachS: number): Silence | undefined =>
  silences.find(({ after, until }) => Math.max(from, after + reachS + 1) <= Math.min(to, until - reachS - 1))
