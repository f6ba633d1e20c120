/** Keys and values of every topic but `flows` (flow-record.ts): Avro schemas and the TypeScript types of decoded records. */
import { added, again, arrayOf, optional, record, required, symbols, type RecordOf } from './avro-types.ts'

/** Schema of the id of an object version. */
export const objectId = { type: 'fixed', name: 'ObjectId', size: 8 } as const

/** Schema of `ObjectKey`. */
export const objectKey = record('ObjectKey', 'One S3 object', [
  required('bucket', 'string', 'bucket name'),
  required('key', 'string', 'object key, decoded'),
])
/** Key of everything that belongs to one S3 object. */
export type ObjectKey = RecordOf<typeof objectKey>

/** Schema of `ObjectArrival`. */
export const objectArrival = record('ObjectArrival', 'An object was seen', [
  optional('etag', 'string', 'entity tag without quotes'),
  optional('size', 'long', 'bytes as stored'),
  optional('lastModifiedMs', 'long', 'Unix milliseconds of the upload'),
  required('source', symbols('ArrivalSource', ['poll', 'notification', 'backfill', 'retry']), 'what saw it'),
])
/** Value of `object-arrivals`. */
export type ObjectArrival = RecordOf<typeof objectArrival>
/** How an object was seen. */
export type ArrivalSource = ObjectArrival['source']

const earlierVersion = record('EarlierVersion', 'Another version of the object, of which lines are in raw-lines', [
  required('objectId', again(objectId), 'its id'),
  required('done', 'boolean', 'read to its end; nothing else is known of it then'),
  optional('header', 'string', 'its header line'),
  required('nextLine', 'int', 'first line that is not in raw-lines'),
  required('lines', 'int', 'lines accounted for, header and blank lines included'),
  required('headerLines', 'int', 'header lines among them'),
  required('blankLines', 'int', 'blank lines among them'),
  required('deadLines', 'int', 'lines among them that the fetcher itself sent to dead letters'),
  required('textBytes', 'long', 'bytes of text read, after decompression'),
])
/** Another version of the object, of which lines are in raw-lines. Of one that is done nothing but its id is known. */
export type EarlierVersion = RecordOf<typeof earlierVersion>

/** Schema of `ObjectLedger`. */
export const objectLedger = record('ObjectLedger', 'Progress and counts of one object version', [
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
  added('earlier', arrayOf(earlierVersion), 'versions that were read before and overwritten: one that comes back adds nothing', []),
])
/** Value of `objects`, the ledger: progress and counts of one object version. */
export type ObjectLedger = RecordOf<typeof objectLedger>
/** State of an object in the ledger. */
export type ObjectState = ObjectLedger['state']

/** Where start and end of a record come from, in the order of the Avro enum and of the store. */
export const timeSources = ['none', 'logged', 'slot'] as const
/** One of `timeSources`. */
export type TimeSource = (typeof timeSources)[number]
/** What the field `timeSource` means. */
export const timeSourceDoc =
  'logged: both from the record; slot: at least one from the object name; none: at least one is unknown, see timeKept'

/** The only time that is as logged where `timeSource` is `none`, in the order of the Avro enum. */
export const timesKept = ['start', 'end'] as const
/** One of `timesKept`. */
export type TimeKept = (typeof timesKept)[number]
/** Says which time is as logged where `timeSource` is `none`. */
export const timeKept = optional(
  'timeKept',
  symbols('TimeKept', timesKept),
  'start, end: timeSource is none, that one is from the record, and the other is unknown and has the same value; null with timeSource none: both are unknown, 0',
)

/** Schema of `GapKey`. */
export const gapKey = record('GapKey', 'Observation point', [
  optional('accountId', 'string', 'account'),
  optional('region', 'string', 'region'),
  optional('interfaceId', 'string', 'interface, else resource, else transit gateway attachment'),
])
/** Key of `flow-gaps`. */
export type GapKey = RecordOf<typeof gapKey>

