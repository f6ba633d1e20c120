/** docs/reference/topics.md. */
import type { Topic } from '../schemas/topics.ts'
import { rawLineHeaders, topicName, topics } from '../schemas/topics.ts'
import { fieldRows } from './avro-text.ts'
import { code, generatedMark, table } from './markdown.ts'

const headerDocs: Record<keyof typeof rawLineHeaders, string> = {
  header: 'the header line of the object: it decides the columns',
  etag: 'entity tag of the object version, without quotes',
  objectId: 'object version id, 16 hex digits',
  firstLine: 'line number of the first line of the block; 1 is the first line of the object',
  lines: 'lines in the block, blank ones included',
  lastModified: 'Unix milliseconds of the upload',
  accountId: 'account of records that name none, where the source of the object names one',
  region: 'region of records that name none, where the source of the object names one',
  scope: 'scope of addresses in records that name no VPC, where the source of the object names one',
  attempt: 'only on a line that `flowloom dead-letters replay` sent back: replay attempt, 1 for the first',
  refusedBy: 'only on such a line: `enrich` (it stands in an earlier block too) or `fetch` (it stands nowhere else)',
}

const groupDocs: Record<Topic['partitionedWith'], string> = {
  objects: 'kafka.partitions',
  lines: 'kafka.partitions',
  flows: 'kafka.partitions',
  addresses: 'kafka.partitions',
  few: 'kafka.fewPartitions',
}

/** Every topic with key, value, cleanup and partitions. */
export function topicsPage(): string {
  const list: Topic[] = Object.values(topics)
  const overview = list.map(topic => [
    code(topicName('flowloom.', topic)),
    topic.doc,
    topic.cleanup === 'compact'
      ? 'compact'
      : `delete after ${topic.retention === 'long' ? code('kafka.longRetentionMs') : code('kafka.retentionMs')}`,
    code(groupDocs[topic.partitionedWith]),
  ])
  return [
    generatedMark('schemas/topics.ts and the records it names'),
    '# Topics\n',
    'Names are for the default `kafka.topicPrefix`. Keys and values are Avro in the Confluent wire format (byte 0, schema id as 4 bytes, body), registered as `<topic>-key` and `<topic>-value`; the files are `schemas/*.avsc`. A key schema never changes. Read with `isolation.level=read_committed`. Compacted topics that are restored also hold barriers: tombstones whose first key field is `__barrier`; skip them.\n',
    table(['topic', 'what', 'cleanup', 'partitions of a new topic'], overview),
    `Topics of one kind share their number of partitions and, for equal first key fields, the partition: ${kinds(list)}.\n`,
    ...list.flatMap(section),
  ].join('\n')
}

function kinds(list: readonly Topic[]): string {
  const shared = Map.groupBy(list, topic => topic.partitionedWith)
  return [...shared]
    .filter(([group, members]) => members.length > 1 && group !== 'few')
    .map(([, members]) => members.map(topic => code(topic.name)).join(', '))
    .join('; ')
}

function section(topic: Topic): string[] {
  const value =
    topic.value === null
      ? ['Value: UTF-8 text, whole lines each ended by a newline. Kafka headers:\n', table(['header', 'meaning'], headers())]
      : [`Value \`${topic.value.name}\`: ${topic.value.doc}.\n`, table(['field', 'type', 'meaning'], fieldRows(topic.value.fields))]
  return [
    `## ${topic.name}\n`,
    `Key \`${topic.key.name}\`: ${topic.key.doc}.\n`,
    table(['field', 'type', 'meaning'], fieldRows(topic.key.fields)),
    ...value,
  ]
}

const headers = (): string[][] =>
  Object.entries(rawLineHeaders).map(([id, name]) => [code(name), headerDocs[id as keyof typeof rawLineHeaders]])
