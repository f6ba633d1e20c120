// The text of `flowloom coverage`: what is of many slots in a row, or of many objects, is one line.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describeFilter } from '../../../../cli/print/filter.ts'
import { formatReport } from '../../../../cli/print/coverage-report.ts'
import type { CoverageReport, FlowLogCoverage } from '../../../../operations/coverage/report.ts'
import { nothingWaits } from '../../../../operations/coverage/waiting.ts'

const start = Date.parse('2026-11-24T00:00:00Z') / 1000
const slot = (n: number): number => start + n * 300
const request = { from: slot(0), to: slot(288), account: '', region: '', flowLogs: [], lateS: 900, everyS: 300, notDue: slot(288), endedAfterS: 604_800 } // prettier-ignore

const flowLog = (values: Partial<FlowLogCoverage>): FlowLogCoverage => ({
  accountId: '1',
  region: 'r',
  flowLogId: 'fl-a',
  objects: 288,
  done: 288,
  reading: 0,
  retrying: 0,
  failed: 0,
  replaced: 0,
  copies: 0,
  empty: 0,
  warned: 0,
  warnings: [],
  onTheirWay: 0,
  removed: 0,
  repeated: 0,
  unclear: 0,
  bytes: 0,
  lines: 0,
  flows: 0,
  noData: 0,
  skipData: 0,
  deadLetters: 0,
  firstArrival: null,
  lastArrival: null,
  slots: 288,
  firstKnownSlot: slot(0),
  lastKnownSlot: slot(287),
  missing: [],
  silent: null,
  late: [],
  deadLetterSlots: [],
  ...values,
})
const textOf = (values: Partial<FlowLogCoverage>, rest: Partial<CoverageReport> = {}): string =>
  formatReport(
    { flowLogs: [flowLog(values)], ended: [], unread: [], withoutSlot: [], skipped: [], overlaps: [], nameless: [], ...rest },
    request,
    nothingWaits,
  )
const lines = (text: string, word: RegExp): string[] => text.split('\n').filter(line => word.test(line))

it('an answer about one account does not read as if it were about all', () => {
  const filter = describeFilter({ account: '1', region: undefined, 'flow-log': ['fl-a', 'fl-b'] })
  const none = { flowLogs: [], ended: [], unread: [], withoutSlot: [], skipped: [], overlaps: [], nameless: [] }
  assert.match(
    formatReport(none, request, nothingWaits, filter),
    /\nwith --account 1 --flow-log fl-a,fl-b: no flow log is known there, so nothing is known of any flow$/,
  )
  assert.match(
    formatReport({ ...none, flowLogs: [flowLog({})] }, request, nothingWaits, filter),
    /\nwith --account 1 [^\n]*: nothing is missing/,
  )
})

describe('the report of a time', () => {
  it('says a day of late slots in a line for each range, and days instead of thousands of minutes', () => {
    const late = Array.from({ length: 288 }, (_unused, n) => ({ slot: slot(n), latenessS: 8344 * 60 - n * 300 })).filter(({ slot: at }) => at !== slot(100)) // prettier-ignore
    assert.deepEqual(lines(textOf({ late }), /after \d/), [
      '  fl-a  2026-11-24 00:00 to 2026-11-24 08:20  (100 slots)  after 5 days to 6 days',
      '  fl-a  2026-11-24 08:25 to 2026-11-25 00:00  (187 slots)  after 5 days',
    ])
    assert.deepEqual(lines(textOf({ late: [{ slot: slot(3), latenessS: 1800 }] }), /after \d/), ['  fl-a  2026-11-24 00:15 to 2026-11-24 00:20  (1 slot)  after 30 minutes']) // prettier-ignore
  })

  it('says slots with dead letters in a line for each range', () => {
    const text = textOf({ deadLetterSlots: [slot(1), slot(2), slot(9)] })
    assert.match(text, /\n {2}fl-a {2}2026-11-24 00:05 to 2026-11-24 00:15 {2}\(2 slots\)\n {2}fl-a {2}2026-11-24 00:45 to 2026-11-24 00:50 {2}\(1 slot\)\n/) // prettier-ignore
  })

  it('counts the objects without a slot that are read, and lists the others', () => {
    const object = (n: number, state: string): CoverageReport['withoutSlot'][number] => ({ bucket: 'b', key: `stream-${n}`, flowLogId: '', slot: null, state, errorCode: '', errorDetail: '' }) // prettier-ignore
    const withoutSlot = [...Array.from({ length: 40 }, (_unused, n) => object(n, 'done')), object(40, 'failed')]
    assert.deepEqual(lines(textOf({}, { withoutSlot }), /stream/), ['  40 read, the first one s3://b/stream-0: done', '  s3://b/stream-40: failed']) // prettier-ignore
  })
})
