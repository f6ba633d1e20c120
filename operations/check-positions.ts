/**
 * Looks, before the roles of a process start, for positions that the broker has forgotten: it drops those of a group that has had no members for
 * `offsets.retention.minutes` (a week by default). A role without a position begins with the first record: right for a new one; for one that was
 * stopped so long a repetition of everything, or a loss where retention has removed what it had not read. What that means for a role, its part
 * says (`guard`).
 */
import type { Config } from '../config/config.ts'
import { FlowError } from '../runtime/errors.ts'
import { ownGroup } from '../runtime/kafka/cluster.ts'
import { groupPositions, holdsRecords } from '../runtime/kafka/group-progress.ts'
import { readTopic } from '../runtime/kafka/topic-reader.ts'
import type { Guard, RoleInput } from '../runtime/part.ts'
import type { InRecord } from '../runtime/records.ts'
import type { RoleShape } from '../runtime/task.ts'
import { topics, type TopicId } from '../schemas/topics.ts'
import { topology, type Topology } from '../topology.ts'
import type { Session } from './session.ts'

/** Where the checks ask. */
export type PositionSession = Pick<Session, 'cluster' | 'config' | 'codecs'>

const hasPositions = async ({ cluster }: PositionSession, role: RoleShape): Promise<boolean> =>
  (await groupPositions(cluster, role, topics[role.from])).size > 0

/** The topic, if it holds a record. */
async function writtenTo({ cluster }: PositionSession, id: TopicId): Promise<string | undefined> {
  const written = await holdsRecords(cluster, topics[id], await cluster.ranges(topics[id]))
  return written ? `the topic ${cluster.topicName(topics[id])}` : undefined
}

/** The first record that is not a tombstone. */
async function firstRecord({ cluster }: PositionSession, id: TopicId): Promise<InRecord | undefined> {
  let first: InRecord | undefined
  await readTopic(cluster, topics[id], record => {
    if (record.value === null) return undefined
    first = record
    return 'enough'
  })
  return first
}

/** Where it stands already that the role would write; asked first: what is written has its position in the same transaction, or before. */
async function outputOf(session: PositionSession, role: RoleShape, repeated: Guard<Config>['repeated']): Promise<string | undefined> {
  if ('harmless' in repeated) return undefined
  if ('refusedIfWritten' in repeated) return writtenTo(session, repeated.refusedIfWritten)
  const first = await firstRecord(session, role.from)
  return first === undefined ? undefined : repeated.refusedIfFound.find(first, session)
}

/** A role that would write again what stands already. */
async function checkRepetition(session: PositionSession, role: RoleShape, guard: Guard<Config>): Promise<void> {
  if ('harmless' in guard.repeated) return
  const { cluster } = session
  const held = [...(await cluster.ranges(topics[role.from])).values()]
  if (held.every(({ start, end }) => end <= start)) return
  if (await hasPositions(session, role)) return
  const place = await outputOf(session, role, guard.repeated)
  if (place === undefined || (await hasPositions(session, role))) return
  throw new FlowError('POSITION_LOST', { group: cluster.groupOf(role), topic: cluster.topicName(topics[role.from]), place })
}

/** A role without a position, and a topic of which retention has removed the beginning: what was there is lost to it. */
async function checkBeginning(session: PositionSession, role: RoleShape, { missed }: Guard<Config>): Promise<void> {
  if (missed !== 'refused' && 'harmless' in missed) return
  const low = Math.max(...[...(await session.cluster.ranges(topics[role.from])).values()].map(({ start }) => start))
  if (low === 0 || (await hasPositions(session, role))) return
  if (missed !== 'refused' && !(await missed.refusedIfBegun.hasBegun(inputOf(session, role), session.config))) return
  throw new FlowError('OFFSET_LOST', { task: role.name, offset: 0, low })
}

const inputOf = ({ cluster }: PositionSession, role: RoleShape): RoleInput => ({
  ownGroup: ownGroup(role),
  group: cluster.groupOf(role),
  topic: cluster.topicName(topics[role.from]),
})

/** Says that roles begin: once to each place that remembers it. */
async function rememberBeginnings(session: PositionSession, begun: readonly { role: RoleShape; guard: Guard<Config> }[]): Promise<void> {
  const places = Map.groupBy(begun, ({ guard: { missed } }) =>
    missed !== 'refused' && 'refusedIfBegun' in missed ? missed.refusedIfBegun.remember : undefined,
  )
  for (const [remember, roles] of places)
    await remember?.(
      roles.map(({ role }) => inputOf(session, role)),
      session.config,
    )
}

/**
 * Checks every role of the named parts, as its guard says; if all are right, remembers that they begin.
 *
 * @throws FlowError POSITION_LOST, OFFSET_LOST.
 */
export async function checkPositions(session: PositionSession, names: readonly string[], all: Topology = topology): Promise<void> {
  const checked = all
    .filter(({ name }) => names.includes(name))
    .flatMap(({ roles, guard }) => roles.map(role => ({ role, guard: guard[role.name]! })))
  for (const { role, guard } of checked) {
    await checkRepetition(session, role, guard)
    await checkBeginning(session, role, guard)
  }
  await rememberBeginnings(session, checked)
}
