/** Keys and values of every topic but `flows` (flow-record.ts): Avro schemas and the TypeScript types of decoded records. */
import { optional, record, required, symbols, type AvroField, type AvroRecord } from './avro-types.ts'

const objectId = { type: 'fixed', name: 'ObjectId', size: 8 } as const

/** Key of everything that belongs to one S3 object. */
export interface ObjectKey {
  bucket: string
  key: string
}
export const objectKey: AvroRecord = record('ObjectKey', 'One S3 object', [
  required('bucket', 'string', 'bucket name'),
  required('key', 'string', 'object key, decoded'),
])

/** How an object was seen. */
export type ArrivalSource = 'poll' | 'notification' | 'backfill' | 'retry'
/** Value of `object-arrivals`. */
export interface ObjectArrival {
  etag: string | null
  size: number | null
  lastModifiedMs: number | null
  source: ArrivalSource
}
export const objectArrival: AvroRecord = record('ObjectArrival', 'An object was seen', [
  optional('etag', 'string', 'entity tag without quotes'),
  optional('size', 'long', 'bytes as stored'),
  optional('lastModifiedMs', 'long', 'Unix milliseconds of the upload'),
  required('source', symbols('ArrivalSource', ['poll', 'notification', 'backfill', 'retry']), 'what saw it'),
])

/** State of an object in the ledger. */
export type ObjectState = 'reading' | 'done' | 'retrying' | 'failed'
/** Value of `objects`, the ledger: progress and counts of one object version. */
export interface ObjectLedger {
  objectId: Buffer
  etag: string
  size: number
  lastModifiedMs: number | null
  accountId: string | null
  region: string | null
  flowLogId: string | null
  slotStart: number | null
  state: ObjectState
  header: string | null
  nextLine: number
  lines: number
  headerLines: number
  blankLines: number
  deadLines: number
  textBytes: number
  attempts: number
  retryAtMs: number | null
  errorCode: string | null
  errorDetail: string | null
  warning: string | null
  earlier: EarlierVersion[]
}

/** Another version of the object, of which lines are in raw-lines. Of one that is done nothing but its id is known. */
export interface EarlierVersion {
  objectId: Buffer
  done: boolean
  header: string | null
  nextLine: number
  lines: number
  headerLines: number
  blankLines: number
  deadLines: number
  textBytes: number
}
const earlierVersion = record('EarlierVersion', 'Another version of the object, of which lines are in raw-lines', [
  required('objectId', 'ObjectId', 'its id'),
  required('done', 'boolean', 'read to its end; nothing else is known of it then'),
  optional('header', 'string', 'its header line'),
  required('nextLine', 'int', 'first line that is not in raw-lines'),
  required('lines', 'int', 'lines accounted for, header and blank lines included'),
  required('headerLines', 'int', 'header lines among them'),
  required('blankLines', 'int', 'blank lines among them'),
  required('deadLines', 'int', 'lines among them that the fetcher itself sent to dead letters'),
  required('textBytes', 'long', 'bytes of text read, after decompression'),
])
export const objectLedger: AvroRecord = record('ObjectLedger', 'Progress and counts of one object version', [
  required('objectId', objectId, 'first 8 bytes of SHA-256 over bucket, key and ETag, each ended by a newline'),
  required('etag', 'string', 'entity tag of the version that is read; empty when it was never known'),
  required('size', 'long', 'bytes as stored'),
  optional('lastModifiedMs', 'long', 'Unix milliseconds of the upload'),
  optional('accountId', 'string', 'account in the object key'),
  optional('region', 'string', 'region in the object key'),
  optional('flowLogId', 'string', 'flow log id in the object name'),
  optional('slotStart', 'long', 'Unix seconds of the 5-minute slot in the object name'),
  required('state', symbols('ObjectState', ['reading', 'done', 'retrying', 'failed']), 'reading: more chunks follow'),
  optional('header', 'string', 'header line of the object'),
  required('nextLine', 'int', 'first line that is not yet in raw-lines'),
  required('lines', 'int', 'lines accounted for so far, header and blank lines included'),
  required('headerLines', 'int', 'header lines among them'),
  required('blankLines', 'int', 'blank lines among them'),
  required('deadLines', 'int', 'lines that the fetcher itself sent to dead letters'),
  required('textBytes', 'long', 'bytes of text read so far, after decompression'),
  required('attempts', 'int', 'failed attempts'),
  optional('retryAtMs', 'long', 'Unix milliseconds of the next attempt'),
  optional('errorCode', 'string', 'why the last attempt failed'),
  optional('errorDetail', 'string', 'what the source said'),
  optional('warning', 'string', 'what the records of the object lack, such as addresses; null: nothing that is known'),
  {
    name: 'earlier',
    type: { type: 'array', items: earlierVersion },
    doc: 'versions that were read before and overwritten: one that comes back adds nothing',
    default: [],
  },
])

