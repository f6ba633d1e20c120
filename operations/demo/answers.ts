/** The questions that the demo answers, asked as an analyst would. */
import { ask } from '../../sinks/clickhouse/queries.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { findHolders, type Holder } from '../holders.ts'

/** A row of an answer: cells by column name. */
export type AnswerRow = Record<string, string | number | null>

/** The eight S3 addresses of the FloCon 2024 table (examples/logs/flocon-2024). */
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

/** The address that an interface of the golden logs holds. */
export const ownedAddress = '10.1.1.50'

/** What the demo asked. */
export interface DemoAnswers {
  readonly topTalkers: readonly AnswerRow[]
  readonly sshFromOutside: readonly AnswerRow[]
  /** Holders by address: one of our own, and those of `floconAddresses`. */
  readonly holders: ReadonlyMap<string, readonly Holder[]>
  /** What should be in the answers and is not. */
  readonly faults: readonly string[]
  /** Unix seconds of the questions. */
  readonly atS: number
}

/** Asks the tables. */
export async function askQuestions(store: Store): Promise<DemoAnswers> {
  const faults: string[] = []
  const nowMs = Date.now()
  const atS = Math.floor(nowMs / 1000)
  const until = new Date(nowMs + 600_000)
  const topTalkers = await ask<AnswerRow, 'top_talkers'>(store, 'top_talkers', { from: new Date(nowMs - 86_400_000), to: until, limit: 12 })
  const sshFromOutside = await ask<AnswerRow, 'ssh_from_outside'>(store, 'ssh_from_outside', {
    from: new Date(0),
    to: until,
    limit: 10_000,
  })
  for (const evidence of ['answered', 'nat-phantom'])
    if (!sshFromOutside.some(row => row['evidence'] === evidence)) faults.push(`no SSH from outside has the evidence ${evidence}`)
  const holders = new Map<string, Holder[]>()
  for (const ip of [ownedAddress, ...floconAddresses]) holders.set(ip, await findHolders(store, ip, atS))
  if (!holders.get(ownedAddress)!.some(holder => holder.interface_id === 'eni-0ffa7e54f1ae8fa1b'))
    faults.push(`${ownedAddress} is not held by eni-0ffa7e54f1ae8fa1b`)
  for (const ip of floconAddresses) if (!holders.get(ip)!.some(holder => holder.service === 'S3')) faults.push(`${ip} is not known as S3`)
  return { topTalkers, sshFromOutside, holders, faults, atS }
}
