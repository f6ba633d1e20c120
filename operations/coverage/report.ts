/** What `flowloom coverage` reports of a time: asked of ClickHouse; of `flows` the counts of lines by object, and what overlaps. Times are Unix seconds. */
import { slotSeconds } from '../../schemas/object-name.ts'
import { ask } from '../../sinks/clickhouse/queries.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { missingSlots, type SlotRange } from './slots.ts'

/** What to report; empty text and lists: any. */
export interface CoverageRequest {
  /** Whole slots, `to` not included. */
  readonly from: number
  readonly to: number
  readonly account: string
  readonly region: string
  readonly flowLogs: readonly string[]
  /** Seconds from the end of a slot after which its last object is late. */
  readonly lateS: number
  readonly everyS: number
  readonly notDue: number
  /** A flow log whose last slot was over for so many seconds when the time begins has ended, and nothing is expected of it. */
  readonly endedAfterS: number
}

/** One flow log in the time. */
export interface FlowLogCoverage {
  readonly accountId: string
  readonly region: string
  readonly flowLogId: string
  readonly objects: number
  readonly done: number
  readonly reading: number
  readonly retrying: number
  readonly failed: number
  /** Older versions of overwritten objects. */
  readonly replaced: number
  /** Objects that lie under another key too, which counts in their place. */
  readonly copies: number
  /** Done objects without any line. */
  readonly empty: number
  /** Objects whose format lacks something, see warnings. */
  readonly warned: number
  readonly warnings: readonly string[]
  /** Lines that were read and are not in the tables yet. */
  readonly onTheirWay: number
  /** Lines whose rows were removed after their time to live. */
  readonly removed: number
  /** Rows beyond one for each line. */
  readonly repeated: number
  /** Lines of a format without log-status that say nothing of a flow: NODATA or SKIPDATA, nobody can tell. They are among the flows. */
  readonly unclear: number
  readonly bytes: number
  readonly lines: number
  readonly flows: number
  readonly noData: number
  readonly skipData: number
  readonly deadLetters: number
  /** Null: no object, or no upload time is known. */
  readonly firstArrival: number | null
  readonly lastArrival: number | null
  /** Slots with a done object. */
  readonly slots: number
  readonly firstKnownSlot: number
  readonly lastKnownSlot: number
  readonly missing: readonly SlotRange[]
  /** Slots since the last known one that are due; null: none. */
  readonly silent: SlotRange | null
  readonly late: readonly { readonly slot: number; readonly latenessS: number }[]
  /** Slots with dead letters of objects that are not overwritten. */
  readonly deadLetterSlots: readonly number[]
}

/** A flow log that wrote nothing for so long before the time that it is taken for deleted. */
export interface EndedFlowLog {
  readonly accountId: string
  readonly region: string
  readonly flowLogId: string
  readonly lastKnownSlot: number
  /** Null: no upload time is known. */
  readonly lastArrival: number | null
}

/** An object that is not read to its end, or whose name has no slot. */
export interface ListedObject {
  readonly bucket: string
  readonly key: string
  readonly flowLogId: string
  readonly slot: number | null
  readonly state: string
  readonly errorCode: string
  readonly errorDetail: string
}

/** SKIPDATA of one interface. */
export interface SkippedInterface {
  readonly interfaceId: string
  readonly flowLogId: string
  readonly records: number
  readonly first: number
  readonly last: number
}

/** An interface whose traffic several flow logs wrote. */
export interface OverlappedInterface {
  readonly observer: string
  readonly flowLogs: readonly string[]
  /** The one that the view flows_once takes. */
  readonly counted: string
  readonly slots: number
  /** Records of the others. */
  readonly repeated: number
  /** Slots in which none of them was seen whole: the true traffic is that or more. */
  readonly incomplete: number
  readonly first: number
  readonly last: number
}

/** A flow log whose records name no interface, beside others: their common traffic counts twice. */
export interface NamelessFlowLog {
  readonly accountId: string
  readonly region: string
  readonly flowLogId: string
  readonly objects: number
  readonly beside: readonly string[]
}

/** The report of a time. */
export interface CoverageReport {
  readonly flowLogs: readonly FlowLogCoverage[]
  readonly ended: readonly EndedFlowLog[]
  readonly unread: readonly ListedObject[]
  readonly withoutSlot: readonly ListedObject[]
  readonly skipped: readonly SkippedInterface[]
  readonly overlaps: readonly OverlappedInterface[]
  readonly nameless: readonly NamelessFlowLog[]
}

type Row = Record<string, string | number | null>
interface FlowLogRow extends Row {
  account_id: string
  region: string
  flow_log_id: string
}
interface FlowLogLists {
  done_slots: number[]
  warnings: string[]
  late_slots: number[]
  late_by: number[]
  dead_slots: number[]
}

/** A point in time as a question takes it. */
export const dateOf = (seconds: number): Date => new Date(seconds * 1000)

