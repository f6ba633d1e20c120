/** Waiting for the path to come to rest. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Session } from '../../../operations/session.ts'
import { tableCounts, type TableCounts } from '../../../harness/table-counts.ts'
import { holdsRecords, remainder } from '../../../runtime/kafka/group-progress.ts'
import { topics, type TopicId } from '../../../schemas/topics.ts'
import type { Store } from '../../../sinks/clickhouse/store.ts'
import { until } from './kafka-lab.ts'

/**
 * Waits until so many objects are done (and failed) and each of their lines stands in a table.
 *
 * @throws Error with the last counts after the given time.
 */
export async function settled(store: Store, objects: number, timeoutMs: number, failed = 0): Promise<TableCounts> {
  const endMs = Date.now() + timeoutMs
  for (;;) {
    const counts = await tableCounts(store)
    if (counts.objects >= objects && counts.failed >= failed && counts.flows + counts.gaps + counts.dead >= counts.lines) return counts
    if (Date.now() > endMs) throw new Error(`not settled: ${JSON.stringify(counts)}; expected ${objects} objects, ${failed} failed`)
    await sleep(250)
  }
}

/**
 * Waits until a role has committed every record of its input; marks of transactions behind the last one do not count.
 *
 * @param role Name of the consumer group without the deployment: `sink-runs`.
 * @throws Error after the given time.
 */
export async function inputTaken({ cluster }: Session, role: string, input: TopicId, timeoutMs = 60_000): Promise<void> {
  const topic = topics[input]
  const isTaken = async (): Promise<boolean> =>
    !(await holdsRecords(cluster, topic, await remainder(cluster, role, topic, await cluster.ranges(topic))))
  await until(isTaken, timeoutMs, `that ${role} takes all of ${topic.name}`)
}

/** Waits until every sighting is in the cloud map, and every run of the map in the table. */
export async function mapInTables(session: Session, timeoutMs = 60_000): Promise<void> {
  await inputTaken(session, 'ip-context', 'ipSightings', timeoutMs)
  await inputTaken(session, 'sink-runs', 'cloudMapRuns', timeoutMs)
}
