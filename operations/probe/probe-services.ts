/** Asks Kafka, the registry and ClickHouse for what the roles need of them, and changes nothing. */
import type { Config } from '../../config/config.ts'
import { FlowError, errorText } from '../../runtime/errors.ts'
import { Cluster } from '../../runtime/kafka/cluster.ts'
import { createLog } from '../../runtime/log.ts'
import { request } from '../../runtime/registry-request.ts'
import { topics } from '../../schemas/topics.ts'
import { connectClickHouse, identifier } from '../../sinks/clickhouse/clickhouse-client.ts'
import type { Grants, Store } from '../../sinks/clickhouse/store.ts'
import { topology } from '../../topology.ts'
import { brokerAdvice, speechOf, speechOfUrl, urlAdvice } from './port-speech.ts'
import { attempt, missing, ok, unknown, type ProbeResult } from './probe-result.ts'

/** What the probe needs of Kafka. */
export type KafkaAccess = Pick<Cluster, 'topicName' | 'groupOf' | 'transactionalIdOf' | 'tryCoordinators'> & {
  listTopics(): Promise<string[]>
}

/** What making the tables, changing them in upgrades, filling and reading them needs. */
const privileges = [
  'CREATE DATABASE',
  'CREATE TABLE',
  'CREATE VIEW',
  'DROP VIEW',
  'ALTER ADD COLUMN',
  'ALTER ADD INDEX',
  'ALTER MATERIALIZE INDEX',
  'ALTER ADD PROJECTION',
  'ALTER MATERIALIZE PROJECTION',
  'ALTER SETTINGS',
  'ALTER TTL',
  'INSERT',
  'SELECT',
] as const

/** Names of the roles that have a group and transactional ids. */
async function roleNames(config: Config): Promise<string[]> {
  const parts = topology.map(node => node.build({ config }))
  const names = parts.flatMap(({ roles = [] }) => roles.map(({ name }) => name))
  for (const { close } of parts) await close?.()
  return names
}

/** What is refused of some names, with the first reason. */
function refused(subject: string, step: string, errors: ReadonlyMap<string, unknown>): ProbeResult {
  const names = [...errors.keys()].filter(name => errors.get(name) !== undefined)
  if (names.length === 0) return ok(subject, step)
  return missing(subject, step, new Error(`${names.join(', ')}: ${errorText(errors.get(names[0]!))}`))
}

/** Tries Kafka: topics, groups and transactional ids, as far as they can be asked about without being used. */
export async function probeKafka(subject: string, kafka: KafkaAccess, roles: readonly string[]): Promise<ProbeResult[]> {
  let existing: Set<string>
  try {
    existing = new Set(await kafka.listTopics())
  } catch (error) {
    return [missing(subject, 'Kafka', error)]
  }
  const names = Object.values(topics).map(topic => kafka.topicName(topic))
  const absent = names.filter(name => !existing.has(name))
  const tried = async (step: string, call: () => Promise<ReadonlyMap<string, unknown>>): Promise<ProbeResult> => {
    try {
      return refused(subject, step, await call())
    } catch (error) {
      return missing(subject, step, error)
    }
  }
  const hidden = `${absent.length} of ${names.length} are not made yet (topics apply), or Describe of them is missing: ${absent.join(', ')}`
  return [
    ok(subject, 'Kafka'),
    absent.length === 0 ? ok(subject, 'Kafka topics') : unknown(subject, 'Kafka topics', hidden),
    await tried('Kafka groups', () =>
      kafka.tryCoordinators(
        'group',
        roles.map(role => kafka.groupOf(role)),
      ),
    ),
    await tried('Kafka transactions', () =>
      kafka.tryCoordinators(
        'transaction',
        roles.map(role => kafka.transactionalIdOf(role, 0)),
      ),
    ),
  ]
}

