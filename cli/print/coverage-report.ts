/** The coverage reports as text for people. Times are UTC. */
import { counted } from '../../runtime/counted.ts'
import { clock } from '../../runtime/utc-text.ts'
import { escapeText } from './escape-text.ts'
import { everything, narrowed, type Filter } from './filter.ts'
import { formatRows } from './text-table.ts'
import type { InterfaceEvidence, JudgedRange, RecordCounts, SeenBy } from '../../operations/coverage/interface-report.ts'
import {
  hasLosses,
  hasUnclear,
  type CoverageReport,
  type CoverageRequest,
  type FlowLogCoverage,
  type ListedObject,
} from '../../operations/coverage/report.ts'
import { rangesOf, slotsIn, type SlotRange } from '../../operations/coverage/slots.ts'
import type { AskedTraffic, Verdict } from '../../operations/coverage/verdict.ts'
import { mayWait, waitingReasons, type Waiting } from '../../operations/coverage/waiting.ts'

/** Lines of a section of the text; JSON has all. */
const shownLines = 50

const minute = (seconds: number): string => clock(seconds).slice(0, 16)
const range = ({ from, to }: SlotRange): string => `${minute(from)} to ${minute(to)}`
const rangeOfSlots = (slots: SlotRange): string => `${range(slots)}  (${counted(slotsIn([slots]), 'slot')})`
const nameOf = (id: string): string => (id === '' ? '(no flow log id)' : id)

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return []
  const more = lines.length - shownLines
  const shown = lines.slice(0, shownLines).map(line => `  ${escapeText(line)}`)
  return ['', title, '', ...shown, ...(more > 0 ? [`  ... and ${more} more; --json lists all`] : [])]
}

const flowLogRow = (log: FlowLogCoverage): Record<string, string | number> => ({
  'flow log': nameOf(log.flowLogId),
  account: log.accountId,
  region: log.region,
  slots: log.slots,
  missing: slotsIn(log.missing) + (log.silent === null ? 0 : slotsIn([log.silent])),
  late: log.late.length,
  objects: log.objects,
  done: log.done,
  failed: log.failed,
  copies: log.copies,
  bytes: log.bytes,
  lines: log.lines,
  flows: log.flows,
  nodata: log.noData,
  skipdata: log.skipData,
  dead: log.deadLetters,
  'first arrival': log.firstArrival === null ? '' : minute(log.firstArrival),
  'last arrival': log.lastArrival === null ? '' : minute(log.lastArrival),
})

const objectLine = (object: ListedObject): string => {
  const why = [object.errorCode, object.errorDetail].filter(part => part !== '').join(': ')
  return `s3://${object.bucket}/${object.key}: ${object.state}${why === '' ? '' : ` (${why})`}`
}

/** A duration for people: minutes up to two hours, hours up to two days, else days. */
function lasting(seconds: number): string {
  const [unit, name] = seconds < 7200 ? [60, 'minutes'] : seconds < 172_800 ? [3600, 'hours'] : [86_400, 'days']
  return `${Math.round(seconds / unit)} ${name}`
}

/** Late slots in a row are one line, with the least and the greatest delay. */
function lateLines({ late }: FlowLogCoverage): string[] {
  return rangesOf(late.map(({ slot }) => slot)).map(slots => {
    const delays = late.filter(({ slot }) => slot >= slots.from && slot < slots.to).map(({ latenessS }) => latenessS)
    const [least, most] = [lasting(Math.min(...delays)), lasting(Math.max(...delays))]
    return `${rangeOfSlots(slots)}  after ${least === most ? most : `${least} to ${most}`}`
  })
}

/** Objects that are read are one line; the others one each. */
function withoutSlotLines(objects: readonly ListedObject[]): string[] {
  const read = objects.filter(({ state }) => state === 'done')
  const first = read[0]
  const summary = first === undefined ? [] : [`${read.length} read, ${read.length === 1 ? '' : 'the first one '}${objectLine(first)}`]
  return [...summary, ...objects.filter(({ state }) => state !== 'done').map(objectLine)]
}

