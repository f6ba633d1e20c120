/** A holder of an address as text. */
import type { Blank, Holder } from '../../operations/holders.ts'
import { escapeText } from './escape-text.ts'
import { isoOfText, isoTime as clock } from './json.ts'

/** That nobody held an address, of which the day was read. */
export const nobodyText = (ip: string, atS: number | undefined): string =>
  `nobody is known to have held ${ip}${atS === undefined ? '' : ` at ${clock(atS)}`}`

/** Why the tables cannot tell who held an address. */
export function blankText(blank: Blank, atS: number): string {
  const day = clock(atS).slice(0, 10)
  if (blank === 'map-empty')
    return `not known: the table cloud_map is empty; the sink has not filled it (flowloom run --roles enrich,ip-context,sink)`
  return `not known: no object of ${day} (UTC) was read; to read that day: flowloom backfill --from ${day} --to ${day}`
}

/** One holder as text. */
export function describeHolder(holder: Holder): string {
  const parts = [holder.interface_id, holder.instance_id, holder.subnet_id, holder.vpc_id, holder.account_id, holder.az_id]
  const who = holder.service === '' ? parts.filter(part => part !== '').join(' ') : `AWS service ${holder.service}`
  return `${escapeText(`${holder.scope}: ${who}`)}\n  ${holder.state === 'last-known' ? lastKnown(holder) : held(holder)}`
}

function held(holder: Holder): string {
  const times = holder.gaps === 1 ? 'once' : `${holder.gaps} times`
  const gaps = holder.gaps === 0 ? '' : `, with gaps (${times} not seen for more than 10 minutes)`
  const until = holder.end_known ? `next owner from ${holder.valid_to!} UTC` : 'nobody newer is known'
  const conflict =
    holder.state === 'held' ? '' : `; ${conflictText(holder)}${holder.others.length === 0 ? '' : `: ${holder.others.join(', ')}`}`
  return `${holder.state}: held since ${holder.held_since} UTC${gaps}; seen ${holder.first_seen} to ${holder.last_seen}; ${until}${conflict}`
}

/** The map is local to a day, so what overlaps around midnight is not counted. */
const conflictText = ({ conflict_s }: Holder): string =>
  Number(conflict_s) === 0 ? 'another owner was seen around midnight too' : `another owner was seen for ${conflict_s} s at the same time`

function lastKnown(holder: Holder): string {
  const same = holder.next_owner === (holder.interface_id === '' ? holder.service : holder.interface_id)
  const next =
    holder.next_seen === null ? 'not seen since' : `next seen: ${holder.next_seen} UTC (by ${same ? 'the same owner' : holder.next_owner})`
  return `last-known: last seen before: ${holder.last_seen} UTC; ${next}`
}

const orNull = (text: string): string | null => (text === '' ? null : text)

/** One holder for formatJson. What is not known is null. */
const holderJson = (holder: Holder): Record<string, unknown> => ({
  scope: holder.scope,
  state: holder.state,
  interfaceId: orNull(holder.interface_id),
  instanceId: orNull(holder.instance_id),
  interfaceType: orNull(holder.interface_type),
  subnetId: orNull(holder.subnet_id),
  vpcId: orNull(holder.vpc_id),
  accountId: orNull(holder.account_id),
  region: orNull(holder.region),
  azId: orNull(holder.az_id),
  service: orNull(holder.service),
  heldSince: isoOfText(holder.held_since),
  gaps: holder.gaps,
  firstSeen: isoOfText(holder.first_seen),
  lastSeen: isoOfText(holder.last_seen),
  conflictS: BigInt(holder.conflict_s),
  others: holder.others,
  nextSeen: holder.next_seen === null ? null : { at: isoOfText(holder.next_seen), owner: holder.next_owner },
  nextOwnerFrom: holder.valid_to === null ? null : isoOfText(holder.valid_to),
})

/** The answer of `flowloom lookup` for formatJson. */
export const lookUpJson = (ip: string, atS: number, holders: readonly Holder[], blank: Blank | undefined): Record<string, unknown> => ({
  ip,
  at: atS,
  unknown: blank ?? null,
  holders: holders.map(holderJson),
})
