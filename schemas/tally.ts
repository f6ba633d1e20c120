/** What is counted of one object version: when it is generated, and on every side of the audit. */

const countFields = ['lines', 'headers', 'blank', 'flows', 'noData', 'skipData', 'dead'] as const
const sumFields = ['packets', 'bytes'] as const

/** In the order of the conservation equation (lines are the sum of the next six), then the sums. */
export const tallyFields = [...countFields, ...sumFields] as const

/** A sum that is always exact: a bigint above 2^53 - 1, where a number is not. */
export type Sum = number | bigint

/** Counts and sums of one object version. */
export type Tally = Record<(typeof countFields)[number], number> & Record<(typeof sumFields)[number], Sum>

/** An empty tally. */
export const emptyTally = (): Tally => Object.fromEntries(tallyFields.map(field => [field, 0])) as Tally

/** A whole number as a sum. */
export function sumOf(value: Sum | string): Sum {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : BigInt(value)
}

function plus(a: Sum, b: Sum): Sum {
  if (typeof a === 'number' && typeof b === 'number' && Number.isSafeInteger(a + b)) return a + b
  return sumOf(BigInt(a) + BigInt(b))
}

/** Adds one tally to another, in place. */
export function addTally(sum: Tally, part: Partial<Tally>): Tally {
  for (const field of countFields) sum[field] += part[field] ?? 0
  for (const field of sumFields) if (part[field] !== undefined) sum[field] = plus(sum[field], part[field])
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
