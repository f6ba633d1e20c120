/** The format of lines that come without a header line, as AWS writes it: `${version} ${srcaddr} ...`; plain names are taken too. */
import { isHeaderLine } from './header-line.ts'

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
    .join(' ')
  return isHeaderLine(names) ? names : undefined
}
