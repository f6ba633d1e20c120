/** Observers: who recorded a flow, with the whole cloud context of the observation point. */
import { flowFields, type FlowField } from './fields.ts'

/** Where records come from, in the order of the Avro enum: new ones are added at the end. */
export const origins = ['vpc', 'tgw', 'sensor'] as const
/** One of `origins`. */
export type Origin = (typeof origins)[number]
/** What the field `origin` means. */
export const originDoc =
  'who wrote the log: vpc, a VPC flow log; tgw, a transit gateway flow log; sensor, a sensor of the network; null: a record from before this field, whose transit gateway says it'

/** One field of the group `sensor`. */
export interface SensorField {
  readonly name: string
  readonly type: 'string' | 'long'
  readonly doc: string
  /** Column of the table `interfaces`. */
  readonly column: string
}

/** What says who observed, for records of sensors (NetFlow, IPFIX, SiLK, Zeek). */
export const sensorFields = [
  { name: 'name', type: 'string', doc: 'name of the sensor', column: 'sensor_name' },
  { name: 'exporter', type: 'string', doc: 'address that sent the records, in canonical text', column: 'sensor_exporter' },
  {
    name: 'domain',
    type: 'long',
    doc: 'observation domain id of IPFIX, source id of NetFlow 9, engine type and id of NetFlow 5 (256 * type + id)',
    column: 'sensor_domain',
  },
  { name: 'input', type: 'string', doc: 'interface that the packets came in by: its name, else its SNMP index', column: 'sensor_input' },
  { name: 'output', type: 'string', doc: 'interface that they left by, in the same way', column: 'sensor_output' },
] as const satisfies readonly SensorField[]

type SensorName = (typeof sensorFields)[number]['name']
/** Values of the group `sensor`. */
export type SensorValues = Record<Exclude<SensorName, 'domain'>, string | null> & { domain: number | null }

/** Groups of fields that belong to an observer. */
export const observerGroups = ['ecs', 'tags', 'transitGateway'] as const
/** One of `observerGroups`. */
export type ObserverGroup = (typeof observerGroups)[number]

type ObserverRow = Extract<(typeof flowFields)[number], { role: 'observer' }>
/** Fields of an observer that are not in a group. */
export type ObserverName = Exclude<ObserverRow['record'], `${string}.${string}`>
/** Values of a group: `ecs.taskId` is `taskId` of `ecs`. */
export type GroupValues<G extends string> = {
  -readonly [F in Extract<(typeof flowFields)[number], { record: `${G}.${string}` }> as F['record'] extends `${G}.${infer N}` ? N : never]:
    string | null
}

/** All that is known of an observer, as in the observer fragment of the flow record. */
export type ObserverValues = Record<ObserverName, string | null> & {
  -readonly [G in ObserverGroup]: GroupValues<G> | null
} & {
  /** What the source of the object names as the scope of addresses without a VPC. */
  scope: string | null
  origin: Origin | null
  sensor: SensorValues | null
}

/** A documented field of an observer. */
export type ObserverField = FlowField & { readonly record: ObserverRow['record'] }

/** All documented fields of observers, in the order of the AWS table. */
export const observerFields: readonly ObserverField[] = flowFields.filter((field): field is ObserverRow => field.role === 'observer')
/** Those that are not in a group. */
export const observerNames: readonly ObserverName[] = observerFields
  .filter(({ record }) => !record.includes('.'))
  .map(({ record }) => record as ObserverName)

/** Names of the documented fields of a group, without the group. */
export const groupFields = (group: string): string[] =>
  flowFields.filter(({ record }) => record.startsWith(`${group}.`)).map(({ record }) => record.slice(group.length + 1))

/** A group of which nothing is known. */
export const emptyGroup = (group: string): Record<string, null> => Object.fromEntries(groupFields(group).map(name => [name, null]))

/** An observer of which nothing is known. */
export const noObserver = Object.fromEntries(
  [...observerNames, ...observerGroups, 'scope', 'origin', 'sensor'].map(name => [name, null]),
) as unknown as Readonly<ObserverValues>

/** What recorded the flow: interface, else resource, else transit gateway attachment, else sensor. */
export const observerOf = (values: ObserverValues): string | null =>
  values.interfaceId ?? values.resourceId ?? values.transitGateway?.attachmentId ?? values.sensor?.name ?? null

/** Scope of the addresses of an observer: the VPC, else what the source names, else account and region, else none. */
export function scopeOf({
  vpcId,
  scope,
  accountId,
  region,
}: Pick<ObserverValues, 'vpcId' | 'scope' | 'accountId' | 'region'>): string | null {
  if (vpcId !== null || scope !== null) return vpcId ?? scope
  return accountId === null || region === null ? null : `${accountId}/${region}`
}

/** The origin that the other fields say: a transit gateway if they name one. */
export const impliedOrigin = ({ transitGateway }: Pick<ObserverValues, 'transitGateway'>): Origin =>
  transitGateway === null ? 'vpc' : 'tgw'
