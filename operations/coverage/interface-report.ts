/** What `flowloom coverage --interface` reports: asked of ClickHouse, judged by verdict.ts. Times are Unix seconds. */
import { slotSeconds } from '../../schemas/object-name.ts'
import { ask } from '../../sinks/clickhouse/queries.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { dateOf } from './report.ts'
import { silencesOf, type RecordTimes } from './silences.ts'
import { slotOf, type SlotRange } from './slots.ts'
import {
  lastEnd,
  reasonTexts,
  stampDelayS,
  weigh,
  type AskedTraffic,
  type CoveringFlowLog,
  type Evidence,
  type LossRecord,
  type Reason,
  type SlotState,
  type Verdict,
  type Weighed,
} from './verdict.ts'
import { isWaitedFor, type Waiting, type WaitingScope } from './waiting.ts'
import { hidingSilences, longRecordS, longWindowS, type WindowMarks } from './windows.ts'

/** What to judge. */
export interface InterfaceRequest {
  readonly interfaceId: string
  /** First and last second, both included. */
  readonly from: number
  readonly to: number
  readonly account: string
  readonly region: string
  readonly flowLogs: readonly string[]
  /** Aggregation window that is stated, 60 or 600 s; null: nobody says, and each question takes the cautious one. */
  readonly windowS: number | null
  readonly everyS: number
  readonly notDue: number
  readonly asked: AskedTraffic
}

/** A flow log that has records of the interface around the time. */
export interface SeenBy {
  readonly accountId: string
  readonly region: string
  readonly flowLogId: string
  readonly firstSeen: number
  readonly lastSeen: number
  readonly flows: number
  readonly noData: number
  readonly skipData: number
  /** Records of a format without log-status that say nothing of a flow: NODATA or SKIPDATA. */
  readonly unclear: number
  /** Actions among its flows of the interface. */
  readonly actions: readonly string[]
  /** The same, and those that it recorded of any interface: what it is evidence of. */
  readonly recordedActions: readonly string[]
}

/** What is known of an interface in a time. */
export interface InterfaceEvidence {
  readonly seenBy: readonly SeenBy[]
  readonly evidence: Evidence
}

/** Slots with the same verdict and the same reasons. */
export interface JudgedRange extends SlotRange, Verdict {}

/** How far around the time flow logs are looked for that have records of the interface. */
const seenAroundS = 86_400
/** The same for flow logs that recorded an action of any interface; whole hours. */
const actionsAroundS = 3600

type Row = Record<string, string | number | null>
interface SlotLists {
  warnings: string[]
}
interface SeenRow {
  actions: string[]
  /** Of the records that begin in one minute, in their order. */
  times: RecordTimes[]
  wholes: RecordTimes[]
  longs: number[]
}

/** Records of a time can end so much later: the long window, unless another one is stated. */
const reachS = ({ windowS }: Pick<InterfaceRequest, 'windowS'>): number => windowS ?? longWindowS

/** The objects that can hold a record of the time. */
export const scopeOf = ({ from, to, windowS, account, region, flowLogs }: InterfaceRequest): WaitingScope => ({
  from: slotOf(from),
  to: lastEnd(to, reachS({ windowS })),
  account,
  region,
  flowLogs,
})

/**
 * Collects what the verdict depends on.
 *
 * @param waiting Asked for before.
 */
export async function findEvidence(store: Store, request: InterfaceRequest, waiting: Waiting): Promise<InterfaceEvidence> {
  const rows = await ask<Row & SeenRow, 'coverage_interface'>(store, 'coverage_interface', {
    interface: request.interfaceId,
    seen_from: dateOf(request.from - seenAroundS),
    seen_to: dateOf(request.to + seenAroundS),
  })
  const recorded = await ask<Row & { actions: string[] }, 'coverage_actions'>(store, 'coverage_actions', {
    from: dateOf((Math.floor(request.from / actionsAroundS) - 1) * actionsAroundS),
    to: dateOf((Math.floor(request.to / actionsAroundS) + 2) * actionsAroundS),
    flow_logs: rows.map(row => String(row['flow_log_id'])),
  })
  const seen = rows
    .map(row => ({ log: seenByOf(row, recorded), row }))
    .filter(
      ({ log }) =>
        (request.account === '' || log.accountId === request.account) &&
        (request.region === '' || log.region === request.region) &&
        (request.flowLogs.length === 0 || request.flowLogs.includes(log.flowLogId)),
    )
  // a neighbour on each side may stand for a slot without an object
  const slotRows = await ask<Row & SlotLists, 'coverage_interface_slots'>(store, 'coverage_interface_slots', {
    from: dateOf(slotOf(request.from) - request.everyS),
    to: dateOf(slotOf(lastEnd(request.to, reachS(request))) + slotSeconds + request.everyS),
    flow_logs: seen.map(({ log }) => log.flowLogId),
  })
  const known = await ask<Row, 'coverage_interface_known'>(store, 'coverage_interface_known', {
    from: dateOf(request.from - seenAroundS),
    to: dateOf(request.to + seenAroundS),
    flow_logs: seen.map(({ log }) => log.flowLogId),
  })
  const losses = await ask<Row, 'coverage_interface_gaps'>(store, 'coverage_interface_gaps', {
    interface: request.interfaceId,
    from: dateOf(request.from),
    to: dateOf(lastEnd(request.to, reachS(request)) + 1),
    before_s: 2 * (reachS(request) + stampDelayS),
    account: request.account,
    region: request.region,
    flow_logs: request.flowLogs,
  })
  const [ever] =
    rows.length > 0 ? [] : await ask<Row, 'coverage_interface_ever'>(store, 'coverage_interface_ever', { interface: request.interfaceId })
  return {
    seenBy: seen.map(({ log }) => log),
    evidence: {
      flowLogs: seen.map(({ log, row }) => coveringOf(log, { ...row, statedS: request.windowS }, slotRows, known)),
      losses: losses.map(lossOf),
      waiting: { ...waiting, objects: waiting.objects.filter(object => isWaitedFor(object, scopeOf(request))) },
      windowS: reachS(request),
      everyS: request.everyS,
      notDue: request.notDue,
      neverSeen: ever !== undefined && Number(ever['seen']) === 0,
      asked: request.asked,
    },
  }
}

