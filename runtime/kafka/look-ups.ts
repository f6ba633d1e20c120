/** What a task may look up: keys of compacted topics of its own, read outside of its consumer group. */
import { FlowError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Role } from '../task.ts'
import type { Topic } from '../../schemas/topics.ts'
import { createKafka } from './client.ts'
import type { Cluster } from './cluster.ts'
import { keysLookedUp, lookUpRecordsRead } from './metrics.ts'
import { KeyedReader } from './keyed-reader.ts'
import { PartitionReader, whenLed } from './partition-reader.ts'

/** The look-ups of one task; connections are opened at the first one of each topic. */
export class LookUps {
  readonly #cluster: Cluster
  readonly #role: Role
  readonly #partition: number
  readonly #log: Log
  readonly #open = new Map<Topic, { reader: PartitionReader; keys: KeyedReader }>()
  /** Topics with records in the open transaction. */
  readonly #written = new Set<Topic>()

  constructor(cluster: Cluster, role: Role, partition: number, log: Log) {
    this.#cluster = cluster
    this.#role = role
    this.#partition = partition
    this.#log = log
  }

  /** Notes that the open transaction has records of a topic. */
  sent(topic: Topic): void {
    this.#written.add(topic)
  }

  /** Notes that the transaction was committed. */
  committed(): void {
    this.#written.clear()
  }

  /**
   * See TaskContext.lookUp.
   *
   * @throws TypeError if the open transaction has records of the topic: their end would be waited for without end.
   */
  async lookUp(topic: Topic, keys: readonly Buffer[]): Promise<(Buffer | null)[]> {
    const values = await this.#ask(topic, reader => reader.lookUp(keys))
    keysLookedUp.inc({ role: this.#role.name }, keys.length)
    return values
  }

  /**
   * See TaskContext.greatestGroup.
   *
   * @throws TypeError as `lookUp`.
   */
  async greatestGroup(topic: Topic): Promise<number | undefined> {
    return await this.#ask(topic, reader => reader.greatestGroup())
  }

  async #ask<Answer>(topic: Topic, question: (reader: KeyedReader) => Promise<Answer>): Promise<Answer> {
    if (this.#written.has(topic)) throw new TypeError(`${topic.name} is looked up in while the open transaction has records of it`)
    const { keys: reader } = this.#open.get(topic) ?? (await this.#opened(topic))
    const before = reader.scanned
    const answer = await question(reader)
    lookUpRecordsRead.inc({ role: this.#role.name }, reader.scanned - before)
    return answer
  }

  async #opened(topic: Topic): Promise<{ reader: PartitionReader; keys: KeyedReader }> {
    const { settings } = this.#cluster
    const range = (await this.#cluster.ranges(topic)).get(this.#partition)
    if (range === undefined) throw new FlowError('TOPIC_MISSING', { topic: this.#cluster.topicName(topic) })
    const kafka = createKafka(settings, `${this.#cluster.groupOf(this.#role)}.${this.#partition}.look-ups`, this.#log)
    const reader = new PartitionReader(kafka, this.#cluster.topicName(topic), this.#partition, settings.encodedBatches)
    const source = {
      read: (offset: number, maxBytes: number) => reader.read(offset, maxBytes),
      committedEnd: () => whenLed(async () => (await this.#cluster.limits(topic, this.#partition)).end),
    }
    const open = { reader, keys: new KeyedReader(source, { start: range.start, groupOf: topic.groupOfKey }) }
    this.#open.set(topic, open)
    return open
  }

  /** Closes the connections. */
  async close(): Promise<void> {
    for (const { reader } of this.#open.values()) await reader.close().catch(() => undefined)
  }
}
