/** `flowloom coverage`: what was read of which time, and whether a missing flow is evidence or a gap. */
import { loadConfig } from '../config/config.ts'
import {
  coverageOfTime,
  judgeSecond,
  judgeTime,
  type JudgedSecond,
  type JudgedTime,
  type TimeCoverage,
} from '../operations/coverage/coverage.ts'
import { hasLosses } from '../operations/coverage/report.ts'
import { firstNotDue, slotAfter, slotOf } from '../operations/coverage/slots.ts'
import type { AskedTraffic, VerdictWord } from '../operations/coverage/verdict.ts'
import { FlowError } from '../runtime/errors.ts'
import { configOption, type Command, type CommandInput } from './arguments/command.ts'
import { parseSecond, parseTimeRange } from './arguments/times.ts'
import { formatRanges, formatReport, formatVerdict, unreadText } from './print/coverage-report.ts'
import { describeFilter, type Filter } from './print/filter.ts'
import { formatJson } from './print/json.ts'

/** Exit codes beside 0; 1 is an error, as everywhere. */
const exitCodes: Readonly<Record<VerdictWord, number>> = { evidence: 0, gap: 3, unknown: 4 }
/** What --action asks for. */
const askedBy: Readonly<Record<string, AskedTraffic>> = { ACCEPT: 'accepted', REJECT: 'rejected', both: 'both', any: 'any' }
const dayS = 86_400

const usage = (detail: string): FlowError => new FlowError('USAGE', { detail, command: 'coverage' })

/** What the options ask for. */
export interface CoverageOptions {
  /** Null: a time, see from and to. */
  readonly at: number | null
  readonly from: number
  readonly to: number
  readonly interfaceId: string | null
  readonly account: string
  readonly region: string
  readonly flowLogs: readonly string[]
  readonly lateS: number
  readonly everyS: number
  /** Null: not stated. */
  readonly windowS: number | null
  readonly notDue: number
  readonly endedAfterS: number
  readonly asked: AskedTraffic
}

/**
 * Reads the options.
 *
 * @param nowS Unix seconds.
 * @throws FlowError USAGE.
 */
export function parseCoverageOptions(values: CommandInput['values'], nowS: number): CoverageOptions {
  const text = (name: string): string => (values[name] as string | undefined) ?? ''
  const minutes = (name: string, otherwise: number): number => {
    if (values[name] !== undefined && !/^\d{1,6}$/.test(text(name))) throw usage(`--${name} takes whole minutes, not "${text(name)}"`)
    return values[name] === undefined ? otherwise : Number(text(name)) * 60
  }
  const endedAfter = text('ended-after')
  if (values['ended-after'] !== undefined && !/^\d{1,5}$/.test(endedAfter))
    throw usage(`--ended-after takes whole days, not "${endedAfter}"`)
  const given = values['at'] !== undefined
  if (given && values['interface'] === undefined) throw usage('--at goes with --interface')
  if (given && (values['from'] !== undefined || values['to'] !== undefined)) throw usage('say --at, or --from and --to')
  if (values['interface'] === '') throw usage('--interface takes an interface id')
  const at = given ? parseSecond(text('at'), { command: 'coverage', option: 'at', nowS }) : null
  const { fromS, toS } = parseTimeRange(values, { command: 'coverage', nowS })
  const to = slotAfter(toS ?? nowS)
  const from = slotOf(fromS ?? to - dayS)
  const everyS = minutes('every', 300)
  if (everyS === 0 || everyS % 300 !== 0) throw usage('--every takes 5, 10, 15 ... minutes')
  const windowS = values['window'] === undefined ? null : minutes('window', 600)
  const action = text('action') === '' ? 'ACCEPT' : text('action')
  const asked = Object.hasOwn(askedBy, action) ? askedBy[action] : undefined
  if (asked === undefined || values['action'] === '')
    throw usage(`--action takes ${Object.keys(askedBy).join(', ')}, not "${text('action')}"`)
  if (windowS !== null && windowS !== 60 && windowS !== 600) throw usage('--window takes 1 or 10: the aggregation intervals that AWS has')
  return {
    at,
    from,
    to,
    interfaceId: values['interface'] === undefined ? null : text('interface'),
    account: text('account'),
    region: text('region'),
    flowLogs: (values['flow-log'] as string[] | undefined) ?? [],
    lateS: minutes('late', 900),
    everyS,
    windowS,
    asked,
    notDue: firstNotDue(nowS, minutes('grace', 1200)),
    endedAfterS: (values['ended-after'] === undefined ? 7 : Number(endedAfter)) * dayS,
  }
}

/** What narrows the answer, beside time and interface, which it names anyhow. */
const filterOf = ({ account, region, flowLogs }: CoverageOptions): Filter =>
  describeFilter({ account: account === '' ? undefined : account, region: region === '' ? undefined : region, 'flow-log': flowLogs })

