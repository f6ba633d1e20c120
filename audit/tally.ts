/** What is counted of one object version: when it is generated, and on every side of the audit. */

/** In the order of the conservation equation (lines are the sum of the next six), then the sums. */
export const tallyFields = ['lines', 'headers', 'blank', 'flows', 'noData', 'skipData', 'dead', 'packets', 'bytes'] as const

/** Counts and sums of one object version. */
export type Tally = Record<(typeof tallyFields)[number], number>

/** An empty tally. */
export const emptyTally = (): Tally => Object.fromEntries(tallyFields.map(field => [field, 0])) as Tally

/** Adds one tally to another, in place. */
export function addTally(sum: Tally, part: Partial<Tally>): Tally {
  for (const field of tallyFields) sum[field] += part[field] ?? 0
  return sum
}

/** Tallies by object version: 16 hex digits of the object id. */
export type Tallies = Map<string, Tally>

/** The tally of an object version, made where it is missing. */
export function tallyOf(tallies: Tallies, objectId: string): Tally {
  let tally = tallies.get(objectId)
  if (tally === undefined) tallies.set(objectId, (tally = emptyTally()))
  return tally
}

/** Sum of tallies. */
export function totalOf(tallies: Iterable<Readonly<Tally>>): Tally {
  const total = emptyTally()
  for (const tally of tallies) addTally(total, tally)
  return total
}
