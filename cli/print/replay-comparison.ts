/** What a replay gave beside the live tables, as text. */
import type { ReplayPlan } from '../../operations/replay/plan.ts'
import { isoMs } from './json.ts'
import { countedFields, type Comparison, type ReplayCounts } from '../../operations/replay/compare.ts'

/** As a table, with the range of `raw-lines` that was read. */
export function formatComparison(
  { replay, live }: Comparison,
  database: string,
  { fromMs, toMs }: Pick<ReplayPlan, 'fromMs' | 'toMs'>,
): string {
  const titles: Record<(typeof countedFields)[number], string> = {
    objects: 'objects',
    flows: 'flows',
    packets: 'packets',
    bytes: 'bytes',
    noData: 'NODATA',
    skipData: 'SKIPDATA',
    dead: 'dead letters',
    addresses: 'addresses in the cloud map',
  }
  const grouped = (text: string): string => BigInt(text).toLocaleString('en-US')
  const rows = [
    ['', 'replay', 'live'],
    ...countedFields.map(field => [titles[field], grouped(replay[field]), live === undefined ? '-' : grouped(live[field])]),
  ]
  const widths = [0, 1, 2].map(column => Math.max(...rows.map(row => row[column]!.length)))
  const lines = rows.map(row => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '))
  return [
    `what was written to raw-lines from ${isoMs(fromMs)} to ${isoMs(toMs)}`,
    '',
    ...lines,
    '',
    'live: what the live tables hold of the same objects, of whatever time; its cloud map is of all time. Lines that fetch refused were never in',
    'raw-lines (line-too-long, broken documents): their dead letters are live alone.',
    `The tables of the replay are in the database ${database}.`,
  ].join('\n')
}

const countsJson = (counts: ReplayCounts): Record<string, bigint> =>
  Object.fromEntries(countedFields.map(field => [field === 'dead' ? 'deadLetters' : field, BigInt(counts[field])]))

/** For formatJson; `live` null: the live database has no such tables. */
export const comparisonJson = ({ replay, live }: Comparison): Record<'replay' | 'live', Record<string, bigint> | null> => ({
  replay: countsJson(replay),
  live: live === undefined ? null : countsJson(live),
})
