/** Creates the topics of the path. Existing topics are left as they are; what differs is reported. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ITopicConfig } from 'kafkajs'
import { ConfigResourceTypes } from './kafka-constants.ts'
import { topics, type Topic } from '../../schemas/topics.ts'
import { errorText, flowErrorOf, FlowError } from '../errors.ts'
import { whenLeading } from './new-leaders.ts'
import { ownerName, type Cluster, type GroupOwner } from './cluster.ts'

/** What `topics apply` found or did for one topic. */
export interface TopicReport {
  readonly topic: string
  readonly partitions: number
  readonly state: 'created' | 'kept'
  /** Settings of an existing topic that are not as this version would make them. */
  readonly differences: readonly string[]
}

function settingsOf(cluster: Cluster, topic: Topic): Record<string, string> {
  const { retentionMs, longRetentionMs } = cluster.settings
  if (topic.cleanup === 'compact') return { 'cleanup.policy': 'compact', 'min.compaction.lag.ms': '0', 'delete.retention.ms': '86400000' }
  return { 'cleanup.policy': 'delete', 'retention.ms': String(topic.retention === 'short' ? retentionMs : longRetentionMs) }
}

/** Why a topic could not be made, as kafkajs reports it. */
interface TopicFault extends Error {
  readonly type?: string
  readonly topic?: string
}

/** Creates topics and waits until they can be used; what another process makes at the same time is fine. */
async function createTopics(cluster: Cluster, wanted: ITopicConfig[]): Promise<void> {
  const admin = await cluster.admin()
  try {
    // kafkajs' own waiting gives up where the broker does not know the topic yet
    await admin.createTopics({ waitForLeaders: false, topics: wanted })
  } catch (error) {
    const errors = (error as { errors?: TopicFault[] }).errors ?? [error as TopicFault]
    const fault = errors.find(({ type }) => type !== 'TOPIC_ALREADY_EXISTS')
    if (fault === undefined) return
    if (fault.topic === undefined) throw error
    throw new FlowError('TOPIC_REFUSED', { topic: fault.topic, detail: errorText(fault) }, { cause: error })
  }
}

/**
 * Creates missing topics and compares the others.
 *
 * @param overrides Topic settings that win, by setting name (tests use short segments).
 * @throws FlowError TOPIC_REFUSED where the broker does not take a name, a number of copies or the right of the login.
 */
export async function applyTopics(cluster: Cluster, overrides: Record<string, string> = {}): Promise<TopicReport[]> {
  const admin = await cluster.admin()
  const existing = new Set(await admin.listTopics())
  const { partitions, fewPartitions, replicationFactor } = cluster.settings
  const wanted = Object.values(topics).map(topic => ({
    topic,
    name: cluster.topicName(topic),
    partitions: topic.partitionedWith === 'few' ? fewPartitions : partitions,
    settings: { ...settingsOf(cluster, topic), ...overrides },
  }))
  const missing = wanted.filter(({ name }) => !existing.has(name))
  if (missing.length > 0)
    await createTopics(
      cluster,
      missing.map(entry => ({
        topic: entry.name,
        numPartitions: entry.partitions,
        replicationFactor,
        configEntries: Object.entries(entry.settings).map(([name, value]) => ({ name, value })),
      })),
    )
  const created = new Set(missing.map(({ name }) => name))
  const counts = await cluster.countPartitions(wanted.map(({ name }) => name))
  const described = { includeSynonyms: false, resources: wanted.map(({ name }) => ({ type: ConfigResourceTypes.topic, name })) }
  const { resources } = await whenLeading(() => admin.describeConfigs(described))
  return wanted.map(({ name, partitions: planned, settings }) => {
    const actual = new Map(
      resources.find(resource => resource.resourceName === name)?.configEntries.map(entry => [entry.configName, entry.configValue]),
    )
    const differences = Object.entries(settings).flatMap(([setting, value]) =>
      actual.get(setting) === value ? [] : [`${setting}=${actual.get(setting) ?? '?'} (here ${value})`],
    )
    const count = counts.get(name) ?? 0
    if (count !== planned) differences.unshift(`partitions=${count} (here ${planned})`)
    return { topic: name, partitions: count, state: created.has(name) ? 'created' : 'kept', differences }
  })
}

const ownerText = (role: GroupOwner, part: string | undefined): string =>
  part === undefined
    ? `the role ${ownerName(role)}`
    : `the part ${part} (\`run\`, \`run --roles ${part}\`), which has the role ${ownerName(role)}`

/**
 * Forgets where a consumer group is, so that its role starts from the first record again. The group must have no members; those of killed
 * processes are waited for.
 *
 * @param role Role whose group is reset.
 * @param options.attempts How often it is tried, half a second apart.
 * @param options.part Name of the part whose role it is, as `run --roles` takes it.
 * @throws FlowError GROUP_NOT_EMPTY.
 */
export async function resetGroup(cluster: Cluster, role: GroupOwner, options: { attempts?: number; part?: string } = {}): Promise<void> {
  const { attempts = 40, part } = options
  const admin = await cluster.admin()
  for (let attempt = 0; ; attempt++) {
    try {
      await admin.deleteGroups([cluster.groupOf(role)])
      return
    } catch (error) {
      const types = ((error as { groups?: { error?: { type?: string } }[] }).groups ?? []).map(group => group.error?.type)
      if (types.includes('GROUP_ID_NOT_FOUND')) return
      if (attempt >= attempts && types.includes('NON_EMPTY_GROUP'))
        throw new FlowError('GROUP_NOT_EMPTY', { group: cluster.groupOf(role), owner: ownerText(role, part) }, { cause: error })
      if (attempt >= attempts || flowErrorOf(error)?.retriable === false) throw error
      await sleep(500)
    }
  }
}