/** Asks for the report. */
export async function reportCoverage(store: Store, request: CoverageRequest): Promise<CoverageReport> {
  const scope = {
    from: dateOf(request.from),
    to: dateOf(request.to),
    account: request.account,
    region: request.region,
    flow_logs: request.flowLogs,
  }
  const rows = await ask<FlowLogRow & FlowLogLists, 'coverage_flow_logs'>(store, 'coverage_flow_logs', { ...scope, late_s: request.lateS })
  const objects = await ask<Row, 'coverage_objects'>(store, 'coverage_objects', scope)
  const skips = await ask<Row, 'coverage_skips'>(store, 'coverage_skips', scope)
  const overlaps = await ask<Row & { flow_logs: string[] }, 'coverage_overlaps'>(store, 'coverage_overlaps', {
    from: scope.from,
    to: scope.to,
  })
  const nameless = await ask<Row & { beside: string[] }, 'coverage_nameless'>(store, 'coverage_nameless', scope)
  const hasEnded = (row: FlowLogRow): boolean => Number(row['last_known']) + slotSeconds + request.endedAfterS <= request.from
  const flowLogs = rows
    .filter(row => !hasEnded(row))
    .map(row => flowLogOf(row, request))
    .filter(log => log.objects > 0 || log.missing.length > 0 || log.silent !== null)
  const listed = objects.map(listedOf)
  const known = new Set(flowLogs.map(log => log.flowLogId))
  const all = request.account === '' && request.region === '' && request.flowLogs.length === 0
  return {
    flowLogs,
    ended: rows.filter(hasEnded).map(endedOf),
    unread: listed.filter(object => object.slot !== null),
    withoutSlot: listed.filter(object => object.slot === null),
    skipped: skips.map(row => ({
      interfaceId: String(row['interface_id']),
      flowLogId: String(row['flow_log_id']),
      records: Number(row['records']),
      first: Number(row['first']),
      last: Number(row['last']),
    })),
    overlaps: overlaps
      .filter(row => all || row.flow_logs.some(id => known.has(id)))
      .map(row => ({
        observer: String(row['observer']),
        flowLogs: row.flow_logs,
        counted: String(row['counted']),
        slots: Number(row['slots']),
        repeated: Number(row['repeated']),
        incomplete: Number(row['incomplete']),
        first: Number(row['first']),
        last: Number(row['last']) + slotSeconds - 1,
      })),
    nameless: nameless.map(row => ({
      accountId: String(row['account_id']),
      region: String(row['region']),
      flowLogId: String(row['flow_log_id']),
      objects: Number(row['objects']),
      beside: row.beside,
    })),
  }
}

const timeOf = (value: string | number | null | undefined): number | null => (Number(value ?? 0) === 0 ? null : Number(value))

const endedOf = (row: FlowLogRow): EndedFlowLog => ({
  accountId: row.account_id,
  region: row.region,
  flowLogId: row.flow_log_id,
  lastKnownSlot: Number(row['last_known']),
  lastArrival: timeOf(row['last_known_arrival']),
})

function flowLogOf(row: FlowLogRow & FlowLogLists, request: CoverageRequest): FlowLogCoverage {
  const number = (name: string): number => Number(row[name])
  const { missing, silent } = missingSlots({
    firstKnown: number('first_known'),
    lastKnown: number('last_known'),
    done: row.done_slots,
    from: request.from,
    to: request.to,
    notDue: request.notDue,
    everyS: request.everyS,
  })
  const late = row.late_slots.map((slot, i) => ({ slot, latenessS: row.late_by[i]! })).sort((a, b) => a.slot - b.slot)
  return {
    accountId: row.account_id,
    region: row.region,
    flowLogId: row.flow_log_id,
    objects: number('objects'),
    done: number('done'),
    reading: number('reading'),
    retrying: number('retrying'),
    failed: number('failed'),
    replaced: number('replaced'),
    copies: number('copies'),
    empty: number('empty'),
    warned: number('warned'),
    warnings: [...row.warnings].sort(),
    onTheirWay: number('on_their_way'),
    removed: number('removed'),
    repeated: number('repeated'),
    unclear: number('unclear'),
    bytes: number('bytes'),
    lines: number('lines'),
    flows: number('flows'),
    noData: number('nodata'),
    skipData: number('skipdata'),
    deadLetters: number('dead_letters'),
    firstArrival: timeOf(row['first_arrival']),
    lastArrival: timeOf(row['last_arrival']),
    slots: new Set(row.done_slots).size,
    firstKnownSlot: number('first_known'),
    lastKnownSlot: number('last_known'),
    missing,
    silent,
    late,
    deadLetterSlots: [...row.dead_slots].sort((a, b) => a - b),
  }
}

const listedOf = (row: Row): ListedObject => ({
  bucket: String(row['bucket']),
  key: String(row['key']),
  flowLogId: String(row['flow_log_id']),
  slot: row['slot'] === null ? null : Number(row['slot']),
  state: String(row['state']),
  errorCode: String(row['error_code']),
  errorDetail: String(row['error_detail']),
})

/** True if lines can stand for flows that AWS lost: the time need not be complete. */
export const hasUnclear = (report: CoverageReport): boolean => report.flowLogs.some(log => log.unclear > 0)

/** True if something is missing, not read, lost, not in the tables or less than asked; late objects, overlaps and flow logs that ended before are none of these. */
export function hasLosses(report: CoverageReport): boolean {
  const broken = report.flowLogs.some(
    log =>
      log.missing.length > 0 ||
      log.silent !== null ||
      log.done < log.objects ||
      log.deadLetterSlots.length > 0 ||
      log.skipData > 0 ||
      log.onTheirWay + log.removed + log.warned > 0,
  )
  return broken || report.skipped.length > 0 || report.withoutSlot.some(object => object.state !== 'done' && object.state !== 'empty')
}
