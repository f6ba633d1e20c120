/** What the demo says: how far it is, its answers, and what to try next. */
import { ownedAddress, type AnswerRow, type DemoAnswers } from '../../operations/demo/answers.ts'
import type { DemoProgress } from '../../operations/demo/follow-progress.ts'
import { nothingOnTheWay } from '../../operations/on-the-way.ts'
import { describeHolder } from './holder.ts'
import { formatRows } from './text-table.ts'

const sshColumns = [
  'evidence',
  'inferred',
  'observer',
  'instance_id',
  'local_address',
  'remote_address',
  'country',
  'as_org',
  'flows',
  'packets',
] as const
const sshRowsPerEvidence = 5

/** The first rows of each evidence, and how many there are in all. */
function sshRows(rows: readonly AnswerRow[]): AnswerRow[] {
  const byEvidence = Map.groupBy(rows, row => row['evidence'])
  return [...byEvidence].flatMap(([evidence, all]) => {
    const shown = all
      .slice(0, sshRowsPerEvidence)
      .map((row): AnswerRow => Object.fromEntries(sshColumns.map(name => [name, row[name] ?? ''])))
    const more = all.length - shown.length
    const blank: AnswerRow = Object.fromEntries(sshColumns.map(name => [name, '']))
    return more === 0 ? shown : [...shown, { ...blank, evidence: evidence ?? '', observer: `... and ${more} more` }]
  })
}

/** A line of progress. Before anything was read it says what the demo is waiting for, because a lag of 0 would be misleading. */
export function progressLine({ seconds, objects, expected, complete, lines, rows, rowsPerSecond, lag }: DemoProgress): string {
  const head = `${seconds.toFixed(0).padStart(4)} s  objects ${objects} of ${expected}${complete ? '' : '+'}`
  if (objects + lines + rows + lag === 0) return `${head}  waiting: processes start, load the lookup tables and join their groups`
  return `${head}  lines ${lines}  in the table ${rows}  ${rowsPerSecond} rows/s  lag ${lag}`
}

/** The answers, one block after the other. */
export function answerTexts({ topTalkers, sshFromOutside, holders, atS }: DemoAnswers): string[] {
  const texts = [
    '\nTop talkers by country and network\n',
    formatRows(topTalkers),
    '\nSSH allowed from outside. answered: an open host; replied: traffic back without flags, which may be a reset; accepted: no reply was seen;\n' +
      'undecided: nobody can say which end is ours; nat-phantom: a NAT gateway, which drops it. inferred: a guess, by ports or by addresses\n',
    formatRows(sshRows(sshFromOutside)),
    '\nWho holds 10.1.1.50, and the S3 addresses of the FloCon table\n',
  ]
  for (const [ip, all] of holders)
    for (const holder of all)
      texts.push(
        ip === ownedAddress
          ? `  ${ip}  ${describeHolder(holder, { atS, onTheWay: nothingOnTheWay })}`
          : `  ${ip.padEnd(15)}  ${holder.scope}: AWS service ${holder.service}, seen ${holder.first_seen} to ${holder.last_seen}`,
      )
  return texts
}

/**
 * What to try while the demo runs.
 *
 * @param env Settings of its processes.
 * @param urls Where their metrics are.
 */
export function whatNext(env: Readonly<Record<string, string>>, urls: readonly string[]): string {
  const exports = Object.entries(env).map(([name, value]) => `  export ${name}=${value}`)
  return [
    '\nTry next, in another terminal:\n',
    ...exports,
    '',
    '  npx flowloom lookup 10.0.0.220 --at 2023-11-14T22:13:30Z',
    '  npx flowloom audit',
    '  npx flowloom topology',
    `  curl '${env['FLOWLOOM_CLICKHOUSE_URL'] ?? ''}/?database=flowloom' --data 'SELECT * FROM flow_log LIMIT 3 FORMAT Vertical'`,
    '',
    ...urls.map(url => `  ${url}`),
    '\nCountries: IP geolocation by DB-IP, https://db-ip.com',
    'Ctrl-C ends everything.',
  ].join('\n')
}
