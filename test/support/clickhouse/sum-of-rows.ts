/** Sums over the rows of a table, to compare two states of it. */

/** SQL of the sum of hashes of an expression: a row more, less or twice is another sum. A hash of NULL would be NULL and count for nothing, so it is one of text. */
export const sumOf = (expression: string): string => `sum(cityHash64(toString(${expression})))`

/** SQL of that of whole rows, but for the hour in which they were stored. */
export const sumOfRows = sumOf('tuple(* EXCEPT (stored_at))')
