/**
 * What the views that show flows must say of a record: worked out from the record alone, by hand for each column. Shares no code with the views or the
 * tables they are generated from. Times are Unix seconds; numbers of 64 bits are as exact as the record has them.
 */
import type { FlowRecord } from '../../../schemas/flow-record.ts'

/** A cell of a view. */
export type Cell = string | number | null

/** A run of the cloud map that a test puts there; an owner is an interface or a service. */
export interface KnownRun {
  readonly scope: string
  readonly ip: string
  readonly from: number
  readonly lastSeen: number
  readonly conflictS: number
  readonly doubtTo: number | null
  readonly interfaceId: string | null
  readonly instanceId: string | null
  readonly service: string | null
}

type Side = 'src' | 'dst'
const far = (side: Side): Side => (side === 'src' ? 'dst' : 'src')
const orNull = <T extends Cell>(value: T, absent: T): T | null => (value === absent ? null : value)
const snake = (name: string): string => name.replace(/[A-Z0-9]/g, letter => `_${letter.toLowerCase()}`)

/** Times that something says. */
function timesOf({ timeSource, timeKept, start, end }: FlowRecord): { start: number | null; end: number | null } {
  if (timeSource !== 'none') return { start, end }
  return { start: timeKept === 'start' ? start : null, end: timeKept === 'end' ? end : null }
}

/** Fields that are shown under their own name with underscores. */
const plain = ['version', 'action', 'logStatus', 'protocol', 'packets', 'bytes', 'tcpFlags', 'type', 'flowDirection', 'trafficPath', 'rejectReason', 'encryptionStatus', 'accountId', 'interfaceId', 'vpcId', 'subnetId', 'instanceId', 'region', 'azId', 'sublocationType', 'sublocationId', 'resourceId', 'interfaceType', 'startMs', 'endMs', 'direction', 'servicePort', 'serviceName'] as const // prettier-ignore

/** Groups of a record, and how the view begins their names. */
const groups = { ecs: 'ecs_', nextHop: 'next_hop_', sensor: 'sensor_', transitGateway: 'tgw_' } as const
const tags = { instance: 'instance_tag', instance2: 'instance_tag_2', interface: 'interface_tag', interface2: 'interface_tag_2', asg: 'asg_tag', asg2: 'asg_tag_2' } as const // prettier-ignore

/** The row of `flow_log`, but for its columns extra, interface and object_id. */
export function flowLogRow(record: FlowRecord): Record<string, Cell> {
  const row: Record<string, Cell> = { line: record.line, ...timesOf(record) }
  for (const name of plain) row[snake(name)] = record[name]
  const { direction } = record
  const ours = direction === 'unknown' ? null : direction === 'ingress' ? 'dst' : 'src'
  for (const side of ['src', 'dst'] as const) {
    const Side = side === 'src' ? 'Src' : 'Dst'
    const [own, packet] = [record[`${side}Addr`], record[`pkt${Side}Addr`]]
    row[`${side}addr`] = own
    row[`${side}port`] = record[`${side}Port`]
    row[`pkt_${side}addr`] = packet
    // where our own range belongs to says nothing of us
    const isOwn = ours === side && (packet === null || packet === own)
    row[`${side}_country`] = isOwn ? null : record[`${side}Country`]
    row[`${side}_asn`] = isOwn ? null : orNull(record[`${side}Asn`] ?? 0, 0)
    row[`${side}_as_org`] = isOwn ? null : record[`${side}AsOrg`]
    row[`${side}_threat`] = record[`${side}Threat`]
    row[`pkt_${side}_aws_service`] = record[`pkt${Side}AwsService`]
    row[`${side}_aws_service`] = record[`pkt${Side}AwsService`] ?? record[`${side}AwsService`]
  }
  for (const [group, prefix] of Object.entries(groups))
    for (const [name, value] of Object.entries((record[group as keyof typeof groups] ?? {}) as Record<string, Cell>))
      row[name === 'resourceType' ? 'resource_type' : `${prefix}${snake(name)}`] = value
  for (const [name, column] of Object.entries(tags)) row[column] = record.tags?.[name as keyof typeof tags] ?? null
  row['source_scope'] = record.scope
  row['origin'] = record.origin ?? (record.transitGateway !== null && Object.values(record.transitGateway).some(each => each !== null) ? 'tgw' : 'vpc') // prettier-ignore
  row['time_source'] = record.timeKept ?? record.timeSource
  row['direction_source'] = record.directionBy === 'own_network' ? 'own_network' : record.directionSource
  row['service_port_source'] = record.servicePortSource ?? 'none'
  return row
}

