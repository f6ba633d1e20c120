/** Types of house.js. */
export interface HouseRow {
  readonly folder: string
  readonly may: readonly string[]
  readonly packages: readonly string[]
  readonly pure?: true | readonly string[]
  readonly purePackages?: readonly string[]
}
export const house: readonly HouseRow[]
export const pureRuntime: readonly string[]
export function rowOf(path: string): HouseRow | undefined
export function isPure(path: string, row: HouseRow): boolean
