/** What is wrong with a file of a lookup table, as one plain sentence. */

/** Thrown by the readers of lookup files; becomes LOOKUP_FILE with the name of the file. */
export class LookupFault extends Error {}

const longestExcerpt = 120

/** A line of a file for a message: control characters replaced, long ones cut. */
export function excerpt(line: string): string {
  const plain = line.replaceAll(/[\p{Cc}\p{Cf}]/gu, character => (character === '\t' ? '\\t' : '?'))
  return plain.length > longestExcerpt ? `${plain.slice(0, longestExcerpt)}...` : plain
}

/** Most lines of a table that may be unreadable, as a share of those with an entry: 1 %. */
export const unreadableShare = 0.01

/** Counts the lines of a file, and keeps the first that could not be read. */
export class LineCount {
  /** Lines that should have been an entry. */
  lines = 0
  unreadable = 0
  /** Number, text and fault of the first unreadable line; null if all were read. */
  first: string | null = null

  refuse(number: number, line: string, why: string): void {
    this.unreadable++
    this.first ??= `line ${number} (${why}): ${excerpt(line)}`
  }

  /** @throws LookupFault if more than a small share of the lines could not be read. */
  check(): void {
    if (this.unreadable <= this.lines * unreadableShare) return
    const what =
      this.lines === 1 ? 'its only line cannot be read:' : `${this.unreadable} of its ${this.lines} lines cannot be read, the first is`
    throw new LookupFault(`${what} ${this.first!}`)
  }
}
