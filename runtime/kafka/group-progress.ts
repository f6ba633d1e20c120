/** How far a consumer group is, and whether anything is left for it to read. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Topic } from '../../schemas/topics.ts'
import type { Position } from '../task.ts'
import type { Cluster } from './cluster.ts'
import { readTopic, type OffsetRange } from './topic-reader.ts'

/** Error code UNSTABLE_OFFSET_COMMIT: an offset is part of a transaction that has not ended yet. */
const unstableOffset = 88

/** The committed positions of a role in a topic; partitions without one are left out. */
export async function groupPositions(cluster: Cluster, role: string, topic: Topic): Promise<Map<number, Position>> {
  const admin = await cluster.admin()
  for (let attempt = 0; ; attempt++) {
    try {
      const [answer] = await admin.fetchOffsets({ groupId: cluster.groupOf(role), topics: [cluster.topicName(topic)] })
      const committed = (answer?.partitions ?? []).filter(({ offset }) => Number(offset) >= 0)
      return new Map(committed.map(({ partition, offset, metadata }) => [partition, { offset: Number(offset), metadata: metadata ?? '' }]))
    } catch (error) {
      if ((error as { code?: unknown }).code !== unstableOffset || attempt >= 500) throw error
      await sleep(20)
    }
  }
}

/** First and end offsets of all partitions of a topic, now. */
export async function topicRanges(cluster: Cluster, topic: Topic): Promise<Map<number, OffsetRange>> {
  const admin = await cluster.admin()
  const offsets = await admin.fetchTopicOffsets(cluster.topicName(topic))
  return new Map(offsets.map(({ partition, low, offset }) => [partition, { start: Number(low), end: Number(offset) }]))
}

/** What a role has not yet committed of some ranges: offsets, some of which may be no records but marks of transactions. */
export async function remainder(
  cluster: Cluster,
  role: string,
  topic: Topic,
  ranges: ReadonlyMap<number, OffsetRange>,
): Promise<Map<number, OffsetRange>> {
  const positions = await groupPositions(cluster, role, topic)
  const rest = [...ranges].map(([partition, { start, end }]): [number, OffsetRange] => [
    partition,
    { start: Math.max(start, positions.get(partition)?.offset ?? 0), end },
  ])
  return new Map(rest.filter(([, { start, end }]) => start < end))
}

/** Offsets in ranges. */
export const offsetsIn = (ranges: ReadonlyMap<number, OffsetRange>): number =>
  [...ranges.values()].reduce((sum, { start, end }) => sum + Math.max(0, end - start), 0)

/** True where ranges hold a record that a reader will get; reads up to the first one. */
export async function holdsRecords(cluster: Cluster, topic: Topic, ranges: ReadonlyMap<number, OffsetRange>): Promise<boolean> {
  return ranges.size > 0 && (await readTopic(cluster, topic, () => 'enough', { ranges })) > 0
}
