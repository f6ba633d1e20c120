/**
 * Runs the task of one partition behind its fence: fence, restore the state, read the position, then work, one call after the other.
 * Dies at the first error; the role starts a new one, which resumes from what is committed.
 */
import { randomUUID } from 'node:crypto'
import { topics, type Topic, type TopicId } from '../../schemas/topics.ts'
import { whenAborted } from '../abort.ts'
import { schemaIdOf, type Codecs } from '../avro.ts'
import { errorText, FlowError } from '../errors.ts'
import type { Log } from '../log.ts'
import { partitionOf } from '../partition.ts'
import type { InBatch, InRecord, OutRecord, PackedRecords } from '../records.ts'
import type { SideTable } from '../side-table.ts'
import type { AtPoint, OutPart, Position, Role, Task, TaskContext } from '../task.ts'
import { createKafka } from './client.ts'
import type { Cluster } from './cluster.ts'
import {
  countSent,
  lagLabels,
  lagRecords,
  recordsReceived,
  recordsRestored,
  tasksEnded,
  tasksRunning,
  tasksStarted,
  transactionsCommitted,
  type TaskEnd,
} from './metrics.ts'
import type { Feed, Fetched } from './feed.ts'
import { FencedProducer, fencedError } from './fenced-producer.ts'
import { LookUps } from './look-ups.ts'
import { readRecords } from './record-format.ts'
import type { RoleTables } from './side-tables.ts'
import { TaskCourse } from './task-failures.ts'

/** Kafka header of the tombstone that marks the end of a restore. Readers of compacted topics see a tombstone of an unknown key. */
const barrierHeader = 'flowloom-barrier'

/** First key field of barriers. */
const barrierScope = '__barrier'

/** Keys of the state whose place is checked in a restore: where partitions were added, half of the keys or more belong elsewhere. */
const placesChecked = 64

/** Batches fetched ahead of the task; with `maxBytesPerPartition` this bounds the memory of a task. */
const inboxBatches = 2
const tickMs = 50

/** What the tasks of a role have in common. */
export interface PartitionOptions {
  readonly cluster: Cluster
  readonly codecs: Codecs
  /** The side tables that the role names. */
  readonly tables?: RoleTables | undefined
  readonly atPoint?: AtPoint
}

/** One run of a task, from its fence to its stop or first error; it is not started twice. */
export class PartitionRunner implements TaskContext {
  readonly partition: number
  readonly name: string
  readonly course = new TaskCourse()
  readonly log: Log
  readonly codecs: Codecs
  readonly signal: AbortSignal
  /** Settles when the task has ended: undefined after a planned end, else the error. */
  readonly ended: Promise<unknown>
  readonly #role: Role
  readonly #cluster: Cluster
  readonly #feed: Feed
  readonly #tables: RoleTables | undefined
  readonly #atPoint: AtPoint | undefined
  readonly #stop = new AbortController()
  readonly #producer: FencedProducer
  readonly #inbox: Fetched[] = []
  #phase: 'starting' | 'restoring' | 'running' | 'ended' = 'starting'
  #end: TaskEnd | undefined
  #task: Task | undefined
  #fetchNext = 0
  #position = 0
  #keyChecked = false
  #wake: (() => void) | undefined
  #barrier: { nonce: string; reached: () => void; failed: (error: Error) => void } | undefined
  #restoreNext = 0
  #places = 0
  readonly #lookUps: LookUps

  constructor(role: Role, partition: number, { cluster, codecs, tables, atPoint }: PartitionOptions, feed: Feed) {
    this.#role = role
    this.partition = partition
    this.name = `${role.name}/${partition}`
    this.log = cluster.log.child({ role: role.name, partition })
    this.codecs = codecs
    this.signal = this.#stop.signal
    this.#cluster = cluster
    this.#feed = feed
    this.#tables = tables
    this.#atPoint = atPoint
    const kafka = createKafka(cluster.settings, `${cluster.groupOf(role)}.${partition}`, this.log)
    this.#producer = new FencedProducer(kafka, cluster.settings, cluster.transactionalIdOf(role, partition))
    this.#lookUps = new LookUps(cluster, role, partition, this.log)
    this.ended = this.#run()
  }

