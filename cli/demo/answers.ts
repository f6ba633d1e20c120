/** The questions that the demo answers, asked as an analyst would. */
import { ask } from '../../sinks/clickhouse/queries.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { describeHolder, findHolders } from '../lookup.ts'
import { formatRows, type TextRow } from '../text-table.ts'

type Row = TextRow

/** The eight S3 addresses of the FloCon 2024 table (test/golden/flocon-2024). */
export const floconAddresses = [
  '16.182.72.112',
  '52.216.215.0',
  '52.217.111.214',
  '52.217.118.120',
  '52.217.170.248',
  '52.217.99.126',
  '54.231.135.64',
  '54.231.139.192',
]

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
function sshRows(rows: readonly Row[]): Row[] {
  const byEvidence = Map.groupBy(rows, row => row['evidence'])
  return [...byEvidence].flatMap(([evidence, all]) => {
    const shown = all.slice(0, sshRowsPerEvidence).map((row): Row => Object.fromEntries(sshColumns.map(name => [name, row[name] ?? ''])))
    const more = all.length - shown.length
    const blank: Row = Object.fromEntries(sshColumns.map(name => [name, '']))
    return more === 0 ? shown : [...shown, { ...blank, evidence: evidence ?? '', observer: `... and ${more} more` }]
  })
}

/**
 * Prints the answers.
 *
 * @returns What is missing: faults that `--exit` reports.
 */
export async function printAnswers(store: Store, print: (text: string) => void): Promise<string[]> {
  const faults: string[] = []
  const nowMs = Date.now()
  print('\nTop talkers by country and network\n')
  print(
    formatRows(
      await ask<Row, 'top_talkers'>(store, 'top_talkers', { from: new Date(nowMs - 86_400_000), to: new Date(nowMs + 600_000), limit: 12 }),
    ),
  )
  print(
    '\nSSH allowed from outside. answered: an open host; replied: traffic back without flags, which may be a reset; accepted: no reply was seen;\n' +
      'undecided: nobody can say which end is ours; nat-phantom: a NAT gateway, which drops it. inferred: a guess, by ports or by addresses\n',
  )
  const ssh = await ask<Row, 'ssh_from_outside'>(store, 'ssh_from_outside', {
    from: new Date(0),
    to: new Date(nowMs + 600_000),
    limit: 10_000,
  })
  print(formatRows(sshRows(ssh)))
  for (const evidence of ['answered', 'nat-phantom'])
    if (!ssh.some(row => row['evidence'] === evidence)) faults.push(`no SSH from outside has the evidence ${evidence}`)
  print('\nWho holds 10.1.1.50, and the S3 addresses of the FloCon table\n')
  const owner = await findHolders(store, '10.1.1.50', undefined)
  if (!owner.some(holder => holder.interface_id === 'eni-0ffa7e54f1ae8fa1b')) faults.push('10.1.1.50 is not held by eni-0ffa7e54f1ae8fa1b')
  for (const holder of owner) print(`  10.1.1.50  ${describeHolder(holder)}`)
  for (const ip of floconAddresses) {
    const holders = await findHolders(store, ip, undefined)
    if (!holders.some(holder => holder.service === 'S3')) faults.push(`${ip} is not known as S3`)
    for (const holder of holders)
      print(`  ${ip.padEnd(15)}  ${holder.scope}: AWS service ${holder.service}, seen ${holder.first_seen} to ${holder.last_seen}`)
  }
  return faults
}