/** Where start and end of a record come from, in the order of the Avro enum and of the store. */
export const timeSources = ['none', 'logged', 'slot'] as const
/** One of `timeSources`. */
export type TimeSource = (typeof timeSources)[number]
export const timeSourceDoc =
  'logged: both from the record; slot: at least one from the object name; none: at least one is unknown, see timeKept'

/** The only time that is as logged where `timeSource` is `none`, in the order of the Avro enum. */
export const timesKept = ['start', 'end'] as const
/** One of `timesKept`. */
export type TimeKept = (typeof timesKept)[number]
/** Says which time is as logged where `timeSource` is `none`. */
export const timeKept: AvroField = optional(
  'timeKept',
  symbols('TimeKept', timesKept),
  'start, end: timeSource is none, that one is from the record, and the other is unknown and has the same value; null with timeSource none: both are unknown, 0',
)

/** Key of `flow-gaps`. */
export interface GapKey {
  accountId: string | null
  region: string | null
  interfaceId: string | null
}
export const gapKey: AvroRecord = record('GapKey', 'Observation point', [
  optional('accountId', 'string', 'account'),
  optional('region', 'string', 'region'),
  optional('interfaceId', 'string', 'interface, else resource, else transit gateway attachment'),
])
/** Value of `flow-gaps`: one NODATA or SKIPDATA record. */
export interface FlowGap {
  kind: 'NODATA' | 'SKIPDATA'
  accountId: string | null
  region: string | null
  interfaceId: string | null
  vpcId: string | null
  subnetId: string | null
  instanceId: string | null
  azId: string | null
  start: number
  end: number
  timeSource: TimeSource
  timeKept: TimeKept | null
  objectId: Buffer
  line: number
  extra: Record<string, string> | null
}
export const flowGap: AvroRecord = record('FlowGap', 'A window without flows: NODATA is evidence, SKIPDATA is a loss', [
  required('kind', symbols('GapKind', ['NODATA', 'SKIPDATA']), 'NODATA: no traffic; SKIPDATA: AWS lost records, possibly many'),
  optional('accountId', 'string', 'account'),
  optional('region', 'string', 'region'),
  optional('interfaceId', 'string', 'interface, else resource, else transit gateway attachment'),
  optional('vpcId', 'string', 'VPC'),
  optional('subnetId', 'string', 'subnet'),
  optional('instanceId', 'string', 'instance'),
  optional('azId', 'string', 'availability zone id'),
  required('start', 'long', 'Unix seconds'),
  required('end', 'long', 'Unix seconds'),
  required('timeSource', symbols('TimeSource', timeSources), timeSourceDoc),
  timeKept,
  required('objectId', objectId, 'object version'),
  required('line', 'int', 'line of the object'),
  optional('extra', { type: 'map', values: 'string' }, 'values of the line that have no field here, by name in the log'),
])

/** Key of `ip-sightings`, `cloud-map` and `cloud-map-changes`: an address within its scope. */
export interface AddressKey {
  scope: string
  ip: string
}
export const addressKey: AvroRecord = record('AddressKey', 'An address within its scope', [
  required('scope', 'string', 'VPC id; else `account/region`; else `aws` for public service addresses'),
  required('ip', 'string', 'address in canonical text'),
])

/** Who holds an address. All null but `service` for an AWS service. */
export interface Owner {
  interfaceId: string | null
  instanceId: string | null
  interfaceType: string | null
  subnetId: string | null
  vpcId: string | null
  accountId: string | null
  region: string | null
  azId: string | null
  service: string | null
}
export const owner: AvroRecord = record('Owner', 'Who holds an address', [
  optional('interfaceId', 'string', 'network interface'),
  optional('instanceId', 'string', 'instance; null for requester-managed interfaces'),
  optional('interfaceType', 'string', 'kind of interface'),
  optional('subnetId', 'string', 'subnet'),
  optional('vpcId', 'string', 'VPC'),
  optional('accountId', 'string', 'account'),
  optional('region', 'string', 'region'),
  optional('azId', 'string', 'availability zone id'),
  optional('service', 'string', 'AWS service, for scope `aws`'),
])

/** Seconds, both ends included. */
export interface SecondsRange {
  first: number
  last: number
}
const secondsRange = record('SecondsRange', 'Seconds, both ends included', [
  required('first', 'long', 'Unix seconds'),
  required('last', 'long', 'Unix seconds'),
])
const ranges = { type: 'array', items: secondsRange } as const

/**
 * What a sighting says. own: the record shows the address as that of the interface itself, or of the service. packet: it stands only in the packet
 * behind the interface (secondary or pod address). passed: it stands in packets on both sides of the interface, which forwards them: the
 * interface does not hold the address.
 */
export type SightingKind = 'own' | 'packet' | 'passed'
/** Value of `ip-sightings`: one owner was seen with the address in these seconds. */
export interface IpSighting {
  kind: SightingKind
  owner: Owner
  ranges: SecondsRange[]
}
export const ipSighting: AvroRecord = record('IpSighting', 'One owner was seen with an address', [
  required(
    'kind',
    symbols('SightingKind', ['own', 'packet', 'passed']),
    'own: the address of the interface itself, or of the service; packet: an address in packets behind the interface; passed: the interface only forwards packets of the address and does not hold it',
  ),
  required('owner', owner, 'who'),
  required('ranges', ranges, 'when: disjoint, ascending, not adjacent'),
])

