/** An `INSERT ... FORMAT X` whose rows come beside the statement. */
export interface DataInsert {
  /** Up to the table and its columns. */
  into: string
  /** `SETTINGS ...` with its keyword, or empty. */
  settings: string
  format: string
}

const comments = String.raw`(?:\s*(?:--[^\n]*\n|/\*[\s\S]*?\*/))*\s*`
const insert = new RegExp(String.raw`^(${comments}INSERT\s+INTO\s[\s\S]*?)(\sSETTINGS\s[\s\S]*?)?\sFORMAT\s+(\w+)\s*;?\s*$`, 'i')
const quoted = /'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"/g

/**
 * Takes a statement apart that inserts rows which come beside it.
 *
 * @returns undefined for every other statement, such as `INSERT ... SELECT`.
 */
export function readDataInsert(sql: string): DataInsert | undefined {
  const found = insert.exec(sql)
  if (found === null || /\b(?:SELECT|VALUES|INFILE)\b/i.test((found[1] ?? '').replace(quoted, "''"))) return undefined
  return { into: found[1] ?? '', settings: (found[2] ?? '').trim(), format: found[3] ?? '' }
}

/**
 * Finds a statement with its rows behind it in the same body: rows start in the line after `FORMAT X`.
 *
 * @param head First bytes of the body.
 * @returns The statement and the offset of its rows; undefined for every other body.
 */
export function splitInlineInsert(head: Buffer): { statement: DataInsert; dataOffset: number } | undefined {
  const text = head.toString('latin1')
  if (!new RegExp(`^${comments}INSERT\\s`, 'i').test(text)) return undefined
  const end = /\sFORMAT\s+\w+[ \t]*\r?\n/i.exec(text)
  if (end === null) return undefined
  const dataOffset = end.index + end[0].length
  const statement = readDataInsert(head.subarray(0, dataOffset).toString())
  return statement === undefined ? undefined : { statement, dataOffset }
}

/**
 * Writes the statement so that the engine reads the rows from a file: binary safe, and with the semantics of a plain insert.
 * The order matters: SETTINGS stand behind INFILE.
 */
export const insertFromFile = ({ into, settings, format }: DataInsert, file: string): string =>
  `${into} FROM INFILE ${quoteText(file)} COMPRESSION 'none' ${settings} FORMAT ${format}`

/** A string literal of ClickHouse. */
export const quoteText = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`

/** A quoted identifier of ClickHouse. */
export const quoteName = (name: string): string => `\`${name.replace(/[\\`]/g, '\\$&')}\``
