/** The side tables of a process: each topic is read once, whatever number of roles and tasks asks for it. */
import { topics, type Topic, type TopicId } from '../../schemas/topics.ts'
import { whenAborted } from '../abort.ts'
import type { Codecs } from '../avro.ts'
import { typedTable, type SideTable, type SideTableSpec, type TableBound } from '../side-table.ts'
import { createKafka } from './client.ts'
import type { Cluster } from './cluster.ts'
import { sideTableAge, sideTableBytes, sideTableEntries, sideTableFill } from './metrics.ts'
import { LeaderFetch } from './leader-fetch.ts'
import { TableFollower, type TableSource } from './table-follower.ts'

/** The tables that a role named, while it runs. */
export interface RoleTables {
  /** Waits until all of them are complete. @returns False if the signal ended first. Rejects with what ended one. */
  complete(signal: AbortSignal): Promise<boolean>
  /** @throws TypeError if the role did not name the topic. */
  table<T extends TopicId>(topic: T): SideTable<T>
  /** Gives them back; what nobody uses is read no longer. */
  release(): Promise<void>
}

/** What the tables of a process are read with. */
export interface SideTableOptions {
  readonly cluster: Cluster
  readonly codecs: Codecs
  /** Reads a topic; default: from the cluster. */
  readonly open?: (topic: Topic) => TableSource
}

interface Held {
  readonly follower: TableFollower
  /** Told of the error that ends the table. */
  readonly users: Set<(error: unknown) => void>
}

const gaugesMs = 1000
const partitionBytes = 1_048_576
const fetchBytes = 8_388_608
const waitMs = 200

/** Gives roles their tables. Opens nothing before the first role asks. */
export class SideTables {
  readonly #options: SideTableOptions
  readonly #held = new Map<TopicId, Held>()
  #gauges: NodeJS.Timeout | undefined

  constructor(options: SideTableOptions) {
    this.#options = options
  }

  /** Names of tables that are not complete yet, or that lag behind their topic for longer than `kafka.sideTableStaleMs`. */
  notReady(): string[] {
    const { sideTableStaleMs } = this.#options.cluster.settings
    return [...this.#held]
      .filter(([, { follower }]) => (follower.ageMs(Date.now()) ?? Infinity) > sideTableStaleMs)
      .map(([id]) => `side table ${topics[id].name}`)
  }

  /**
   * Begins to read what a role named, as far as nobody does yet.
   *
   * @param failed Told of an error that a person must look at.
   * @throws TypeError for a topic that is not compacted: the newest value of a key need not be in it.
   */
  acquire(specs: readonly SideTableSpec[], failed: (error: unknown) => void): RoleTables {
    const held = new Map(specs.map(spec => [spec.topic, this.#hold(spec)]))
    for (const { users } of held.values()) users.add(failed)
    const followers = [...held.values()].map(({ follower }) => follower)
    return {
      complete: async signal => {
        const complete = Promise.all(followers.map(follower => follower.complete)).then(() => true)
        return Promise.race([complete, whenAborted(signal).then(() => false)])
      },
      table: topic => {
        const follower = held.get(topic)?.follower
        if (follower === undefined) throw new TypeError(`the role does not name ${topic} in sideTables`)
        return typedTable(topic, this.#options.codecs, () => follower.table)
      },
      release: async () => {
        for (const [topic, { users }] of held) {
          users.delete(failed)
          if (users.size === 0) await this.#drop(topic)
        }
      },
    }
  }

  #hold({ topic: id, bound }: SideTableSpec): Held {
    const topic: Topic = topics[id]
    if (topic.cleanup !== 'compact') throw new TypeError(`${topic.name} is not compacted: it cannot be a side table`)
    const before = this.#held.get(id)
    if (before !== undefined) {
      before.follower.bound = greater(before.follower.bound, bound)
      return before
    }
    const { cluster, codecs, open = source(cluster) } = this.#options
    const follower = new TableFollower(bound, {
      topic,
      topicName: cluster.topicName(topic),
      keyId: codecs[id].ids.key,
      source: open(topic),
      log: cluster.log,
      nowMs: () => Date.now(),
    })
    const users: Held['users'] = new Set()
    follower.start(error => {
      for (const failed of users) failed(error)
    })
    this.#held.set(id, { follower, users })
    this.#gauges ??= setInterval(() => this.#setGauges(), gaugesMs).unref()
    return { follower, users }
  }

  async #drop(id: TopicId): Promise<void> {
    const held = this.#held.get(id)
    if (held === undefined || held.users.size > 0) return
    this.#held.delete(id)
    for (const gauge of [sideTableAge, sideTableBytes, sideTableEntries, sideTableFill]) gauge.remove({ table: topics[id].name })
    if (this.#held.size === 0) {
      clearInterval(this.#gauges)
      this.#gauges = undefined
    }
    await held.follower.stop()
  }

  #setGauges(): void {
    for (const [id, { follower }] of this.#held) {
      const ageMs = follower.ageMs(Date.now())
      if (ageMs === undefined) continue
      const labels = { table: topics[id].name }
      sideTableAge.set(labels, ageMs / 1000)
      const { known } = follower
      if (known === undefined) continue
      sideTableEntries.set(labels, known.size)
      sideTableBytes.set(labels, known.bytes)
      sideTableFill.set(labels, known.fill(follower.bound))
    }
  }
}

/** The greater of each; the setting of the one with more bytes. */
const greater = (a: TableBound, b: TableBound): TableBound => ({
  entries: Math.max(a.entries, b.entries),
  bytes: Math.max(a.bytes, b.bytes),
  setting: b.bytes > a.bytes ? b.setting : a.setting,
})

const source =
  (cluster: Cluster) =>
  (topic: Topic): TableSource => {
    const { settings, log } = cluster
    const kafka = createKafka(settings, `${settings.deployment}.side-table.${topic.name}`, log)
    const leaders = new LeaderFetch(kafka, cluster.topicName(topic), settings.encodedBatches)
    return {
      starts: async () => new Map([...(await cluster.ranges(topic))].map(([partition, { start }]) => [partition, start])),
      fetch: async offsets => {
        try {
          return await leaders.fetch(offsets, { partitionBytes, maxBytes: fetchBytes, waitMs })
        } catch (error) {
          await leaders.refresh().catch(() => undefined)
          throw error
        }
      },
      close: () => leaders.close(),
    }
  }
