/**
 * Where the fields of a flow log stand in the events of Amazon Security Lake (OCSF class 4001, source VPC Flow): one row per field, for every
 * version of the schema.
 *
 * An event has the address in the packet as `ip`, and the address that the record was about among `intermediate_ips` where that is another one.
 * What belongs to the interface stands at the endpoint that is the interface: the destination on ingress, the source on egress.
 *
 * @see https://schema.ocsf.io/1.1.0/classes/network_activity
 * @see https://docs.aws.amazon.com/security-lake/latest/userguide/open-cybersecurity-schema-framework.html
 */
import { flowFields } from '../../../flow/fields.ts'

/**
 * How the value of a field is found. `first`: the first of its places that has a value; `side`: the place of the endpoint that is the interface;
 * `time`: as `first`, in whole seconds.
 */
export interface OcsfField {
  readonly field: string
  readonly how: 'first' | 'side' | 'time'
  /** Paths of columns, names with dots between; with `side`, that of the destination and that of the source. */
  readonly paths: readonly string[]
  /** Words of the flow log for those of the event; any other is absent. Undefined: as they are. */
  readonly words?: Readonly<Record<string, string>>
}

const row = (field: string, paths: readonly string[], words?: OcsfField['words']): OcsfField =>
  words === undefined ? { field, how: 'first', paths } : { field, how: 'first', paths, words }
const time = (field: string, paths: readonly string[]): OcsfField => ({ field, how: 'time', paths })
const side = (field: string, name: string): OcsfField => ({ field, how: 'side', paths: [`dst_endpoint.${name}`, `src_endpoint.${name}`] })

const actions = { '1': 'ACCEPT', '2': 'REJECT', Allowed: 'ACCEPT', Blocked: 'REJECT', Denied: 'REJECT', ACCEPT: 'ACCEPT', REJECT: 'REJECT' }
const directions = { '1': 'ingress', '2': 'egress', Inbound: 'ingress', Outbound: 'egress', ingress: 'ingress', egress: 'egress' }
/** Boundaries are numbered in the order of the traffic paths, behind three that no flow log has. */
const trafficPaths = Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8].map(path => [String(path + 3), String(path)]))

/** Place of the direction, which tells what side the interface is on. */
export const ocsfDirection: OcsfField = row('flow-direction', ['connection_info.direction_id', 'connection_info.direction'], directions)

/** The version of the flow log; any other text is that of the product. */
const versions = Object.fromEntries([2, 3, 4, 5, 7, 8, 9, 10, 11].map(version => [String(version), String(version)]))

/** Fields that have a place of their own. */
const placed: readonly OcsfField[] = [
  row('version', ['metadata.product.version'], versions),
  row('account-id', ['cloud.account.uid', 'cloud.account_uid']),
  side('interface-id', 'interface_uid'),
  row('srcaddr', ['src_endpoint.intermediate_ips', 'src_endpoint.ip']),
  row('dstaddr', ['dst_endpoint.intermediate_ips', 'dst_endpoint.ip']),
  row('srcport', ['src_endpoint.port']),
  row('dstport', ['dst_endpoint.port']),
  row('protocol', ['connection_info.protocol_num']),
  row('packets', ['traffic.packets']),
  row('bytes', ['traffic.bytes']),
  time('start', ['start_time', 'start_time_dt', 'time', 'time_dt']),
  time('end', ['end_time', 'end_time_dt']),
  row('action', ['action_id', 'action', 'disposition_id', 'disposition'], actions),
  row('log-status', ['status_code'], { OK: 'OK', NODATA: 'NODATA', SKIPDATA: 'SKIPDATA' }),
  side('vpc-id', 'vpc_uid'),
  side('subnet-id', 'subnet_uid'),
  side('instance-id', 'instance_uid'),
  row('tcp-flags', ['connection_info.tcp_flags']),
  row('type', ['connection_info.protocol_ver', 'connection_info.protocol_ver_id'], {
    '4': 'IPv4',
    '6': 'IPv6',
    IPv4: 'IPv4',
    IPv6: 'IPv6',
    EFA: 'EFA',
  }),
  row('pkt-srcaddr', ['src_endpoint.ip']),
  row('pkt-dstaddr', ['dst_endpoint.ip']),
  row('region', ['cloud.region']),
  row('az-id', ['cloud.zone']),
  row('pkt-src-aws-service', ['src_endpoint.svc_name']),
  row('pkt-dst-aws-service', ['dst_endpoint.svc_name']),
  ocsfDirection,
  row('traffic-path', ['connection_info.boundary_id'], trafficPaths),
]

const own = new Set(placed.map(({ field }) => field))

/** All fields in the order of the header line. Those without a place of their own stand among `unmapped`. */
export const ocsfFields: readonly OcsfField[] = [
  ...placed,
  ...flowFields
    .filter(({ name, version }) => version !== 6 && !own.has(name))
    .map(({ name }) => row(name, [`unmapped.${name.replaceAll('-', '_')}`])),
]
