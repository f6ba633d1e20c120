/**
 * Reads what a role has not committed yet of its input, without its group and without moving anything. Counted are records that the role will
 * get, without marks of transactions, aborted records and holes of compaction. So a topic that ends with marks does not lag.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Topic } from '../../schemas/topics.ts'
import { createKafka } from './client.ts'
import type { Cluster, GroupOwner } from './cluster.ts'
import { groupPositions } from './group-progress.ts'
import { PartitionReader, whenLed } from './partition-reader.ts'
import type { RecordVisitor } from './topic-reader.ts'

/** What was left of one partition. */
export interface RestPart {
  readonly partition: number
  /** First offset that the partition still has. */
  readonly start: number
  /** Committed position: everything before it is dealt with. Null: the group has none there. */
  readonly position: number | null
  /** Offset after the last record at the time of the call, committed or not. */
  readonly end: number
  /** Why not all of it was read: too many offsets, or a transaction that stayed open; null: it was. */
  readonly unread: 'many' | 'open' | null
}

/** When to give up. */
export interface RestLimits {
  /** Offsets that are read at most, all partitions together. */
  readonly most: number
  /** Milliseconds that an open transaction is waited for. */
  readonly openMs: number
}

/** Bytes of one fetch. */
const fetchBytes = 4_194_304
/** Partitions that are read at once: each has connections of its own. */
const atOnce = 8
const againMs = 20

/**
 * Reads the rest of every partition. What was committed before the call is either before the position of its partition, or visited, or its
 * partition says why it is `unread`.
 *
 * A commit is answered before its mark stands in the partition, so the end is that of all records, and what is open is waited for.
 */
export async function readRest(
  cluster: Cluster,
  role: GroupOwner,
  topic: Topic,
  visit: RecordVisitor,
  { most, openMs }: RestLimits,
): Promise<RestPart[]> {
  // the coordinator of a group moves too
  const positions = await whenLed(() => groupPositions(cluster, role, topic))
  const ranges = [...(await whenLed(() => cluster.ranges(topic)))]
  const { settings } = cluster
  const kafka = createKafka(settings, `${settings.deployment}.rest`, cluster.log)
  let budget = most

  const readPart = async (partition: number, start: number, committedEnd: number): Promise<RestPart> => {
    const position = positions.get(partition)?.offset ?? null
    const reader = new PartitionReader(kafka, cluster.topicName(topic), partition, settings.encodedBatches)
    let next = Math.max(start, position ?? start)
    let end: number | undefined
    const part = (unread: RestPart['unread']): RestPart => ({ partition, start, position, end: end ?? next, unread })
    try {
      for (let openSinceMs: number | undefined; ;) {
        const { records, nextOffset, end: written } = await reader.read(next, fetchBytes)
        if (end === undefined) {
          end = Math.max(committedEnd, written)
          budget -= end - next
          if (budget < 0 && next < end) return part('many')
        }
        for (const record of records) if (record.offset < end) visit(record, partition)
        if (nextOffset > next) openSinceMs = undefined
        next = nextOffset
        if (next >= end) return part(null)
        openSinceMs ??= performance.now()
        if (performance.now() - openSinceMs > openMs) return part('open')
        if (records.length === 0) await sleep(againMs)
      }
    } finally {
      await reader.close()
    }
  }

  const parts: RestPart[] = []
  const queue = ranges.values()
  const work = async (): Promise<void> => {
    for (const [partition, { start, end }] of queue) parts.push(await readPart(partition, start, end))
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return parts.sort((a, b) => a.partition - b.partition)
}
