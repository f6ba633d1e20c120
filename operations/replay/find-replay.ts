/** Finds a replay by its name, and judges whether it may be run or dropped as asked. */
import type { Config } from '../../config/config.ts'
import { FlowError } from '../../runtime/errors.ts'
import { createLog } from '../../runtime/log.ts'
import { commandLevel } from '../session.ts'
import { readPlan, type ReplayPlan } from './plan.ts'
import { defaultDatabase, replayNames, sourceTopic, sideDeployment, type SideDeployment } from './side-deployment.ts'

/** What is asked for. */
export interface ReplayRequest {
  readonly name: string
  /** Unix milliseconds; undefined: of the replay that was begun before. */
  readonly fromMs: number | undefined
  readonly toMs: number | undefined
  readonly database: string | undefined
}

/** A replay and its plan; undefined: it was not begun. The caller closes its cluster. */
export interface FoundReplay {
  readonly side: SideDeployment
  readonly plan: ReplayPlan | undefined
}

/** What of a request contradicts the live deployment, or the replay that was begun under its name. */
export type ReplayRefusal =
  | { readonly reason: 'live-database' | 'other-database' | 'unknown-database'; readonly database: string }
  /** `names`: the replays that there are. */
  | { readonly reason: 'not-begun'; readonly names: readonly string[] }
  | { readonly reason: 'other-range'; readonly fromMs: number; readonly toMs: number }

function refusalOf(
  live: Config,
  request: ReplayRequest,
  plan: ReplayPlan | undefined,
  purpose: 'run' | 'drop',
  names: readonly string[],
): ReplayRefusal | undefined {
  const { fromMs, toMs } = request
  const database = plan?.database ?? request.database ?? defaultDatabase(live, request.name)
  if (database === live.clickhouse.database) return { reason: 'live-database', database }
  if (request.database !== undefined && request.database !== database) return { reason: 'other-database', database }
  if (purpose === 'drop')
    return plan === undefined && request.database !== undefined ? { reason: 'unknown-database', database: request.database } : undefined
  if (plan === undefined) return fromMs === undefined ? { reason: 'not-begun', names } : undefined
  if ((fromMs === undefined || fromMs === plan.fromMs) && (toMs === undefined || toMs === plan.toMs)) return undefined
  return { reason: 'other-range', fromMs: plan.fromMs, toMs: plan.toMs }
}

/**
 * Finds a replay, with the database of its plan if it has one.
 *
 * @throws FlowError TOPIC_MISSING if the live deployment has no `raw-lines`.
 */
export async function findReplay(
  live: Config,
  request: ReplayRequest,
  purpose: 'run' | 'drop',
): Promise<FoundReplay | { readonly refusal: ReplayRefusal }> {
  const log = createLog(commandLevel(live.log.level))
  const asked = request.database ?? defaultDatabase(live, request.name)
  const side = sideDeployment(live, request.name, asked, log)
  let kept = false
  try {
    const source = side.cluster.topicName(sourceTopic)
    const listed = await (await side.cluster.admin()).listTopics()
    if (!listed.includes(source)) throw new FlowError('TOPIC_MISSING', { topic: source })
    const plan = await readPlan(side)
    const refusal = refusalOf(live, request, plan, purpose, replayNames(live, listed))
    if (refusal !== undefined) return { refusal }
    if (plan !== undefined && plan.database !== asked) return { side: sideDeployment(live, request.name, plan.database, log), plan }
    kept = true
    return { side, plan }
  } finally {
    if (!kept) await side.cluster.close()
  }
}
