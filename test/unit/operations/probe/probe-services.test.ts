/** What `check-config --probe` says of Kafka. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { probeKafka, type KafkaAccess } from '../../../../operations/probe/probe-services.ts'
import { ownGroup } from '../../../../runtime/kafka/cluster.ts'
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

test('Kafka: a controller is told as that, with the setting to change', async () => {
  const { KafkaJSServerDoesNotSupportApiKey } = createRequire(import.meta.url)('kafkajs') as Record<
    string,
    new (text: string, of: object) => Error
  >
  const error = new KafkaJSServerDoesNotSupportApiKey!('The Kafka server does not support the requested API version', { apiKey: 3, apiName: 'Metadata' }) // prettier-ignore
  assert.deepEqual(await steps(kafka({}, () => Promise.reject(error))), [
    'missing Kafka: what answers in kafka.brokers is a KRaft controller, not a broker: it does not know the request Metadata; write the port of the brokers, which is usually 9092',
  ])
})
