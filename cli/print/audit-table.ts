/** The report of an audit as text. */
import { counted } from '../../runtime/counted.ts'
import type { AuditReport } from '../../audit/audit.ts'
import { tallyFields, type Sum, type Tally } from '../../schemas/tally.ts'
import { escapeText } from './escape-text.ts'
import { everything, narrowed, type Filter } from './filter.ts'

const shownDifferences = 20

/** The conservation table as text. */
export function formatAudit(report: AuditReport, withTopics: boolean, filter: Filter = everything): string {
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
  lines.push(
    '',
    `${counted(report.objects, 'object')} in S3${report.gone === 0 ? '' : `, ${counted(report.gone, 'version')} not in S3 any more: their lines are in ${withTopics ? 'topics and ClickHouse' : 'ClickHouse'} alone, and are not a difference`}`,
  )
  for (const { name, listed } of report.sources) if (listed === 0) lines.push(`NOTHING LISTED ${name}: check bucket and prefix`)
  for (const { place, versions } of report.foreign)
    lines.push(`${counted(versions, 'version is', 'versions are')} of ${escapeText(place)}, which no source names`)
  if (report.beforeStart > 0)
    lines.push(`not read, because of days before startDate of their source: ${counted(report.beforeStart, 'object')}`)
  const { count, first, last } = report.unannounced
  if (count > 0)
    lines.push(
      `NEVER ANNOUNCED ${counted(count, 'object')}, older than s3.lookBackMs: backfill ${count === 1 ? 'it' : 'them'}, or set startDate of ${count === 1 ? 'its' : 'their'} source`,
      `  first ${escapeText(first ?? '')}`,
      ...(count === 1 ? [] : [`  last  ${escapeText(last ?? '')}`]),
    )
  for (const text of report.blind) lines.push(`NOT COMPARED ${text}`)
  for (const object of report.unreadable) lines.push(`unreadable, recorded as such: ${escapeText(object)}`)
  for (const { object, side, detail } of report.differences.slice(0, shownDifferences))
    lines.push(escapeText(`DIFFERENT ${side} ${object}: ${detail}`))
  if (report.differences.length > shownDifferences) lines.push(`... and ${report.differences.length - shownDifferences} more`)
  lines.push(narrowed(filter, verdictOf(report, withTopics)))
  return lines.join('\n')
}

const tallyJson = ({ dead, ...counts }: Tally): Record<string, Sum> => ({ ...counts, deadLetters: dead })

/** The report for formatJson; the counts of the topics are null if they were left out. */
export const auditJson = (report: AuditReport, withTopics: boolean): object => ({
  ...report,
  totals: {
    s3: tallyJson(report.totals.s3),
    topics: withTopics ? tallyJson(report.totals.topics) : null,
    tables: tallyJson(report.totals.tables),
  },
})

function verdictOf(report: AuditReport, withTopics: boolean): string {
  if (report.differences.length > 0) return counted(report.differences.length, 'difference')
  if (report.blind.length > 0) return 'no difference in what was compared, but not everything could be'
  if (report.unannounced.count > 0) return 'every line of the objects that were announced is accounted for'
  if (report.objects === 0) return 'there is nothing to compare'
  const sides = withTopics ? 'on every side' : 'in S3 and in ClickHouse; the topics were left out'
  const lost = report.unreadable.length
  if (lost === 0) return `every line is accounted for ${sides}`
  return `every line of the objects that can be read is accounted for ${sides}; nobody knows the lines of ${counted(lost, 'object')} that cannot be read`
}
