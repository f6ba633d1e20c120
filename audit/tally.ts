/** What is counted of one object version, on every side of the audit. */

/** Counts and sums of one object version. */
export interface Tally {
  lines: number
  headers: number
  blank: number
  flows: number
  noData: number
  skipData: number
  dead: number
  packets: number
  bytes: number
}

/** The columns of a tally in the order of the conservation equation, then the sums. */
export const tallyFields = [
  'lines',
  'headers',
  'blank',
  'flows',
  'noData',
  'skipData',
  'dead',
  'packets',
  'bytes',
] as const satisfies readonly (keyof Tally)[]

/** An empty tally. */
export const emptyTally = (): Tally => ({ lines: 0, headers: 0, blank: 0, flows: 0, noData: 0, skipData: 0, dead: 0, packets: 0, bytes: 0 })

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

/** Sum over all object versions. */
export function totalOf(tallies: Tallies): Tally {
  const total = emptyTally()
  for (const tally of tallies.values()) addTally(total, tally)
  return total
}
