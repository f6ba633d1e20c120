/** What `check-config --probe` says of Kafka and ClickHouse. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { probeText } from '../../../../cli/print/probe-text.ts'
import { probeKafka, type KafkaAccess } from '../../../../operations/probe/probe-services.ts'
import { ownGroup } from '../../../../runtime/kafka/cluster.ts'
import { probeStore } from '../../../../sinks/clickhouse/probe-clickhouse.ts'
import { topicName, topics } from '../../../../schemas/topics.ts'

const all = Object.values(topics).map(topic => topicName('p.', topic))

/** Errors by name, for the names that they are asked of. */
const answers = (faults: Record<string, string>) => (_kind: string, names: readonly string[]) =>
  Promise.resolve(new Map(names.map(name => [name, faults[name] === undefined ? undefined : new Error(faults[name])])))

const kafka = (faults: Record<string, string> = {}, listTopics = () => Promise.resolve(all)): KafkaAccess => ({
  listTopics,
  topicName: topic => topicName('p.', topic),
  groupOf: role => `d.${ownGroup(role)}`,
  transactionalIdOf: (role, partition) => `d.${ownGroup(role)}.${partition}`,
  tryCoordinators: answers(faults),
})
const steps = async (access: KafkaAccess): Promise<string[]> =>
  (await probeKafka('k', access, ['fetch', 'enrich'])).map(
    ({ step, result, detail }) => `${result} ${step}${detail === '' ? '' : `: ${detail}`}`,
  )

test('Kafka: topics, groups and transactional ids are asked about', async () => {
  assert.deepEqual(await steps(kafka()), ['ok Kafka', 'ok Kafka topics', 'ok Kafka groups', 'ok Kafka transactions'])
})

test('Kafka: what is refused is named', async () => {
  const faults = {
    'd.enrich': 'Not authorized to access group',
    'd.fetch.0': 'Transactional ID authorization failed',
    'd.enrich.0': 'the same',
  }
  assert.deepEqual((await steps(kafka(faults))).slice(2), [
    'missing Kafka groups: d.enrich: Not authorized to access group',
    'missing Kafka transactions: d.fetch.0, d.enrich.0: Transactional ID authorization failed',
  ])
})

test('Kafka: topics that are not shown are named, and are no fault before they are made', async () => {
  const [, shown] = await steps(kafka({}, () => Promise.resolve(all.slice(1))))
  assert.equal(
    shown,
    `unknown Kafka topics: 1 of ${all.length} are not made yet (topics apply), or Describe of them is missing: ${all[0]!}`,
  )
})

test('Kafka: one that does not answer is asked nothing more', async () => {
  assert.deepEqual(await steps(kafka({}, () => Promise.reject(new Error('away')))), ['missing Kafka: away'])
})

for (const [name, isGranted, expected] of [
  ['everything granted', () => true, 'ok'],
  ['a user that only reads', (privilege: string) => privilege === 'SELECT', 'missing'],
  ['a server without CHECK GRANT', () => undefined, 'unknown'],
] as const)
  test(`ClickHouse: ${name} is ${expected}`, async () => {
    const asked: string[] = []
    const store = {
      query: () => Promise.resolve([]),
      isGranted: (privilege: string, on: string) => {
        asked.push(on)
        return Promise.resolve(isGranted(privilege))
      },
    }
    const results = await probeStore('c', store, 'flow`s')
    assert.deepEqual(
      results.map(({ step, result }) => `${result} ${step}`),
      ['ok ClickHouse', `${expected} ClickHouse grants`],
    )
    assert.ok(asked.every(on => on === '`flow\\`s`.*'))
    if (expected === 'missing')
      assert.match(probeText(results), /: CREATE DATABASE, CREATE TABLE, DROP TABLE, CREATE VIEW, .*, ALTER TTL, INSERT ON /)
  })

test('ClickHouse: one that does not answer is asked nothing more', async () => {
  const store = { query: () => Promise.reject(new Error('away')), isGranted: () => assert.fail() }
  assert.deepEqual(
    (await probeStore('c', store, 'd')).map(({ result, detail }) => `${result} ${detail}`),
    ['missing away'],
  )
})
