/** Renders records as flow log lines in the column order of a format. */
import { defaultFormat, fullV5Format } from '../../flow/fields.ts'
import type { SyntheticRecord } from './conversations.ts'
import type { Site } from './site.ts'

/** Formats that are generated: the default, a custom one of version 3, and all 29 fields of version 5 in AWS order and by the alphabet. */
export const logFormats = {
  'v2-default': defaultFormat,
  'v3-custom':
    'version vpc-id subnet-id instance-id interface-id account-id type srcaddr dstaddr srcport dstport pkt-srcaddr pkt-dstaddr protocol bytes packets start end action tcp-flags log-status'.split(
      ' ',
    ),
  'v5-full': fullV5Format,
  'v5-alphabetical': [...fullV5Format].sort(),
} as const satisfies Record<string, readonly string[]>

/** Name of a format. */
export type LogFormat = keyof typeof logFormats

type Column = (record: SyntheticRecord, site: Site) => string | number

/** A column that has a value only where there was traffic. */
const seen =
  (value: (record: SyntheticRecord) => string | number): Column =>
  record =>
    record.status === 'OK' ? value(record) : '-'
const none: Column = () => '-'

const columns: Readonly<Record<string, Column>> = {
  'account-id': (_record, site) => site.accountId,
  'interface-id': record => record.eni.id,
  srcaddr: record => record.src,
  dstaddr: record => record.dst,
  srcport: seen(record => record.srcPort),
  dstport: seen(record => record.dstPort),
  protocol: seen(record => record.protocol),
  packets: seen(record => record.packets),
  bytes: seen(record => record.bytes),
  start: record => record.start,
  end: record => record.end,
  action: seen(record => record.action),
  'log-status': record => record.status,
  'vpc-id': (_record, site) => site.vpcId,
  'subnet-id': record => record.eni.subnetId,
  'instance-id': record => record.eni.instanceId,
  'tcp-flags': seen(record => record.flags),
  type: seen(record => (record.src.includes(':') ? 'IPv6' : 'IPv4')),
  'pkt-srcaddr': record => record.pktSrc,
  'pkt-dstaddr': record => record.pktDst,
  region: (_record, site) => site.region,
  'az-id': record => record.eni.azId,
  'sublocation-type': none,
  'sublocation-id': none,
  'pkt-src-aws-service': record => record.srcService,
  'pkt-dst-aws-service': record => record.dstService,
  'flow-direction': seen(record => (record.egress ? 'egress' : 'ingress')),
  'traffic-path': seen(record => (record.path === 0 ? '-' : record.path)),
}

/** Version in the lines of a format: the highest among its fields. */
const versions: Readonly<Record<LogFormat, number>> = { 'v2-default': 2, 'v3-custom': 3, 'v5-full': 5, 'v5-alphabetical': 5 }

/** The fields of one line, in the order of the format. */
export type Renderer = (record: SyntheticRecord) => (string | number)[]

/** Makes the renderer of a site and format. */
export function createRenderer(format: LogFormat, site: Site): Renderer {
  const version = versions[format]
  const getters: readonly Column[] = logFormats[format].map(name => (name === 'version' ? () => version : columns[name]!))
  return record => getters.map(get => get(record, site))
}
