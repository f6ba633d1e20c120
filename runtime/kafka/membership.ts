/**
 * Membership of a consumer group: who has which partitions now, and fetched batches by partition. Everything is paused at each rejoin, before
 * the first fetch; the owner of a partition seeks and resumes it when it is ready.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Consumer, EachBatchPayload } from 'kafkajs'
import { causesOf, errorText, flowErrorOf, FlowError } from '../errors.ts'
import { freeMemory } from '../memory.ts'
import type { InBatch, InRecord, InSlab } from '../records.ts'
import { stickyAssigner } from './assigner.ts'
import { createKafka } from './client.ts'
import { ownGroup, type Cluster, type GroupOwner } from './cluster.ts'
import type { Fetched } from './feed.ts'
import { staticMembers, type RawBatch } from './kafkajs.ts'
import { decompressRecords, frameRecords, readRecords } from './record-format.ts'

/** What a member is told. All calls are synchronous. */
export interface MembershipListener {
  /** A rejoin: these partitions are ours now; all are paused. */
  assigned(partitions: readonly number[]): void
  /** A fetched batch. Return false to leave it unread. */
  fetched(topic: string, partition: number, batch: Fetched): Promise<boolean> | boolean
  /** There was nothing to hand over up to this offset: markers and aborted records only. */
  skipped?(topic: string, partition: number, nextOffset: number, lag: number): void
}

const rejoinMs = 500

/** One member of a consumer group, with the partitions that it owns and fetches. */
export class Membership {
  readonly #cluster: Cluster
  readonly #group: string
  readonly #topicNames: readonly string[]
  readonly #partitions: number
  readonly #listener: MembershipListener
  #consumer: Consumer | undefined
  #assigned: readonly number[] = []
  #joined = false
  /** True once it is about to leave: it takes no partitions any more. */
  leaving = false
  #joining: Promise<void> = Promise.resolve()
  readonly #stop = new AbortController()
  /** Rejects when the member cannot go on: another process has its static identity, or records that it must read are gone. */
  readonly failed: Promise<never>
  #fail!: (error: unknown) => void

