/** Runs a source in this process: the members of its group share the shards, one per partition of a topic it writes to. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Producer } from 'kafkajs'
import { topics, type Topic } from '../../schemas/topics.ts'
import type { Codecs } from '../avro.ts'
import { errorText } from '../errors.ts'
import type { OutRecord } from '../records.ts'
import type { Source, SourceContext } from '../task.ts'
import { createKafka, explicitPartitioner } from './client.ts'
import type { Cluster } from './cluster.ts'
import { bytesSent, recordsSent, tasksEnded, tasksRunning, tasksStarted } from './events.ts'
import { Membership } from './membership.ts'
import { codecNumbers } from './record-format.ts'

/** See the head of this file. */
export class SourceRunner {
  readonly source: Source
  readonly #cluster: Cluster
  readonly #codecs: Codecs
  readonly #restartMs: number
  readonly #membership: Membership
  readonly #shards = new Map<number, AbortController>()
  readonly #running = new Set<Promise<void>>()
  readonly #producer: Producer
  #sending: Promise<void> = Promise.resolve()
  #joined = false
  /** Rejects with the error that a person must look at. */
  readonly failed: Promise<never>

  constructor(source: Source, options: { cluster: Cluster; codecs: Codecs; taskRestartMs: number }) {
    this.source = source
    this.#cluster = options.cluster
    this.#codecs = options.codecs
    this.#restartMs = options.taskRestartMs
    const topic = topics[source.shardBy]
    this.#membership = new Membership(this.#cluster, source.name, [this.#cluster.topicName(topic)], this.#cluster.partitionsOf(topic), {
      assigned: shards => this.#assigned(shards),
      fetched: () => false,
    })
    this.failed = this.#membership.failed
    this.#producer = createKafka(this.#cluster.settings, this.#cluster.groupOf(source.name), this.#cluster.log).producer({
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: explicitPartitioner,
    })
  }

  /** Joins the group. */
  async start(): Promise<void> {
    await this.#producer.connect()
    await this.#membership.start()
  }

  /** True while the process is a member. */
  get ready(): boolean {
    return this.#joined
  }

  #assigned(shards: readonly number[]): void {
    this.#joined = true
    for (const [shard, stop] of this.#shards)
      if (!shards.includes(shard)) {
        stop.abort()
        this.#shards.delete(shard)
      }
    for (const shard of shards) {
      if (this.#shards.has(shard)) continue
      const stop = new AbortController()
      this.#shards.set(shard, stop)
      const run = this.#run(shard, stop.signal).finally(() => this.#running.delete(run))
      this.#running.add(run)
    }
  }

  async #run(shard: number, signal: AbortSignal): Promise<void> {
    const role = this.source.name
    const context = this.#context(shard, signal)
    while (!signal.aborted) {
      tasksStarted.inc({ role })
      tasksRunning.inc({ role })
      try {
        await this.source.runShard(context)
        tasksEnded.inc({ role, reason: 'moved' })
      } catch (error) {
        if (signal.aborted) break
        tasksEnded.inc({ role, reason: 'failed' })
        context.log.warn({ error: errorText(error) }, 'shard failed; starting again')
        await sleep(this.#restartMs, undefined, { signal }).catch(() => undefined)
      } finally {
        tasksRunning.dec({ role })
      }
    }
  }

  #context(shard: number, signal: AbortSignal): SourceContext {
    const cluster = this.#cluster
    return {
      shard,
      shards: cluster.partitionsOf(topics[this.source.shardBy]),
      name: `${this.source.name}/${shard}`,
      log: cluster.log.child({ role: this.source.name, shard }),
      codecs: this.#codecs,
      signal,
      partitionsOf: topic => cluster.partitionsOf(topic),
      send: (topic, partition, records) => this.#send(topic, partition, records),
      nowMs: () => Date.now(),
    }
  }

  /** One send at a time: concurrent idempotent sends of kafkajs can lose or repeat records. */
  async #send(topic: Topic, partition: number, records: readonly OutRecord[]): Promise<void> {
    const send = this.#sending.then(async () => {
      for (let start = 0; start < records.length; start += 1000) {
        const messages = records.slice(start, start + 1000).map(record => ({ partition, key: record.key, value: record.value }))
        await this.#producer.send({ topic: this.#cluster.topicName(topic), acks: -1, compression: codecNumbers[this.#cluster.settings.compression], messages })
      }
    })
    this.#sending = send.catch(() => undefined)
    await send
    recordsSent.inc({ role: this.source.name, topic: topic.name }, records.length)
    bytesSent.inc(
      { role: this.source.name, topic: topic.name },
      records.reduce((sum, record) => sum + (record.key?.length ?? 0) + (record.value?.length ?? 0), 0),
    )
  }

  /** Ends the shards, then leaves the group. */
  async stop(): Promise<void> {
    for (const stop of this.#shards.values()) stop.abort()
    await Promise.all(this.#running)
    await this.#membership.stop()
    await this.#producer.disconnect()
  }
}
