/** Runs a source in this process: the members of its group share the shards, one per partition of a topic it writes to. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Producer } from 'kafkajs'
import { topics, type Topic } from '../../schemas/topics.ts'
import type { Codecs } from '../avro.ts'
import { errorText, flowErrorOf } from '../errors.ts'
import type { OutRecord } from '../records.ts'
import type { Source, SourceContext } from '../task.ts'
import { createKafka, explicitPartitioner } from './client.ts'
import type { Cluster } from './cluster.ts'
import { countSent, tasksEnded, tasksRunning, tasksStarted } from './metrics.ts'
import { batchParts, messagesOf } from './fenced-producer.ts'
import { Membership } from './membership.ts'
import { codecNumbers } from './record-format.ts'

/** One source in this process, with a task for each shard that its membership gives it. */
export class SourceRunner {
  readonly source: Source
  /** Of the source. */
  readonly name: string
  readonly #cluster: Cluster
  readonly #codecs: Codecs
  readonly #restartMs: number
  readonly #membership: Membership
  readonly #shards = new Map<number, AbortController>()
  readonly #running = new Set<Promise<void>>()
  #producer: Promise<Producer> | undefined
  #sending: Promise<void> = Promise.resolve()
  #stopped = false
  /** Rejects with the error that a person must look at. */
  readonly failed: Promise<never>
  #fail!: (error: unknown) => void

  constructor(source: Source, options: { cluster: Cluster; codecs: Codecs; taskRestartMs: number }) {
    this.source = source
    this.name = source.name
    this.#cluster = options.cluster
    this.#codecs = options.codecs
    this.#restartMs = options.taskRestartMs
    const topic = topics[source.shardBy]
    this.#membership = new Membership(this.#cluster, source, [this.#cluster.topicName(topic)], this.#cluster.partitionsOf(topic), {
      assigned: shards => this.#assigned(shards),
      fetched: () => false,
    })
    this.failed = new Promise<never>((_resolve, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => undefined)
    this.#membership.failed.catch((error: unknown) => this.#fail(error))
  }

  /** Joins the group. */
  async start(): Promise<void> {
    await this.#membership.start()
  }

  /** True while the process is a member. */
  get ready(): boolean {
    return this.#membership.joined
  }

  #assigned(assigned: readonly number[]): void {
    const shards = this.#stopped ? [] : assigned.filter(shard => !this.#membership.leaving || this.#shards.has(shard))
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
    const ended = (): boolean => signal.aborted
    const planned = (): 'stopped' | 'moved' => (this.#stopped ? 'stopped' : 'moved')
    while (!ended()) {
      tasksStarted.inc({ role })
      tasksRunning.inc({ role })
      try {
        await this.source.runShard(context)
        if (!ended()) throw new TypeError('the shard ended by itself')
        tasksEnded.inc({ role, reason: planned() })
      } catch (error) {
        if (ended()) {
          tasksEnded.inc({ role, reason: planned() })
          break
        }
        tasksEnded.inc({ role, reason: 'failed' })
        const fault = flowErrorOf(error)
        if (fault?.code === 'KAFKA_DENIED') {
          this.#fail(fault)
          return
        }
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
      for (const part of batchParts(records)) await this.#sendPart(this.#cluster.topicName(topic), partition, part)
    })
    this.#sending = send.catch(() => undefined)
    await send
    countSent(this.source.name, [{ topic, partition, records }])
  }

  /** After a failure the broker may hold records under sequence numbers that kafkajs would use again for others: only a new producer is safe. */
  async #sendPart(topic: string, partition: number, records: readonly OutRecord[]): Promise<void> {
    const { settings, log } = this.#cluster
    this.#producer ??= (async () => {
      const made = createKafka(settings, this.#cluster.groupOf(this.source), log).producer({
        idempotent: true,
        maxInFlightRequests: 1,
        createPartitioner: explicitPartitioner,
      })
      await made.connect()
      return made
    })()
    const producer = this.#producer
    try {
      const messages = messagesOf(partition, records)
      await (await producer).send({ topic, acks: -1, compression: codecNumbers[settings.compression], messages })
    } catch (error) {
      this.#producer = undefined
      await producer.then(broken => broken.disconnect()).catch(() => undefined)
      throw error
    }
  }

  /** Begins no shard any more; those that run go on until `stop`. */
  prepareStop(): void {
    this.#membership.prepareStop()
  }

  /** Ends the shards, then leaves the group. */
  async stop(): Promise<void> {
    this.prepareStop()
    this.#stopped = true
    for (const stop of this.#shards.values()) stop.abort()
    await Promise.all(this.#running)
    await this.#membership.stop()
    await this.#producer?.then(producer => producer.disconnect()).catch(() => undefined)
  }
}
