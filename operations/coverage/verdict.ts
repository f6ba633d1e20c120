/**
 * Whether the absence of flows of an interface says something. Pure; times are Unix seconds, both ends included.
 *
 * A record of a packet ends at most one aggregation window after it, its times can be a minute late, and it lies in an object of the slot of
 * its end: so every slot from slotOf(t) to slotOf(t + window + 60 s) must have been read. Nobody says how many objects a slot
 * has; but an interface has a record in each window, if only NODATA: so no silence of a whole window may be there (windows.ts). If two objects have
 * records of the interface of the same window, and one of them never came, nobody can see it.
 *
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html
 */
import { plural } from '../../runtime/counted.ts'
import { clock } from '../../runtime/utc-text.ts'
import { slotSeconds } from '../../schemas/object-name.ts'
import { silenceIn, type Silence } from './silences.ts'
import { isStoodFor, rangesOf, slotOf, slotsIn, type SlotRange } from './slots.ts'
import { waitingReasons, type Waiting } from './waiting.ts'
import { longRecordS, longWindowS, tellingS } from './windows.ts'

/** Half of the traffic: a flow log records accepted flows, rejected ones, or both. */
export type TrafficHalf = 'accepted' | 'rejected'

/** What the verdict is asked of; any: of whatever the flow logs record. */
export type AskedTraffic = TrafficHalf | 'both' | 'any'

/** evidence: there was no flow but those recorded; gap: records were lost; unknown: nobody can say. */
export type VerdictWord = 'evidence' | 'gap' | 'unknown'

/** The answer, with a line for each reason. */
export interface Verdict {
  /** Of the traffic that is asked for. */
  readonly verdict: VerdictWord
  readonly reasons: readonly string[]
  /** The same of each half: a flow log is evidence of a half if it recorded some of it, of any interface. */
  readonly traffic: Readonly<Record<TrafficHalf, VerdictWord>>
}

/** What is known of one slot of a flow log: how many objects of which state, and dead letters. */
export interface SlotState {
  readonly done: number
  /** Being read, or waiting for another attempt. */
  readonly unread: number
  readonly failed: number
  readonly deadLetters: number
  /** Read, but without any line: AWS always writes a header line. */
  readonly empty: number
  /** Lines that were read and are not in the tables yet. */
  readonly onTheirWay: number
  /** Lines whose rows were removed after their time to live. */
  readonly removed: number
  /** What the formats of its objects lack, `no column srcaddr or dstaddr`. */
  readonly warnings: readonly string[]
}

/** A flow log that has records of the interface. */
export interface CoveringFlowLog {
  readonly flowLogId: string
  /** First and last second of its records of the interface. */
  readonly firstSeen: number
  readonly lastSeen: number
  /** Actions that it recorded, of any interface and around the time; `-`: its format has none. */
  readonly actions: readonly string[]
  /** Times between, in which it has none, and which can hide a window: see windows.ts. */
  readonly silences: readonly Silence[]
  /** First seconds of its records of the interface that are too long for windows of a minute. */
  readonly longRecords: readonly number[]
  /** Last slot, first second, of which the ledger has an object of this flow log: then at least, S3 was listed. Null: its objects name no slot. */
  readonly lastKnown: number | null
  readonly slots: ReadonlyMap<number, SlotState>
}

/** A SKIPDATA record of the interface: one can stand for many flows of its window. */
export interface LossRecord {
  readonly start: number
  readonly end: number
  /** False: the record has no times; those are of the slot of its object. */
  readonly timed: boolean
  /** True: the record says nothing of a flow, and its format has no log-status; it is NODATA or SKIPDATA, and nobody can tell which. */
  readonly unclear: boolean
}

/** What the verdict depends on. */
export interface Evidence {
  readonly flowLogs: readonly CoveringFlowLog[]
  readonly losses: readonly LossRecord[]
  /** What was announced and is not in the table of objects yet. */
  readonly waiting: Waiting
  /** Longest aggregation window, 60 or 600 s: how far behind a time its records can end. */
  readonly windowS: number
  readonly everyS: number
  readonly notDue: number
  /** No record of the interface was ever read, of any time: the id may be wrong. */
  readonly neverSeen?: boolean
  readonly asked: AskedTraffic
}

/** Seconds that the times of a record can be late. */
export const stampDelayS = 60

/** Last second at which a record of a packet of this time can end. */
export const lastEnd = (seconds: number, windowS: number): number => seconds + windowS + stampDelayS

