/** The format of lines that come without a header line, as AWS writes it: `${version} ${srcaddr} ...`; plain names are taken too. */
import { areFormat, isUnknownName } from './header-line.ts'

/**
 * Makes the header line of a format.
 *
 * @returns Names with one space between; undefined where it is no format: a word that is no name, or no documented field.
 */
export function headerOfFormat(format: string): string | undefined {
  const names = format
    .split(/[\s,]+/)
    .filter(word => word !== '')
    .map(word => /^\$\{(.+)\}$/.exec(word)?.[1] ?? word)
  return areFormat(names) ? names.join(' ') : undefined
}

/**
 * Names of the columns that stand before those of the flow log, each with a space behind it, where EC2 is asked for the format: none for
 * `describe`; `exported ` for `exported describe`, because an export of CloudWatch Logs puts a time before each line.
 *
 * @returns undefined where the format says all names itself, or there is none.
 */
export function namesBeforeDescribed(format: string | undefined): string | undefined {
  const words = format?.split(/\s+/).filter(word => word !== '') ?? []
  if (words.pop() !== 'describe' || !words.every(isUnknownName)) return undefined
  return words.map(word => `${word} `).join('')
}
