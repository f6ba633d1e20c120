/** Lines of text tables, and their fields: separated by comma, semicolon, tab or bar; quotes enclose a field and are doubled within it. */

/** A line that is not blank and not a comment. */
export interface DataLine {
  /** Counted from 1, with comments and blank lines. */
  readonly number: number
  readonly text: string
}

/** Lines without their ends, blank ones and the byte order mark; with `comments` also those that begin with `#`. */
export function* dataLines(text: string, comments = false): Generator<DataLine, void, undefined> {
  let start = text.charCodeAt(0) === 0xfeff ? 1 : 0
  for (let number = 1; start < text.length; number++) {
    let end = text.indexOf('\n', start)
    if (end < 0) end = text.length
    const line = text.slice(start, text.charCodeAt(end - 1) === 13 ? end - 1 : end)
    start = end + 1
    if (line.trim() !== '' && (comments || !line.startsWith('#'))) yield { number, text: line }
  }
}

/** How the fields of a file are separated. */
export interface Separation {
  /** undefined: each line is one field. */
  readonly delimiter: string | undefined
  readonly quoted: boolean
}

const delimiters = ['\t', ';', ',', '|']

/** Separation of a file, from one of its lines: the first delimiter outside of quotes. Text between tabs is quoted only if the line begins so. */
export function separationOf(line: string): Separation {
  let inQuotes = false
  for (const character of line) {
    if (character === '"') inQuotes = !inQuotes
    else if (!inQuotes && delimiters.includes(character))
      return { delimiter: character, quoted: character !== '\t' || line.startsWith('"') }
  }
  return { delimiter: undefined, quoted: line.startsWith('"') }
}

/** Fields of a line, without the blanks around them; undefined if a quote is not closed or text stands behind one. */
export function fieldsOf(line: string, { delimiter, quoted }: Separation): string[] | undefined {
  if (!quoted || !line.includes('"')) return (delimiter === undefined ? [line] : line.split(delimiter)).map(field => field.trim())
  const fields: string[] = []
  let at = 0
  for (;;) {
    while (line[at] === ' ') at++
    let end: number
    if (line[at] === '"') {
      const close = closingQuote(line, at + 1)
      if (close < 0) return undefined
      fields.push(
        line
          .slice(at + 1, close)
          .replaceAll('""', '"')
          .trim(),
      )
      end = close + 1
      while (line[end] === ' ') end++
      if (end < line.length && line[end] !== delimiter) return undefined
    } else {
      const next = delimiter === undefined ? -1 : line.indexOf(delimiter, at)
      end = next < 0 ? line.length : next
      fields.push(line.slice(at, end).trim())
    }
    if (end >= line.length) return fields
    at = end + 1
  }
}

/** Place of the quote that closes a field; doubled quotes do not. */
function closingQuote(line: string, from: number): number {
  for (let at = line.indexOf('"', from); at >= 0; at = line.indexOf('"', at + 2)) if (line[at + 1] !== '"') return at
  return -1
}
