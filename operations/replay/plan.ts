/**
 * The plan of a replay: which offsets of the live `raw-lines` it reads, fixed at its beginning.
 *
 * It is kept in Kafka, as the committed positions of a group of the replay: the end as offset, the rest as metadata. It is written behind a
 * fence and after the first positions of enrich, so it exists as a whole or not at all, and where it exists so do the positions.
 */
import { FlowError } from '../../runtime/errors.ts'
import { createKafka } from '../../runtime/kafka/client.ts'
import { FencedProducer, fencedError } from '../../runtime/kafka/fenced-producer.ts'
import { groupPositions } from '../../runtime/kafka/group-progress.ts'
import type { OffsetRange } from '../../runtime/kafka/cluster.ts'
import type { RoleShape } from '../../runtime/task.ts'
import { readerOf } from '../choose-parts.ts'
import { ownTopics, replaySource, sourceTopic, type SideDeployment } from './side-deployment.ts'

/** Which records a replay reads, as it was decided when it began. */
export interface ReplayPlan {
  /** Unix milliseconds: records written at this time or later, and before the other. */
  readonly fromMs: number
  readonly toMs: number
  readonly database: string
  /** Offsets by partition. */
  readonly ranges: ReadonlyMap<number, OffsetRange>
}

/** Name of the group, and of the producer that writes it. */
export const planRole = 'plan'
/** Role that reads the range. */
export const readingRole: RoleShape = readerOf(replaySource)
/** Metadata of the first position of a partition: it was set, nobody has read yet. */
export const startMark = 'start'

/** Reads the plan; undefined if there is none, or where only a part of it was written. */
export async function readPlan({ cluster }: SideDeployment): Promise<ReplayPlan | undefined> {
  const positions = await groupPositions(cluster, planRole, sourceTopic)
  const [first] = positions.values()
  if (first === undefined) return undefined
  const { fromMs, toMs, database, partitions } = JSON.parse(first.metadata) as Omit<ReplayPlan, 'ranges'> & { partitions: number }
  if (positions.size < partitions) return undefined
  const ranges = [...positions].map(([partition, { offset, metadata }]): [number, OffsetRange] => [
    partition,
    { start: (JSON.parse(metadata) as { start: number }).start, end: offset },
  ])
  return { fromMs, toMs, database, ranges: new Map(ranges) }
}

/** The offsets between two times of writing, as the broker finds them now. */
async function findRanges({ cluster }: SideDeployment, fromMs: number, toMs: number): Promise<Map<number, OffsetRange>> {
  const admin = await cluster.admin()
  const name = cluster.topicName(sourceTopic)
  const held = await cluster.ranges(sourceTopic)
  const starts = await admin.fetchTopicOffsetsByTimestamp(name, fromMs)
  const ends = new Map((await admin.fetchTopicOffsetsByTimestamp(name, toMs)).map(({ partition, offset }) => [partition, Number(offset)]))
  return new Map(
    starts.map(({ partition, offset }) => {
      const start = Math.max(Number(offset), held.get(partition)?.start ?? 0)
      return [partition, { start, end: Math.max(start, ends.get(partition) ?? start) }]
    }),
  )
}

/**
 * Writes the plan of a new replay, or gives the one that another process has just written.
 *
 * @throws FlowError REPLAY_CONFLICT where the topics of the replay are not empty; TASK_FENCED where another process is doing the same.
 */
export async function makePlan(side: SideDeployment, fromMs: number, toMs: number): Promise<ReplayPlan> {
  const { cluster, config, name, log } = side
  const kafka = createKafka(config.kafka, cluster.groupOf(planRole), log)
  const producer = new FencedProducer(kafka, config.kafka, cluster.transactionalIdOf(planRole, 0))
  let ended = false
  try {
    await producer.fence()
    const other = await readPlan(side)
    if (other !== undefined) return other
    for (const topic of ownTopics())
      if ([...(await cluster.ranges(topic)).values()].some(({ end }) => end > 0))
        throw new FlowError('REPLAY_CONFLICT', { name, detail: `its topic ${cluster.topicName(topic)} is not empty, and its plan is lost` })
    const ranges = await findRanges(side, fromMs, toMs)
    const { database } = config.clickhouse
    const place = { topic: cluster.topicName(sourceTopic) }
    for (const [partition, { start }] of ranges)
      await producer.commit({ ...place, id: cluster.groupOf(readingRole), partition, position: { offset: start, metadata: startMark } })
    for (const [partition, { start, end }] of ranges) {
      const metadata = JSON.stringify({ start, fromMs, toMs, database, partitions: ranges.size })
      await producer.commit({ ...place, id: cluster.groupOf(planRole), partition, position: { offset: end, metadata } })
    }
    ended = true
    return { fromMs, toMs, database, ranges }
  } catch (error) {
    throw fencedError(error, `replay ${name}`) ?? error
  } finally {
    await producer.close(ended).catch(() => undefined)
  }
}
