/** `flowloom audit`: conservation from S3 to the table. */
import { readBuckets, compare, type AuditReport } from '../audit/audit.ts'
import { listingRoot } from '../audit/plain-listing.ts'
import { tallyTables } from '../audit/table-tallies.ts'
import { tallyFields } from '../schemas/tally.ts'
import { tallyTopics } from '../audit/topic-tallies.ts'
import type { StoreOf } from '../producers/s3/objects/object-store.ts'
import { createS3Stores } from '../producers/s3/objects/s3-object-store.ts'
import { FlowError } from '../runtime/errors.ts'
import { connectClickHouse } from '../sinks/clickhouse/clickhouse-client.ts'
import type { Store } from '../sinks/clickhouse/store.ts'
import type { Command } from './arguments/command.ts'
import { configOption } from './arguments/command.ts'
import { topics } from '../schemas/topics.ts'
import { learnOlderWriters, openSession, type Session } from '../operations/session.ts'

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

/** One small question to each side: what is away is told at once, not after hours of reading the others. */
async function askEverySide({ config, cluster }: Session, stores: StoreOf, store: Store, withTopics: boolean): Promise<void> {
  await store.query('SELECT 1 AS found FROM objects LIMIT 1')
  if (withTopics) await cluster.ranges(topics.objects)
  for (const source of config.s3.sources) {
    const root = listingRoot(source)
    for await (const _first of stores(source.bucket, root).list(source.bucket, root)) break
  }
}

/** Runs the audit on a session. */
export async function audit(session: Session, withTopics: boolean, progress: (text: string) => void): Promise<AuditReport> {
  const { config, cluster, codecs } = session
  const stores = createS3Stores(config.s3)
  const store = connectClickHouse(config.clickhouse)
  try {
    await askEverySide(session, stores, store, withTopics)
    const s3 = await readBuckets(config.s3, stores, objects => {
      if (objects % 500 === 0) progress(`${objects} objects read from S3`)
    })
    if (withTopics)
      await learnOlderWriters(session, [topics.objects, topics.flows, topics.flowGaps, topics.deadLetters, topics.deadLetterReplays])
    const told = withTopics ? await tallyTopics(cluster, codecs, progress) : undefined
    progress('asking ClickHouse')
    return compare(s3, told?.ledger ?? new Map(), told?.tallies, await tallyTables(store))
  } finally {
    await store.close()
  }
}

/** See the head of this file. */
export const auditCommand: Command = {
  name: 'audit',
  summary: 'count every line in S3, in the topics and in ClickHouse, and compare object by object',
  options: {
    config: configOption,
    'no-topics': { type: 'boolean', doc: 'leave the topics out, if their retention has removed records' },
    json: { type: 'boolean', doc: 'print the report as JSON' },
  },
  details:
    'The S3 side is read by a plain reader of its own (gunzip, split, classify), never taken from the ledger. Exit code 1 if anything differs.\nRun it when the pipeline is idle: what is on its way counts as missing.',
  async run({ values, signal }) {
    const session = await openSession({ file: values['config'] as string | undefined }, signal)
    try {
      const withTopics = values['no-topics'] !== true
      const report = await audit(session, withTopics, text => process.stderr.isTTY && console.error(text))
      console.log(
        values['json'] === true
          ? JSON.stringify(report, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value), 2)
          : formatAudit(report, withTopics),
      )
      if (report.differences.length > 0) throw new FlowError('AUDIT_FAILED', { count: report.differences.length })
      return 0
    } finally {
      await session.cluster.close()
    }
  },
}
