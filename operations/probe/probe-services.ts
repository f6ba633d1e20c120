/** Asks Kafka and the registry for what the roles need of them, and changes nothing. */
import type { Config } from '../../config/config.ts'
import { FlowError, errorText, kafkaFailureOf } from '../../runtime/errors.ts'
import { Cluster, type GroupOwner } from '../../runtime/kafka/cluster.ts'
import { createLog } from '../../runtime/log.ts'
import { attempt, missing, ok, unknown, type ProbeResult } from '../../runtime/probe-result.ts'
import { request } from '../../runtime/registry-request.ts'
import { topics } from '../../schemas/topics.ts'
import type { Topology } from '../../topology.ts'
import { reachBroker } from '../reach-broker.ts'
import { brokerAdvice, speechOf } from './port-speech.ts'

/** What the probe needs of Kafka. */
export type KafkaAccess = Pick<Cluster, 'topicName' | 'groupOf' | 'transactionalIdOf' | 'tryCoordinators'> & {
  listTopics(): Promise<string[]>
}

/** What is refused of some names, with the first reason. */
function refused(subject: string, step: string, errors: ReadonlyMap<string, unknown>): ProbeResult {
  const names = [...errors.keys()].filter(name => errors.get(name) !== undefined)
  if (names.length === 0) return ok(subject, step)
  return missing(subject, step, new Error(`${names.join(', ')}: ${errorText(errors.get(names[0]!))}`))
}

/** Tries Kafka: topics, groups and transactional ids, as far as they can be asked about without being used. */
export async function probeKafka(subject: string, kafka: KafkaAccess, roles: readonly GroupOwner[]): Promise<ProbeResult[]> {
  let existing: Set<string>
  try {
    existing = new Set(await kafka.listTopics())
  } catch (error) {
    return [missing(subject, 'Kafka', kafkaFailureOf(error)?.error ?? error)]
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

/** Where Apicurio speaks the API of Confluent. */
const apicurioPath = '/apis/ccompat/v7'

/** Tries the registry. One that does not know the path may be Apicurio, asked at its root. */
export async function probeRegistry(settings: Config['registry']): Promise<ProbeResult> {
  const url = settings.url.replace(/\/+$/, '')
  const asked = async (): Promise<void> => {
    const { ok: found, status } = await request(settings, '/subjects')
    if (found) return
    const others = [`${url}${apicurioPath}`, `${new URL(url).origin}${apicurioPath}`].filter(each => each !== url)
    for (const other of new Set(others)) {
      const answer = await request({ ...settings, url: other }, '/subjects').catch(() => undefined)
      if (answer?.ok === true)
        throw new FlowError('REGISTRY_UNAVAILABLE', { url, detail: `status ${status}; it is Apicurio: write registry.url: ${other}` })
    }
    throw new FlowError('REGISTRY_UNAVAILABLE', { url, detail: `status ${status}; check the path in registry.url` })
  }
  return attempt(settings.url, 'schema registry', asked, { setting: 'registry.url', url: settings.url })
}

/** Says of brokers that do not answer what is to be changed, if their ports tell. */
async function withBrokerAdvice(results: readonly ProbeResult[], { brokers, tls }: Config['kafka']): Promise<ProbeResult[]> {
  const failed = results.some(each => each.step === 'Kafka' && each.result === 'missing')
  const text = failed ? await adviceOnBrokers(brokers, tls) : undefined
  return results.map(each => (each.step === 'Kafka' && text !== undefined ? { ...each, detail: `${text} (${each.detail})` } : each))
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

/**
 * Asks the broker and the registry of a configuration.
 *
 * @param parts Their roles say which topics, groups and transactional ids are tried.
 * @returns One result for each thing that was asked, in the order of asking. What fails is a result too.
 */
export async function probeServices(config: Config, parts: Topology): Promise<ProbeResult[]> {
  const cluster = new Cluster(config.kafka, createLog('silent'))
  const kafka: KafkaAccess = {
    listTopics: async () => {
      // the client would try for 20 s where nobody is
      await reachBroker(config.kafka.brokers)
      return (await cluster.admin()).listTopics()
    },
    topicName: topic => cluster.topicName(topic),
    groupOf: role => cluster.groupOf(role),
    transactionalIdOf: (role, partition) => cluster.transactionalIdOf(role, partition),
    tryCoordinators: (kind, names) => cluster.tryCoordinators(kind, names),
  }
  const roles = parts.flatMap(part => part.roles)
  try {
    const [ofKafka, ofRegistry] = await Promise.all([
      probeKafka(config.kafka.brokers.join(','), kafka, roles).then(results => withBrokerAdvice(results, config.kafka)),
      probeRegistry(config.registry),
    ])
    return [...ofKafka, ofRegistry]
  } finally {
    void cluster.close().catch(() => undefined)
  }
}