/** Where the addresses of a record are known. */
export function scopeOf({ vpcId, scope, accountId, region }: FlowRecord): string | null {
  if (vpcId !== null) return vpcId
  if (scope !== null) return scope
  return accountId === null || accountId === 'unknown' || region === null ? null : `${accountId}/${region}`
}

interface Held {
  readonly run: KnownRun
  readonly state: 'held' | 'ambiguous' | 'last-known'
}

/** Who held an address, by the newest run that began by then. */
function heldAt(runs: readonly KnownRun[], scope: string | null, ip: string | null, at: number | null): Held | null {
  if (scope === null || ip === null || at === null) return null
  const begun = runs.filter(run => run.scope === scope && run.ip === ip && run.from <= at).sort((a, b) => b.from - a.from)
  const run = begun[0]
  if (run === undefined) return null
  if (at > run.lastSeen + 600) return { run, state: 'last-known' }
  return { run, state: run.conflictS > 0 || (run.doubtTo !== null && at <= run.doubtTo) ? 'ambiguous' : 'held' }
}

/** The row of `flow_owners`, but for its columns interface and object_id. Runs are away from midnight. */
export function flowOwnersRow(record: FlowRecord, runs: readonly KnownRun[]): Record<string, Cell> {
  const { start, end } = timesOf(record)
  const at = start ?? end
  const scope = scopeOf(record)
  const ours: Side = record.direction === 'ingress' ? 'dst' : 'src'
  const theirs = far(ours)
  const mine = heldAt(runs, scope, record[`${ours}Addr`], at)
  const other = heldAt(runs, scope, record[`${theirs}Addr`], at)
  const service = heldAt(runs, 'aws', record[`${theirs}Addr`], at)
  const named = record.direction === 'unknown' ? null : record.interfaceId
  const agrees = mine !== null && mine.state !== 'last-known' && mine.run.interfaceId === named
  const sure = record.directionSource === 'logged' || record.directionBy === 'own_network'
  return {
    line: record.line,
    start,
    end,
    dur: start === null || end === null ? null : end - start,
    scope,
    observer: record.interfaceId ?? record.resourceId ?? record.transitGateway?.attachmentId ?? record.sensor?.name ?? null,
    direction: record.direction,
    action: record.action,
    protocol: record.protocol,
    packets: record.packets,
    bytes: record.bytes,
    local_addr: record[`${ours}Addr`],
    local_port: record[`${ours}Port`],
    remote_addr: record[`${theirs}Addr`],
    remote_port: record[`${theirs}Port`],
    local_interface_id: named ?? mine?.run.interfaceId ?? null,
    local_instance_id: named === null ? (mine?.run.instanceId ?? null) : (record.instanceId ?? (agrees ? mine.run.instanceId : null)),
    local_state: named === null ? (mine?.state ?? null) : sure || (agrees && mine.state === 'held') ? 'held' : 'ambiguous',
    local_conflict_s: mine?.run.conflictS ?? null,
    remote_interface_id: other?.run.interfaceId ?? null,
    remote_instance_id: other?.run.instanceId ?? null,
    remote_service: service?.run.service ?? null,
    remote_state: other?.state ?? service?.state ?? null,
    remote_conflict_s: other?.run.conflictS ?? null,
  }
}
