/**
 * The enriched flow: key and value of the `flows` topic.
 *
 * The value's fields stand in the order of its fragments (interface, source endpoint, destination endpoint, class, direction, next hop,
 * numbers, service, origin, extra). A fragment is encoded once per dictionary entry and copied as a unit, by the writer and by the sink.
 */
import { flowFields } from './flow-fields.ts'
import { optional, record, required, symbols, type AvroSchema, type RecordOf, type TypedField, type TypedRecord } from './avro-types.ts'
import { objectId, timeKept, timeSourceDoc, timeSources } from './records.ts'

/** The optional groups of the flow record, each a nested record that is null (one byte) where the log has none of its fields. */
const groupNames = { ecs: 'Ecs', tags: 'Tags', transitGateway: 'TransitGateway', nextHop: 'NextHop', packetsLost: 'PacketsLost' } as const

/** Name of an optional group. */
export type FlowGroup = keyof typeof groupNames

const groupDocs: Record<FlowGroup, string> = {
  ecs: 'ECS task of the interface (version 7)',
  tags: 'tag values of instance, interface and Auto Scaling group (version 11), percent-decoded',
  transitGateway: 'transit gateway, attachments and both sides (version 6)',
  nextHop: 'next hop of the traffic (version 11)',
  packetsLost: 'packets lost in the transit gateway, by reason (version 6)',
}

type Field = (typeof flowFields)[number]
type OptionalField<N extends string, S extends AvroSchema> = TypedField<N, readonly ['null', S]>
/** Fields of an optional group: `ecs.taskId` is `taskId` of `ecs`. */
type GroupField<G extends FlowGroup> =
  Extract<Field, { record: `${G}.${string}` }> extends infer F
    ? F extends { record: `${G}.${infer N}`; role: infer R }
      ? OptionalField<N, R extends 'counter' ? 'long' : 'string'>
      : never
    : never

function group<G extends FlowGroup>(name: G): OptionalField<G, TypedRecord<readonly GroupField<G>[]>> {
  const fields = flowFields
    .filter(field => field.record.startsWith(`${name}.`))
    .map(field =>
      optional(field.record.slice(name.length + 1), field.role === 'counter' ? 'long' : 'string', `${field.name}: ${field.doc}`),
    ) as unknown as readonly GroupField<G>[]
  return optional(name, record(groupNames[name], groupDocs[name], fields), groupDocs[name])
}

function logged<const N extends Field['record']>(name: N): OptionalField<N, 'string'>
function logged<const N extends Field['record'], const S extends AvroSchema>(name: N, type: S): OptionalField<N, S>
function logged(name: Field['record'], type: AvroSchema = 'string'): OptionalField<string, AvroSchema> {
  const field = flowFields.find(candidate => candidate.record === name)!
  return optional(name, type, `${field.name}: ${field.doc}`)
}

/** Fields of the observation point that are not in an optional group. */
type ContextName = Exclude<Extract<Field, { role: 'context' }>['record'], `${string}.${string}`>
const contextNames = flowFields
  .filter(field => field.role === 'context' && !field.record.includes('.'))
  .map(field => field.record as ContextName)

/** Interface fragment: the observation point and its cloud context. */
export const interfaceFields = [
  ...contextNames.map(name => logged(name)),
  group('ecs'),
  group('tags'),
  group('transitGateway'),
  optional('scope', 'string', 'scope that the source of the object names for the addresses of records without a VPC; null: none is named'),
] as const

type EndpointFields<S extends 'src' | 'dst'> = readonly [
  OptionalField<`${S}Addr`, 'string'>,
  OptionalField<`pkt${Capitalize<S>}Addr`, 'string'>,
  OptionalField<`${S}Country`, 'string'>,
  OptionalField<`${S}Asn`, 'long'>,
  OptionalField<`${S}AsOrg`, 'string'>,
  OptionalField<`${S}Threat`, 'string'>,
  OptionalField<`${S}AwsService`, 'string'>,
]

/** Endpoint fragment: address, packet address and what lookup tables say of the conversation's true end (packet address, else address). */
export const endpointFields = <const S extends 'src' | 'dst'>(side: S): EndpointFields<S> => {
  const Side = (side === 'src' ? 'Src' : 'Dst') as Capitalize<S>
  return [
    logged(`${side}Addr`),
    logged(`pkt${Side}Addr`),
    optional(`${side}Country`, 'string', 'ISO 3166 alpha-2 country of the true end; null: private, unknown, or no table loaded'),
    optional(`${side}Asn`, 'long', 'autonomous system number of the true end'),
    optional(`${side}AsOrg`, 'string', 'organisation of the autonomous system'),
    optional(`${side}Threat`, 'string', 'threat list that names the true end; empty: checked and not listed; null: not checked'),
    optional(`${side}AwsService`, 'string', 'AWS service of the true end by the published AWS ranges; null: none, or no table loaded'),
  ]
}