  /** True while the task takes input. */
  get running(): boolean {
    return this.#phase === 'running'
  }

  /** Ends the task. `moved`: another member has the partition now; what is not committed is dropped. */
  end(reason: 'stopped' | 'moved'): void {
    this.#end ??= reason
    this.#stop.abort()
    this.#wake?.()
  }

  /** After a rejoin: kafkajs has forgotten where we were. */
  resumeAfterRejoin(): void {
    if (this.#phase === 'restoring') {
      this.#feed.seekState(this.#restoreNext)
      this.#feed.resumeState()
    } else if (this.#phase === 'running') {
      this.#feed.seekInput(this.#fetchNext)
      if (this.#inbox.length < inboxBatches) this.#feed.resumeInput()
    }
  }

  /**
   * Takes a fetched batch of the input. One that begins behind what is due (a fetch under way from before a seek) is not taken, so that nothing
   * between is left out.
   *
   * @returns False if it is not wanted; it must then not be resolved.
   */
  offer(batch: Fetched): boolean {
    if (this.#phase !== 'running' || this.signal.aborted) return false
    if (batch.fetchedOffset > this.#fetchNext) {
      this.#feed.seekInput(this.#fetchNext)
      return false
    }
    this.#inbox.push(batch)
    this.#fetchNext = batch.nextOffset
    if (this.#inbox.length >= inboxBatches) this.#feed.pauseInput()
    this.#wake?.()
    return true
  }

  /** There was nothing to take of the state up to this offset. */
  skipState(nextOffset: number): void {
    if (this.#phase === 'restoring') this.#restoreNext = Math.max(this.#restoreNext, nextOffset)
  }

  /** There was nothing to take up to this offset: markers and aborted records only. */
  skip(nextOffset: number, lag: number): void {
    if (this.#phase !== 'running' || this.signal.aborted) return
    this.#fetchNext = Math.max(this.#fetchNext, nextOffset)
    if (this.#inbox.length === 0 && !this.course.busy) this.#reportLag(lag)
  }

  /**
   * Takes a fetched batch of the state partition. What goes wrong is a fault of the task, not of the consumer that fetched it.
   *
   * @returns False if it is not wanted.
   */
  async restore(batch: Fetched): Promise<boolean> {
    if (this.#phase !== 'restoring' || this.#barrier === undefined) return false
    if (batch.fetchedOffset > this.#restoreNext) {
      this.#feed.seekState(this.#restoreNext)
      return false
    }
    try {
      const { records } = await batch.decode(0, false)
      this.#restoreRecords(records)
      recordsRestored.inc({ role: this.#role.name }, records.length)
    } catch (error) {
      this.#feed.pauseState()
      this.#barrier.failed(error instanceof Error ? error : new Error(String(error)))
    }
    this.#restoreNext = batch.nextOffset
    return true
  }

  #restoreRecords(records: readonly InRecord[]): void {
    for (const record of records) {
      const nonce = record.headers[barrierHeader]
      if (nonce === undefined) {
        this.#checkKey(this.#role.state!, record.key)
        this.#checkPlace(this.#role.state!, record.key)
        this.#task?.restore?.(record)
      }
      if (this.#barrier !== undefined && nonce?.toString() === this.#barrier.nonce) {
        this.#feed.pauseState()
        this.#barrier.reached()
        this.#barrier = undefined
        return
      }
    }
  }

  async #run(): Promise<unknown> {
    tasksStarted.inc({ role: this.#role.name })
    let failure: unknown
    try {
      await this.#start()
      tasksRunning.inc({ role: this.#role.name })
      try {
        await this.#work()
      } finally {
        tasksRunning.dec({ role: this.#role.name })
      }
    } catch (error) {
      if (this.signal.aborted)
        this.log[this.#end === 'stopped' ? 'warn' : 'debug'](
          { error: errorText(error) },
          'task failed while it ended; what is not committed comes again',
        )
      else failure = this.#judged(error)
    }
    this.#phase = 'ended'
    this.#stop.abort()
    this.#inbox.length = 0
    this.#feed.pauseInput()
    await this.#producer.close(failure === undefined).catch(() => undefined)
    await this.#lookUps.close()
    tasksEnded.inc({ role: this.#role.name, reason: this.#end ?? 'failed' })
    return failure
  }

  #judged(error: unknown): unknown {
    const judged = fencedError(error, this.name)
    this.#end = judged === undefined ? 'failed' : 'fenced'
    return judged ?? error
  }

  async #start(): Promise<void> {
    // before the fence: the process that has the partition works on meanwhile
    if ((await this.#tables?.complete(this.signal)) === false) return
    await this.#producer.fence()
    await this.#atPoint?.(`${this.#role.name}:fenced`)
    this.#task = this.#role.createTask(this)
    if (this.#role.state !== undefined) await this.#restoreState(topics[this.#role.state])
    const position = await this.#cluster.committedPosition(this.#role, this.#role.from, this.partition)
    if (this.signal.aborted) return
    await this.#task.start?.(position)
    this.#position = this.#fetchNext = position.offset
    this.course.begin(position.offset)
    this.#phase = 'running'
    this.#feed.seekInput(position.offset)
    this.#feed.resumeInput()
    this.log.debug({ offset: position.offset, metadata: position.metadata }, 'task started')
  }

  /** Writes a barrier behind the fence and reads the state partition up to it: no arithmetic with offsets, immune to markers and holes. */
  async #restoreState(topic: Topic): Promise<void> {
    const nonce = randomUUID()
    const fields = topic.key.fields.map(field => field.name)
    const key = this.codecs[this.#role.state!].encodeKey({ [fields[0]!]: barrierScope, [fields[1]!]: String(this.partition) } as never)
    const { low } = await this.#cluster.limits(topic, this.partition)
    const reached = new Promise<void>((resolve, reject) => {
      this.#barrier = { nonce, reached: resolve, failed: reject }
    })
    reached.catch(() => undefined)
    await this.send(topic, this.partition, [{ key, value: null, headers: { [barrierHeader]: nonce } }])
    await this.commit(null)
    this.#restoreNext = low
    this.#phase = 'restoring'
    this.#feed.seekState(low)
    this.#feed.resumeState()
    await Promise.race([reached, whenAborted(this.signal)])
  }

  async #work(): Promise<void> {
    const task = this.#task!
    while (!this.signal.aborted) {
      const fetched = this.#inbox.shift()
      if (fetched !== undefined) {
        if (this.#inbox.length < inboxBatches) this.#feed.resumeInput()
        const batch = await fetched.decode(this.#position, this.#role.slabs === true)
        recordsReceived.inc({ role: this.#role.name }, batch.records.length + batch.slabs.reduce((sum, slab) => sum + slab.count, 0))
        // what is taken in and not yet processed is behind
        this.#reportLag(batch.lag + Math.max(0, batch.nextOffset - this.#position))
        this.course.busy = true
        if (!this.#keyChecked) this.#checkFirstKey(batch)
        this.course.hasInput ||= batch.records.length + batch.slabs.length > 0
        if (batch.records.length + batch.slabs.length > 0) await task.process(batch)
        this.#position = batch.nextOffset
        this.course.busy = false
        this.#reportLag(batch.lag)
        if (this.#role.copies === true) batch.free?.()
      }
      await this.course.tick(task)
      if (this.#inbox.length === 0) await this.#pause()
    }
    if (this.#end === 'stopped' && this.#phase === 'running') await task.stop?.()
  }

  /** One look at the first record after a start: a topic whose keys have another schema id is partitioned and compacted by other bytes. */
  #checkFirstKey({ records, slabs }: InBatch): void {
    const [slab] = slabs
    const [first] = slab === undefined ? records : readRecords(slab.bytes, Math.min(1, slab.count), slab.baseOffset)
    if (first === undefined) return
    this.#keyChecked = true
    this.#checkKey(this.#role.from, first.key)
  }

  /** @throws FlowError KEY_SCHEMA_CHANGED: the registry is not the one that the topic was written with, or its schemas were lost. */
  #checkKey(id: TopicId, key: Buffer | null): void {
    const actual = key === null ? undefined : schemaIdOf(key)
    if (actual !== undefined && actual !== this.codecs[id].ids.key)
      throw new FlowError('KEY_SCHEMA_CHANGED', { topic: this.#cluster.topicName(topics[id]), actual })
  }

  /** @throws FlowError PARTITIONS_CHANGED: what comes in for this key now goes to another partition, which does not know its state. */
  #checkPlace(id: TopicId, key: Buffer | null): void {
    if (key === null || schemaIdOf(key) === undefined || this.#places >= placesChecked) return
    this.#places++
    const input = this.codecs[this.#role.from]
    const partitions = this.partitionsOf(topics[this.#role.from])
    if (partitionOf(input.encodeKey(this.codecs[id].decodeKey(key) as never), partitions) !== this.partition)
      throw new FlowError('PARTITIONS_CHANGED', { topic: this.#cluster.topicName(topics[id]), partitions })
  }

  #reportLag(lag: number): void {
    lagRecords.set(lagLabels(this.#role.name, this.partition), lag)
  }

  /** Until the next tick, or until there is something to do. */
  #pause(): Promise<void> {
    return new Promise(resolve => {
      const wake = (): void => {
        clearTimeout(timer)
        this.#wake = undefined
        resolve()
      }
      const timer = setTimeout(wake, tickMs)
      this.#wake = wake
    })
  }

  partitionsOf(topic: Topic): number {
    return this.#cluster.partitionsOf(topic)
  }

  pack(records: readonly OutRecord[]): Promise<PackedRecords[] | null> {
    return this.#producer.pack(records)
  }

  send(topic: Topic, partition: number, records: OutPart['records']): Promise<void> {
    return this.sendAll([{ topic, partition, records }])
  }

  async sendAll(parts: readonly OutPart[]): Promise<void> {
    for (const { topic } of parts) this.#lookUps.sent(topic)
    await this.#producer.sendAll(parts.map(part => ({ ...part, topic: this.#cluster.topicName(part.topic) })))
    await this.#atPoint?.(`${this.#role.name}:sent`)
    countSent(this.#role.name, parts)
  }

  async commit(position: Position | null): Promise<void> {
    const group =
      position === null
        ? undefined
        : {
            id: this.#cluster.groupOf(this.#role),
            topic: this.#cluster.topicName(topics[this.#role.from]),
            partition: this.partition,
            position,
          }
    await this.#atPoint?.(`${this.#role.name}:before-commit`)
    if (await this.#producer.commit(group)) transactionsCommitted.inc({ role: this.#role.name })
    this.#lookUps.committed()
    this.course.committed(position)
    await this.#atPoint?.(`${this.#role.name}:committed`)
  }

  lookUp(topic: Topic, keys: readonly Buffer[]): Promise<(Buffer | null)[]> {
    return this.#lookUps.lookUp(topic, keys)
  }

  greatestGroup(topic: Topic): Promise<number | undefined> {
    return this.#lookUps.greatestGroup(topic)
  }

  sideTable<T extends TopicId>(topic: T): SideTable<T> {
    if (this.#tables === undefined) throw new TypeError(`${this.#role.name} names no side tables`)
    return this.#tables.table(topic)
  }

  nowMs(): number {
    return Date.now()
  }
}
