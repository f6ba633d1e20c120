/** A holder of an address as text. */
import type { Holder, HolderSecond } from '../../operations/holders.ts'
import type { Blank, LookUp, Recorded } from '../../operations/look-up.ts'
import { clock as utc } from '../../runtime/utc-text.ts'
import { mayBeOnTheWay, type OnTheWay, type PathStep } from '../../operations/on-the-way.ts'
import { plural } from '../../runtime/counted.ts'
import { escapeText } from './escape-text.ts'
import { isoOfText, isoTime as clock } from './json.ts'

/** That nobody held an address, of which the day was read. */
export const nobodyText = (ip: string, atS: number): string => `nobody is known to have held ${ip} at ${clock(atS)}`

/** Which address and second the answer below is about. */
export const askedText = (ip: string, atS: number): string => `${ip} at ${clock(atS)}:`

const remedy = 'have flow-direction in the format of the flow log, or name your networks in networks.own'

/** Why the tables cannot tell who held an address. */
export const blankText = (blank: Blank, ip: string, atS: number): string =>
  `not known who held ${ip} at ${clock(atS)}: ${reasonText(blank, clock(atS).slice(0, 10))}`

function reasonText(blank: Blank, day: string): string {
  switch (blank) {
    case 'map-empty':
      return 'the table cloud_map is empty; the role clickhouse has not filled it (flowloom run --roles enrich,ip-context,clickhouse)'
    case 'nothing-read':
      return `no object of ${day} (UTC) was read; to read that day: flowloom backfill --from ${day} --to ${day}`
    case 'not-proven':
      return `no flow proves who held it; ${remedy}`
    case 'nothing-proven':
      return `the table cloud_map is empty, and no flow of ${day} (UTC) proves who holds an address; ${remedy}`
    case 'on-their-way':
      return 'nobody in the tables yet, and records are on their way; ask again'
    case 'kafka-unknown':
      return 'nobody in the tables, and nobody can say if records are on their way'
  }
}

/** What waits in a topic, and for whom. */
const waitTexts: Readonly<Record<PathStep, readonly [noun: string, rest: string]>> = {
  objectArrivals: ['announcement', 'not read by fetch yet'],
  rawLines: ['block', 'of lines not read by enrich yet'],
  flows: ['flow', 'of the address not in ClickHouse yet'],
  ipSightings: ['sighting', 'of the address not read by ip-context yet'],
  cloudMapRuns: ['run', 'of the address not in ClickHouse yet'],
}
const topicTexts: Readonly<Record<PathStep, string>> = {
  objectArrivals: 'announcements',
  rawLines: 'blocks of lines',
  flows: 'flows',
  ipSightings: 'sightings',
  cloudMapRuns: 'runs of the cloud map',
}

/** What is on its way to the tables, a line for each; nothing is said if that is nothing. */
export function onTheWayLines({ unknown, steps }: OnTheWay): string[] {
  if (unknown !== null) return [`could not ask Kafka if records are on their way: ${unknown}`]
  return steps.flatMap(({ topic, records, unclear }) => {
    const [noun, rest] = waitTexts[topic]
    return [
      ...(records === 0 ? [] : [`on the way: ${plural(records, noun)} ${rest}`]),
      ...(unclear === null ? [] : [`on the way: up to ${plural(unclear.records, 'record')} of the ${topicTexts[topic]}: ${unclear.why}`]),
    ]
  })
}

const whereTexts: Readonly<Record<Recorded['side'], string>> = {
  own: 'recorded at',
  packet: 'recorded in packets of',
  either: 'recorded at',
}

/** Why a record does not prove that the interface held the address. */
function unprovenText({ side, observer, scope }: Recorded): string {
  switch (side) {
    case 'packet':
      return 'the interface may pass it on'
    case 'either':
      return 'which end of the flows is the interface is not known'
    case 'own':
      if (observer === '-') return 'nothing names the interface'
      if (scope === '') return 'nothing names its VPC, nor account and region'
      return 'that it is the side of the interface is inferred, or the times are not logged'
  }
}

const inMap = 'it holds it by its own records, which are not in cloud_map'
const spanTexts: Readonly<Record<Recorded['span'], string>> = {
  day: 'of that day',
  minutes: 'of the 10 minutes before',
  since: 'since the holder of that scope was last seen',
}

/** Where flows show an address that the map does not have there then. */
export function recordedText(ip: string, row: Recorded): string {
  const { scope, observer, first_at, last_at, last_before } = row
  const who = observer === '-' ? 'an interface that the format does not name' : observer
  const place = scope === '' ? '' : ` (${scope})`
  const before = last_before === null || last_before === last_at ? '' : `, last before: ${utc(Number(last_before))} UTC`
  const span = `${plural(Number(row.flows), 'flow')} ${spanTexts[row.span]}`
  const times = `${span}, ${utc(Number(first_at))} to ${utc(Number(last_at))} UTC${before}`
  return `${escapeText(`${ip}: ${whereTexts[row.side]} ${who}${place}, ${row.proven ? inMap : `not proven to be held by it: ${unprovenText(row)}`}`)}\n  ${times}`
}

/** What is asked beside the holder. */
export interface HolderAsked {
  /** Unix seconds. */
  readonly atS: number
  readonly onTheWay: OnTheWay
}

/** One holder as text. */
export function describeHolder(holder: Holder, asked: HolderAsked): string {
  const parts = [holder.interface_id, holder.instance_id, holder.subnet_id, holder.vpc_id, holder.account_id, holder.az_id]
  const who = holder.service === '' ? parts.filter(part => part !== '').join(' ') : `AWS service ${holder.service}`
  const newer = mayBeOnTheWay(asked.onTheWay) ? 'in the tables' : undefined
  return `${escapeText(`${holder.scope}: ${who}`)}\n  ${holder.state === 'last-known' ? lastKnown(holder, newer) : held(holder, asked.atS, newer)}`
}

