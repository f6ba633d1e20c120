/** Every topic: name, key, value, cleanup and who shares partitions with whom. The one place for topic names. */
import type { AvroRecord, RecordOf } from './avro-types.ts'
import { flowKey, flowValue } from './flow-record.ts'
import { cloudMapDay, cloudMapEntry, dayKey, dayOfKey } from './map-state.ts'
import {
  addressKey,
  cloudMapChange,
  cloudMapRun,
  deadLetter,
  deadLetterReplay,
  flowGap,
  gapKey,
  ipSighting,
  lineKey,
  objectArrival,
  objectKey,
  objectLedger,
  runKey,
} from './records.ts'

/** One topic of the path. */
export interface Topic {
  /** Short name; the full name is `<prefix><name>.v<version>`. */
  readonly name: string
  /** Major version: a change of key or of meaning makes a new topic. */
  readonly version: number
  readonly key: AvroRecord
  /** Schema of the value; null: plain UTF-8 text with Kafka headers. */
  readonly value: AvroRecord | null
  readonly cleanup: 'delete' | 'compact'
  /** How long records stay where `cleanup` is `delete`. */
  readonly retention: 'short' | 'long'
  /** Topics with the same name here have the same number of partitions, and a key (or its first fields) the same partition. */
  readonly partitionedWith: 'objects' | 'lines' | 'flows' | 'addresses' | 'few'
  readonly doc: string
  /** Only of topics in which keys are looked up: group of an encoded key. Groups are kept in the index of keys, or left out, as a whole. */
  readonly groupOfKey?: (key: Uint8Array) => number
}

const topic = <K extends AvroRecord, V extends AvroRecord | null>(
  name: string,
  partitionedWith: Topic['partitionedWith'],
  key: K,
  value: V,
  cleanup: Topic['cleanup'],
  retention: Topic['retention'],
  doc: string,
  version = 1,
) => ({
  name,
  version,
  key,
  value,
  cleanup,
  retention,
  partitionedWith,
  doc,
})

/** The topics of the path, in its order. */
export const topics = {
  objectArrivals: topic('object-arrivals', 'objects', objectKey, objectArrival, 'delete', 'short', 'an S3 object was seen'),
  objects: topic('objects', 'objects', objectKey, objectLedger, 'compact', 'long', 'the ledger: progress and counts of each object'),
  rawLines: topic(
    'raw-lines',
    'lines',
    objectKey,
    null,
    'delete',
    'short',
    'blocks of whole lines as they stand in the object, described by Kafka headers',
  ),
  flows: topic('flows', 'flows', flowKey, flowValue, 'delete', 'short', 'enriched flows, each complete in itself'),
  flowGaps: topic('flow-gaps', 'few', gapKey, flowGap, 'delete', 'long', 'NODATA and SKIPDATA records'),
  ipSightings: topic(
    'ip-sightings',
    'addresses',
    addressKey,
    ipSighting,
    'delete',
    'short',
    'who was seen with which address when, combined per transaction',
    2,
  ),
  cloudMap: topic(
    'cloud-map',
    'addresses',
    addressKey,
    cloudMapEntry,
    'compact',
    'long',
    'who holds an address now, and the state that says so',
    2,
  ),
  cloudMapDays: {
    ...topic(
      'cloud-map-days',
      'addresses',
      dayKey,
      cloudMapDay,
      'compact',
      'long',
      'what is known of an address in a UTC day that has left the state: late data is added to it',
    ),
    groupOfKey: dayOfKey,
  },
  cloudMapRuns: topic('cloud-map-runs', 'addresses', runKey, cloudMapRun, 'compact', 'long', 'the full history: one ownership run each', 2),
  cloudMapChanges: topic(
    'cloud-map-changes',
    'addresses',
    addressKey,
    cloudMapChange,
    'delete',
    'long',
    'announced changes, with before and after',
    2,
  ),
  deadLetters: topic(
    'dead-letters',
    'few',
    objectKey,
    deadLetter,
    'delete',
    'long',
    'lines that could not be read, with their bytes and the reason',
  ),
  deadLetterReplays: topic(
    'dead-letter-replays',
    'few',
    lineKey,
    deadLetterReplay,
    'compact',
    'long',
    'refused lines that were sent back to raw-lines, and how often',
  ),
} as const satisfies Record<string, Topic>

/** Key of a topic in `topics`. */
export type TopicId = keyof typeof topics

type ValueIn<V> = V extends AvroRecord ? RecordOf<V> : never
/** Key and value types of each topic; `never` where the value is not Avro. */
export type RecordTypes = { [T in TopicId]: [key: RecordOf<(typeof topics)[T]['key']>, value: ValueIn<(typeof topics)[T]['value']>] }

/**
 * Full name of a topic in Kafka.
 *
 * @param prefix Configured prefix, such as `flowloom.`.
 */
export const topicName = (prefix: string, topic: Topic): string => `${prefix}${topic.name}.v${topic.version}`

/** Kafka header names of `raw-lines` records; all values are UTF-8 text. */
export const rawLineHeaders = {
  /** The header line of the object: it decides the columns. */
  header: 'header',
  /** Entity tag of the object version, without quotes. */
  etag: 'etag',
  /** Object version id, 16 hex digits. */
  objectId: 'object-id',
  /** Line number of the first line of the block; 1 is the first line of the object. */
  firstLine: 'first-line',
  /** Lines in the block, blank ones included. */
  lines: 'lines',
  /** Unix milliseconds of the upload. */
  lastModified: 'last-modified',
  /** Only where the source of the object names them: account, region and scope of its records that name none themselves. */
  accountId: 'account-id',
  region: 'region',
  scope: 'scope',
  /** Only on a line that `flowloom dead-letters replay` sent back: replay attempt, 1 for the first. */
  attempt: 'attempt',
  /** Only on such a line: `enrich`, then the line stands in an earlier block too; `fetch`, then it stands nowhere else. */
  refusedBy: 'refused-by',
} as const
