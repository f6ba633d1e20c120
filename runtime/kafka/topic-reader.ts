/** Reads whole topics from the first record to the end at the time of the call, or on from there, committed records only. For audits and commands. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Topic } from '../../schemas/topics.ts'
import { FlowError } from '../errors.ts'
import type { InRecord } from '../records.ts'
import { createKafka } from './client.ts'
import type { Cluster, OffsetRange } from './cluster.ts'
import { movingCoordinator } from './known-coordinators.ts'
import { stickyAssigner } from './assigner.ts'
import { toFetched } from './membership.ts'

/** Called for each record in the order of its partition. Where it returns `enough`, no more is wanted; anything else means nothing. */
export type RecordVisitor = (record: InRecord, partition: number) => unknown

/** kafkajs gives up at the first error of a moving coordinator where a consumer joins. */
const joinAttempts = 60
const joinAgainMs = 500

/** Goes on reading what is written after the call. */
export interface Following {
  /** Ends the reading. */
  readonly signal: AbortSignal
  /** Called once, when all that was there at the time of the call was visited. */
  readonly caughtUp: () => void
}

/** What to read, and how long to wait. */
export interface ReadOptions {
  /** Gives up where nothing comes for so long although the end is not reached (an open transaction blocks it); default a minute. */
  readonly idleMs?: number
  /** Only these offsets of these partitions; undefined: everything. */
  readonly ranges?: ReadonlyMap<number, OffsetRange>
  /** Without it the reading ends where the topic ended at the time of the call. */
  readonly following?: Following
}

/**
 * Reads one topic.
 *
 * @returns Records read.
 */
export async function readTopic(
  cluster: Cluster,
  topic: Topic,
  visit: RecordVisitor,
  { idleMs = 60_000, ranges, following }: ReadOptions = {},
): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    const seen = { records: 0 }
    const noting: RecordVisitor = (record, partition) => {
      seen.records++
      return visit(record, partition)
    }
    try {
      return await readOnce(cluster, topic, noting, { idleMs, ranges, following })
    } catch (error) {
      if (seen.records > 0 || attempt >= joinAttempts || !movingCoordinator.has((error as { type?: string }).type ?? '')) throw error
      await sleep(joinAgainMs)
    }
  }
}

async function readOnce(
  cluster: Cluster,
  topic: Topic,
  visit: RecordVisitor,
  { idleMs, ranges, following }: { idleMs: number; ranges: ReadOptions['ranges']; following: ReadOptions['following'] },
): Promise<number> {
  const name = cluster.topicName(topic)
  const admin = await cluster.admin()
  const ends = new Map(
    [...(await cluster.ranges(topic))].map(([partition, held]) => {
      // a partition that is not asked for is looked at from its end on, where nothing is to be fetched
      const { start, end } = ranges === undefined ? held : (ranges.get(partition) ?? { start: held.end, end: held.end })
      return [partition, { start: Math.max(held.start, start), end: Math.min(held.end, end) }]
    }),
  )
  const open = new Set([...ends].filter(([, { start, end }]) => end > start).map(([partition]) => partition))
  if (open.size === 0) {
    if (following === undefined) return 0
    following.caughtUp()
  }
  const groupId = `${cluster.settings.deployment}.reader.${randomUUID()}`
  const next = new Map([...ends].map(([partition, { start }]) => [partition, start]))
  const consumer = createKafka(cluster.settings, `${cluster.settings.deployment}.reader`, cluster.log).consumer({
    groupId,
    sessionTimeout: 30_000,
    maxWaitTimeInMs: 100,
    maxBytesPerPartition: cluster.settings.maxBytesPerPartition,
    allowAutoTopicCreation: false,
    partitionAssigners: [stickyAssigner(ends.size, () => [])],
  })
  let count = 0
  let enough = false
  let lastMs = Date.now()
  let finish!: (error?: Error) => void
  const finished = new Promise<void>((resolve, reject) => {
    finish = error => (error === undefined ? resolve() : reject(error))
  })
  consumer.on(consumer.events.GROUP_JOIN, () => {
    for (const [partition, offset] of next) consumer.seek({ topic: name, partition, offset: String(offset) })
  })
  consumer.on(consumer.events.END_BATCH_PROCESS, event => {
    lastMs = Date.now()
    const { partition, lastOffset } = event.payload
    next.set(partition, Math.max(next.get(partition)!, Number(lastOffset) + 1))
    if (next.get(partition)! < ends.get(partition)!.end || !open.delete(partition) || open.size > 0) return
    if (following === undefined) finish()
    else following.caughtUp()
  })
  consumer.on(consumer.events.CRASH, event => finish(event.payload.error))
  const watch = setInterval(() => {
    if (open.size > 0 && Date.now() - lastMs > idleMs)
      finish(
        new FlowError('KAFKA_UNAVAILABLE', {
          brokers: cluster.settings.brokers,
          detail: `${name} gave nothing for ${idleMs} ms before its end`,
        }),
      )
  }, 1000)
  const stop = (): void => finish()
  following?.signal.addEventListener('abort', stop)
  if (following?.signal.aborted === true) finish()
  try {
    await consumer.connect()
    await consumer.subscribe({ topic: name, fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: true,
      partitionsConsumedConcurrently: 1,
      eachBatch: async payload => {
        const { end } = ends.get(payload.batch.partition)!
        const { records } = await toFetched(payload, cluster.settings.encodedBatches).decode(next.get(payload.batch.partition)!, false)
        for (const record of records) {
          if (enough || (following === undefined && record.offset >= end)) continue
          enough = visit(record, payload.batch.partition) === 'enough'
          count++
        }
        if (enough) finish()
      },
    })
    await finished
  } finally {
    clearInterval(watch)
    following?.signal.removeEventListener('abort', stop)
    await consumer.disconnect()
    await admin.deleteGroups([groupId]).catch(() => undefined)
  }
  return count
}
