/** What was read of which time, and whether a missing flow is evidence or a gap: asked of ClickHouse. */
import { isDeepStrictEqual } from 'node:util'
import { checkConfig, type Config } from '../../config/config.ts'
import { connectClickHouse } from '../../sinks/clickhouse/clickhouse-client.ts'
import type { ClickHouseSettings } from '../../sinks/clickhouse/settings.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import {
  countRecords,
  findEvidence,
  judgeSlotBySlot,
  type InterfaceEvidence,
  type InterfaceRequest,
  type JudgedRange,
} from './interface-report.ts'
import { hasLosses, reportCoverage, type CoverageReport, type CoverageRequest } from './report.ts'
import { unreadSources } from './unread-sources.ts'
import { judge, type Verdict } from './verdict.ts'

/** The report of a time. */
export interface TimeCoverage {
  readonly report: CoverageReport
  /** Flow logs are known, and nothing of them is missing or lost. */
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

async function asking<T>(settings: ClickHouseSettings, ask: (store: Store) => Promise<T>): Promise<T> {
  const store = connectClickHouse(settings)
  try {
    return await ask(store)
  } finally {
    await store.close()
  }
}

/** Reports a time. */
export async function coverageOfTime({ clickhouse, s3 }: Config, request: CoverageRequest): Promise<TimeCoverage> {
  // who only asks the tables may have no sources in the settings
  const sources = isDeepStrictEqual(s3.sources, checkConfig({}).s3.sources) ? [] : s3.sources
  return asking(clickhouse, async store => {
    const report = await reportCoverage(store, request)
    const complete = report.flowLogs.length > 0 && !hasLosses(report)
    return { report, complete, unreadSources: await unreadSources(store, sources) }
  })
}

/** Judges an interface in a time, slot by slot; `to` is not included. */
export async function judgeTime(settings: ClickHouseSettings, request: InterfaceRequest): Promise<JudgedTime> {
  const { from, to } = request
  return asking(settings, async store => {
    const found = await findEvidence(store, { ...request, to: to - 1 })
    return { found, ranges: judgeSlotBySlot(from, to, found.evidence) }
  })
}

/** Judges an interface at one second. */
export async function judgeSecond(
  settings: ClickHouseSettings,
  request: Omit<InterfaceRequest, 'from' | 'to'>,
  at: number,
): Promise<JudgedSecond> {
  const asked = { ...request, from: at, to: at }
  return asking(settings, async store => {
    const found = await findEvidence(store, asked)
    return { found, verdict: judge(at, at, found.evidence), recorded: await countRecords(store, asked) }
  })
}
