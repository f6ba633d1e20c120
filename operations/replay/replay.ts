/** Reads a range of raw-lines again with the code of today, into topics and tables of its own. */
import { flowErrorOf, FlowError, type ErrorCode } from '../../runtime/errors.ts'
import { offsetsIn } from '../../runtime/kafka/group-progress.ts'
import type { AtPoint } from '../../runtime/task.ts'
import { withStore } from '../../sinks/clickhouse/clickhouse-client.ts'
import { prepareParts } from '../choose-parts.ts'
import { compareReplay, type Comparison } from './compare.ts'
import type { FoundReplay, ReplayRequest } from './find-replay.ts'
import { makePlan, type ReplayPlan } from './plan.ts'
import { replayParts, runReplay, type ReplayProgress } from './run-replay.ts'
import { openSide, sourceTopic, type SideDeployment } from './side-deployment.ts'
import { tablesOf } from './tables-of.ts'

/** A database that is there already is somebody else's. */
async function checkDatabase({ config: { clickhouse }, name }: SideDeployment): Promise<void> {
  if ((await tablesOf(clickhouse, clickhouse.database)).length > 0)
    throw new FlowError('REPLAY_CONFLICT', { name, detail: `the database ${clickhouse.database} is not empty` })
}

/** How a replay begins. */
export interface ReplayBeginning {
  /** It was begun before. */
  readonly resumed: boolean
  /** Retention may have removed the first records of the range. */
  readonly beginningLost: boolean
  /** Offsets of the range. */
  readonly offsets: number
}

/** What to tell on the way. */
export interface ReplayListener {
  begun(plan: ReplayPlan, beginning: ReplayBeginning): void
  progress(progress: readonly ReplayProgress[]): void
  /** It failed, and what it made is left: the same request goes on with it, a drop removes it. */
  left(side: SideDeployment): unknown
}

/** Faults whose text says that only a drop helps. */
const dropsOnly: ReadonlySet<string | undefined> = new Set<ErrorCode>(['REPLAY_CONFLICT', 'REPLAY_LOST'])

/**
 * Begins a replay or goes on with one, to its end, and closes its cluster.
 *
 * @param range What of `raw-lines` to read, if it was not begun before.
 * @returns What it gave; undefined if the signal ended it before.
 * @throws FlowError REPLAY_CONFLICT, REPLAY_LOST, TASK_FENCED.
 */
export async function replay(
  { side, plan: found }: FoundReplay,
  range: Pick<ReplayRequest, 'fromMs' | 'toMs'>,
  listener: ReplayListener,
  signal: AbortSignal,
  atPoint?: AtPoint,
): Promise<Comparison | undefined> {
  let isMade = found !== undefined
  try {
    if (found === undefined) await checkDatabase(side)
    const session = await openSide(side, () => {
      isMade = true
    })
    const plan = found ?? (await makePlan(side, range.fromMs!, range.toMs ?? Date.now()))
    const held = await side.cluster.ranges(sourceTopic)
    const beginningLost = [...plan.ranges].some(([partition, { start }]) => start > 0 && held.get(partition)?.start === start)
    listener.begun(plan, { resumed: found !== undefined, beginningLost, offsets: offsetsIn(plan.ranges) })
    await prepareParts(session.config, replayParts().parts, session.log)
    const done = await runReplay(session, plan, side.name, progress => listener.progress(progress), signal, atPoint)
    if (!done) return undefined
    const live = side.live.clickhouse
    return await withStore(side.config.clickhouse, async store => compareReplay(store, live.database, await tablesOf(live, live.database)))
  } catch (error) {
    if (isMade && !dropsOnly.has(flowErrorOf(error)?.code)) listener.left(side)
    throw error
  } finally {
    await side.cluster.close()
  }
}
