/** The report of an audit as text. */
import type { AuditReport } from '../../audit/audit.ts'
import { tallyFields } from '../../schemas/tally.ts'

const shownDifferences = 20

/** The conservation table as text. */
export function formatAudit(report: AuditReport, withTopics: boolean): string {
  const sides = (['s3', 'topics', 'tables'] as const).filter(side => withTopics || side !== 'topics')
  const title = { s3: 'S3 objects', topics: 'topics', tables: 'ClickHouse' }
  const rows = [
    ['', 'lines', '= headers', '+ blank', '+ flows', '+ NODATA', '+ SKIPDATA', '+ dead', 'packets', 'bytes'],
    ...sides.map(side => [title[side], ...tallyFields.map(field => report.totals[side][field].toLocaleString('en-US'))]),
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  const lines = rows.map(row =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  '),
  )
  lines.push('', `${report.objects} objects in S3${report.gone === 0 ? '' : `, ${report.gone} versions that are not in S3 any more`}`)
  for (const object of report.unreadable) lines.push(`unreadable, recorded as such: ${object}`)
  for (const { object, side, detail } of report.differences.slice(0, shownDifferences)) lines.push(`DIFFERENT ${side} ${object}: ${detail}`)
  if (report.differences.length > shownDifferences) lines.push(`... and ${report.differences.length - shownDifferences} more`)
  lines.push(report.differences.length === 0 ? 'every line is accounted for on every side' : `${report.differences.length} differences`)
  return lines.join('\n')
}
