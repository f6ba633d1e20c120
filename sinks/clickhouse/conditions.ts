/** Conditions that views and answers share, each written once here and by its name in the SQL. */
import { withAddressRanges } from './address-ranges.ts'

/** A query of its own: as a condition of rows it would never be checked over an empty range. */
const inOrder = (name: string): string => `(SELECT throwIf({from:DateTime('UTC')} > {to:DateTime('UTC')}, '${name}: from is after to')) = 0`

/**
 * Puts conditions in: for `{private:EXPRESSION}` that a column lies in private ranges; for `{in_order:NAME}` that `from` is not after `to`, else the
 * server answers with an error that names the view NAME.
 *
 * @param text SQL.
 */
export const withConditions = (text: string): string =>
  withAddressRanges(text).replaceAll(/\{in_order:(\w+)\}/g, (_all, name: string) => inOrder(name))
