/** `flowloom replay`: reads a range of raw-lines again with the code of today, into topics and tables of its own. */
import { loadConfig, type Config } from '../../config/config.ts'
import { FlowError } from '../../runtime/errors.ts'
import { offsetsIn } from '../../runtime/kafka/group-progress.ts'
import { createLog } from '../../runtime/log.ts'
import { connectClickHouse } from '../../sinks/clickhouse/clickhouse-client.ts'
import type { Command, CommandInput } from '../../cli/arguments/command.ts'
import { configOption } from '../../cli/arguments/command.ts'
import { parseTime } from '../../cli/arguments/times.ts'
import { migrateTables } from '../../cli/run.ts'
import { commandLevel } from '../session.ts'
import { compareReplay, formatComparison, type Comparison } from './compare.ts'
import { dropReplay } from './drop-replay.ts'
import { makePlan, readPlan, type ReplayPlan } from './plan.ts'
import { runReplay, type ReplayProgress } from './run-replay.ts'
import { tablesOf } from './tables-of.ts'
import { defaultDatabase, openSide, replaySource, sideDeployment, type SideDeployment } from './side-deployment.ts'

const command = 'replay'
const usage = (detail: string): FlowError => new FlowError('USAGE', { detail, command })
const timeOf = (ms: number): string => new Date(ms).toISOString()

/** What is asked for. */
export interface ReplayRequest {
  readonly name: string
  /** Unix milliseconds; undefined: of the replay that was begun before. */
  readonly fromMs: number | undefined
  readonly toMs: number | undefined
  readonly database: string | undefined
}

/**
 * Reads the options.
 *
 * @throws FlowError USAGE.
 */
export function readRequest(values: CommandInput['values']): ReplayRequest {
  const name = values['name'] as string | undefined
  if (name === undefined || !/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(name))
    throw usage('say a name with --name: lower-case letters, digits and dashes, at most 40')
  const time = (option: string): number | undefined =>
    values[option] === undefined ? undefined : parseTime(values[option] as string, command) * 1000
  const [fromMs, toMs] = [time('from'), time('to')]
  if (fromMs === undefined && toMs !== undefined) throw usage('--to needs --from')
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs) throw usage('--from must be before --to')
  return { name, fromMs, toMs, database: values['database'] as string | undefined }
}

/** The replay with its database: the one of its plan, where it has one. */
async function findSide(live: Config, request: ReplayRequest): Promise<{ side: SideDeployment; plan: ReplayPlan | undefined }> {
  const log = createLog(commandLevel(live.log.level))
  const asked = request.database ?? defaultDatabase(live, request.name)
  const side = sideDeployment(live, request.name, asked, log)
  try {
    const source = side.cluster.topicName(replaySource)
    if (!(await (await side.cluster.admin()).listTopics()).includes(source)) throw new FlowError('TOPIC_MISSING', { topic: source })
    const plan = await readPlan(side)
    const database = plan?.database ?? asked
    if (database === live.clickhouse.database) throw usage(`${database} is the database of the live tables`)
    if (request.database !== undefined && request.database !== database)
      throw usage(`the replay ${request.name} was begun with the database ${database}`)
    if (database === asked) return { side, plan }
    await side.cluster.close()
    return { side: sideDeployment(live, request.name, database, log), plan }
  } catch (error) {
    await side.cluster.close()
    throw error
  }
}

/** A database that is there already is somebody else's. */
async function checkDatabase({ config: { clickhouse }, name }: SideDeployment): Promise<void> {
  if ((await tablesOf(clickhouse, clickhouse.database)).length > 0)
    throw new FlowError('REPLAY_CONFLICT', { name, detail: `the database ${clickhouse.database} is not empty` })
}

function checkSameRange(plan: ReplayPlan, { name, fromMs, toMs }: ReplayRequest): void {
  if ((fromMs === undefined || fromMs === plan.fromMs) && (toMs === undefined || toMs === plan.toMs)) return
  throw usage(
    `the replay ${name} was begun from ${timeOf(plan.fromMs)} to ${timeOf(plan.toMs)}; leave out --from and --to to go on with it, or remove it with --drop`,
  )
}

/** What to tell on the way. */
export interface ReplayListener {
  begun(plan: ReplayPlan, resumed: boolean, beginningLost: boolean): void
  progress(progress: readonly ReplayProgress[]): void
}

/**
 * Begins a replay or goes on with one, to its end.
 *
 * @returns What it gave; undefined where the signal ended it before.
 * @throws FlowError USAGE, REPLAY_CONFLICT, REPLAY_LOST, TASK_FENCED.
 */
