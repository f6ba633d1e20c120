/**
 * Runs the roles of a replay in this process until all of its range is in the tables. Every process of the same replay shares the work, as
 * processes of a role do; another process resumes the work of a killed one.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../../config/config.ts'
import { RoleRunner } from '../../runtime/kafka/role-runner.ts'
import { SideTables } from '../../runtime/kafka/side-tables.ts'
import { holdsRecords, offsetsIn, remainder } from '../../runtime/kafka/group-progress.ts'
import type { OffsetRange } from '../../runtime/kafka/cluster.ts'
import { runParts, type Startable } from '../../runtime/lifecycle.ts'
import type { PartOptions } from '../../runtime/part.ts'
import type { AtPoint, Role } from '../../runtime/task.ts'
import { topics, type Topic, type TopicId } from '../../schemas/topics.ts'
import { topology, type Topology } from '../../topology.ts'
import { untilAvailable, type Session } from '../session.ts'
import { boundRole } from './bounded-role.ts'
import type { ReplayPlan } from './plan.ts'
import { replaySource } from './side-deployment.ts'

/** How far the roles are: offsets that are not yet committed. */
export interface ReplayProgress {
  readonly role: string
  readonly left: number
  readonly of: number
}

const pollMs = 500

/** The parts of the path that come after `raw-lines`. */
export function replayParts(all: Topology = topology): { parts: Topology; reached: ReadonlySet<TopicId> } {
  const reached = new Set<TopicId>([replaySource])
  const parts: Topology[number][] = []
  for (const part of all) {
    if (!part.from.some(id => reached.has(id))) continue
    for (const id of part.to) reached.add(id)
    parts.push(part)
  }
  return { parts, reached }
}

/** Their roles; of a part with several only those that are reached. */
export function replayRoles(options: PartOptions<Config>): { roles: Role[]; close: () => Promise<void> } {
  const { parts, reached } = replayParts()
  const built = parts.map(part => part.build(options))
  const roles = built.flatMap(part => (part.roles ?? []).filter(role => reached.has(role.from)))
  const close = async (): Promise<void> => {
    for (const part of built) await part.close?.()
  }
  return { roles, close }
}

/** Waits until nothing is left for any role, in the order of the path: what a role still writes is input of those behind it. */
class Watch {
  readonly #session: Session
  readonly #plan: ReplayPlan
  readonly #progress: (progress: readonly ReplayProgress[]) => void

  constructor(session: Session, plan: ReplayPlan, progress: (progress: readonly ReplayProgress[]) => void) {
    this.#session = session
    this.#plan = plan
    this.#progress = progress
  }

  async untilDone(roles: readonly Role[], signal: AbortSignal): Promise<void> {
    for (const [index, role] of roles.entries())
      for (let before = -1; !signal.aborted;) {
        const left = await this.#patient(() => this.#leftFor(role, roles.slice(index + 1), before), signal)
        if (left === undefined || left === 0) break
        before = left
        await sleep(pollMs, undefined, { signal }).catch(() => undefined)
      }
  }

  /** A broker that is away for a moment does not end the watch: the roles wait for it, too. @returns Undefined if the signal came first. */
  async #patient<T>(look: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    try {
      return await untilAvailable(look, this.#session.log, signal, true)
    } catch (error) {
      if (signal.aborted) return undefined
      throw error
    }
  }

  /** Tells how far a role and those behind it are. @returns Offsets that are left for the role; 0 if it has nothing more to commit. */
  async #leftFor(role: Role, behind: readonly Role[], before: number): Promise<number> {
    const { rest, all } = await this.#look(role)
    const left = offsetsIn(rest)
    this.#progress([{ role: role.name, left, of: offsetsIn(all) }, ...(await this.#others(behind))])
    // what is left without moving may be marks of transactions only
    return left === before && !(await holdsRecords(this.#session.cluster, topics[role.from], rest)) ? 0 : left
  }

  /** The range of a role: fixed for the one that reads the live topic; what its topic holds by now for the others. */
  async #look(role: Role): Promise<{ rest: Map<number, OffsetRange>; all: ReadonlyMap<number, OffsetRange> }> {
    const { cluster } = this.#session
    const topic: Topic = topics[role.from]
    const all = role.from === replaySource ? this.#plan.ranges : await cluster.ranges(topic)
    return { all, rest: await remainder(cluster, role, topic, all) }
  }

  async #others(roles: readonly Role[]): Promise<ReplayProgress[]> {
    const progress: ReplayProgress[] = []
    for (const role of roles) {
      const { rest, all } = await this.#look(role)
      progress.push({ role: role.name, left: offsetsIn(rest), of: offsetsIn(all) })
    }
    return progress
  }
}

/**
 * Runs a replay to its end.
 *
 * @param progress Told about twice a second.
 * @param signal Ends it early; the same call goes on later.
 * @returns False if the signal ended it.
 * @throws FlowError REPLAY_LOST, and whatever stops a role for good.
 */
export async function runReplay(
  session: Session,
  plan: ReplayPlan,
  name: string,
  progress: (progress: readonly ReplayProgress[]) => void,
  signal: AbortSignal,
  atPoint?: AtPoint,
): Promise<boolean> {
  const { config, cluster, codecs, writers, registry, log } = session
  const { roles, close } = replayRoles({ config, ...(atPoint === undefined ? {} : { atPoint }) })
  const options = {
    ...{
      cluster,
      codecs,
      writers,
      sideTables: new SideTables({ cluster, codecs }),
      taskRestartMs: config.run.taskRestartMs,
      loadSchema: (id: number) => registry.loadSchema(id),
    },
    ...(atPoint === undefined ? {} : { atPoint }),
  }
  const parts: Startable[] = [{ name: 'clients', start: async () => undefined, stop: close }]
  for (const role of roles) parts.push(new RoleRunner(role.from === replaySource ? boundRole(role, plan.ranges, name) : role, options))
  const ended = new AbortController()
  const stop = AbortSignal.any([signal, ended.signal])
  const watched = new Watch(session, plan, progress).untilDone(roles, stop).finally(() => ended.abort())
  watched.catch(() => undefined)
  try {
    await runParts(parts, stop, config.run.shutdownGraceMs, log)
  } finally {
    ended.abort()
  }
  await watched
  return !signal.aborted
}