/** The report of a time. */
export function formatReport(report: CoverageReport, request: CoverageRequest, waiting: Waiting, filter: Filter = everything): string {
  const { flowLogs, ended, unread, withoutSlot, skipped, overlaps, nameless } = report
  const head = `${minute(request.from)} to ${minute(request.to)} UTC`
  const byLog = (lines: (log: FlowLogCoverage) => string[]): string[] =>
    flowLogs.flatMap(log => lines(log).map(line => `${nameOf(log.flowLogId)}  ${line}`))
  const lines = flowLogs.length === 0 ? [head] : [head, '', formatRows(flowLogs.map(flowLogRow))]
  lines.push(
    ...section(
      'slots without an object that is read',
      byLog(log => log.missing.map(rangeOfSlots)),
    ),
    ...section(
      'flow logs that fell silent: deleted, or no longer delivered',
      byLog(log => (log.silent === null ? [] : [`nothing after the slot ${minute(log.lastKnownSlot)}; due: ${range(log.silent)}`])),
    ),
    ...section(
      `flow logs that ended: no object for ${counted(Math.round(request.endedAfterS / 86_400), 'day')} or longer before this time; nothing is expected of them`,
      ended.map(
        log =>
          `${nameOf(log.flowLogId)}  ${log.accountId} ${log.region}  last slot ${minute(log.lastKnownSlot)}${log.lastArrival === null ? '' : `, last arrival ${minute(log.lastArrival)}`}`,
      ),
    ),
    ...section('objects that are not read to their end, or without any line', unread.map(objectLine)),
    ...section('announced, and not in the table of objects yet: ask again', waitingReasons(waiting, request.from, request.to - 1)),
    ...section(
      'lines that were read and are not in the tables yet: ask again',
      byLog(log => (log.onTheirWay === 0 ? [] : [`${counted(log.onTheirWay, 'line')} on their way`])),
    ),
    ...section(
      'rows removed by retention (clickhouse.ttlDays): what is missing here was read once',
      byLog(log => (log.removed === 0 ? [] : [`${counted(log.removed, 'row')} removed`])),
    ),
    ...section(
      'rows that stand in the tables more than once',
      byLog(log => (log.repeated === 0 ? [] : [`${counted(log.repeated, 'row')} repeated`])),
    ),
    ...section(
      'lines of a format without log-status that say nothing of a flow: NODATA or SKIPDATA, nobody can tell',
      byLog(log => (log.unclear === 0 ? [] : [counted(log.unclear, 'line')])),
    ),
    ...section(
      'objects that were read and lack something',
      byLog(log => (log.warned === 0 ? [] : [`${counted(log.warned, 'object')}: ${log.warnings.join('; ')}`])),
    ),
    ...section(
      'objects that lie under several keys; one of each counts',
      byLog(log => (log.copies === 0 ? [] : [counted(log.copies, 'copy', 'copies')])),
    ),
    ...section(
      'dead letters, in slots',
      byLog(log => rangesOf(log.deadLetterSlots).map(rangeOfSlots)),
    ),
    ...section(
      'interfaces with SKIPDATA: AWS lost flows of them, nobody knows how many',
      skipped.map(
        skip =>
          `${skip.interfaceId}  ${nameOf(skip.flowLogId)}  ${counted(skip.records, 'record')}, ${clock(skip.first)} to ${clock(skip.last)}`,
      ),
    ),
    ...section(
      `slots whose last object came more than ${counted(Math.round(request.lateS / 60), 'minute')} after their end`,
      byLog(lateLines),
    ),
    ...section(
      'interfaces that several flow logs write; the view flows_once counts one of them',
      overlaps.map(
        each =>
          `${each.observer}  ${each.flowLogs.map(nameOf).join(', ')}  counted: ${nameOf(each.counted)}, ${counted(each.repeated, 'record')} of the others, ${counted(each.slots, 'slot')}, ${minute(each.first)} to ${minute(each.last)}${each.incomplete === 0 ? '' : `; incomplete in ${each.incomplete}: none was seen whole`}`,
      ),
    ),
    ...section(
      'flow logs whose format names no interface: what others wrote too counts twice',
      nameless.map(each => `${nameOf(each.flowLogId)}  beside ${each.beside.map(nameOf).join(', ')}`),
    ),
    ...section(
      'objects whose name has no slot, uploaded in this time: they stand for no time, and what Firehose delivered twice counts twice',
      withoutSlotLines(withoutSlot),
    ),
  )
  const known =
    mayWait(waiting) || hasUnclear(report)
      ? 'nothing is missing and nothing was lost of what is known, which need not be all: see above'
      : undefined
  const complete = hasLosses(report) ? 'not complete: see above' : (known ?? 'nothing is missing and nothing was lost')
  const none = ended.length === 0 ? 'no flow log is known there' : 'every flow log that is known had ended'
  lines.push('', narrowed(filter, flowLogs.length === 0 ? `${none}, so nothing is known of any flow` : complete))
  return lines.join('\n')
}