export async function replay(
  live: Config,
  request: ReplayRequest,
  listener: ReplayListener,
  signal: AbortSignal,
  probe?: (point: string) => Promise<void> | void,
): Promise<{ side: SideDeployment; comparison: Comparison } | undefined> {
  const { side, plan: found } = await findSide(live, request)
  try {
    if (found === undefined) {
      if (request.fromMs === undefined) throw usage(`there is no replay ${request.name}; say --from to begin one`)
      await checkDatabase(side)
    } else checkSameRange(found, request)
    const session = await openSide(side)
    const plan = found ?? (await makePlan(side, request.fromMs!, request.toMs ?? Date.now()))
    const held = await side.cluster.ranges(replaySource)
    const beginningLost = [...plan.ranges].some(([partition, { start }]) => start > 0 && held.get(partition)?.start === start)
    listener.begun(plan, found !== undefined, beginningLost)
    await migrateTables(session.config.clickhouse, session.config.networks.own)
    const done = await runReplay(session, plan, side.name, progress => listener.progress(progress), signal, probe)
    if (!done) return undefined
    const store = connectClickHouse(side.config.clickhouse)
    try {
      return {
        side,
        comparison: await compareReplay(store, live.clickhouse.database, await tablesOf(live.clickhouse, live.clickhouse.database)),
      }
    } finally {
      await store.close()
    }
  } finally {
    await side.cluster.close()
  }
}

async function drop(live: Config, request: ReplayRequest): Promise<number> {
  if (request.fromMs !== undefined) throw usage('--drop takes no --from and --to')
  const { side, plan } = await findSide(live, request)
  try {
    if (plan === undefined && request.database !== undefined)
      throw usage(`nothing says that the database ${request.database} is of the replay ${request.name}; drop it yourself`)
    const { groups, topics, subjects, tables } = await dropReplay(side)
    console.log(
      `removed: ${groups} groups, ${topics} topics, ${subjects} schema subjects, ${tables} tables and views of ${side.config.clickhouse.database}`,
    )
    return 0
  } finally {
    await side.cluster.close()
  }
}

/** Progress on the terminal, once in two seconds. */
function progressPrinter(): (progress: readonly ReplayProgress[]) => void {
  let lastMs = 0
  return progress => {
    if (!process.stderr.isTTY || Date.now() - lastMs < 2000) return
    lastMs = Date.now()
    console.error(
      progress
        .map(({ role, left, of }) => `${role} ${of === 0 ? 100 : Math.floor((100 * (of - left)) / of)} % of ${of.toLocaleString('en-US')}`)
        .join(', '),
    )
  }
}

/** See the head of this file. */
export const replayCommand: Command = {
  name: command,
  summary: 'read a range of raw-lines again with the code of today, into topics and tables of its own',
  endsOnSignal: true,
  options: {
    config: configOption,
    name: { type: 'string', value: 'NAME', doc: 'name of the replay: part of its topics, groups and database' },
    from: {
      type: 'string',
      value: 'TIME',
      doc: 'records written at this time or later: ISO 8601 (UTC if no zone is given) or Unix seconds',
    },
    to: { type: 'string', value: 'TIME', doc: 'records written before this time; default now' },
    database: { type: 'string', value: 'DB', doc: 'ClickHouse database of its tables; default `<clickhouse.database>_replay_<name>`' },
    drop: { type: 'boolean', doc: 'remove what the replay made: topics, groups, schemas, tables' },
    json: { type: 'boolean', doc: 'print the counts as JSON' },
  },
  details:
    'Times are when fetch wrote the lines, not when the traffic was: an object that came late is in the range of its arrival. The range is fixed\nat the beginning and exactly once; the same command (or without --from and --to) goes on with a replay that was stopped or killed, and more\nthan one process may run it. Live topics are only read, live tables are not touched. Exit code 1 if it was stopped before its end.',
  async run({ values, signal }) {
    const request = readRequest(values)
    const live = loadConfig({ file: values['config'] as string | undefined })
    if (values['drop'] === true) return drop(live, request)
    const listener: ReplayListener = {
      begun: ({ fromMs, toMs, ranges }, resumed, beginningLost) => {
        console.error(
          `${resumed ? 'going on with' : 'beginning'} replay ${request.name}: raw-lines from ${timeOf(fromMs)} to ${timeOf(toMs)}, ${offsetsIn(ranges)} offsets in ${ranges.size} partitions`,
        )
        if (beginningLost) console.error('raw-lines begins within this range: retention may have removed what came before')
      },
      progress: progressPrinter(),
    }
    const outcome = await replay(live, request, listener, signal)
    if (outcome === undefined) {
      console.error(`stopped; \`flowloom replay --name ${request.name}\` goes on`)
      return 1
    }
    const { database } = outcome.side.config.clickhouse
    console.log(
      values['json'] === true
        ? JSON.stringify({ name: request.name, database, ...outcome.comparison }, null, 2)
        : formatComparison(outcome.comparison, database),
    )
    return 0
  },
}
