/**
 * Looks, before the roles of a process start, for positions that the broker has forgotten: it drops those of a group that has had no members for
 * `offsets.retention.minutes` (a week by default). A role without a position begins with the first record: right for a new one, a repetition of
 * everything for one that was stopped so long.
 */
import { FlowError } from '../runtime/errors.ts'
import { unstableOffset } from '../runtime/kafka/cluster.ts'
import { holdsRecords } from '../runtime/kafka/group-progress.ts'
import { connectClickHouse, identifier } from '../sinks/clickhouse/clickhouse-client.ts'
import type { Store, TableName } from '../sinks/clickhouse/store.ts'
import { topics, type TopicId } from '../schemas/topics.ts'
import type { RoleName } from '../topology.ts'
import type { Session } from './session.ts'

/** Roles of the sink whose tables do not drop a repetition by themselves. */
const tableByRole: readonly { readonly role: string; readonly from: TopicId; readonly table: TableName }[] = [
  { role: 'sink-flows', from: 'flows', table: 'flows' },
  { role: 'sink-gaps', from: 'flowGaps', table: 'flow_gaps' },
  { role: 'sink-dead-letters', from: 'deadLetters', table: 'dead_letters' },
]

async function hasPositions({ cluster }: Session, role: string, from: TopicId): Promise<boolean> {
  const admin = await cluster.admin()
  try {
    const [answer] = await admin.fetchOffsets({ groupId: cluster.groupOf(role), topics: [cluster.topicName(topics[from])] })
    return answer?.partitions.some(({ offset }) => Number(offset) >= 0) === true
  } catch (error) {
    // a transaction of the group is under way
    if ((error as { code?: unknown }).code === unstableOffset) return true
    throw error
  }
}

/** @param wasWritten Asked first: what is written has its position in the same transaction, or before. */
async function checkRole(session: Session, role: string, from: TopicId, wasWritten: () => Promise<string | undefined>): Promise<void> {
  const { cluster } = session
  const held = [...(await cluster.ranges(topics[from])).values()]
  if (held.every(({ start, end }) => end <= start)) return
  if (await hasPositions(session, role, from)) return
  const place = await wasWritten()
  if (place === undefined || (await hasPositions(session, role, from))) return
  throw new FlowError('POSITION_LOST', { group: cluster.groupOf(role), topic: cluster.topicName(topics[from]), place })
}

const holdsRows = async (store: Store, table: TableName): Promise<boolean> =>
  (await store.query(`SELECT 1 AS found FROM ${identifier(store.database)}.${identifier(table)} LIMIT 1`)).length > 0

/**
 * Checks the roles that would write something twice: enrich, and the sink's roles with tables of single rows.
 *
 * @throws FlowError POSITION_LOST.
 */
export async function checkPositions(session: Session, roles: readonly RoleName[]): Promise<void> {
  const { cluster, config } = session
  if (roles.includes('enrich'))
    await checkRole(session, 'enrich', 'rawLines', async () => {
      const written = await holdsRecords(cluster, topics.flows, await cluster.ranges(topics.flows))
      return written ? `the topic ${cluster.topicName(topics.flows)}` : undefined
    })
  if (!roles.includes('sink')) return
  const store = connectClickHouse(config.clickhouse)
  try {
    for (const { role, from, table } of tableByRole)
      await checkRole(session, role, from, async () => ((await holdsRows(store, table)) ? `the table ${table}` : undefined))
  } finally {
    await store.close()
  }
}
