/** The questions that the demo answers, asked as an analyst would. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { describeHolder, findHolders } from '../lookup.ts'

type Row = Record<string, string | number | null>

const queries = join(import.meta.dirname, '..', '..', 'sinks', 'clickhouse', 'queries')

/** The eight S3 addresses of the FloCon 2024 table (test/golden/flocon-2024). */
export const floconAddresses = ['16.182.72.112', '52.216.215.0', '52.217.111.214', '52.217.118.120', '52.217.170.248', '52.217.99.126', '54.231.135.64', '54.231.139.192']

/** Rows as a table of text. */
export function formatRows(rows: readonly Row[]): string {
  if (rows.length === 0) return '  (none)'
  const names = Object.keys(rows[0]!)
  const cells = [names, ...rows.map(row => names.map(name => String(row[name] ?? '')))]
  const widths = names.map((_, column) => Math.max(...cells.map(row => row[column]!.length)))
  const numeric = names.map(name => rows.every(row => /^-?[0-9.]*$/.test(String(row[name] ?? ''))))
  return cells.map(row => `  ${row.map((cell, column) => (numeric[column] === true ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join('  ').trimEnd()}`).join('\n')
}

/** Runs one of the queries of sinks/clickhouse/queries. */
export async function ask(store: Store, name: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<Row[]> {
  return store.query<Row>(readFileSync(join(queries, `${name}.sql`), 'utf8'), parameters)
}

/**
 * Prints the answers.
 *
 * @returns What is missing: faults that `--exit` reports.
 */
export async function printAnswers(store: Store, print: (text: string) => void): Promise<string[]> {
  const faults: string[] = []
  print('\nTop talkers by country and network\n')
  print(formatRows(await ask(store, 'top_talkers')))
  print('\nSSH allowed from outside. answered: an open host; accepted: no reply was seen; nat-phantom: a NAT gateway, which drops it\n')
  print(formatRows(await ask(store, 'ssh_from_outside')))
  print('\nWho holds 10.1.1.50, and the S3 addresses of the FloCon table\n')
  const owner = await findHolders(store, '10.1.1.50', undefined)
  if (!owner.some(holder => holder.interfaceId === 'eni-0ffa7e54f1ae8fa1b')) faults.push('10.1.1.50 is not held by eni-0ffa7e54f1ae8fa1b')
  for (const holder of owner) print(`  10.1.1.50  ${describeHolder(holder)}`)
  for (const ip of floconAddresses) {
    const holders = await findHolders(store, ip, undefined)
    if (!holders.some(holder => holder.service === 'S3')) faults.push(`${ip} is not known as S3`)
    for (const holder of holders) print(`  ${ip.padEnd(15)}  ${holder.scope}: AWS service ${holder.service}, seen ${holder.firstSeen} to ${holder.lastSeen}`)
  }
  return faults
}