  constructor(cluster: Cluster, role: GroupOwner, topicNames: readonly string[], partitions: number, listener: MembershipListener) {
    this.#cluster = cluster
    this.#group = cluster.groupOf(role)
    this.#topicNames = topicNames
    this.#partitions = partitions
    this.#listener = listener
    this.failed = new Promise<never>((_resolve, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => undefined)
    const { slot } = cluster.settings
    if (slot !== undefined) staticMembers.set(this.#group, `${ownGroup(role)}-${slot}`)
  }

  /** True while the process is a member: not before its first join, nor while a broken consumer is replaced. */
  get joined(): boolean {
    return this.#joined
  }

  /** Partitions of this member. */
  get assigned(): readonly number[] {
    return this.#assigned
  }

  /** Joins the group and stays in it until `stop`; a broken consumer is replaced. */
  async start(): Promise<void> {
    this.#joining = this.#join()
    await this.#joining
  }

  async #join(): Promise<void> {
    const { settings, log } = this.#cluster
    const consumer = createKafka(settings, this.#group, log).consumer({
      groupId: this.#group,
      sessionTimeout: settings.sessionTimeoutMs,
      heartbeatInterval: settings.heartbeatIntervalMs,
      rebalanceTimeout: settings.rebalanceTimeoutMs,
      maxWaitTimeInMs: 200,
      minBytes: 1,
      maxBytesPerPartition: settings.maxBytesPerPartition,
      maxBytes: settings.maxBytesPerPartition * Math.max(4, this.#partitions),
      readUncommitted: false,
      allowAutoTopicCreation: false,
      partitionAssigners: [
        stickyAssigner(
          this.#partitions,
          () => this.#assigned,
          () => this.leaving,
        ),
      ],
      retry: { initialRetryTime: 100, maxRetryTime: 2000, retries: 10, restartOnFailure: async () => false },
    })
    this.#consumer = consumer
    consumer.on(consumer.events.GROUP_JOIN, event => {
      if (this.#consumer !== consumer) return
      const partitions = [...(event.payload.memberAssignment[this.#topicNames[0]!] ?? [])].sort((a, b) => a - b)
      this.#assigned = partitions
      for (const topic of this.#topicNames) consumer.pause([{ topic, partitions }])
      log.info({ group: this.#group, partitions }, 'partitions taken')
      this.#joined = true
      this.#listener.assigned(partitions)
    })
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize > 0 || this.#consumer !== consumer) return
      const nextOffset = Number(payload.lastOffset) + 1
      this.#listener.skipped?.(payload.topic, payload.partition, nextOffset, Math.max(0, Number(payload.highWatermark) - nextOffset))
    })
    consumer.on(consumer.events.CRASH, event => {
      if (this.#consumer === consumer) this.#crashed(event.payload.error)
    })
    try {
      await consumer.connect()
      if (this.#stop.signal.aborted) return
      for (const topic of this.#topicNames) await consumer.subscribe({ topic, fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: Math.max(1, this.#partitions * this.#topicNames.length),
        eachBatch: payload => this.#eachBatch(payload),
      })
    } catch (error) {
      if (this.#consumer === consumer) this.#crashed(error)
    }
  }

  #crashed(error: unknown): void {
    if (this.#stop.signal.aborted) return
    const broken = this.#consumer
    this.#consumer = undefined
    this.#assigned = []
    this.#joined = false
    this.#listener.assigned([])
    const final = this.#finalError(error)
    if (final !== undefined) this.#fail(final)
    else this.#cluster.log.warn({ group: this.#group, error: errorText(error) }, 'consumer broke; joining again')
    this.#joining = (async () => {
      await broken?.disconnect().catch(() => undefined)
      if (final !== undefined) return
      await sleep(rejoinMs, undefined, { signal: this.#stop.signal }).catch(() => undefined)
      if (!this.#stop.signal.aborted) await this.#join()
    })()
  }

  /** The error that joining again does not fix, dug out of what kafkajs wraps around it. */
  #finalError(error: unknown): FlowError | undefined {
    const fault = flowErrorOf(error)
    if (fault?.retriable === false) return fault
    for (const cause of causesOf(error))
      if ((cause as { type?: unknown }).type === 'FENCED_INSTANCE_ID')
        return new FlowError('MEMBER_REPLACED', { slot: this.#cluster.settings.slot, group: this.#group }, { cause: error })
    return undefined
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload
    if (payload.isStale() || !payload.isRunning()) return
    const lastMessage = batch.messages.at(-1)!
    const wanted = await this.#listener.fetched(batch.topic, batch.partition, toFetched(payload, this.#cluster.settings.encodedBatches))
    if (wanted) payload.resolveOffset(lastMessage.offset)
    else await sleep(5)
    await payload.heartbeat()
  }

  /** Moves the next fetch of a partition. */
  seek(topic: string, partition: number, offset: number): void {
    this.#quietly(consumer => consumer.seek({ topic, partition, offset: String(offset) }))
  }

  /** Stops fetching a partition. */
  pause(topic: string, partition: number): void {
    this.#quietly(consumer => consumer.pause([{ topic, partitions: [partition] }]))
  }

  /** Fetches a partition again. */
  resume(topic: string, partition: number): void {
    this.#quietly(consumer => consumer.resume([{ topic, partitions: [partition] }]))
  }

  /** A consumer that is just being replaced knows no partitions; its successor pauses and seeks them anew. */
  #quietly(call: (consumer: Consumer) => void): void {
    try {
      if (this.#consumer !== undefined) call(this.#consumer)
    } catch (error) {
      this.#cluster.log.debug({ group: this.#group, error: errorText(error) }, 'no consumer to steer')
    }
  }

  /** Takes no partitions any more, beside those that it has; it leaves with `stop`. */
  prepareStop(): void {
    this.leaving = true
  }

  /** Leaves the group. A consumer that is still joining is waited for: kafkajs would finish joining behind our back. */
  async stop(): Promise<void> {
    this.prepareStop()
    this.#stop.abort()
    for (let joining: Promise<void> | undefined; joining !== this.#joining;) {
      joining = this.#joining
      await joining
    }
    await this.#consumer?.disconnect().catch(() => undefined)
  }
}

/** A batch of kafkajs as something to decode later: lazily, from the position of the task on. */
export function toFetched(payload: EachBatchPayload, encoded: boolean): Fetched {
  const { batch } = payload
  const nextOffset = Number(batch.lastOffset()) + 1
  const lag = Math.max(0, Number(batch.highWatermark) - nextOffset)
  if (encoded) for (const message of batch.messages) unpin(message.value as unknown as { bytes: Buffer })
  return {
    fetchedOffset: Number((batch as unknown as { fetchedOffset: string }).fetchedOffset),
    nextOffset,
    decode: async (from, slabs) => {
      const own: Buffer[] = []
      const free = (): void => own.forEach(freeMemory)
      const result = { records: [] as InRecord[], slabs: [] as InSlab[], nextOffset, lag, free } satisfies InBatch
      if (encoded) {
        for (const message of batch.messages) {
          const raw = message.value as unknown as RawBatch
          if (Number(message.offset) < from) continue
          const bytes = await decompressRecords(raw.codec, raw.bytes)
          // what is not compressed lies in the answer of the broker, beside other batches
          if (bytes.buffer !== raw.bytes.buffer) own.push(bytes)
          if (slabs)
            result.slabs.push({ bytes, count: raw.count, baseOffset: raw.baseOffset, from, nextOffset: Number(message.offset) + 1 })
          else
            for (const record of readRecords(bytes, raw.count, raw.baseOffset, raw.timestampMs, raw.appendTime))
              if (record.offset >= from) result.records.push(record)
        }
        return result
      }
      const records = batch.messages.filter(message => Number(message.offset) >= from)
      if (slabs) result.slabs.push(...sparseSlabs(records, from))
      else for (const message of records) result.records.push(toRecord(message))
      return result
    },
  }
}

/** A batch that waits for its task must not keep the answer for all partitions in memory: it takes its own bytes with it. */
function unpin(raw: { bytes: Buffer }): void {
  if (raw.bytes.length * 2 < raw.bytes.buffer.byteLength) raw.bytes = Buffer.from(raw.bytes)
}

type Message = EachBatchPayload['batch']['messages'][number]

const toRecord = (message: Message): InRecord => ({
  offset: Number(message.offset),
  timestampMs: Number(message.timestamp),
  key: message.key,
  value: message.value,
  headers: Object.fromEntries(
    Object.entries(message.headers ?? {}).map(([name, value]) => [name, Buffer.from((Array.isArray(value) ? value[0] : value) ?? '')]),
  ),
})

/** Frames decoded messages again, a slab for consecutive offsets (ordinary mode only). */
function* sparseSlabs(messages: readonly Message[], from: number): Generator<InSlab> {
  let start = 0
  for (let i = 1; i <= messages.length; i++) {
    if (i < messages.length && Number(messages[i]!.offset) === Number(messages[i - 1]!.offset) + 1) continue
    const consecutive = messages.slice(start, i)
    const { bytes, count } = frameRecords(consecutive.map(message => ({ key: message.key, value: message.value })))
    const baseOffset = Number(consecutive[0]!.offset)
    yield { bytes, count, baseOffset, from, nextOffset: baseOffset + count }
    start = i
  }
}
