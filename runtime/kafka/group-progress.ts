/** How far a consumer group is, and whether anything is left for it to read. */
import type { Topic } from '../../schemas/topics.ts'
import type { Position } from '../task.ts'
import { whenStable, type Cluster, type GroupOwner, type OffsetRange } from './cluster.ts'
import { readTopic } from './topic-reader.ts'

/** The committed positions of a role in a topic; partitions without one are left out. */
export async function groupPositions(cluster: Cluster, role: GroupOwner, topic: Topic): Promise<Map<number, Position>> {
  const admin = await cluster.admin()
  const request = { groupId: cluster.groupOf(role), topics: [cluster.topicName(topic)] }
  const [answer] = await whenStable(() => admin.fetchOffsets(request))
  const committed = (answer?.partitions ?? []).filter(({ offset }) => Number(offset) >= 0)
  return new Map(committed.map(({ partition, offset, metadata }) => [partition, { offset: Number(offset), metadata: metadata ?? '' }]))
}

/** What a role has not yet committed of some ranges: offsets, some of which may be no records but marks of transactions. */
export async function remainder(
  cluster: Cluster,
  role: GroupOwner,
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

/** True if ranges hold a record that a reader will get; reads up to the first one. */
export async function holdsRecords(cluster: Cluster, topic: Topic, ranges: ReadonlyMap<number, OffsetRange>): Promise<boolean> {
  return ranges.size > 0 && (await readTopic(cluster, topic, () => 'enough', { ranges })) > 0
}