/** Judges the time from `from` to `to`. A loss outweighs what is unknown, and both outweigh evidence. */
export function judge(from: number, to: number, evidence: Evidence): Verdict {
  const weighed = weigh(from, to, evidence)
  return { ...weighed, reasons: reasonTexts(weighed.reasons) }
}

/**
 * A reason: a text; of one slot, a text for that slot alone; or of slots, `before` and `after` the words that name them. Those of the same words are
 * one, so that the reason of a longer time names all slots of which it is true.
 */
export type Reason =
  | string
  | { readonly flowLogId: string; readonly slot: number; readonly text: string }
  | { readonly before: string; readonly slots: readonly number[]; readonly after: string }

/** A verdict with reasons that can be joined with those of other slots. */
export type Weighed = Omit<Verdict, 'reasons'> & { readonly reasons: readonly Reason[] }

/** A line for each reason; slots in a row with the same reason are one line. */
export function reasonTexts(reasons: Iterable<Reason>): string[] {
  const rows = new Map<string, { readonly reason: Reason; readonly slots: Set<number> }>()
  for (const reason of reasons) {
    const key = keyOfReason(reason)
    const row = rows.get(key) ?? { reason, slots: new Set() }
    rows.set(key, row)
    for (const slot of slotsOfReason(reason)) row.slots.add(slot)
  }
  return [...rows.values()].flatMap(({ reason, slots }) =>
    typeof reason === 'string' ? [reason] : rangesOf(slots).map(range => sayOf(reason, range)),
  )
}

const slotsOfReason = (reason: Reason): readonly number[] =>
  typeof reason === 'string' ? [] : 'slot' in reason ? [reason.slot] : reason.slots

const keyOfReason = (reason: Reason): string =>
  typeof reason === 'string' ? reason : 'slot' in reason ? `${reason.flowLogId}\n${reason.text}` : `${reason.before}\n${reason.after}`

const sayOf = (reason: Exclude<Reason, string>, range: SlotRange): string =>
  'slot' in reason
    ? `${reason.flowLogId}, ${slotsText(range)}: ${reason.text}`
    : `${reason.before} ${clock(range.from)} to ${clock(range.to - 1)}${reason.after}`

const slotsText = (range: SlotRange): string =>
  slotsIn([range]) === 1 ? `slot ${clock(range.from)}` : `slots ${clock(range.from)} to ${clock(range.to - 1)} (${slotsIn([range])})`

/** The same with reasons that are not lines yet. */
export function weigh(from: number, to: number, evidence: Evidence): Weighed {
  const gaps: Reason[] = []
  const unknowns: Reason[] = []
  const notes: Reason[] = []
  const covering: CoveringFlowLog[] = []
  const slots: number[] = []
  for (let slot = slotOf(from); slot <= lastEnd(to, evidence.windowS); slot += slotSeconds) slots.push(slot)

  for (const loss of evidence.losses) {
    const earliest = loss.start - stampDelayS - (loss.timed ? 0 : evidence.windowS)
    if (earliest > to || loss.end < from) continue
    const times = `${clock(loss.start)} to ${clock(loss.end)}`
    if (loss.unclear)
      unknowns.push(`NODATA or SKIPDATA from ${times}: its format has no log-status, so nobody can tell whether flows were lost`)
    else gaps.push(`SKIPDATA from ${times}: AWS lost an unknown number of its flows`)
  }
  unknowns.push(...waitingReasons(evidence.waiting, slots[0]!, lastEnd(to, evidence.windowS)))
  for (const log of evidence.flowLogs) {
    const sees = log.firstSeen <= from && log.lastSeen >= to
    const others = evidence.flowLogs.some(other => other !== log && other.firstSeen <= from && other.lastSeen >= to)
    if (!sees && others && !slots.some(slot => log.slots.has(slot))) {
      notes.push({
        before: `${log.flowLogId} wrote nothing in the slots`,
        slots,
        after: `; it has records of the interface from ${clock(log.firstSeen)} to ${clock(log.lastSeen)}`,
      })
      continue
    }
    covering.push(log)
    if (log.lastKnown === null && log.slots.size === 0)
      unknowns.push(`${log.flowLogId}: its objects name no slot, so nobody can say whether one of that time is missing`)
    else {
      judgeSlots(log, slots, evidence, gaps, unknowns)
      if (log.lastKnown === null || log.lastKnown <= slots.at(-1)!)
        unknowns.push(
          `${log.flowLogId}: no object of a later slot than ${clock(log.lastKnown ?? slots.at(-1)!)} is known, so another one of these slots may not have been listed yet`,
        )
    }
    if (!sees)
      unknowns.push(
        `${log.flowLogId} has records of the interface only from ${clock(log.firstSeen)} to ${clock(log.lastSeen)}: it need not have been there`,
      )
    if (evidence.windowS < longWindowS && log.longRecords.some(start => start >= from - tellingS && start <= to + tellingS))
      unknowns.push(
        `${log.flowLogId} has records of the interface of more than ${longRecordS} s around that time: --window 1 does not hold`,
      )
    const silence = silenceIn(log.silences, from, to)
    if (silence !== undefined)
      unknowns.push(
        `${log.flowLogId} has no record of the interface between ${clock(silence.after)} and ${clock(silence.until)}, not even NODATA: an object is missing, or it was not there`,
      )
  }
  if (evidence.neverSeen === true) unknowns.push('never seen: no flow log has a record of this interface, of any time; is its id right?')
  else if (evidence.flowLogs.length === 0) unknowns.push('no flow log has a record of the interface around that time')
  if (gaps.length > 0) return { ...bothHalves('gap'), reasons: [...gaps, ...unknowns] }
  if (unknowns.length > 0) return { ...bothHalves('unknown'), reasons: [...unknowns, ...notes] }
  const ids = covering.map(log => log.flowLogId).join(', ')
  const whole = { before: `${ids}: every object of the slots`, slots, after: ' is read, and nothing of it was lost' }
  return judgeHalves(covering, evidence.asked, [whole, ...notes])
}