const keyOf = (account: unknown, region: unknown, flowLog: unknown): string => [account, region, flowLog].map(String).join('\n')
const keyOfRow = (row: Row): string => keyOf(row['account_id'], row['region'], row['flow_log_id'])

function coveringOf(
  log: SeenBy,
  { times, statedS, ...marks }: WindowMarks & { readonly times: readonly RecordTimes[]; readonly statedS: number | null },
  rows: readonly (Row & SlotLists)[],
  known: readonly Row[],
): CoveringFlowLog {
  const key = keyOf(log.accountId, log.region, log.flowLogId)
  const isOf = (row: Row): boolean => keyOfRow(row) === key
  const slots = new Map<number, SlotState>()
  for (const row of rows)
    if (isOf(row))
      slots.set(Number(row['slot']), {
        done: Number(row['done']),
        unread: Number(row['unread']),
        failed: Number(row['failed']),
        deadLetters: Number(row['dead_letters']),
        empty: Number(row['empty']),
        onTheirWay: Number(row['on_their_way']),
        removed: Number(row['removed']),
        warnings: row.warnings,
      })
  const flowLogId = log.flowLogId === '' ? 'objects without a flow log id' : log.flowLogId
  const last = known.find(isOf)?.['last_slot']
  const lastKnown = last === undefined ? null : Number(last)
  return {
    flowLogId,
    firstSeen: log.firstSeen,
    lastSeen: log.lastSeen,
    actions: log.recordedActions,
    silences: hidingSilences(silencesOf(times), marks, statedS),
    longRecords: [...marks.longs, ...marks.wholes.filter(([first, last]) => last - first > longRecordS).map(([first]) => first)],
    lastKnown,
    slots,
  }
}

const seenByOf = (row: Row & SeenRow, recorded: readonly (Row & { actions: string[] })[]): SeenBy => ({
  accountId: String(row['account_id']),
  region: String(row['region']),
  flowLogId: String(row['flow_log_id']),
  firstSeen: Number(row['first_seen']),
  lastSeen: Number(row['last_seen']),
  flows: Number(row['flows']),
  noData: Number(row['nodata']),
  skipData: Number(row['skipdata']),
  unclear: Number(row['unclear']),
  actions: row.actions,
  recordedActions: [...new Set([...row.actions, ...(recorded.find(other => keyOfRow(other) === keyOfRow(row))?.actions ?? [])])].sort(),
})

const lossOf = (row: Row): LossRecord => ({
  start: Number(row['start']),
  end: Number(row['end']),
  timed: row['time_source'] === 'logged',
  unclear: Number(row['unclear']) === 1,
})

/** Records of the interface that touch a time. */
export interface RecordCounts {
  readonly flows: number
  readonly noData: number
  readonly unclear: number
}

/** Counts the records of the interface that touch the time. */
export async function countRecords(store: Store, { interfaceId, from, to }: InterfaceRequest): Promise<RecordCounts> {
  const [row] = await ask<Row, 'coverage_interface_at'>(store, 'coverage_interface_at', {
    interface: interfaceId,
    from: dateOf(from),
    to: dateOf(to),
  })
  return { flows: Number(row?.['flows'] ?? 0), noData: Number(row?.['nodata'] ?? 0), unclear: Number(row?.['unclear'] ?? 0) }
}

/**
 * Judges slot after slot; neighbours with the same verdict, of each half of the traffic too, are one range. Its reasons are those of all of them, and
 * each names the slots of which it is true.
 */
export function judgeSlotBySlot(from: number, to: number, evidence: Evidence): JudgedRange[] {
  const ranges: (SlotRange & Omit<Weighed, 'reasons'> & { readonly reasons: Reason[] })[] = []
  for (let slot = slotOf(from); slot < to; slot += slotSeconds) {
    const { verdict, reasons, traffic } = weigh(slot, slot + slotSeconds - 1, evidence)
    const last = ranges.at(-1)
    if (last?.verdict === verdict && last.traffic.accepted === traffic.accepted && last.traffic.rejected === traffic.rejected) {
      last.reasons.push(...reasons)
      ranges[ranges.length - 1] = { ...last, to: slot + slotSeconds }
    } else ranges.push({ from: slot, to: slot + slotSeconds, verdict, reasons: [...reasons], traffic })
  }
  return ranges.map(range => ({ ...range, reasons: reasonTexts(range.reasons) }))
}
