/** Says what is wrong with a line, for people. Runs once per bad line. */
import type { ColumnPlan } from './column-plan.ts'
import { faultReasonList, type LineFault, type LineFaultReason } from './line-faults.ts'
import { tokensOf } from './tokens.ts'

const maxValue = 100

const quoted = (token: string): string => JSON.stringify(token.length > maxValue ? `${token.slice(0, maxValue)}...` : token)

function detailOf(reason: LineFaultReason, plan: ColumnPlan, tokens: readonly string[], column: number): string {
  const at = (name: string): string => tokens[plan.names.indexOf(name)] ?? '-'
  switch (reason) {
    case 'too-few-fields':
    case 'too-many-fields':
      return `${tokens.length} ${tokens.length === 1 ? 'field' : 'fields'}, the header line has ${plan.names.length}`
    case 'bad-time':
      return column < 0 ? `end ${at('end')} is before start ${at('start')}` : `${plan.names[column]!} is ${quoted(tokens[column]!)}`
    case 'invalid-utf8':
      return 'the line has bytes that are not UTF-8'
    default:
      return column < 0 ? reason : `${plan.names[column]!} is ${quoted(tokens[column] ?? '')}`
  }
}

/**
 * Makes the fault of a line. A wrong number of fields outranks a wrong value: the values are then shifted.
 *
 * @param base Place in the block of the first of the bytes.
 * @param number Number of the reason (`faultNumber`).
 * @param column The column that has it, -1 for none.
 */
export function describeFault(
  plan: ColumnPlan,
  bytes: Uint8Array,
  base: number,
  start: number,
  lineEnd: number,
  line: number,
  number: number,
  column: number,
): LineFault {
  const end = lineEnd > start && bytes[lineEnd - 1] === 13 ? lineEnd - 1 : lineEnd
  const tokens = tokensOf(bytes.subarray(start, end))
  const columns = plan.names.length
  const reason = tokens.length < columns ? 'too-few-fields' : tokens.length > columns ? 'too-many-fields' : faultReasonList[number - 1]!
  return { line, reason, detail: detailOf(reason, plan, tokens, column), start: base + start, end: base + end }
}
