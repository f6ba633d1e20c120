/** `flowloom lookup`: who holds or held an address. */
import { isIP } from 'node:net'
import { loadConfig } from '../config/config.ts'
import { FlowError } from '../runtime/errors.ts'
import { connectClickHouse } from '../sinks/clickhouse/clickhouse-client.ts'
import { ask } from '../sinks/clickhouse/queries.ts'
import type { Store } from '../sinks/clickhouse/store.ts'
import type { Command } from './arguments/command.ts'
import { configOption } from './arguments/command.ts'
import { parseTime } from './arguments/times.ts'

/** Who held an address at a time, as sinks/clickhouse/queries/who_holds.sql gives it. */
export interface Holder {
  scope: string
  /** held: seen then, or at most 10 minutes before. ambiguous: others were seen with it too. last-known: not seen for longer. */
  state: 'held' | 'ambiguous' | 'last-known'
  interface_id: string
  instance_id: string
  interface_type: string
  subnet_id: string
  vpc_id: string
  account_id: string
  region: string
  az_id: string
  service: string
  /** First second of the run, which does not cross midnight; `held_since` is that of all runs in a row. */
  valid_from: string
  /** First second of the next owner. */
  valid_to: string | null
  /** False: nobody newer is known until today, so `valid_to` is null; the address need not be held any more. */
  end_known: boolean
  first_seen: string
  last_seen: string
  conflict_s: string
  held_since: string
  /** How often the owner was not seen for more than 10 minutes since then. */
  gaps: number
  /** The next run and its owner (interface, else service), which may be the same one; null and empty: none. */
  next_seen: string | null
  next_owner: string
  /** If ambiguous: the other owners of that UTC day. */
  others: string[]
}

/**
 * Asks the cloud map who held an address.
 *
 * @param ip IPv4 or IPv6 address.
 * @param atS Unix seconds; undefined: now, the newest run of each scope.
 * @returns One answer per scope that knows the address.
 */
export async function findHolders(store: Store, ip: string, atS: number | undefined): Promise<Holder[]> {
  return ask<Holder, 'who_holds'>(store, 'who_holds', { ip, at: atS === undefined ? new Date() : new Date(atS * 1000) })
}

/** One holder as text. */
export function describeHolder(holder: Holder): string {
  const parts = [holder.interface_id, holder.instance_id, holder.subnet_id, holder.vpc_id, holder.account_id, holder.az_id]
  const who = holder.service === '' ? parts.filter(part => part !== '').join(' ') : `AWS service ${holder.service}`
  return `${holder.scope}: ${who}\n  ${holder.state === 'last-known' ? lastKnown(holder) : held(holder)}`
}

function held(holder: Holder): string {
  const times = holder.gaps === 1 ? 'once' : `${holder.gaps} times`
  const gaps = holder.gaps === 0 ? '' : `, with gaps (${times} not seen for more than 10 minutes)`
  const until = holder.end_known ? `next owner from ${holder.valid_to!} UTC` : 'nobody newer is known'
  const conflict =
    holder.state === 'held'
      ? ''
      : `; another owner was seen for ${holder.conflict_s} s at the same time${holder.others.length === 0 ? '' : `: ${holder.others.join(', ')}`}`
  return `${holder.state}: held since ${holder.held_since} UTC${gaps}; seen ${holder.first_seen} to ${holder.last_seen}; ${until}${conflict}`
}

function lastKnown(holder: Holder): string {
  const same = holder.next_owner === (holder.interface_id === '' ? holder.service : holder.interface_id)
  const next =
    holder.next_seen === null ? 'not seen since' : `next seen: ${holder.next_seen} UTC (by ${same ? 'the same owner' : holder.next_owner})`
  return `last-known: last seen before: ${holder.last_seen} UTC; ${next}`
}

/** See the head of this file. */
export const lookupCommand: Command = {
  name: 'lookup',
  summary: 'who holds an address now, or held it at a time',
  words: '<ip>',
  options: {
    config: configOption,
    at: { type: 'string', value: 'TIME', doc: 'ISO 8601 (UTC if no zone is given) or Unix seconds; default now' },
    json: { type: 'boolean', doc: 'print JSON' },
  },
  details:
    'Addresses repeat between VPCs, so there is one answer per scope: VPC, else account/region, else aws.\n' +
    'held: seen at that time, or at most 10 minutes before. ambiguous: others were seen with the address too.\n' +
    'last-known: not seen for more than 10 minutes; the answer says when it was seen before and next, and by whom.\n' +
    'Without an end (JSON: end_known false, valid_to null) nobody newer is known until today; the address may be free by now.\n' +
    'Exit code 1 if nobody is known.',
  async run({ values, positionals }) {
    const [ip] = positionals
    if (ip === undefined || positionals.length > 1 || isIP(ip) === 0 || ip.includes('%'))
      throw new FlowError('USAGE', {
        detail:
          ip === undefined ? 'say which address' : `"${positionals.join(' ')}" is not an address; write one like 10.0.1.5 or 2001:db8::1`,
        command: 'lookup',
      })
    const atS = values['at'] === undefined ? undefined : parseTime(values['at'] as string, 'lookup')
    const store = connectClickHouse(loadConfig({ file: values['config'] as string | undefined }).clickhouse)
    try {
      const holders = await findHolders(store, ip, atS)
      if (values['json'] === true) console.log(JSON.stringify(holders, null, 2))
      else if (holders.length === 0)
        console.log(`nobody is known to have held ${ip}${atS === undefined ? '' : ` at ${new Date(atS * 1000).toISOString()}`}`)
      else for (const holder of holders) console.log(describeHolder(holder))
      return holders.length === 0 ? 1 : 0
    } finally {
      await store.close()
    }
  },
}
