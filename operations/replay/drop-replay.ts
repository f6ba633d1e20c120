/** Removes what a replay made: positions, topics, schemas, tables; the plan last, so that a drop that was killed can be repeated. */
import { setTimeout as sleep } from 'node:timers/promises'
import { deleteSubject } from '../../runtime/registry-subjects.ts'
import { resetGroup } from '../../runtime/kafka/topic-admin.ts'
import { topicName, topics } from '../../schemas/topics.ts'
import { identifier, withStore } from '../../sinks/clickhouse/clickhouse-client.ts'
import { dropTables } from '../../sinks/clickhouse/reset.ts'
import { planRole } from './plan.ts'
import { tablesOf } from './tables-of.ts'
import { ownTopics, replayNames, type SideDeployment } from './side-deployment.ts'

/** What was removed. */
export interface Dropped {
  readonly groups: number
  readonly topics: number
  readonly subjects: number
  readonly tables: number
  /** Other replays that have topics. */
  readonly names: readonly string[]
}

async function dropDatabase({ config: { clickhouse } }: SideDeployment): Promise<number> {
  const count = async (): Promise<number> => (await tablesOf(clickhouse, clickhouse.database)).length
  const before = await count()
  return withStore(clickhouse, async store => {
    if (before > 0) await dropTables(store)
    const left = before > 0 ? await count() : 0
    if (left === 0) await store.command(`DROP DATABASE IF EXISTS ${identifier(store.database)} SYNC`)
    return before - left
  })
}

/** Deletes topics and waits until the broker no longer lists them. */
async function dropTopics({ cluster }: SideDeployment): Promise<number> {
  const admin = await cluster.admin()
  const names = new Set(ownTopics().map(topic => cluster.topicName(topic)))
  const listed = async (): Promise<string[]> => (await admin.listTopics()).filter(name => names.has(name))
  const found = await listed()
  if (found.length > 0) await admin.deleteTopics({ topics: found })
  while ((await listed()).length > 0) await sleep(100)
  return found.length
}

/**
 * Removes a replay. None of its processes may run: their groups must have no members.
 *
 * @throws Error of the broker where a group still has members after 20 s.
 */
export async function dropReplay(side: SideDeployment): Promise<Dropped> {
  const { cluster, config } = side
  const admin = await cluster.admin()
  const prefix = cluster.groupOf('')
  const roles = (await admin.listGroups()).groups.flatMap(({ groupId }) =>
    groupId.startsWith(prefix) ? [groupId.slice(prefix.length)] : [],
  )
  for (const role of roles) if (role !== planRole) await resetGroup(cluster, role)
  const droppedTopics = await dropTopics(side)
  let subjects = 0
  for (const topic of Object.values(topics))
    for (const part of topic.value === null ? ['key'] : ['key', 'value'])
      if (await deleteSubject(config.registry, `${topicName(config.kafka.topicPrefix, topic)}-${part}`)) subjects++
  const tables = await dropDatabase(side)
  if (roles.includes(planRole)) await resetGroup(cluster, planRole)
  return { groups: roles.length, topics: droppedTopics, subjects, tables, names: replayNames(side.live, await admin.listTopics()) }
}
