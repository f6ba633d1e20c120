/** Types of house.js. */

/** One row of the table. */
export interface HouseRow {
  readonly folder: string
  readonly may: readonly string[]
  readonly packages: readonly string[]
  readonly pure?: true | readonly string[]
  readonly purePackages?: readonly string[]
}
/** The house, a row for each folder. */
export const house: readonly HouseRow[]
/** Files of runtime/ that pure files may use. */
export const pureRuntime: readonly string[]
/** Row of a file, by its path from the root; undefined if no row names it. */
export function rowOf(path: string): HouseRow | undefined
/** Whether a row allows to import a file, which is of the row `to`. */
export function allows(row: HouseRow, to: HouseRow, target: string): boolean
/** Whether a file must be pure by its row. */
export function isPure(path: string, row: HouseRow): boolean
