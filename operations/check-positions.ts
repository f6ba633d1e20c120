/**
 * Looks, before the roles of a process start, for positions that the broker has forgotten: it drops those of a group that has had no members for
 * `offsets.retention.minutes` (a week by default). A role without a position begins with the first record: right for a new one; for one that was
 * stopped so long a repetition of everything, or a loss where retention has removed what it had not read.
 */
import type { Codecs } from '../runtime/avro.ts'
import { FlowError } from '../runtime/errors.ts'
import { groupPositions, holdsRecords } from '../runtime/kafka/group-progress.ts'
import { readTopic } from '../runtime/kafka/topic-reader.ts'
import type { InRecord } from '../runtime/records.ts'
import { connectClickHouse } from '../sinks/clickhouse/clickhouse-client.ts'
import { objectNumber } from '../sinks/clickhouse/row-tables.ts'
import type { Store, TableName } from '../sinks/clickhouse/store.ts'
import { topics, type TopicId } from '../schemas/topics.ts'
import type { RoleName } from '../topology.ts'
import type { Session } from './session.ts'

/** Where a row would be that the first record of a topic made. */
interface Place {
  readonly where: string
  readonly objectId: Buffer
  readonly line: number
  /** Values of the columns that keep the search short. */
  readonly parameters: Readonly<Record<string, unknown>>
}

/** A role of the sink whose table does not drop a repetition by itself. */
interface RepeatingRole {
  readonly role: string
  readonly from: TopicId
  readonly table: TableName
  readonly placeOf: (codecs: Codecs, record: InRecord & { value: Buffer }) => Place
}

const byTime = ({ start, objectId, line }: { start: number; objectId: Buffer; line: number }): Place => ({
  where: 'start = toDateTime({start:UInt32})',
  objectId,
  line,
  parameters: { start },
})

const repeatingRoles: readonly RepeatingRole[] = [
  { role: 'sink-flows', from: 'flows', table: 'flows', placeOf: (codecs, { value }) => byTime(codecs.flows.decodeValue(value)) },
  { role: 'sink-gaps', from: 'flowGaps', table: 'flow_gaps', placeOf: (codecs, { value }) => byTime(codecs.flowGaps.decodeValue(value)) },
  {
    role: 'sink-dead-letters',
    from: 'deadLetters',
    table: 'dead_letters',
    placeOf: (codecs, { key, value }) => ({
      where: 'bucket = {bucket:String} AND key = {key:String}',
      ...codecs.deadLetters.decodeValue(value),
      parameters: { ...codecs.deadLetters.decodeKey(key!) },
    }),
  },
]

async function hasPositions({ cluster }: Session, role: string, from: TopicId): Promise<boolean> {
  return (await groupPositions(cluster, role, topics[from])).size > 0
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

/** A role that has never read a topic of which retention has removed the beginning: what was there is lost to it. */
async function checkBeginning(session: Session, role: string, from: TopicId): Promise<void> {
  const { cluster } = session
  const low = Math.max(...[...(await cluster.ranges(topics[from])).values()].map(({ start }) => start))
  if (low > 0 && !(await hasPositions(session, role, from))) throw new FlowError('OFFSET_LOST', { task: role, offset: 0, low })
}

/** True where the table has the row of the first record: other deployments may fill the same tables. */
async function holdsFirst({ cluster, codecs }: Session, store: Store, { from, table, placeOf }: RepeatingRole): Promise<boolean> {
  let place: Place | undefined
  await readTopic(cluster, topics[from], record => {
    if (record.value === null) return undefined
    place = placeOf(codecs, { ...record, value: record.value })
    return 'enough'
  })
  if (place === undefined) return false
  const { where, objectId, line, parameters } = place
  const sql = `SELECT 1 AS found FROM ${table} WHERE ${where} AND object_id = {objectId:UInt64} AND line = {line:UInt32} LIMIT 1`
  return (await store.query(sql, { ...parameters, line, objectId: objectNumber(objectId).toString() })).length > 0
}

/**
 * Checks the roles that would write something twice (enrich, and the sink's roles with tables of single rows), and those that would begin behind
 * what they had to read.
 *
 * @throws FlowError POSITION_LOST, OFFSET_LOST.
 */
export async function checkPositions(session: Session, roles: readonly RoleName[]): Promise<void> {
  const { cluster, config } = session
  if (roles.includes('enrich')) {
    await checkRole(session, 'enrich', 'rawLines', async () => {
      const written = await holdsRecords(cluster, topics.flows, await cluster.ranges(topics.flows))
      return written ? `the topic ${cluster.topicName(topics.flows)}` : undefined
    })
    await checkBeginning(session, 'enrich', 'rawLines')
  }
  if (roles.includes('ip-context')) await checkBeginning(session, 'ip-context', 'ipSightings')
  if (!roles.includes('sink')) return
  const store = connectClickHouse(config.clickhouse)
  try {
    for (const role of repeatingRoles)
      await checkRole(session, role.role, role.from, async () =>
        (await holdsFirst(session, store, role)) ? `the table ${role.table}` : undefined,
      )
  } finally {
    await store.close()
  }
}
