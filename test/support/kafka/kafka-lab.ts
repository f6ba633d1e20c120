/** A fresh deployment on the real broker with topics of its own: for tests of the Kafka layer below the roles. */
import { createRequire } from 'node:module'
import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Producer } from 'kafkajs'
import type { Config } from '../../../config/config.ts'
import { createKafka, explicitPartitioner } from '../../../runtime/kafka/client.ts'
import { Cluster } from '../../../runtime/kafka/cluster.ts'
import { FencedProducer } from '../../../runtime/kafka/fenced-producer.ts'
import { toFetched } from '../../../runtime/kafka/membership.ts'
import { readRecords } from '../../../runtime/kafka/record-format.ts'
import { createLog, type Log } from '../../../runtime/log.ts'
import type { InRecord } from '../../../runtime/records.ts'
import { topics, type Topic } from '../../../schemas/topics.ts'
import { freshConfig } from '../../../harness/live-stack.ts'

/** Loads modules of kafkajs, to look at its insides. */
export const require = createRequire(import.meta.url)

/** Waits until the condition holds. A look that takes long is taken less often, so that it leaves most of the machine to what it waits for. */
export async function until(condition: () => Promise<boolean> | boolean, timeoutMs: number, what = 'it'): Promise<void> {
  const endMs = Date.now() + timeoutMs
  for (;;) {
    const lookMs = performance.now()
    if (await condition()) return
    if (Date.now() > endMs) throw new Error(`${what} did not happen in ${timeoutMs} ms`)
    await sleep(Math.max(50, 2 * (performance.now() - lookMs)))
  }
}

/** Middle of some numbers. */
export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!

/** Lets calls of the broker fail: each of the named calls is done, or not, and then answers with the error. */
export function failing(t: TestContext, method: string, code: number, calls: readonly ('done' | 'not done')[]): { count: number } {
  const { prototype } = require('kafkajs/src/broker') as { prototype: Record<string, (...args: unknown[]) => Promise<unknown>> }
  const { createErrorFromCode } = require('kafkajs/src/protocol/error') as { createErrorFromCode: (code: number) => Error }
  const original = prototype[method]!
  const seen = { count: 0 }
  prototype[method] = async function (...args) {
    const fate = calls[seen.count++]
    const answer = fate === 'not done' ? undefined : await original.apply(this, args)
    if (fate !== undefined) throw createErrorFromCode(code)
    return answer
  }
  t.after(() => (prototype[method] = original))
  return seen
}

/** Topics, producers and readers of one fresh deployment, closed together. */
export class Lab {
  readonly config: Config
  readonly settings: Config['kafka']
  readonly log: Log
  readonly cluster: Cluster
  readonly #open = new Set<{ close(): Promise<void> }>()

  constructor(config: Config) {
    this.config = config
    this.settings = config.kafka
    this.log = createLog(config.log.level)
    this.cluster = new Cluster(config.kafka, this.log)
  }

  static async open(kafka: Record<string, unknown> = {}): Promise<Lab> {
    return new Lab(await freshConfig({ kafka }))
  }

  /** Makes a topic with one partition, unless told otherwise. */
  async topic(options: { partitions?: number; settings?: Record<string, string> } = {}): Promise<Topic> {
    const topic: Topic = { ...topics.deadLetters, name: randomBytes(6).toString('hex') }
    const admin = await this.cluster.admin()
    const configEntries = Object.entries(options.settings ?? {}).map(([name, value]) => ({ name, value }))
    await admin.createTopics({
      waitForLeaders: false,
      topics: [{ topic: this.nameOf(topic), numPartitions: options.partitions ?? 1, configEntries }],
    })
    await this.cluster.countPartitions([this.nameOf(topic)])
    return topic
  }

  nameOf(topic: Topic): string {
    return this.cluster.topicName(topic)
  }

  /** A producer as tasks have it. */
  fenced(transactionalId: string, settings: Partial<Config['kafka']> = {}): FencedProducer {
    const id = `${this.settings.deployment}.${transactionalId}`
    const producer = new FencedProducer(createKafka(this.settings, id, this.log), { ...this.settings, ...settings }, id)
    this.#open.add({ close: () => producer.close(false) })
    return producer
  }

  /** A producer of kafkajs itself, connected. */
  async plain(transactionalId?: string): Promise<Producer> {
    const kafka = createKafka(this.settings, 'plain', this.log)
    const id =
      transactionalId === undefined ? {} : { transactionalId: `${this.settings.deployment}.${transactionalId}`, maxInFlightRequests: 1 }
    const producer = kafka.producer({
      ...id,
      createPartitioner: explicitPartitioner,
      retry: { initialRetryTime: 10, retries: 50, maxRetryTime: 200 },
    })
    await producer.connect()
    this.#open.add({ close: () => producer.disconnect() })
    return producer
  }

  /**
   * Reads partition 0 from an offset to the end that committed readers see now.
   *
   * @param how Decode to records, or to slabs and then to records.
   * @param uncommitted See the records of open and aborted transactions too.
   */
  async read(
    topic: Topic,
    { from = 0, how = 'records', uncommitted = false }: { from?: number; how?: 'records' | 'slabs'; uncommitted?: boolean } = {},
  ): Promise<InRecord[]> {
    const name = this.nameOf(topic)
    const end = await this.#settledEnd(topic)
    const groupId = `${this.settings.deployment}.lab.${randomBytes(6).toString('hex')}`
    const consumer = createKafka(this.settings, 'lab', this.log).consumer({ groupId, maxWaitTimeInMs: 50, readUncommitted: uncommitted })
    const found: InRecord[] = []
    let next = from
    consumer.on(consumer.events.GROUP_JOIN, () => consumer.seek({ topic: name, partition: 0, offset: String(next) }))
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      if (payload.partition === 0) next = Number(payload.lastOffset) + 1
    })
    await consumer.connect()
    await consumer.subscribe({ topic: name, fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async payload => {
        if (payload.batch.partition !== 0) return
        const { records, slabs } = await toFetched(payload, this.settings.encodedBatches).decode(from, how === 'slabs')
        found.push(...records)
        for (const slab of slabs)
          for (const record of readRecords(slab.bytes, slab.count, slab.baseOffset)) if (record.offset >= slab.from) found.push(record)
      },
    })
    try {
      if (from < end) await until(() => next >= end, 20_000, `the end ${end} of ${name}`)
    } finally {
      await consumer.disconnect()
    }
    return found
  }

  /**
   * End of the committed records. A commit is answered before its markers stand in the partitions, so this waits for them; a transaction that
   * a test leaves open holds it up for a second.
   */
  async #settledEnd(topic: Topic): Promise<number> {
    const { prototype } = require('kafkajs/src/broker') as { prototype: { listOffsets(request: object): Promise<unknown> } }
    const original = prototype.listOffsets
    prototype.listOffsets = function (request) {
      return original.call(this, { ...request, isolationLevel: 0 })
    }
    const { end: written } = await this.cluster.limits(topic, 0).finally(() => {
      prototype.listOffsets = original
    })
    const endMs = Date.now() + 1000
    for (;;) {
      const { end } = await this.cluster.limits(topic, 0)
      if (end >= written || Date.now() > endMs) return end
      await sleep(20)
    }
  }

  async close(): Promise<void> {
    for (const part of this.#open) await part.close().catch(() => undefined)
    await this.cluster.close()
  }
}
