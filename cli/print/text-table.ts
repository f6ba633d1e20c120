/** Rows of an answer as text for people. */
import { escapeText } from './escape-text.ts'

/** One row: cells by column name. */
export type TextRow = Record<string, string | number | null>

/** Rows as a table of text. */
export function formatRows(rows: readonly TextRow[]): string {
  if (rows.length === 0) return '  (none)'
  const names = Object.keys(rows[0]!)
  const cells = [names, ...rows.map(row => names.map(name => escapeText(String(row[name] ?? ''))))]
  const widths = names.map((_, column) => Math.max(...cells.map(row => row[column]!.length)))
  const numeric = names.map(name => rows.every(row => /^-?[0-9.]*$/.test(String(row[name] ?? ''))))
  return cells
    .map(
      row =>
        `  ${row
          .map((cell, column) => (numeric[column] === true ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
          .join('  ')
          .trimEnd()}`,
    )
    .join('\n')
}