function printTime({ report, waiting, complete, unreadSources }: TimeCoverage, options: CoverageOptions, json: boolean): number {
  const { from, to } = options
  const filter = filterOf(options)
  if (json) console.log(formatJson({ from, to, filter: filter.json, complete, ...report, waiting, unreadSources }))
  else console.log(`${unreadText(unreadSources)}${formatReport(report, options, waiting, filter)}`)
  if (complete) return 0
  return exitCodes[hasLosses(report) ? 'gap' : 'unknown']
}

function printRanges(interfaceId: string, { found, ranges }: JudgedTime, options: CoverageOptions, json: boolean): number {
  const { neverSeen = false, waiting } = found.evidence
  const { asked, from, to } = options
  const filter = filterOf(options)
  if (json) console.log(formatJson({ interfaceId, from, to, filter: filter.json, asked, ranges, seenBy: found.seenBy, waiting, neverSeen }))
  else console.log(formatRanges(interfaceId, asked, found, ranges, filter))
  const seen = (word: VerdictWord): boolean => ranges.some(({ verdict }) => verdict === word)
  return exitCodes[seen('gap') ? 'gap' : seen('unknown') ? 'unknown' : 'evidence']
}

function printVerdict(
  interfaceId: string,
  at: number,
  { found, verdict, recorded }: JudgedSecond,
  options: CoverageOptions,
  json: boolean,
): number {
  const filter = filterOf(options)
  const { neverSeen = false, waiting } = found.evidence
  const { asked } = found.evidence
  if (json)
    console.log(formatJson({ interfaceId, at, filter: filter.json, asked, ...verdict, recorded, seenBy: found.seenBy, waiting, neverSeen }))
  else console.log(formatVerdict(at, interfaceId, found, verdict, recorded, filter))
  return exitCodes[verdict.verdict]
}

/** The command. */
export const coverageCommand: Command = {
  name: 'coverage',
  summary: 'what was read of which time; is a missing flow evidence or a gap?',
  options: {
    config: configOption,
    from: { type: 'string', value: 'TIME', doc: 'ISO 8601 (UTC if no zone is given) or Unix seconds; default 24 hours before --to' },
    to: { type: 'string', value: 'TIME', doc: 'not included; default now' },
    account: { type: 'string', value: 'ID', doc: 'only this account' },
    region: { type: 'string', value: 'REGION', doc: 'only this region' },
    'flow-log': { type: 'string', multiple: true, value: 'ID', doc: 'only this flow log; can be repeated' },
    interface: { type: 'string', value: 'ID', doc: 'judge this interface: EVIDENCE, GAP or UNKNOWN, slot by slot' },
    at: { type: 'string', value: 'TIME', doc: 'with --interface: judge this second; a day alone is refused' },
    action: {
      type: 'string',
      value: 'ACTION',
      doc: 'with --interface: of which traffic: ACCEPT, REJECT, both, or any (whatever the flow logs are for); default ACCEPT',
    },
    late: { type: 'string', value: 'MINUTES', doc: 'a slot is late if its last object came later than this after its end; default 15' },
    grace: {
      type: 'string',
      value: 'MINUTES',
      doc: 'time for delivery and reading: a slot is missing this long after its end; default 20',
    },
    window: {
      type: 'string',
      value: 'MINUTES',
      doc: 'longest aggregation interval of the flow logs, 1 or 10; default: what the records prove, else the cautious one',
    },
    every: {
      type: 'string',
      value: 'MINUTES',
      doc: 'how often a flow log writes; 10 if long windows leave every other slot empty; default 5',
    },
    'ended-after': {
      type: 'string',
      value: 'DAYS',
      doc: 'a flow log without an object for so long before --from has ended, and misses nothing; default 7',
    },
    'no-kafka': {
      type: 'boolean',
      doc: 'do not ask Kafka: what was announced and is not in the tables yet stays unknown, so nothing is evidence',
    },
    json: { type: 'boolean', doc: 'print JSON' },
  },
  details: `Times are UTC; a slot is 5 minutes. EVIDENCE: every flow log that has records of the interface has its objects there, read, and nothing
of them was lost. GAP: SKIPDATA, dead letters or an object that cannot be read. UNKNOWN: an object is missing or not read yet,
or was announced and is not in the tables yet (Kafka is asked for the positions of fetch and clickhouse; it must answer), or an aggregation interval fits between two records of the interface, not even NODATA; "never seen": of no time at all, so its id may be wrong; or no flow log recorded traffic of the action that is asked for, so it may not be for it.
Exit codes: 0 complete or evidence, 3 something missing or lost, 4 unknown, 1 an error, 2 wrong usage.`,
  async run({ values }) {
    const options = parseCoverageOptions(values, Math.floor(Date.now() / 1000))
    const config = loadConfig({ file: values['config'] as string | undefined })
    const asked = { config, noKafka: values['no-kafka'] === true }
    const json = values['json'] === true
    const { at, interfaceId } = options
    if (interfaceId === null) return printTime(await coverageOfTime(asked, options), options, json)
    if (at === null) return printRanges(interfaceId, await judgeTime(asked, { ...options, interfaceId }), options, json)
    return printVerdict(interfaceId, at, await judgeSecond(asked, { ...options, interfaceId }, at), options, json)
  },
}
