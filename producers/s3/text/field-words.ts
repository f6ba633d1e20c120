/**
 * Values of columns and JSON keys as the words of a flow log line. They are read by name, and the physical type is never trusted: account ids
 * come as integers, ports as text, times as timestamps.
 */
import { findFlowField } from '../../../flow/fields.ts'

/** Makes the word of one value. */
export type WordOf = (value: unknown) => string

/** These would end a word or a line. */
const separator = /[\u0000-\u0020\u007f]/
const separators = /[\u0000-\u0020\u007f]/g
const escaped = (text: string): string => text.replace(separators, character => encodeURIComponent(character))

/** Name of a column in the header line: that of AWS where it is documented, else its own. */
export const headerWord = (name: string): string => findFlowField(name)?.name ?? (escaped(name) || '-')

function plainText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
      // no exponent: a flow log does not write numbers as 1e21
      return Number.isNaN(value) ? '' : Math.abs(value) >= 1e21 && Number.isInteger(value) ? BigInt(value).toString() : String(value)
    case 'bigint':
    case 'boolean':
      return String(value)
    default:
      if (value === null || value === undefined) return ''
      if (value instanceof Uint8Array) return new TextDecoder().decode(value)
      return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner))
  }
}

/**
 * Chooses how the values of a column are written. Absent is null, `-`, empty text, NaN and, except in tags and columns that nobody documented,
 * the text `None`. Spaces and control characters are percent-encoded, because they would end the word.
 *
 * @param name Column name, with `-` or `_`.
 */
export function wordsOf(name: string): WordOf {
  const field = findFlowField(name)
  const free = field === undefined || field.record.startsWith('tags.')
  const isAccount = field?.name.endsWith('account-id') === true
  const isNumber = field !== undefined && field.awsType !== 'STRING'
  return value => {
    let word = plainText(value)
    if (word === '' || (word === 'None' && !free)) return '-'
    if (typeof value !== 'string') {
      if (isAccount && /^\d+$/.test(word)) word = word.padStart(12, '0')
      if (typeof value === 'number' || typeof value === 'bigint') return word
    } else if (isNumber) word = word.replace(/^(\d+)\.0+$/, '$1')
    return separator.test(word) ? escaped(word) : word
  }
}
