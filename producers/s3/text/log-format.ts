/** The format of lines that come without a header line, as AWS writes it: `${version} ${srcaddr} ...`; plain names are taken too. */
import { nameHints } from './column-names.ts'
import { areFormat, isUnknownName } from './header-line.ts'

/**
 * Makes the header line of a format.
 *
 * @returns Names with one space between; undefined if it is not a format: a word that cannot be a name, or no documented field.
 */
export function headerOfFormat(format: string): string | undefined {
  const names = format
    .split(/[\s,]+/)
    .filter(word => word !== '')
    .map(word => /^\$\{(.+)\}$/.exec(word)?.[1] ?? word)
  return areFormat(names) ? names.join(' ') : undefined
}

/** What is wrong with a format that a person configured, and what to do; undefined: nothing. */
export function formatFault(format: string): string | undefined {
  const names = format.split(/[\s,]+/).map(word => /^\$\{(.+)\}$/.exec(word)?.[1] ?? word)
  const hints = nameHints(names)
  if (hints.length > 0) return `not a flow log format: ${hints.join(' ')}`
  if (namesBeforeDescribed(format) === undefined && headerOfFormat(format) === undefined)
    return 'not a flow log format: names of fields, or `${...}` of them, or the word describe, maybe behind names of your own'
  if (format.includes(','))
    return 'a format with commas: lines are read whose fields have spaces between them; write spaces here too, if they have'
  return undefined
}

/**
 * Names of the columns that stand before those of the flow log, each with a space behind it, where EC2 is asked for the format: none for
 * `describe`; `exported ` for `exported describe`, because an export of CloudWatch Logs puts a time before each line.
 *
 * @returns undefined if the format says all names itself, or there is none.
 */
export function namesBeforeDescribed(format: string | undefined): string | undefined {
  const words = format?.split(/\s+/).filter(word => word !== '') ?? []
  if (words.pop() !== 'describe' || !words.every(isUnknownName)) return undefined
  return words.map(word => `${word} `).join('')
}
