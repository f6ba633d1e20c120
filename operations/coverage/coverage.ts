/** What was read of which time, and whether a missing flow is evidence or a gap: asked of Kafka, then of ClickHouse. */
import { isDeepStrictEqual } from 'node:util'
import { checkConfig } from '../../config/config.ts'
import { withStore } from '../../sinks/clickhouse/clickhouse-client.ts'
import type { Asked } from '../rest-of-path.ts'
import { askKafka } from './ask-waiting.ts'
import {
  countRecords,
  findEvidence,
  judgeSlotBySlot,
  scopeOf,
  type InterfaceEvidence,
  type InterfaceRequest,
  type JudgedRange,
} from './interface-report.ts'
import { hasLosses, hasUnclear, reportCoverage, type CoverageReport, type CoverageRequest } from './report.ts'
import { unreadSources } from './unread-sources.ts'
import { judge, type Verdict } from './verdict.ts'
import { mayWait, type Waiting } from './waiting.ts'

/** The report of a time. */
export interface TimeCoverage {
  readonly report: CoverageReport
  /** What was announced, or read, and is not in the tables yet. */
  readonly waiting: Waiting
  /** Flow logs are known, and nothing of them is missing, lost, unclear or on its way. */
  readonly complete: boolean
  /** Sources of the settings of which nothing was ever read. */
  readonly unreadSources: readonly string[]
}

/** The verdicts on an interface in a time, slot by slot. */
export interface JudgedTime {
  readonly found: InterfaceEvidence
  readonly ranges: readonly JudgedRange[]
}

/** The verdict on an interface at one second. */
export interface JudgedSecond {
  readonly found: InterfaceEvidence
  readonly verdict: Verdict
  /** Records of that second. */
  readonly recorded: Awaited<ReturnType<typeof countRecords>>
}

/** Reports a time. */
export async function coverageOfTime(asked: Asked, request: CoverageRequest): Promise<TimeCoverage> {
  const { s3 } = asked.config
  // who only asks the tables may have no sources in the settings
  const sources = isDeepStrictEqual(s3.sources, checkConfig({}).s3.sources) ? [] : s3.sources
  return withStore(asked.config.clickhouse, async store => {
    const waiting = await askKafka(asked, { ...request, to: request.to - 1 })
    const report = await reportCoverage(store, request)
    const complete = report.flowLogs.length > 0 && !hasLosses(report) && !hasUnclear(report) && !mayWait(waiting)
    return { report, waiting, complete, unreadSources: await unreadSources(store, sources) }
  })
}

/** Judges an interface in a time, slot by slot; `to` is not included. */
export async function judgeTime(asked: Asked, request: InterfaceRequest): Promise<JudgedTime> {
  const { from, to } = request
  const wanted = { ...request, to: to - 1 }
  return withStore(asked.config.clickhouse, async store => {
    const found = await findEvidence(store, wanted, await askKafka(asked, scopeOf(wanted)))
    return { found, ranges: judgeSlotBySlot(from, to, found.evidence) }
  })
}

/** Judges an interface at one second. */
export async function judgeSecond(asked: Asked, request: Omit<InterfaceRequest, 'from' | 'to'>, at: number): Promise<JudgedSecond> {
  const wanted = { ...request, from: at, to: at }
  return withStore(asked.config.clickhouse, async store => {
    const found = await findEvidence(store, wanted, await askKafka(asked, scopeOf(wanted)))
    return { found, verdict: judge(at, at, found.evidence), recorded: await countRecords(store, wanted) }
  })
}