const bothHalves = (word: VerdictWord): Pick<Verdict, 'verdict' | 'traffic'> => ({
  verdict: word,
  traffic: { accepted: word, rejected: word },
})

/** What whole flow logs are evidence of: nothing in the records says what traffic a flow log is for, but that it recorded some. */
function judgeHalves(covering: readonly CoveringFlowLog[], asked: AskedTraffic, whole: readonly Reason[]): Weighed {
  const half = (action: string): VerdictWord => (covering.some(({ actions }) => actions.includes(action)) ? 'evidence' : 'unknown')
  const traffic = { accepted: half('ACCEPT'), rejected: half('REJECT') }
  const reasons: Reason[] = [...whole]
  for (const name of ['accepted', 'rejected'] as const)
    if (traffic[name] === 'unknown')
      reasons.push(`no flow log of these recorded ${name} traffic, of any interface around that time: it may not be for it`)
  for (const { flowLogId, actions } of covering)
    if (actions.includes('-'))
      reasons.push(
        `${flowLogId}: a format without action does not say whether it is for accepted or rejected traffic; --action any takes it as it is`,
      )
  const wanted = asked === 'both' ? [traffic.accepted, traffic.rejected] : asked === 'any' ? [] : [traffic[asked]]
  const verdict = wanted.includes('unknown') ? 'unknown' : 'evidence'
  // what stands against the verdict comes first
  return { verdict, reasons: verdict === 'unknown' ? [...reasons.slice(whole.length), ...whole] : reasons, traffic }
}

function judgeSlots(log: CoveringFlowLog, slots: readonly number[], evidence: Evidence, gaps: Reason[], unknowns: Reason[]): void {
  const isDone = (slot: number): boolean => (log.slots.get(slot)?.done ?? 0) > 0
  for (const slot of slots) {
    const state = log.slots.get(slot)
    const here = (text: string): Reason => ({ flowLogId: log.flowLogId, slot, text })
    if (state !== undefined) {
      if (state.failed > 0) gaps.push(here(`${plural(state.failed, 'object')} could not be read`))
      if (state.empty > 0) gaps.push(here(`${plural(state.empty, 'object')} without any line, not even a header line`))
      if (state.deadLetters > 0) gaps.push(here(`${plural(state.deadLetters, 'line')} could not be read`))
      if (state.unread > 0) unknowns.push(here(`${plural(state.unread, 'object')} still to be read`))
      if (state.onTheirWay > 0) unknowns.push(here(`${plural(state.onTheirWay, 'line')} still on their way to the tables`))
      if (state.removed > 0) unknowns.push(here(`${plural(state.removed, 'row')} removed by retention`))
      for (const warning of state.warnings) unknowns.push(here(`an object says less than asked: ${warning}`))
      if (state.done + state.unread + state.failed + state.empty > 0) {
        if (slot >= evidence.notDue) unknowns.push(here('another object can still come'))
        continue
      }
    }
    if (slot >= evidence.notDue) unknowns.push(here('no object yet, and there need not be one yet'))
    else if (!isStoodFor(isDone, slot, evidence.everyS)) unknowns.push(here('no object'))
  }
}
