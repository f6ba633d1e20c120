/** The cluster as the runtime sees it: one admin connection, topic sizes, committed positions, names of topics, groups and transactional ids. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin, Kafka } from 'kafkajs'
import type { KafkaSettings } from './settings.ts'
import { topicName, topics, type Topic, type TopicId } from '../../schemas/topics.ts'
import { errorText, flowErrorOf, FlowError, isNameless, kafkaFailureOf } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Position, RoleShape } from '../task.ts'
import { createKafka } from './client.ts'
import { tryCoordinators, type CoordinatorKind } from './coordinators.ts'
import { movingCoordinator } from './known-coordinators.ts'
import { onlyPartition } from './kafkajs.ts'
import { whenLeading } from './new-leaders.ts'

/** Error code UNSTABLE_OFFSET_COMMIT: an offset is part of a transaction that has not ended yet. */
const unstableOffset = 88

/** Offsets of a partition: from the first on, below the second. */
export interface OffsetRange {
  readonly start: number
  readonly end: number
}

/** Who has a consumer group: a role or source, or what stands for one by name. */
export type GroupOwner = string | Pick<RoleShape, 'name' | 'group'>

/** Name of the group behind the deployment. */
export const ownGroup = (owner: GroupOwner): string => (typeof owner === 'string' ? owner : (owner.group ?? owner.name))

/** The name that people know. */
export const ownerName = (owner: GroupOwner): string => (typeof owner === 'string' ? owner : owner.name)

/** Asks for committed offsets until none of them is part of an open transaction, and the coordinator of the group has loaded them. */
export async function whenStable<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      const { code, type } = error as { code?: unknown; type?: string }
      if ((code !== unstableOffset && !movingCoordinator.has(type ?? '')) || attempt >= 500) throw error
      await sleep(20)
    }
  }
}

/** A connection to the cluster for all parts of a process; opened when it is first needed. */
export class Cluster {
  readonly settings: KafkaSettings
  readonly #kafka: Kafka
  readonly #log: Log
  #admin: Promise<Admin> | undefined
  #partitions = new Map<string, number>()

  constructor(settings: KafkaSettings, log: Log) {
    this.settings = settings
    this.#log = log
    this.#kafka = createKafka(settings, `${settings.deployment}-admin`, log)
  }

  /** Full name of a topic. */
  topicName(topic: Topic): string {
    return topicName(this.settings.topicPrefix, topic)
  }

  /** Consumer group of a role. */
  groupOf(role: GroupOwner): string {
    return `${this.settings.deployment}.${ownGroup(role)}`
  }

  /** Transactional id of a task: deployment, role, group and partition decide who counts. */
  transactionalIdOf(role: GroupOwner, partition: number): string {
    return `${this.groupOf(role)}.${partition}`
  }

