/** What AWS writes of packets: one record for each interface, direction, 5-tuple, action and minute, in objects of five minutes of `end`. */
import type { Eni, FlowLog, Network } from './network.ts'
import type { Packets } from './traffic.ts'

/** A record of a flow log. */
export interface LogRecord extends Omit<Packets, 'at'> {
  readonly start: number
  readonly end: number
}

/** An object and the records of its lines; the header is line 1. */
export interface LogObject {
  readonly network: Network
  readonly flowLog: FlowLog
  readonly slotS: number
  readonly text: string
  readonly records: readonly LogRecord[]
}

/** Records of packets, each window on its own; flags are joined. */
export function recordsOf(packets: readonly Packets[]): LogRecord[] {
  const windows = Map.groupBy(packets, p =>
    [p.eni.id, p.egress, p.src, p.dst, p.pktSrc, p.pktDst, p.srcPort, p.dstPort, p.protocol, p.action, Math.floor(p.at / 60)].join(' '),
  )
  return [...windows.values()].map(all => {
    const start = Math.min(...all.map(p => p.at))
    const windowEnd = Math.floor(start / 60) * 60 + 59
    const end = Math.min(windowEnd, Math.max(...all.map(p => p.at + (p.count % 7))))
    return { ...all[0]!, flags: all.reduce((flags, p) => flags | p.flags, 0), count: all.reduce((sum, p) => sum + p.count, 0), start, end }
  })
}

const interfaceTypes: Record<Eni['role'], string> = {
  instance: '-',
  former: '-',
  forwarder: '-',
  nat: 'nat_gateway',
  'regional-nat': 'regional_nat_gateway',
  'keeping-balancer': 'network_load_balancer',
  'replacing-balancer': 'network_load_balancer',
}

function valueOf(column: string, record: LogRecord, network: Network): string | number {
  const { eni } = record
  switch (column) {
    case 'version':
      return 5
    case 'account-id':
      return network.accountId
    case 'interface-id':
      return eni.role === 'regional-nat' ? '-' : eni.id
    case 'resource-id':
      return eni.role === 'regional-nat' ? eni.id : '-'
    case 'interface-type':
      return interfaceTypes[eni.role]
    case 'srcaddr':
      return record.src
    case 'dstaddr':
      return record.dst
    case 'srcport':
      return record.srcPort
    case 'dstport':
      return record.dstPort
    case 'protocol':
      return record.protocol
    case 'packets':
      return record.count
    case 'bytes':
      return record.count * 60
    case 'start':
      return record.start
    case 'end':
      return record.end
    case 'action':
      return record.action
    case 'log-status':
      return 'OK'
    case 'vpc-id':
      return network.vpcId
    case 'subnet-id':
      return `subnet-0${network.vpcId.slice(5)}`
    case 'instance-id':
      return eni.instanceId
    case 'tcp-flags':
      return record.flags
    case 'type':
      return record.src.includes(':') ? 'IPv6' : 'IPv4'
    case 'pkt-srcaddr':
      return record.pktSrc
    case 'pkt-dstaddr':
      return record.pktDst
    case 'region':
      return network.region
    case 'az-id':
      return 'euc1-az1'
    case 'pkt-src-aws-service':
      return record.egress ? '-' : record.service
    case 'pkt-dst-aws-service':
      return record.egress ? record.service : '-'
    case 'flow-direction':
      return record.egress ? 'egress' : 'ingress'
    default:
      return '-'
  }
}

/** The objects of a network: each flow log writes all records. */
export function objectsOf(network: Network, records: readonly LogRecord[]): LogObject[] {
  return network.flowLogs.flatMap(flowLog =>
    [...Map.groupBy(records, record => Math.floor(record.end / 300) * 300)].map(([slotS, within]) => ({
      network,
      flowLog,
      slotS,
      records: within,
      text: [
        flowLog.columns.join(' '),
        ...within.map(record => flowLog.columns.map(column => valueOf(column, record, network)).join(' ')),
        '',
      ].join('\n'),
    })),
  )
}