/** Class fragment: low-cardinality fields and the names of their values. */
export const classFields = [
  logged('version', 'int'),
  logged('logStatus', symbols('LogStatus', ['OK', 'NODATA', 'SKIPDATA'])),
  logged('action', symbols('Action', ['ACCEPT', 'REJECT'])),
  logged('flowDirection', symbols('FlowDirection', ['ingress', 'egress'])),
  logged('protocol', 'int'),
  optional('protocolName', 'string', 'IANA keyword of the protocol in lower case'),
  logged('tcpFlags', 'int'),
  optional('tcpFlagNames', 'string', 'names of the TCP flags joined by `+` in the order SYN, ACK, FIN, RST, PSH, URG; empty for 0'),
  logged('type'),
  logged('trafficPath', 'int'),
  logged('pktSrcAwsService'),
  logged('pktDstAwsService'),
  logged('rejectReason'),
  logged('encryptionStatus', 'int'),
] as const

/** The value of the `flows` topic. */
export const flowValue = record('Flow', 'One enriched flow log record', [
  ...interfaceFields,
  ...endpointFields('src'),
  ...endpointFields('dst'),
  ...classFields,
  required(
    'direction',
    symbols('Direction', ['unknown', 'ingress', 'egress']),
    'which side is ours: ingress, the destination; egress, the source',
  ),
  required(
    'directionSource',
    symbols('DirectionSource', ['none', 'logged', 'inferred', 'inferred_count']),
    'logged: flow-direction; inferred: what directionBy names, else the private one of two IPv4 addresses, which alone stands in every record of the interface in this block; inferred_count: another address that does, or a guess: the private one of the only pair of addresses that the interface shows',
  ),
  optional(
    'directionBy',
    'string',
    'what decided a direction that is inferred; own_network: one address is in a narrower network of `networks.own`; null: the records of the block',
  ),
  group('nextHop'),
  logged('srcPort', 'int'),
  logged('dstPort', 'int'),
  logged('packets', 'long'),
  logged('bytes', 'long'),
  required('start', 'long', 'Unix seconds of the first packet, or the start of the slot of the object'),
  required('end', 'long', 'Unix seconds of the last packet, or the end of the slot of the object'),
  required('timeSource', symbols('TimeSource', timeSources), timeSourceDoc),
  timeKept,
  group('packetsLost'),
  optional('servicePort', 'int', 'port of the service, see servicePortSource; null for protocols without ports'),
  optional(
    'servicePortSource',
    symbols('ServicePortSource', ['tcp_flags', 'inferred']),
    'tcp_flags: SYN without ACK, the destination port, or SYN with ACK, the source port; inferred: the port with a known name, else the lower one; null: no service port, or a record of 0.1.0, which infers it',
  ),
  optional('serviceName', 'string', 'IANA service name of the service port'),
  required('objectId', objectId, 'first 8 bytes of SHA-256 over bucket, key and ETag, each ended by a newline'),
  required('line', 'int', 'line of the object, 1 is its first line'),
  optional('extra', { type: 'map', values: 'string' }, 'columns that AWS did not document when this version was made, by name'),
])

/** Value of `flows`. */
export type FlowRecord = RecordOf<typeof flowValue>

/** The key of the `flows` topic: the conversation of the packet addresses. Equal for both directions and all observers. */
export const flowKey = record('FlowKey', 'Conversation: addresses and ports in canonical order', [
  optional('lowAddr', 'string', 'lower of the two true ends: IPv4 before IPv6, numerically'),
  optional('lowPort', 'int', 'port of the lower end'),
  optional('highAddr', 'string', 'higher of the two true ends'),
  optional('highPort', 'int', 'port of the higher end'),
  optional('protocol', 'int', 'IANA protocol number'),
])
/** Key of `flows`. */
export type FlowKeyRecord = RecordOf<typeof flowKey>

type Group<G extends FlowGroup> = NonNullable<FlowRecord[G]>
/** ECS task of the interface. */
export type EcsRecord = Group<'ecs'>
/** Tag values. */
export type TagsRecord = Group<'tags'>
/** Transit gateway context. */
export type TransitGatewayRecord = Group<'transitGateway'>
/** Next hop. */
export type NextHopRecord = Group<'nextHop'>
/** Packets lost in a transit gateway. */
export type PacketsLostRecord = Group<'packetsLost'>