  /** The admin client, connected. */
  async admin(): Promise<Admin> {
    this.#admin ??= (async () => {
      const admin = this.#kafka.admin({ retry: { initialRetryTime: 50, retries: 5 } })
      await admin.connect()
      return admin
    })()
    const admin = this.#admin
    try {
      return await admin
    } catch (cause) {
      if (this.#admin === admin) this.#admin = undefined
      const ours = flowErrorOf(cause)
      if (ours !== undefined) throw ours
      const failure = kafkaFailureOf(cause)
      if (failure?.error.code === 'KAFKA_CONTROLLER') throw failure.error
      const refused = (cause as Error).name === 'KafkaJSSASLAuthenticationError'
      const trouble = isNameless(cause) ? 'DNS does not know the name of the broker that was tried last' : errorText(cause)
      throw new FlowError(
        refused ? 'KAFKA_LOGIN' : 'KAFKA_UNAVAILABLE',
        { brokers: this.settings.brokers.join(', '), detail: refused ? trouble : `${trouble}: check kafka.brokers` },
        { cause },
      )
    }
  }

  /**
   * Reads the number of partitions of every topic of the path.
   *
   * @throws FlowError TOPIC_MISSING, TOPIC_PARTITIONS where topics of one group differ.
   */
  async loadTopics(): Promise<void> {
    const admin = await this.admin()
    const existing = new Set(await admin.listTopics())
    const missing = Object.values(topics).find(topic => !existing.has(this.topicName(topic)))
    if (missing !== undefined) throw await this.#missingError(this.topicName(missing))
    this.#partitions = await this.countPartitions(Object.values(topics).map(topic => this.topicName(topic)))
    for (const topic of Object.values(topics)) {
      const leader = Object.values(topics).find(other => other.partitionedWith === topic.partitionedWith)!
      const [actual, expected] = [this.partitionsOf(topic), this.partitionsOf(leader)]
      if (topic.partitionedWith !== 'few' && actual !== expected)
        throw new FlowError('TOPIC_PARTITIONS', { topic: this.topicName(topic), actual, other: this.topicName(leader), expected })
    }
  }

  /** What the login may not describe is not listed either: asked by name, the broker says so. */
  async #missingError(topic: string): Promise<unknown> {
    const admin = await this.admin()
    const fault = await admin.fetchTopicMetadata({ topics: [topic] }).then(() => undefined, flowErrorOf)
    return fault ?? new FlowError('TOPIC_MISSING', { topic })
  }

  /** Asks for the partitions of topics that exist; just after they were made, not every broker knows them at once. */
  async countPartitions(names: string[]): Promise<Map<string, number>> {
    const admin = await this.admin()
    const { topics: described } = await whenLeading(() => admin.fetchTopicMetadata({ topics: names }))
    return new Map(described.map(topic => [topic.name, topic.partitions.length]))
  }

  /** Partitions of a topic; `loadTopics` must have run. */
  partitionsOf(topic: Topic): number {
    const count = this.#partitions.get(this.topicName(topic))
    if (count === undefined) throw new FlowError('TOPIC_MISSING', { topic: this.topicName(topic) })
    return count
  }

  /** First and end offsets of all partitions of a topic, now. */
  async ranges(topic: Topic): Promise<Map<number, OffsetRange>> {
    const admin = await this.admin()
    const offsets = await admin.fetchTopicOffsets(this.topicName(topic))
    return new Map(offsets.map(({ partition, low, offset }) => [partition, { start: Number(low), end: Number(offset) }]))
  }

  /** First and end offset of a partition. */
  async limits(topic: Topic, partition: number): Promise<{ low: number; end: number }> {
    const { start, end } = (await this.ranges(topic)).get(partition) ?? { start: 0, end: 0 }
    return { low: start, end }
  }

  /**
   * Position of a role in its input partition, final even if a transaction of a predecessor is being ended.
   *
   * @throws FlowError OFFSET_LOST where retention deleted what was never read.
   */
  async committedPosition(role: GroupOwner, topicId: TopicId, partition: number): Promise<Position> {
    const topic = topics[topicId]
    const admin = await this.admin()
    const request = { groupId: this.groupOf(role), topics: [this.topicName(topic)] }
    return whenStable(async () => {
      const [answer] = await onlyPartition.run(partition, () => admin.fetchOffsets(request))
      const entry = answer?.partitions.find(candidate => candidate.partition === partition)
      const { low } = await this.limits(topic, partition)
      const offset = Number(entry?.offset ?? -1)
      if (offset < 0) return { offset: low, metadata: '' }
      if (offset < low) throw new FlowError('OFFSET_LOST', { task: `${ownerName(role)}/${partition}`, offset, low })
      return { offset, metadata: entry?.metadata ?? '' }
    })
  }

  /** Asks whether groups or transactional ids may be described; it changes nothing. @returns By name: the error, or undefined. */
  tryCoordinators(kind: CoordinatorKind, names: readonly string[]): Promise<Map<string, unknown>> {
    return tryCoordinators(this.#kafka, kind, names)
  }

  /** Log of the runtime. */
  get log(): Log {
    return this.#log
  }

  /** Closes the admin connection. */
  async close(): Promise<void> {
    const admin = await this.#admin?.catch(() => undefined)
    this.#admin = undefined
    await admin?.disconnect()
  }
}
