/** Tells a flow log header line from anything else. */
import { findFlowField } from '../../../flow/fields.ts'

const namePattern = /^[a-z][a-z0-9_-]*$/

/** True for a word that has the form of a field name and is none that AWS documents. */
export const isUnknownName = (word: string): boolean => namePattern.test(word) && findFlowField(word) === undefined

const areNames = (words: readonly string[]): boolean => words.every(word => namePattern.test(word))

const documentedOf = (names: readonly string[]): number => names.filter(name => findFlowField(name) !== undefined).length

/** True if words are the names of a format that somebody says: all have the form of a field name and at least one is documented. */
export const areFormat = (names: readonly string[]): boolean => areNames(names) && documentedOf(names) > 0

/**
 * True if columns are those of a flow log, with nobody to say so: at least half of them are documented, in any order and number. Files of
 * other things have one or two such names too (`action`, `region`, `type`).
 */
const areFlowLogColumns = (names: readonly string[]): boolean => documentedOf(names) >= Math.max(1, names.length / 2)

/**
 * True if a line is the header of a text flow log: every word has the form of a field name and at least half of them are documented. A data
 * line has digits, dots or capitals.
 *
 * @param line Without line end.
 */
export function isHeaderLine(line: string): boolean {
  const names = line.trim().split(/ +/)
  return areNames(names) && areFlowLogColumns(names)
}

/**
 * True if a line after the header is another header line, as in objects that were put together from several: the same line again, or two
 * names or more of which most are documented. The rule is stricter than for the first line, because a tag may have the value `version`.
 *
 * @param current The header line that holds so far.
 */
export function isNextHeaderLine(line: string, current: string): boolean {
  const names = line.trim().split(/ +/)
  if (names.join(' ') === current.trim().split(/ +/).join(' ')) return true
  if (names.length < 2 || !areNames(names)) return false
  return 2 * documentedOf(names) > names.length
}

/** A rule that decides whether a line is a header line. `current`: the one that holds so far, null for none. */
export type HeaderRule = (line: string, current: string | null) => boolean

/** Header lines that are made while a text is unwrapped, and the one that holds where the text has none. */
export class MadeHeaders {
  readonly configured: string | null
  readonly #made = new Set<string>()

  constructor(configured: string | null = null) {
    this.configured = configured
  }

  /** Notes a header line that was put into the text. */
  make(line: string): string {
    this.#made.add(line)
    return `${line}\n`
  }

  /** Takes what was put there for a header line, and else decides as `isHeader`. */
  readonly isHeader: HeaderRule = (line, current) => this.#made.has(line) || isHeader(line, current)
}

/** Decides about the first line (`current` is null) and about every later one. */
export const isHeader: HeaderRule = (line, current) => (current === null ? isHeaderLine(line) : isNextHeaderLine(line, current))

/** For columns that have names of their own (Parquet): the first line is their header, whatever the form of the names; no later one is. */
export const isColumnLine: HeaderRule = (line, current) => current === null && areFlowLogColumns(line.split(' '))