/** Tries ClickHouse: an answer, and what its user may do with the database. */
export async function probeClickHouse(subject: string, store: Pick<Store, 'query'> & Grants, database: string): Promise<ProbeResult[]> {
  const answers = await attempt(subject, 'ClickHouse', () => store.query('SELECT 1'))
  if (answers.result !== 'ok') return [answers]
  const step = 'ClickHouse grants'
  const on = `${identifier(database)}.*`
  try {
    const absent: string[] = []
    for (const privilege of privileges) {
      const granted = await store.isGranted(privilege, on)
      if (granted === undefined) return [answers, unknown(subject, step, 'the server has no CHECK GRANT')]
      if (!granted) absent.push(privilege)
    }
    return [answers, absent.length === 0 ? ok(subject, step) : missing(subject, step, new Error(`${absent.join(', ')} ON ${on}`))]
  } catch (error) {
    return [answers, missing(subject, step, error)]
  }
}

/** Where Apicurio speaks the API of Confluent. */
const apicurioPath = '/apis/ccompat/v7'

/** Tries the registry. One that does not know the path may be Apicurio, asked at its root. */
export async function probeRegistry(settings: Config['registry']): Promise<ProbeResult> {
  const url = settings.url.replace(/\/+$/, '')
  return attempt(settings.url, 'schema registry', async () => {
    const { ok: found, status } = await request(settings, '/subjects')
    if (found) return
    const others = [`${url}${apicurioPath}`, `${new URL(url).origin}${apicurioPath}`].filter(each => each !== url)
    for (const other of new Set(others)) {
      const answer = await request({ ...settings, url: other }, '/subjects').catch(() => undefined)
      if (answer?.ok === true)
        throw new FlowError('REGISTRY_UNAVAILABLE', { url, detail: `status ${status}; it is Apicurio: write registry.url: ${other}` })
    }
    throw new FlowError('REGISTRY_UNAVAILABLE', { url, detail: `status ${status}; check the path in registry.url` })
  })
}

/** Adds to a failed step what is to be changed, if the port itself tells. */
export async function advised(
  results: readonly ProbeResult[],
  step: string,
  advice: () => Promise<string | undefined>,
): Promise<ProbeResult[]> {
  const failed = results.some(each => each.step === step && each.result === 'missing')
  const text = failed ? await advice() : undefined
  return results.map(each => (each.step === step && text !== undefined ? { ...each, detail: `${text} (${each.detail})` } : each))
}

/** What the first broker that is not as set says. */
async function adviceOnBrokers(brokers: readonly string[], tls: boolean): Promise<string | undefined> {
  const advices = await Promise.all(
    brokers.map(async broker => {
      const at = broker.lastIndexOf(':')
      return brokerAdvice(await speechOf(broker.slice(0, at), Number(broker.slice(at + 1))), broker, tls)
    }),
  )
  return advices.find(advice => advice !== undefined)
}

/** What the port of a URL says, if it is not as set. */
export async function adviceOnUrl(setting: string, url: string): Promise<string | undefined> {
  return urlAdvice(await speechOfUrl(url), setting, url)
}

/**
 * Asks each service of a configuration.
 *
 * @returns One result for each thing that was asked, in the order of asking. What fails is a result too.
 */
export async function probeServices(config: Config): Promise<ProbeResult[]> {
  const cluster = new Cluster(config.kafka, createLog('silent'))
  const store = connectClickHouse({ ...config.clickhouse, database: 'default' })
  const kafka: KafkaAccess = {
    listTopics: async () => (await cluster.admin()).listTopics(),
    topicName: topic => cluster.topicName(topic),
    groupOf: role => cluster.groupOf(role),
    transactionalIdOf: (role, partition) => cluster.transactionalIdOf(role, partition),
    tryCoordinators: (kind, names) => cluster.tryCoordinators(kind, names),
  }
  const { brokers, tls } = config.kafka
  try {
    return [
      ...(await advised(await probeKafka(brokers.join(','), kafka, await roleNames(config)), 'Kafka', () => adviceOnBrokers(brokers, tls))),
      ...(await advised([await probeRegistry(config.registry)], 'schema registry', () => adviceOnUrl('registry.url', config.registry.url))),
      ...(await advised(await probeClickHouse(config.clickhouse.url, store, config.clickhouse.database), 'ClickHouse', () =>
        adviceOnUrl('clickhouse.url', config.clickhouse.url),
      )),
    ]
  } finally {
    await store.close()
    void cluster.close().catch(() => undefined)
  }
}
