/** Tells a flow log header line from anything else. */
import { findFlowField } from '../../schemas/flow-fields.ts'

const namePattern = /^[a-z][a-z0-9-]*$/

/**
 * True where a line is the header of a text flow log: every word has the form of a field name and at least one is documented. The order, the
 * number and unknown names do not matter; a data line has digits, dots or capitals.
 *
 * @param line Without line end.
 */
export function isHeaderLine(line: string): boolean {
  const names = line.trim().split(/ +/)
  return names.every(name => namePattern.test(name)) && names.some(name => findFlowField(name) !== undefined)
}
