/** `flowloom replay`: reads a range of raw-lines again with the code of today, into topics and tables of its own. */
import { counted } from '../runtime/counted.ts'
import { loadConfig } from '../config/config.ts'
import { dropReplay } from '../operations/replay/drop-replay.ts'
import { findReplay, type ReplayRefusal, type ReplayRequest } from '../operations/replay/find-replay.ts'
import type { ReplayPlan } from '../operations/replay/plan.ts'
import { replay, type ReplayListener } from '../operations/replay/replay.ts'
import type { ReplayProgress } from '../operations/replay/run-replay.ts'
import { FlowError } from '../runtime/errors.ts'
import { namesText } from '../runtime/nearest-name.ts'
import { configOption, type Command, type CommandInput } from './arguments/command.ts'
import { parseTimeRange } from './arguments/times.ts'
import { formatJson, isoMs } from './print/json.ts'
import { comparisonJson, formatComparison } from './print/replay-comparison.ts'

const command = 'replay'
const usage = (detail: string): FlowError => new FlowError('USAGE', { detail, command })
/**
 * Reads the options.
 *
 * @param nowMs Unix milliseconds.
 * @throws FlowError USAGE.
 */
export function readRequest(values: CommandInput['values'], nowMs: number): ReplayRequest {
  const name = values['name'] as string | undefined
  if (name === undefined || !/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(name))
    throw usage('say a name with --name: lower-case letters, digits and dashes, at most 40')
  if (values['from'] === undefined && values['to'] !== undefined) throw usage('--to needs --from')
  const { fromS, toS } = parseTimeRange(values, { command, nowS: nowMs / 1000 })
  const ms = (seconds: number | undefined): number | undefined => (seconds === undefined ? undefined : seconds * 1000)
  return { name, fromMs: ms(fromS), toMs: ms(toS), database: values['database'] as string | undefined }
}

/** Why a request cannot be carried out, and what to write instead. */
function refusalText(name: string, refusal: ReplayRefusal): string {
  switch (refusal.reason) {
    case 'live-database':
      return `${refusal.database} is the database of the live tables`
    case 'other-database':
      return `the replay ${name} was begun with the database ${refusal.database}`
    case 'unknown-database':
      return `nothing says that the database ${refusal.database} is of the replay ${name}; drop it yourself`
    case 'not-begun':
      return `there is no replay ${name}: ${namesText(name, refusal.names)}; to begin one, say --from`
    case 'other-range':
      return `the replay ${name} was begun from ${isoMs(refusal.fromMs)} to ${isoMs(refusal.toMs)}; leave out --from and --to to go on with it, or remove it with --drop`
  }
}

/**
 * Prints progress, a line every two seconds on a terminal, every ten elsewhere.
 *
 * @param print Takes a line.
 * @param nowMs A clock that is never set back, in milliseconds.
 */
export function progressPrinter(
  print: (line: string) => void,
  isTerminal: boolean,
  nowMs: () => number,
): (progress: readonly ReplayProgress[]) => void {
  let lastMs = -Infinity
  return progress => {
    if (nowMs() - lastMs < (isTerminal ? 2000 : 10_000)) return
    lastMs = nowMs()
    print(
      progress
        .map(
          ({ role, left, of }) =>
            `${role} ${of === 0 ? 'has nothing to read' : `${Math.floor((100 * (of - left)) / of)} % of ${counted(of, 'offset')}`}`,
        )
        .join(', '),
    )
  }
}

/** Says on the error output what is read, and how far it is. */
const listenerOf = (name: string): ReplayListener => ({
  begun: ({ fromMs, toMs, ranges }, { resumed, beginningLost, offsets }) => {
    console.error(
      `${resumed ? 'going on with' : 'beginning'} replay ${name}: raw-lines from ${isoMs(fromMs)} to ${isoMs(toMs)}, ${offsets === 0 ? 'nothing was written in that time' : `${counted(offsets, 'offset')} in ${counted(ranges.size, 'partition')}`}`,
    )
    if (beginningLost) console.error('raw-lines begins within this range: retention may have removed what came before')
  },
  progress: progressPrinter(
    line => console.error(line),
    process.stderr.isTTY,
    () => performance.now(),
  ),
  left: ({ config }) => {
    console.error(
      `the replay ${name} did not end; left are its topics ${config.kafka.topicPrefix}*, its groups and schemas, and the database ${config.clickhouse.database}: the same command goes on, \`flowloom replay --name ${name} --drop\` removes them`,
    )
  },
})

/** The command. */
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
    'Times are when fetch wrote the lines, not when the traffic was: an object that came late is in the range of its arrival. The range is fixed\nat the beginning and exactly once; the same command (or without --from and --to) goes on with a replay that was stopped or killed, and more\nthan one process may run it. Live topics are only read, live tables are not touched. Exit code 1 if it was stopped before its end, or if --drop finds nothing.',
  async run({ values, signal }) {
    const request = readRequest(values, Date.now())
    const live = loadConfig({ file: values['config'] as string | undefined })
    const drop = values['drop'] === true
    if (drop && request.fromMs !== undefined) throw usage('--drop takes no --from and --to')
    const found = await findReplay(live, request, drop ? 'drop' : 'run')
    if ('refusal' in found) throw usage(refusalText(request.name, found.refusal))
    const { database } = found.side.config.clickhouse
    if (drop) {
      const { groups, topics, subjects, tables, names } = await dropReplay(found.side).finally(() => found.side.cluster.close())
      if (groups + topics + subjects + tables === 0) {
        const others = names.length === 0 ? '' : `; ${namesText(request.name, names)}`
        console.error(`there is no replay ${request.name}: nothing to remove${others}`)
        return 1
      }
      console.log(
        `removed: ${counted(groups, 'group')}, ${counted(topics, 'topic')}, ${counted(subjects, 'schema subject')}, ${counted(tables, 'table or view', 'tables and views')} of ${database}`,
      )
      return 0
    }
    let range: Pick<ReplayPlan, 'fromMs' | 'toMs'> = { fromMs: 0, toMs: 0 }
    const listener = listenerOf(request.name)
    const begun: ReplayListener['begun'] = (plan, beginning) => {
      range = plan
      listener.begun(plan, beginning)
    }
    const comparison = await replay(found, request, { ...listener, begun }, signal)
    if (comparison === undefined) {
      console.error(`stopped; \`flowloom replay --name ${request.name}\` goes on`)
      return 1
    }
    console.log(
      values['json'] === true
        ? formatJson({ name: request.name, database, from: isoMs(range.fromMs), to: isoMs(range.toMs), ...comparisonJson(comparison) })
        : formatComparison(comparison, database, range),
    )
    return 0
  },
}
