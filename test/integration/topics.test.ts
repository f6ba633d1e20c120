/** Schemas and topics that do not fit are refused at the start, by name; what exists is never changed. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openSession } from '../../operations/session.ts'
import { checkConfig, type RawConfig } from '../../config/config.ts'
import { Cluster } from '../../runtime/kafka/cluster.ts'
import { ConfigResourceTypes } from '../../runtime/kafka/kafka-constants.ts'
import { applyTopics } from '../../runtime/kafka/topic-admin.ts'
import { createLog } from '../../runtime/log.ts'
import type { AvroRecord } from '../../schemas/avro-types.ts'
import { topicName, topics, type Topic } from '../../schemas/topics.ts'
import { flowloom } from '../support/processes/command-line.ts'
import { settingsEnvironment } from '../../harness/fleet.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'

after(() => releaseStack())

const fresh = (): Promise<RawConfig> => freshSettings({ kafka: { partitions: 2, fewPartitions: 1 } })

const urlOf = (settings: RawConfig): string => String(settings['registry']!['url'])
const subjectOf = (settings: RawConfig, topic: Topic, part: 'key' | 'value'): string =>
  `${topicName(String(settings['kafka']!['topicPrefix']), topic)}-${part}`

/** Registers a schema as another version of flowloom, or somebody else, would have; without a level if that is null. */
async function register(
  settings: RawConfig,
  topic: Topic,
  part: 'key' | 'value',
  schema: unknown,
  compatibility: string | null = 'FULL_TRANSITIVE',
): Promise<void> {
  const url = urlOf(settings)
  const subject = subjectOf(settings, topic, part)
  for (const [method, path, body] of [
    ['POST', `subjects/${subject}/versions`, { schema: JSON.stringify(schema) }],
    ['PUT', `config/${subject}`, { compatibility }],
  ] as const) {
    if (method === 'PUT' && compatibility === null) continue
    const answer = await fetch(`${url}/${path}`, {
      method,
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify(body),
    })
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.text()}`)
  }
}

/** Starts a session as every command and role does, and closes it. */
async function start(settings: RawConfig): Promise<void> {
  const session = await openSession({ overrides: settings }, new AbortController().signal)
  await session.cluster.close()
}

const withFields = (schema: AvroRecord | null, change: (fields: AvroRecord['fields']) => unknown[]): unknown => ({
  ...schema,
  fields: change(schema?.fields ?? []),
})

test('a value schema that cannot be read both ways is refused, and the message names topic and field', { timeout: 60_000 }, async () => {
  const settings = await fresh()
  const other = withFields(topics.deadLetters.value, fields =>
    fields.map(field => (field.name === 'line' ? { ...field, type: 'string' } : field)),
  )
  await register(settings, topics.deadLetters, 'value', other)
  await assert.rejects(start(settings), { code: 'VALUE_SCHEMA_INCOMPATIBLE', message: /dead-letters\.v1/ })
  const { code, err } = await flowloom(['run', '--roles', 'enrich'], settingsEnvironment(settings))
  assert.equal(code, 1)
  assert.match(err, /^flowloom: the registry refuses the value schema of "t\w+\.dead-letters\.v1": /)
  assert.doesNotMatch(err, /^\s+at /m)
})

test('a value schema of an older version, without a field that has a default, is accepted', { timeout: 60_000 }, async () => {
  const settings = await fresh()
  const older = withFields(topics.deadLetters.value, fields => fields.filter(field => field.name !== 'sha256'))
  await register(settings, topics.deadLetters, 'value', older)
  await start(settings)
})

test('a subject whose compatibility somebody has lowered is refused, and the message says how to set it', { timeout: 60_000 }, async () => {
  const { value } = topics.deadLetters
  const lowered = await fresh()
  await register(lowered, topics.deadLetters, 'value', value, 'BACKWARD')
  const none = await fresh()
  await register(
    none,
    topics.deadLetters,
    'value',
    withFields(value, fields => fields.filter(field => field.name !== 'sha256')),
  )
  await register(none, topics.deadLetters, 'value', value, 'NONE')
  for (const settings of [lowered, none])
    await assert.rejects(start(settings), {
      code: 'VALUE_SCHEMA_INCOMPATIBLE',
      message: /dead-letters\.v1": .*PUT \/config\/\w+\.dead-letters\.v1-value /,
    })
})

test(
  'a start that was killed between a schema and its level is finished by the next ones, at once or in turn',
  { timeout: 60_000 },
  async () => {
    const settings = await fresh()
    const level = async (topic: Topic): Promise<string> => {
      const answer = await fetch(`${urlOf(settings)}/config/${subjectOf(settings, topic, 'value')}`)
      return ((await answer.json()) as { compatibilityLevel: string }).compatibilityLevel
    }
    const half = [topics.flowGaps, topics.deadLetters]
    for (const topic of half) {
      await register(settings, topic, 'value', topic.value, null)
      assert.equal(await level(topic), 'NONE')
    }
    await Promise.all([start(settings), start(settings), start(settings)])
    await start(settings)
    for (const topic of half) assert.equal(await level(topic), 'FULL_TRANSITIVE')
  },
)

test('a key schema that differs is refused even where it is compatible: its id is part of every key', { timeout: 60_000 }, async () => {
  const settings = await fresh()
  const key = withFields(topics.cloudMap.key, fields => [...fields, { name: 'more', type: ['null', 'string'], default: null }])
  await register(settings, topics.cloudMap, 'key', key)
  await assert.rejects(start(settings), { code: 'KEY_SCHEMA_CHANGED', message: /cloud-map\.v2.*a key never changes/ })
})

test('a second start finds the same ids and changes nothing', { timeout: 60_000 }, async () => {
  const settings = await fresh()
  const ids = async (): Promise<unknown> => {
    const session = await openSession({ overrides: settings }, new AbortController().signal)
    await session.cluster.close()
    return session.registry.schemaIds()
  }
  assert.deepEqual(await ids(), await ids())
})

test('topics of one group with different numbers of partitions are refused', { timeout: 60_000 }, async () => {
  const settings = await fresh()
  const { kafka } = checkConfig(settings)
  const cluster = new Cluster(kafka, createLog('silent'))
  try {
    const admin = await cluster.admin()
    await admin.createTopics({ waitForLeaders: false, topics: [{ topic: cluster.topicName(topics.cloudMap), numPartitions: 5 }] })
    await assert.rejects(start(settings), {
      code: 'TOPIC_PARTITIONS',
      message: /"t\w+\.cloud-map\.v2" and "t\w+\.ip-sightings\.v2" must have equally many partitions, and have 5 and 2:/,
    })
  } finally {
    await cluster.close()
  }
})

test('apply leaves existing topics as they are and tells every difference; what is missing it creates', { timeout: 60_000 }, async () => {
  const { kafka } = checkConfig(await fresh())
  const cluster = new Cluster(kafka, createLog('silent'))
  try {
    const admin = await cluster.admin()
    const name = cluster.topicName(topics.flows)
    const configEntries = [
      { name: 'retention.ms', value: '123456789' },
      { name: 'cleanup.policy', value: 'compact,delete' },
    ]
    await admin.createTopics({ waitForLeaders: false, topics: [{ topic: name, numPartitions: 3, configEntries }] })
    await cluster.countPartitions([name])
    for (const [round, created] of [
      ['first', Object.keys(topics).length - 1],
      ['second', 0],
    ] as const) {
      const reports = await applyTopics(cluster)
      assert.equal(reports.filter(report => report.state === 'created').length, created, round)
      assert.deepEqual(
        reports.filter(report => report.differences.length > 0),
        [
          {
            topic: name,
            partitions: 3,
            state: 'kept',
            differences: [
              'partitions=3 (here 2)',
              'cleanup.policy=compact,delete (here delete)',
              'retention.ms=123456789 (here 259200000)',
            ],
          },
        ],
        round,
      )
    }
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: ConfigResourceTypes.topic, name }] })
    const actual = new Map(resources[0]!.configEntries.map(entry => [entry.configName, entry.configValue]))
    assert.deepEqual([actual.get('retention.ms'), actual.get('cleanup.policy')], ['123456789', 'compact,delete'])
  } finally {
    await cluster.close()
  }
})

test('a topic that the broker does not make is one plain line that says which and what to check', { timeout: 60_000 }, async () => {
  const settings = await fresh()
  const { code, err } = await flowloom(['topics', 'apply'], { ...settingsEnvironment(settings), FLOWLOOM_KAFKA_REPLICATION_FACTOR: '9' })
  assert.equal(code, 1)
  assert.match(err, /^flowloom: the broker does not make topic ".*\.v\d+": .*; check kafka\.replicationFactor.*\n$/)
})