/**
 * A derived ownership run: one owner holds the address from `validFrom` to `lastSeen`, within one UTC day and without a gap of more than 600
 * seconds. `validTo` is the first second of the next run of that day; null: none.
 */
export interface OwnershipRun {
  owner: Owner
  validFrom: number
  validTo: number | null
  firstSeen: number
  lastSeen: number
  conflictS: number
}
const runFields = [
  required('validFrom', 'long', 'Unix seconds: first second of the run'),
  optional('validTo', 'long', 'Unix seconds: first second of the next run of that UTC day; null: none'),
  required('firstSeen', 'long', 'Unix seconds: first second seen in the run; equal to validFrom'),
  required('lastSeen', 'long', 'Unix seconds: last second of the run; the owner counts as held for 600 seconds more'),
  required('conflictS', 'long', 'seconds of the run in which another owner was seen with the address too'),
] as const

/** Key of `cloud-map-runs`. */
export interface RunKey extends AddressKey {
  first: number
}
export const runKey: AvroRecord = record('RunKey', 'One ownership run', [
  ...addressKey.fields,
  required('first', 'long', 'Unix seconds: first second of the run'),
])
/** Value of `cloud-map-runs`. */
export type CloudMapRun = OwnershipRun
export const cloudMapRun: AvroRecord = record('CloudMapRun', 'One ownership run; a tombstone when late data merges or moves it', [
  required('owner', owner, 'who'),
  ...runFields,
])

/** What changed about an address. */
export type ChangeKind = 'appeared' | 'changed' | 'corrected' | 'conflict' | 'conflict_ended'
/** Value of `cloud-map-changes`. */
export interface CloudMapChange {
  kind: ChangeKind
  at: number
  before: OwnershipRun | null
  after: OwnershipRun | null
}
export const cloudMapChange: AvroRecord = record('CloudMapChange', 'One announced change of the cloud map', [
  required(
    'kind',
    symbols('ChangeKind', ['appeared', 'changed', 'corrected', 'conflict', 'conflict_ended']),
    'appeared: first owner; changed: a new newest owner; corrected: late data rewrote history; conflict: two owners at once; conflict_ended: no longer',
  ),
  required('at', 'long', 'Unix seconds: first second of the new state'),
  {
    name: 'before',
    type: ['null', record('OwnershipRun', 'One ownership run', [required('owner', owner, 'who'), ...runFields])],
    doc: 'the run before',
    default: null,
  },
  { name: 'after', type: ['null', 'OwnershipRun'], doc: 'the run after', default: null },
])

/** Value of `dead-letters`: what could not be read, with its bytes. */
export interface DeadLetter {
  etag: string
  objectId: Buffer
  line: number
  stage: 'fetch' | 'enrich'
  reason: string
  detail: string
  header: string | null
  bytes: Buffer
  length: number
  sha256: Buffer | null
  attempt: number
}
export const deadLetter: AvroRecord = record('DeadLetter', 'A line that could not be read, with its bytes', [
  required('etag', 'string', 'entity tag of the object version'),
  required('objectId', objectId, 'object version'),
  required('line', 'int', 'line of the object, 1 is its first line'),
  required('stage', symbols('Stage', ['fetch', 'enrich']), 'which part refused it'),
  required('reason', 'string', 'reason from the closed list in docs/reference/errors.md'),
  required('detail', 'string', 'what was wrong, with the value'),
  optional('header', 'string', 'header line in force'),
  required('bytes', 'bytes', 'the original bytes, at most the first 4096'),
  required('length', 'long', 'length of the original in bytes'),
  optional('sha256', 'bytes', 'SHA-256 of the original where it is longer than `bytes`'),
  {
    name: 'attempt',
    type: 'int',
    doc: '0: refused when it was first read; n: refused again after it was sent back for the n-th time',
    default: 0,
  },
])

/** Key of `dead-letter-replays`: one line of one object version. */
export interface LineKey {
  bucket: string
  key: string
  objectId: Buffer
  line: number
}
export const lineKey: AvroRecord = record('LineKey', 'One line of one object version', [
  ...objectKey.fields,
  required('objectId', objectId, 'object version'),
  required('line', 'int', 'line of the object, 1 is its first line'),
])
/** Value of `dead-letter-replays`: how often a refused line was sent back to `raw-lines`. */
export interface DeadLetterReplay {
  attempt: number
  stage: 'fetch' | 'enrich'
  reason: string
}
export const deadLetterReplay: AvroRecord = record('DeadLetterReplay', 'A refused line was sent back to raw-lines', [
  required('attempt', 'int', 'how often it was sent back, this time included; dead letters of a lower attempt are resolved'),
  required('stage', symbols('Stage', ['fetch', 'enrich']), 'which part had refused it'),
  required('reason', 'string', 'reason of the dead letter that was sent back'),
])