/** Schema of `FlowGap`. */
export const flowGap = record('FlowGap', 'A window without flows: NODATA is evidence, SKIPDATA is a loss', [
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
/** Value of `flow-gaps`: one NODATA or SKIPDATA record. */
export type FlowGap = RecordOf<typeof flowGap>

/** Schema of `AddressKey`. */
export const addressKey = record('AddressKey', 'An address within its scope', [
  required('scope', 'string', 'VPC id; else `account/region`; else `aws` for public service addresses'),
  required('ip', 'string', 'address in canonical text'),
])
/** Key of `ip-sightings`, `cloud-map` and `cloud-map-changes`: an address within its scope. */
export type AddressKey = RecordOf<typeof addressKey>

/** Schema of `Owner`. */
export const owner = record('Owner', 'Who holds an address', [
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
/** Who holds an address. All null but `service` for an AWS service. */
export type Owner = RecordOf<typeof owner>

const secondsRange = record('SecondsRange', 'Seconds, both ends included', [
  required('first', 'long', 'Unix seconds'),
  required('last', 'long', 'Unix seconds'),
])
/** Seconds, both ends included. */
export type SecondsRange = RecordOf<typeof secondsRange>

/** Schema of `IpSighting`. */
export const ipSighting = record('IpSighting', 'One owner was seen with an address', [
  required(
    'kind',
    symbols('SightingKind', ['own', 'packet', 'passed']),
    'own: the address of the interface itself, or of the service; packet: an address in packets behind the interface; passed: the interface only forwards packets of the address and does not hold it',
  ),
  required('owner', owner, 'who'),
  required('ranges', arrayOf(secondsRange), 'when: disjoint, ascending, not adjacent'),
])
/** Value of `ip-sightings`: one owner was seen with the address in these seconds. */
export type IpSighting = RecordOf<typeof ipSighting>
/**
 * What a sighting says. own: the record shows the address as that of the interface itself, or of the service. packet: it stands only in the packet
 * behind the interface (secondary or pod address). passed: it stands in packets on both sides of the interface, which forwards them: the
 * interface does not hold the address.
 */
export type SightingKind = IpSighting['kind']

const runFields = [
  required('validFrom', 'long', 'Unix seconds: first second of the run'),
  optional('validTo', 'long', 'Unix seconds: first second of the next run of that UTC day; null: none'),
  required('firstSeen', 'long', 'Unix seconds: first second seen in the run; equal to validFrom'),
  required('lastSeen', 'long', 'Unix seconds: last second of the run; the owner counts as held for 600 seconds more'),
  required('conflictS', 'long', 'seconds of the run in which another owner was seen with the address too'),
  optional(
    'doubtTo',
    'long',
    'Unix seconds: up to this second another owner was there at the same time or may have been seen later than this one, however short they overlap; 600 seconds after the run if the stays of both end with it; null: in none, or the run was written before this field was',
  ),
  added(
    'others',
    arrayOf('string'),
    'owners that were there in any second of the run too, however short: the interface and, after a space, its instance, else the service; the first 20 in their order; none if the run was written before this field was',
    [],
  ),
] as const
const ownershipRun = record('OwnershipRun', 'One ownership run', [required('owner', owner, 'who'), ...runFields])
/**
 * A derived ownership run: one owner holds the address from `validFrom` to `lastSeen`, within one UTC day and without a gap of more than 600
 * seconds. `validTo` is the first second of the next run of that day; null: none.
 */
export type OwnershipRun = RecordOf<typeof ownershipRun>

/** Schema of `RunKey`. */
export const runKey = record('RunKey', 'One ownership run', [
  ...addressKey.fields,
  required('first', 'long', 'Unix seconds: first second of the run'),
])
/** Key of `cloud-map-runs`. */
export type RunKey = RecordOf<typeof runKey>

/** Schema of `CloudMapRun`. */
export const cloudMapRun = record('CloudMapRun', 'One ownership run; a tombstone when late data merges or moves it', [
  required('owner', owner, 'who'),
  ...runFields,
])
/** Value of `cloud-map-runs`. */
export type CloudMapRun = OwnershipRun

/** Schema of `CloudMapChange`. */
export const cloudMapChange = record('CloudMapChange', 'One announced change of the cloud map', [
  required(
    'kind',
    symbols('ChangeKind', ['appeared', 'changed', 'corrected', 'conflict', 'conflict_ended']),
    'appeared: first owner; changed: a new newest owner; corrected: late data rewrote history; conflict: two owners at once; conflict_ended: no longer',
  ),
  required('at', 'long', 'Unix seconds: first second of the new state'),
  optional('before', ownershipRun, 'the run before'),
  optional('after', again(ownershipRun), 'the run after'),
])
/** Value of `cloud-map-changes`. */
export type CloudMapChange = RecordOf<typeof cloudMapChange>
/** What changed about an address. */
export type ChangeKind = CloudMapChange['kind']

/** Schema of `DeadLetter`. */
export const deadLetter = record('DeadLetter', 'A line that could not be read, with its bytes', [
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
  added('attempt', 'int', '0: refused when it was first read; n: refused again after it was sent back for the n-th time', 0),
])
/** Value of `dead-letters`: what could not be read, with its bytes. */
export type DeadLetter = RecordOf<typeof deadLetter>

/** Schema of `LineKey`. */
export const lineKey = record('LineKey', 'One line of one object version', [
  ...objectKey.fields,
  required('objectId', objectId, 'object version'),
  required('line', 'int', 'line of the object, 1 is its first line'),
])
/** Key of `dead-letter-replays`: one line of one object version. */
export type LineKey = RecordOf<typeof lineKey>

/** Schema of `DeadLetterReplay`. */
export const deadLetterReplay = record('DeadLetterReplay', 'A refused line was sent back to raw-lines', [
  required('attempt', 'int', 'how often it was sent back, this time included; dead letters of a lower attempt are resolved'),
  required('stage', symbols('Stage', ['fetch', 'enrich']), 'which part had refused it'),
  required('reason', 'string', 'reason of the dead letter that was sent back'),
])
/** Value of `dead-letter-replays`: how often a refused line was sent back to `raw-lines`. */
export type DeadLetterReplay = RecordOf<typeof deadLetterReplay>
