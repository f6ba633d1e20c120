/** A holder of an address as text. */
import type { Holder } from '../../operations/holders.ts'

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
