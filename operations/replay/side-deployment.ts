/** The deployment of a replay: its own topics, groups, schemas and database, beside the live ones. */
import type { Config } from '../../config/config.ts'
import { createCodecs, type WriterSchemas } from '../../runtime/avro.ts'
import { FlowError } from '../../runtime/errors.ts'
import { SideCluster } from '../../runtime/kafka/side-cluster.ts'
import { applyTopics } from '../../runtime/kafka/topic-admin.ts'
import type { Log } from '../../runtime/log.ts'
import { newestSchemaId } from '../../runtime/registry-subjects.ts'
import { Registry } from '../../runtime/registry.ts'
import { topicName, topics, type Topic, type TopicId } from '../../schemas/topics.ts'
import type { Session } from '../session.ts'

/** The one live topic that a replay reads. */
export const replaySource = 'rawLines' satisfies TopicId

/** The same as a topic. */
export const sourceTopic: Topic = topics[replaySource]

/** A replay's deployment, by name and settings. */
export interface SideDeployment {
  readonly name: string
  /** Settings of the live deployment. */
  readonly live: Config
  /** Settings of the replay. */
  readonly config: Config
  readonly cluster: SideCluster
  readonly log: Log
}

/** Database of a replay where nobody names one. */
export const defaultDatabase = (live: Config, name: string): string => `${live.clickhouse.database}_replay_${name.replaceAll('-', '_')}`

/**
 * Names everything of a replay. Opens nothing.
 *
 * @param name Lower-case letters, digits and dashes.
 */
export function sideDeployment(live: Config, name: string, database: string, log: Log): SideDeployment {
  const { slot: _slot, ...kafka } = live.kafka
  const config: Config = {
    ...live,
    kafka: { ...kafka, topicPrefix: `${kafka.topicPrefix}replay-${name}.`, deployment: `${kafka.deployment}.replay-${name}` },
    clickhouse: { ...live.clickhouse, database },
  }
  return { name, live, config, log, cluster: new SideCluster(config.kafka, log, live.kafka.topicPrefix, [sourceTopic]) }
}

/** Names of the replays that have topics, of all topics of the broker. */
export function replayNames(live: Config, listed: readonly string[]): string[] {
  const prefix = `${live.kafka.topicPrefix}replay-`
  return [...new Set(listed.flatMap(topic => (topic.startsWith(prefix) ? [topic.slice(prefix.length).split('.')[0]!] : [])))].sort()
}

/** Topics that are the replay's own. */
export const ownTopics = (): Topic[] => Object.values(topics).filter(topic => topic !== sourceTopic)

/**
 * Makes its topics and schemas. The keys of the live topic that it reads keep the schema id they were written with.
 *
 * @param making Called before the first thing is made.
 * @throws FlowError TOPIC_MISSING where the live topic does not exist; registry and broker errors.
 */
export async function openSide(side: SideDeployment, making: () => void): Promise<Session> {
  const { config, cluster, log, live } = side
  const source = cluster.topicName(sourceTopic)
  const subject = `${topicName(live.kafka.topicPrefix, sourceTopic)}-key`
  const liveKey = await newestSchemaId(config.registry, subject)
  if (liveKey === undefined) throw new FlowError('TOPIC_MISSING', { topic: source })
  making()
  await applyTopics(cluster)
  await cluster.loadTopics()
  const registry = new Registry(config.registry, config.kafka.topicPrefix)
  const writers: WriterSchemas = new Map()
  const ids = { ...(await registry.schemaIds()), [replaySource]: { key: liveKey, value: -1 } }
  return { config, log, cluster, registry, codecs: createCodecs(ids, writers), writers }
}