/** @param where Where nobody newer is known, if that is not everywhere. */
function held(holder: Holder, atS: number, where: string | undefined): string {
  const { state, gaps, others, seen_later } = holder
  const times = gaps === 1 ? 'once' : `${gaps} times`
  const withGaps = gaps === 0 ? '' : `, with gaps (${times} not seen for more than 10 minutes)`
  const nobody = where === undefined ? 'nobody newer is known' : `nobody newer is ${where}`
  const until = holder.end_known ? `next owner from ${timeText(holder, 'valid_to')}` : nobody
  const later = seen_later.map(({ owner, at }) => `${owner} was seen later, at ${at} UTC`)
  const conflict = state === 'held' ? [] : [`${conflictText(holder)}${others.length === 0 ? '' : `: ${others.join(', ')}`}`]
  const parts = [`held since ${timeText(holder, 'held_since')}${withGaps}`, seenText(holder, atS), ...later, until, ...conflict]
  return escapeText(`${state}: ${parts.join('; ')}`)
}

/** When it was last seen, and when next if the time is in a gap. */
function seenText(holder: Holder, atS: number): string {
  const { last_seen, seen_again, next_seen } = holder
  if (last_seen === null) return 'last seen at most 10 minutes before (no flow is there to say the second)'
  const ago = atS - Date.parse(isoOfText(last_seen)) / 1000
  if (ago === 0) return `last seen at ${last_seen} UTC, that second`
  const next =
    seen_again !== null
      ? `, next at ${seen_again} UTC`
      : next_seen !== null
        ? `, next ${isSame(holder) ? 'at' : `${holder.next_owner} at`} ${timeText(holder, 'next_seen')}`
        : ''
  return `last seen at ${last_seen} UTC, ${ago} s before${next}`
}

/** A second, or the earliest one that it can be. */
const timeText = (holder: Holder, name: HolderSecond): string =>
  `${holder[name]!} UTC${holder.uncertain.includes(name) ? ' or up to 10 minutes later' : ''}`

const isSame = (holder: Holder): boolean => holder.next_owner === holder.owner

/** The map is local to a day, and knows stays without their gaps, so what is in doubt there is not counted. */
function conflictText({ conflict_s, doubt, seen_later }: Holder): string {
  if (doubt === 'conflict') return `another owner was seen for ${conflict_s} s at the same time`
  if (doubt === 'turns')
    return seen_later.length > 0
      ? 'another owner was there before, and was seen after it'
      : 'another owner was there too, and may have been seen later'
  if (doubt === 'overlap') return 'another owner was seen at the same time'
  return doubt === 'midnight'
    ? 'another owner was seen around midnight too'
    : 'another owner was there in between, and may have been seen later'
}

function lastKnown(holder: Holder, where: string | undefined): string {
  const nobody = where === undefined ? 'not seen since' : `nobody since is ${where}`
  const next =
    holder.next_seen === null
      ? nobody
      : `next seen: ${timeText(holder, 'next_seen')} (by ${isSame(holder) ? 'the same owner' : holder.next_owner})`
  const who =
    holder.others.length > 1 ? 'others were there too, of whom one at least was last seen then' : 'another owner was last seen then too'
  const others = holder.others.length === 0 ? '' : `; ${who}: ${holder.others.join(', ')}`
  return escapeText(`last-known: last seen before: ${holder.last_seen!} UTC; ${next}${others}`)
}

const orNull = (text: string): string | null => (text === '' ? null : text)
const timeOrNull = (text: string | null): string | null => (text === null ? null : isoOfText(text))

const secondNames: Readonly<Record<HolderSecond, string>> = {
  held_since: 'heldSince',
  first_seen: 'firstSeen',
  next_seen: 'nextSeen',
  valid_to: 'nextOwnerFrom',
}

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
  owner: holder.owner,
  heldSince: isoOfText(holder.held_since),
  gaps: holder.gaps,
  firstSeen: isoOfText(holder.first_seen),
  lastSeen: timeOrNull(holder.last_seen),
  seenAgain: timeOrNull(holder.seen_again),
  seenLater: holder.seen_later.map(({ owner, at }) => ({ owner, at: isoOfText(at) })),
  conflictS: BigInt(holder.conflict_s),
  doubt: orNull(holder.doubt),
  others: holder.others,
  nextSeen: holder.next_seen === null ? null : { at: isoOfText(holder.next_seen), owner: holder.next_owner },
  nextOwnerFrom: timeOrNull(holder.valid_to),
  uncertain: holder.uncertain.map(name => secondNames[name]),
})

const recordedJson = (recorded: Recorded): Record<string, unknown> => ({
  scope: orNull(recorded.scope),
  observer: recorded.observer === '-' ? null : recorded.observer,
  accountId: orNull(recorded.account_id),
  instanceId: orNull(recorded.instance_id),
  side: recorded.side,
  proven: recorded.proven,
  span: recorded.span,
  first: Number(recorded.first_at),
  last: Number(recorded.last_at),
  lastBefore: recorded.last_before === null ? null : clock(Number(recorded.last_before)),
  flows: BigInt(recorded.flows),
})

/** The answer of `flowloom lookup` for formatJson. */
export const lookUpJson = (ip: string, atS: number, { holders, recorded, onTheWay, blank }: LookUp): Record<string, unknown> => ({
  ip,
  at: atS,
  unknown: blank ?? null,
  holders: holders.map(holderJson),
  recorded: recorded.map(recordedJson),
  waiting: onTheWay,
})
