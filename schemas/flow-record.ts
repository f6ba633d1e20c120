/**
 * The enriched flow: key and value of the `flows` topic.
 *
 * The value's fields stand in the order of its fragments (observer, source endpoint, destination endpoint, traits, direction, next hop,
 * numbers, service, object and line, extra); their fields are the rows of the tables in flow/. A fragment is encoded once per dictionary entry
 * and copied as a unit, by the writer and by the sink.
 */
import { addressAttributes, type AddressAttribute } from '../flow/attributes.ts'
import { flowFields, type FlowField } from '../flow/fields.ts'
import { optionalNumbers, type FurtherCounter } from '../flow/numbers.ts'
import { observerNames, originDoc, origins, sensorFields, type ObserverName } from '../flow/observers.ts'
import { traitFields, traitKind, traitNames, type TraitName } from '../flow/traits.ts'
import {
  optional,
  record,
  required,
  symbols,
  type AvroSchema,
  type Marked,
  type RecordOf,
  type TypedField,
  type TypedRecord,
} from './avro-types.ts'
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

type SensorRow = (typeof sensorFields)[number]
type SensorGroupField = SensorRow extends infer F
  ? F extends { name: infer N extends string; type: infer T extends 'string' | 'long' }
    ? OptionalField<N, T>
    : never
  : never
const sensorDoc = 'who observed, in records of sensors: NetFlow, IPFIX, SiLK, Zeek'

/** Observer fragment: the observation point, its cloud context, and whose log it is. */
export const observerFragment = [
  ...observerNames.map((name: ObserverName) => logged(name)),
  group('ecs'),
  group('tags'),
  group('transitGateway'),
  optional('scope', 'string', 'scope that the source of the object names for the addresses of records without a VPC; null: none is named'),
  optional('origin', symbols('Origin', origins), originDoc),
  optional(
    'sensor',
    record(
      'Sensor',
      sensorDoc,
      sensorFields.map(({ name, type, doc }) => optional(name, type, doc)) as unknown as readonly SensorGroupField[],
    ),
    sensorDoc,
  ),
] as const

type AttributeFields<S extends string, A extends readonly AddressAttribute[] = typeof addressAttributes> = {
  readonly [I in keyof A]: OptionalField<`${S}${A[I]['name']}`, A[I]['type']>
}
type EndpointFields<S extends 'src' | 'dst'> = readonly [
  OptionalField<`${S}Addr`, 'string'>,
  OptionalField<`pkt${Capitalize<S>}Addr`, 'string'>,
  ...AttributeFields<S>,
]

/** Endpoint fragment: address, packet address and what lookup tables say of the conversation's true end (packet address, else address). */
export const endpointFields = <const S extends 'src' | 'dst'>(side: S): EndpointFields<S> => {
  const Side = (side === 'src' ? 'Src' : 'Dst') as Capitalize<S>
  const attributes = addressAttributes.map(({ name, type, doc }: AddressAttribute) => optional(`${side}${name}`, type, doc))
  return [logged(`${side}Addr`), logged(`pkt${Side}Addr`), ...attributes] as unknown as EndpointFields<S>
}

type TraitRow = Extract<Field, { role: 'traits' }>
type TraitType<F> = F extends { kept: { symbols: readonly (infer V)[] } }
  ? object & Marked<V>
  : F extends { awsType: 'STRING' }
    ? 'string'
    : 'int'
type TraitAvro = TraitRow extends infer F
  ? F extends { record: infer N extends TraitName }
    ? OptionalField<N, TraitType<F>>
    : never
  : never
type NamedTraits = typeof traitNames
type TraitsField = TraitAvro | { [N in keyof NamedTraits]: OptionalField<NamedTraits[N]['name'], 'string'> }[keyof NamedTraits]

const traitType = (field: FlowField): AvroSchema => {
  const kind = traitKind(field)
  return kind === 'symbol' ? symbols(field.kept.enumName!, field.kept.symbols!) : kind === 'text' ? 'string' : 'int'
}

/** Traits fragment: low-cardinality fields, each with the name of its value behind it if that has one. */
export const traitsFragment = traitFields.flatMap(field => {
  const own = logged(field.record, traitType(field))
  const named = Object.entries(traitNames).find(([record]) => record === field.record)?.[1]
  return named === undefined ? [own] : [own, optional(named.name, 'string', named.doc)]
}) as unknown as readonly TraitsField[]

/** Numbers that most records do not have. */
const optionalFields = optionalNumbers.map(({ record: name, type, doc }) => optional(name, type, doc)) as unknown as readonly (
  OptionalField<'startMs' | 'endMs', 'int'> | (FurtherCounter extends infer N extends string ? OptionalField<N, 'long'> : never)
)[]

/** The value of the `flows` topic. */
export const flowValue = record('Flow', 'One enriched flow log record', [
  ...observerFragment,
  ...endpointFields('src'),
  ...endpointFields('dst'),
  ...traitsFragment,
  required(
    'direction',
    symbols('Direction', ['unknown', 'ingress', 'egress']),
    'which side is ours: ingress, the destination; egress, the source',
  ),
  required(
    'directionSource',
    symbols('DirectionSource', ['none', 'logged', 'inferred', 'inferred_count']),
    'logged: flow-direction; inferred: what directionBy names, else the one private IPv4 address that alone stands in every record of the interface in this block, if the other one is public or the block proves it; inferred_count: another address that does, or a guess: the private one of the only pair of addresses that the interface shows',
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
  ...optionalFields,
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