function seenByLines(seenBy: readonly SeenBy[]): string[] {
  return seenBy.map(log => {
    const actions = log.actions.filter(action => action !== '-').join(' and ')
    const unclear = log.unclear === 0 ? '' : `, ${log.unclear} NODATA or SKIPDATA`
    const others = log.recordedActions.filter(action => !log.actions.includes(action)).join(' and ')
    return `${nameOf(log.flowLogId)}  ${log.accountId} ${log.region}  ${counted(log.flows, 'flow')}${actions === '' ? '' : ` (${actions})`}, ${log.noData} NODATA, ${log.skipData} SKIPDATA${unclear}${others === '' ? '' : `, ${others} of other interfaces`}, ${clock(log.firstSeen)} to ${clock(log.lastSeen)}`
  })
}

const words = {
  gap: 'GAP: flows can be missing',
  unknown: 'UNKNOWN: nobody can say',
} as const

const halves = ['accepted', 'rejected'] as const

/** The verdict in a line: it says of which traffic it is evidence, and of which it is not. */
function headline({ verdict, traffic }: Verdict, asked: AskedTraffic): string {
  const known = halves.filter(half => traffic[half] === 'evidence')
  const others = halves.filter(half => traffic[half] !== 'evidence')
  if (verdict === 'evidence') {
    if (asked === 'any' && known.length < 2)
      return 'EVIDENCE of what its flow logs record: a flow of that kind that is not recorded was not there'
    const unsaid = others.length === 0 ? '' : `; UNKNOWN of ${others.join(' and ')} traffic: nobody can say`
    return `EVIDENCE of ${known.join(' and ')} traffic: such a flow that is not recorded was not there${unsaid}`
  }
  if (known.length === 0) return words[verdict]
  return `UNKNOWN of ${others.join(' and ')} traffic: nobody can say; EVIDENCE of ${known.join(' and ')} traffic: such a flow that is not recorded was not there`
}

/** The verdict on one time. */
export function formatVerdict(
  at: number,
  interfaceId: string,
  found: InterfaceEvidence,
  verdict: Verdict,
  counts: RecordCounts,
  filter: Filter = everything,
): string {
  return [
    narrowed(filter, `${interfaceId} at ${clock(at)} UTC: ${headline(verdict, found.evidence.asked)}`),
    '',
    ...verdict.reasons.map(reason => `  ${escapeText(reason)}`),
    `  recorded at that second: ${counted(counts.flows, 'flow')}, ${counts.noData} NODATA${counts.unclear === 0 ? '' : `, ${counts.unclear} NODATA or SKIPDATA`}`,
    ...section('its flow logs, a day before and after', seenByLines(found.seenBy)),
  ].join('\n')
}

/** The verdicts on a time, slot by slot. */
export function formatRanges(
  interfaceId: string,
  asked: AskedTraffic,
  found: InterfaceEvidence,
  ranges: readonly JudgedRange[],
  filter: Filter = everything,
): string {
  const lines = ranges.flatMap(each => [
    `${range(each)}  ${each.verdict === 'gap' ? 'GAP' : headline(each, asked).replace(/: [^;]*/g, '')}`,
    ...(each.verdict === 'evidence' ? [] : each.reasons.map(reason => `  ${reason}`)),
  ])
  return [
    narrowed(filter, `${interfaceId}, UTC`),
    ...section('by slot', lines),
    ...section('its flow logs', seenByLines(found.seenBy)),
  ].join('\n')
}

/** A line for each source of which nothing was ever read. */
export const unreadText = (unread: readonly string[]): string =>
  unread.map(name => `no object of the source ${name} was ever read: \`flowloom check-config --probe\` says what is found there\n`).join('')
