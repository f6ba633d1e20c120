// Coverage and overlaps: objects are read by the real roles (Kafka and S3 in memory) into a real ClickHouse engine. All times are fixed.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { findEvidence, type InterfaceRequest } from '../../operations/coverage/interface-report.ts'
import { hasLosses, reportCoverage, type CoverageRequest } from '../../operations/coverage/report.ts'
import { judge, type Verdict } from '../../operations/coverage/verdict.ts'
import { nothingWaits } from '../../operations/coverage/waiting.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { flowloom, type Outcome } from '../support/processes/command-line.ts'
import { file, flowLine, narrow, slot, wide, wideLine } from '../support/clickhouse/coverage-lines.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { place, TablePath } from '../support/clickhouse/table-path.ts'

let server: LiveClickHouse
before(async () => (server = await liveClickHouse()))
afterEach(() => server.giveBack())
after(() => server.stop())

const gapLine = (kind: 'NODATA' | 'SKIPDATA', start: number, eni = 'eni-1'): string =>
  `2 ${place.accountId} ${eni} - - - - - - - ${start} ${start + 59} - ${kind}`

/** No broker answers there, so nothing is evidence: coverage-waiting.test.ts has one. */
const withoutKafka = { FLOWLOOM_KAFKA_BROKERS: '127.0.0.1:1' }
const kafkaUnknown =
  'whether an object was announced and is not in the table of objects yet is not known: no broker of 127\\.0\\.0\\.1:1 answers: .*'

type Row = Record<string, string | number | null>
const number = async (store: Store, sql: string): Promise<number> => Number((await store.query<{ n: string }>(sql))[0]!.n)

/** What is said of eni-1 at a second, unless the values say otherwise. */
async function judgeAt(store: Store, at: number, values: Partial<InterfaceRequest> = {}): Promise<Verdict> {
  const place = { account: '', region: '', flowLogs: [] }
  const request = {
    interfaceId: 'eni-1',
    from: at,
    to: at,
    ...place,
    windowS: 60,
    everyS: 300,
    notDue: slot(9),
    asked: 'accepted' as const,
    ...values,
  }
  return judge(at, at, (await findEvidence(store, request, nothingWaits)).evidence)
}

describe('coverage', () => {
  let path: TablePath
  before(async () => {
    path = await TablePath.open(server)
    server.keep()
    path.put(
      'fl-a',
      slot(0),
      file(narrow, [flowLine({ start: slot(0) }), flowLine({ start: slot(0) + 60 }), gapLine('NODATA', slot(0), 'eni-2')]),
    )
    // two objects of one slot, the second one late; a blank line, a line that enrich refuses and one that is too long for fetch
    path.put('fl-a', slot(1), file(narrow, [flowLine({ start: slot(1) }), '', gapLine('SKIPDATA', slot(1) + 60)]), { hash: 'aaaaaaaa' })
    path.put('fl-a', slot(1), file(narrow, [flowLine({ start: slot(1) }), 'not a flow', 'x'.repeat(5000)]), {
      hash: 'bbbbbbbb',
      uploadedS: slot(2) + 1800,
      layout: 'hourly',
    })
    // slot 2 is missing; slot 3 has no header; slot 4 may not be read yet
    path.put('fl-a', slot(3), 'no header at all\n')
    path.objects.deny(path.bucket, path.put('fl-a', slot(4), file(narrow, [flowLine({ start: slot(4) })])))
    path.put('fl-a', slot(5), file(narrow, []))
    path.put('fl-b', slot(0), file(wide, [wideLine({ eni: 'eni-3', start: slot(0) })]), { layout: 'hive-hourly' })
    const overwritten = path.put('fl-b', slot(1), file(wide, [wideLine({ eni: 'eni-3', start: slot(1) })]), { layout: 'hive' })
    await path.work()
    path.putKey(
      overwritten,
      file(wide, [wideLine({ eni: 'eni-3', start: slot(1) }), wideLine({ eni: 'eni-3', start: slot(1) + 1 })]),
      slot(2) + 240,
    )
    path.putKey(
      `AWSLogs/${place.accountId}/vpcflowlogs/${place.region}/2026/11/24/export.log.gz`,
      file(narrow, [flowLine({ eni: 'eni-4', start: slot(0) })]),
      slot(1),
    )
    await path.work()
  })

  it('is one row per flow log and slot, and every state of an object shows', async () => {
    const rows = await path.store.query<Row>(
      `SELECT toString(flow_log_id) AS flow_log, slot, state, toUInt8(objects) AS objects, toUInt8(done) AS done, toUInt8(retrying) AS retrying, toUInt8(failed) AS failed,
        toUInt8(replaced) AS replaced, toUInt8(lines) AS lines, toUInt8(flows) AS flows, toUInt8(nodata) AS nodata, toUInt8(skipdata) AS skipdata,
        toUInt8(dead_letters) AS dead, toInt32(lateness_s) AS late FROM coverage ORDER BY flow_log, slot`,
    )
    const of = (flowLog: string, time: string | null, state: string, values: object): object => ({
      flow_log: flowLog,
      slot: time === null ? null : `2026-11-24 ${time}`,
      state,
      objects: 1,
      done: 1,
      retrying: 0,
      failed: 0,
      replaced: 0,
      lines: 0,
      flows: 0,
      nodata: 0,
      skipdata: 0,
      dead: 0,
      late: 120,
      ...values,
    })
    assert.deepEqual(rows, [
      of('', null, 'covered', { lines: 2, flows: 1, late: null }),
      of('fl-a', '10:00:00', 'covered', { lines: 4, flows: 2, nodata: 1 }),
      of('fl-a', '10:05:00', 'lossy', { objects: 2, done: 2, lines: 8, flows: 2, skipdata: 1, dead: 2, late: 1800 }),
      of('fl-a', '10:15:00', 'failed', { done: 0, failed: 1 }),
      of('fl-a', '10:20:00', 'incomplete', { done: 0, retrying: 1 }),
      of('fl-a', '10:25:00', 'covered', { lines: 1 }),
      of('fl-b', '10:00:00', 'covered', { lines: 2, flows: 1 }),
      of('fl-b', '10:05:00', 'covered', { replaced: 1, lines: 3, flows: 2, late: 240 }),
    ])
    const places = await path.store.query('SELECT DISTINCT account_id, region FROM coverage')
    assert.deepEqual(places, [{ account_id: place.accountId, region: place.region }])
  })

  it('counts the flows of each object without a look at them, and is right', async () => {
    const { store } = path
    const counted = await store.query<Row>(
      `SELECT c.key AS key, toInt32(c.flows) AS derived, toInt32(f.n) AS counted FROM object_coverage AS c
       LEFT JOIN (SELECT object_id, count() AS n FROM flows GROUP BY object_id) AS f ON c.object_id = f.object_id WHERE derived != counted`,
    )
    assert.deepEqual(counted, [])
    assert.equal(await number(store, 'SELECT count() AS n FROM flows'), 9)
    assert.equal(await number(store, 'SELECT sum(flows) AS n FROM object_coverage'), 9)
    // but for the one flow of the version that was overwritten
    assert.equal(await number(store, 'SELECT sum(flows) AS n FROM coverage'), 8)
  })

  it('reads only the days that are asked for, and gaps from their counts', async () => {
    const other = await TablePath.open(server)
    other.put('fl-a', slot(0), file(narrow, [flowLine({ start: slot(0) }), gapLine('NODATA', slot(0)), 'not a flow']))
    await other.work()
    const granules = async (from: string): Promise<string | undefined> => {
      const plan = await other.store.query<{ explain: string }>(
        `EXPLAIN indexes = 1 SELECT sum(flows), sum(nodata), sum(dead_letters) FROM coverage WHERE slot >= '${from} 00:00:00' AND slot < '2028-01-01 00:00:00' AND flow_log_id = 'fl-a'`,
      )
      const text = plan.map(row => row.explain).join('\n')
      // flows, then gaps and dead letters: counts that are kept with each part, never the rows
      assert.match(text, /ReadFromMergeTree \(by_object\)[^]*ReadFromMergeTree \(lines_by_object\)/)
      assert.doesNotMatch(text, /ReadFromMergeTree \([^)]*\.(flows|flow_gaps)\)/)
      return /Name: ix_slot[^]*?Granules: (\d+\/\d+)/.exec(text)?.[1]
    }
    assert.deepEqual([await granules('2026-11-24'), await granules('2026-11-25')], ['1/1', '0/1'])
  })

  const request: CoverageRequest = {
    from: slot(-1),
    to: slot(10),
    account: '',
    region: '',
    flowLogs: [],
    lateS: 900,
    everyS: 300,
    notDue: slot(7),
    endedAfterS: 7 * 86_400,
  }
  const range = (from: number, to: number): object => ({ from: slot(from), to: slot(to) })

  it('is reported: missing, silent, late, failed, lost', async () => {
    const report = await reportCoverage(path.store, request)
    const shown = report.flowLogs.map(log => [log.flowLogId, log.slots, log.objects, log.done, log.failed, log.retrying, log.flows])
    assert.deepEqual(shown, [
      ['fl-a', 3, 6, 4, 1, 1, 4],
      ['fl-b', 2, 2, 2, 0, 0, 3],
    ])
    const [a, b] = report.flowLogs
    assert.deepEqual([a!.missing, a!.silent, b!.missing, b!.silent], [[range(2, 5)], range(6, 7), [], range(2, 7)])
    assert.deepEqual([a!.late, b!.late], [[{ slot: slot(1), latenessS: 1800 }], []])
    assert.deepEqual([a!.firstArrival, a!.lastArrival], [slot(0) + 420, slot(2) + 1800])
    assert.deepEqual([a!.deadLetterSlots, a!.deadLetters, a!.skipData], [[slot(1)], 2, 1])
    assert.deepEqual(
      report.unread.map(object => [object.slot, object.state, object.errorCode]),
      [
        [slot(3), 'failed', 'OBJECT_NO_HEADER'],
        [slot(4), 'retrying', 'S3_ACCESS_DENIED'],
      ],
    )
    assert.deepEqual(
      report.withoutSlot.map(({ key, state }) => [key.split('/').at(-1), state]),
      [['export.log.gz', 'done']],
    )
    assert.deepEqual(report.skipped, [{ interfaceId: 'eni-1', flowLogId: 'fl-a', records: 1, first: slot(1) + 60, last: slot(1) + 119 }])
    assert.deepEqual(report.overlaps, [])
    assert.equal(hasLosses(report), true)
  })

  it('is reported for one flow log, and complete where nothing is missing', async () => {
    const report = await reportCoverage(path.store, { ...request, flowLogs: ['fl-b'], notDue: slot(2) })
    assert.deepEqual([report.flowLogs.map(log => log.flowLogId), report.unread, report.skipped], [['fl-b'], [], []])
    assert.equal(hasLosses(report), false)
    // the object without a slot was uploaded before
    assert.deepEqual((await reportCoverage(path.store, { ...request, from: slot(2) })).withoutSlot, [])
    const elsewhere = await reportCoverage(path.store, { ...request, account: '999999999999' })
    assert.deepEqual(elsewhere, { flowLogs: [], ended: [], unread: [], withoutSlot: [], skipped: [], overlaps: [], nameless: [] })
  })

  it('expects nothing of a flow log that ended long before, and lists it', async () => {
    const other = await TablePath.open(server)
    const week = 7 * 288
    other.put('fl-deleted', slot(-week - 5), file(narrow, [flowLine({ start: slot(-week - 5) })]), { uploadedS: slot(-week) })
    other.put('fl-silent', slot(-week - 1), file(narrow, [flowLine({ start: slot(-week - 1) })]))
    for (const n of [0, 1]) other.put('fl-a', slot(n), file(narrow, [flowLine({ start: slot(n) })]))
    await other.work()
    const asked = { ...request, from: slot(0), to: slot(2), endedAfterS: 7 * 86_400 + 300 }
    const report = await reportCoverage(other.store, asked)
    const names = (logs: readonly { flowLogId: string }[]): string[] => logs.map(log => log.flowLogId)
    assert.deepEqual([names(report.flowLogs), names(report.ended), hasLosses(report)], [['fl-a', 'fl-silent'], ['fl-deleted'], true])
    assert.deepEqual(report.ended[0], { ...place, flowLogId: 'fl-deleted', lastKnownSlot: slot(-week - 5), lastArrival: slot(-week) })
    const env = { ...withoutKafka, FLOWLOOM_CLICKHOUSE_URL: server.url, FLOWLOOM_CLICKHOUSE_DATABASE: other.settings.database }
    const run = (words: string): Promise<Outcome> => flowloom(['coverage', ...words.split(' ')], env)
    const time = '--from 2026-11-24T10:00Z --to 2026-11-24T10:10Z'
    const [whole, json, patient, gone] = await Promise.all([
      run(time),
      run(`${time} --json`),
      run(`${time} --ended-after 8`),
      run(`${time} --flow-log fl-deleted`),
    ])
    assert.deepEqual([whole.code, patient.code, gone.code], [4, 3, 4], whole.out + patient.out + gone.out)
    assert.match(whole.out, /\nflow logs that ended: no object for 7 days or longer before this time[^]*\n {2}fl-deleted {2}001234567890 eu-central-1 {2}last slot 2026-11-17 09:35, last arrival 2026-11-17 10:00\n[^]*nothing is missing/) // prettier-ignore
    const { complete, ended } = JSON.parse(json.out) as { complete: boolean; ended: object[] }
    assert.deepEqual([complete, ended[0]], [false, { ...place, flowLogId: 'fl-deleted', lastKnownSlot: '2026-11-17T09:35:00Z', lastArrival: '2026-11-17T10:00:00Z' }]) // prettier-ignore
    assert.match(patient.out, /fl-deleted {2}nothing after the slot 2026-11-17 09:35/)
    assert.match(gone.out, /every flow log that is known had ended, so nothing is known of any flow\n$/)
  })

  it('says evidence, gap or unknown for an interface and a time', async () => {
    const ask = (interfaceId: string, at: number, values: Partial<InterfaceRequest> = {}): Promise<Verdict> =>
      judgeAt(path.store, at, { interfaceId, notDue: slot(7), ...values })
    const verdict = async (...args: Parameters<typeof ask>): Promise<string> => (await ask(...args)).verdict
    assert.equal(await verdict('eni-1', slot(0) + 30), 'evidence')
    assert.equal(await verdict('eni-2', slot(0) + 30), 'evidence', 'NODATA alone shows that the flow log sees the interface')
    assert.equal(await verdict('eni-3', slot(0) + 30), 'evidence')
    assert.equal(await verdict('eni-1', slot(0) + 30, { windowS: 600 }), 'gap', 'the record may lie in the object with the dead letters')
    const lost = await ask('eni-1', slot(1) + 70)
    assert.equal(lost.verdict, 'gap')
    assert.match(
      lost.reasons.join('\n'),
      /^SKIPDATA from 2026-11-24 10:06:00 to 2026-11-24 10:06:59: .*\nfl-a, slot 2026-11-24 10:05:00: 2 lines could not be read/,
    )
    assert.equal(await verdict('eni-1', slot(3)), 'gap', 'the object failed')
    assert.equal(await verdict('eni-1', slot(2) + 10), 'unknown', 'there is no object')
    assert.equal(await verdict('eni-3', slot(0) - 100), 'unknown', 'it was first seen later')
    assert.equal(await verdict('eni-4', slot(0) + 30), 'unknown', 'its object has no slot')
    assert.equal(await verdict('eni-none', slot(0) + 30), 'unknown')
  })

  it('is unknown where a slot has an object, but not the one with the interface', async () => {
    const other = await TablePath.open(server)
    for (let n = 0; n < 12; n++) {
      other.put('fl-a', slot(n), file(narrow, [flowLine({ start: slot(n), eni: 'eni-2' })]))
      if (n < 3 || n > 6) other.put('fl-a', slot(n), file(narrow, [gapLine('NODATA', slot(n))]), { hash: 'aaaaaaaa' })
    }
    await other.work()
    const verdict = async (at: number, windowS: number | null): Promise<string> =>
      (await judgeAt(other.store, at, { windowS, notDue: slot(20) })).verdict
    assert.deepEqual(
      [await verdict(slot(2) + 30, 60), await verdict(slot(4) + 30, 60), await verdict(slot(7) + 30, 60)],
      ['evidence', 'unknown', 'evidence'],
    )
    // NODATA of a minute outweighs that ten are stated, so there is no second of these slots without a missing window
    assert.deepEqual(
      [await verdict(slot(4) + 150, 600), await verdict(slot(5), 600), await verdict(slot(5), null)],
      ['unknown', 'unknown', 'unknown'],
    )
  })

  it('does not hold the dead letters of an overwritten object against the one that replaced it', async () => {
    const other = await TablePath.open(server)
    for (const n of [0, 2, 3]) other.put('fl-a', slot(n), file(narrow, [flowLine({ start: slot(n) })]))
    const key = other.put('fl-a', slot(1), file(narrow, [flowLine({ start: slot(1) }), 'not a flow']))
    await other.work()
    const look = async (): Promise<unknown[]> => {
      const at = slot(1) + 10
      const [row] = await other.store.query<Row>(`SELECT state, toUInt8(dead_letters) AS dead FROM coverage WHERE slot = ${slot(1)}`)
      const report = await reportCoverage(other.store, { ...request, to: slot(4), notDue: slot(4) })
      return [(await judgeAt(other.store, at)).verdict, row!['state'], row!['dead'], hasLosses(report)]
    }
    assert.deepEqual(await look(), ['gap', 'lossy', 1, true])
    other.putKey(key, file(narrow, [flowLine({ start: slot(1) }), flowLine({ start: slot(1) + 60 })]), slot(3))
    await other.work()
    assert.deepEqual(await look(), ['evidence', 'covered', 0, false])
  })

  it('of one flow log knows nothing of what another one lost', async () => {
    const other = await TablePath.open(server)
    for (const n of [0, 1, 2, 3]) other.put('fl-a', slot(n), file(narrow, [flowLine({ start: slot(n) })]))
    for (const n of [0, 1, 2, 3]) other.put('fl-b', slot(n), file(narrow, [gapLine('SKIPDATA', slot(n))]))
    await other.work()
    const verdict = async (values: Partial<InterfaceRequest>): Promise<string> => (await judgeAt(other.store, slot(1) + 10, values)).verdict
    assert.deepEqual([await verdict({}), await verdict({ flowLogs: ['fl-a'] })], ['gap', 'evidence'])
    assert.deepEqual([await verdict({ flowLogs: ['fl-b'] }), await verdict({ account: place.accountId })], ['gap', 'gap'])
    assert.equal(await verdict({ account: '999999999999' }), 'unknown')
  })

  it('is a command with plain words and exit codes', async () => {
    const env = { ...withoutKafka, FLOWLOOM_CLICKHOUSE_URL: server.url, FLOWLOOM_CLICKHOUSE_DATABASE: path.settings.database }
    const run = (words: string): Promise<Outcome> => flowloom(['coverage', ...words.split(' ')], env)
    const hour = '--from 2026-11-24T10:00Z --to 2026-11-24T10:30Z'
    const [all, json, whole, none, evidence, gap, unknown, slots] = await Promise.all([
      run(hour),
      run(`${hour} --json`),
      run('--from 2026-11-24T10:00Z --to 2026-11-24T10:10Z --flow-log fl-b'),
      run('--from 2020-01-01 --to 2020-01-02'),
      run('--interface eni-1 --at 2026-11-24T10:00:30Z --window 1'),
      run('--interface eni-1 --at 2026-11-24T10:06:30Z --json'),
      run('--interface eni-1 --at 2026-11-24T10:10:30Z --window 1'),
      run(`--interface eni-1 ${hour} --window 1`),
    ])
    for (const { err } of [all, json, whole, none, evidence, gap, unknown, slots]) assert.equal(err, '')
    assert.deepEqual([all.code, json.code, whole.code, none.code], [3, 3, 4, 4], all.out + whole.out + none.out)
    assert.deepEqual([evidence.code, gap.code, unknown.code, slots.code], [4, 3, 4, 3], evidence.out + unknown.out + slots.out)
    for (const text of [
      /^2026-11-24 10:00 to 2026-11-24 10:30 UTC\n/,
      /\nslots without an object that is read\n\n {2}fl-a {2}2026-11-24 10:10 to 2026-11-24 10:25 {2}\(3 slots\)\n\n/,
      /fl-b {2}nothing after the slot 2026-11-24 10:05; due: 2026-11-24 10:10 to 2026-11-24 10:30\n/,
      /T1015Z_0a1b2c3d\.log\.gz: failed \(OBJECT_NO_HEADER: /,
      /eni-1 {2}fl-a {2}1 record, 2026-11-24 10:06:00 to 2026-11-24 10:06:59/,
      /fl-a {2}2026-11-24 10:05 to 2026-11-24 10:10 {2}\(1 slot\) {2}after 30 minutes/,
      /\n {2}1 read, s3:\S+export\.log\.gz: done/,
      /not complete: see above\n$/,
    ])
      assert.match(all.out, text)
    const report = JSON.parse(json.out) as { complete: boolean; from: string; flowLogs: { missing: object[]; lastArrival: string }[] }
    assert.deepEqual(
      [report.complete, report.from, report.flowLogs[0]!.missing, report.flowLogs[0]!.lastArrival],
      [false, '2026-11-24T10:00:00Z', [{ from: '2026-11-24T10:10:00Z', to: '2026-11-24T10:25:00Z' }], '2026-11-24T10:40:00Z'],
    )
    assert.match(
      whole.out,
      new RegExp(
        `\n  ${kafkaUnknown}\n\nwith --flow-log fl-b: nothing is missing and nothing was lost of what is known, which need not be all: see above\n$`,
      ),
    )
    const [typo, typos] = await Promise.all([run('--interface foo --at 2026-11-24T10:00:30Z'), run(`--interface foo ${hour} --json`)])
    assert.deepEqual([typo.code, typos.code], [4, 4])
    assert.match(
      typo.out,
      /UNKNOWN: nobody can say\n\n {2}whether an object .*\n {2}never seen: no flow log has a record of this interface, of any time; is its id right\?\n/,
    )
    assert.equal((JSON.parse(typos.out) as { neverSeen: boolean }).neverSeen, true)
    const other = await run('--interface eni-1 --at 2020-01-01T00:00:00Z')
    assert.match(other.out, /no flow log has a record of the interface around that time/)
    assert.match(none.out, /no flow log is known there, so nothing is known of any flow\n$/)
    assert.match(
      evidence.out,
      new RegExp(`^eni-1 at 2026-11-24 10:00:30 UTC: UNKNOWN: .*\n\n  ${kafkaUnknown}\n  recorded at that second: 1 flow, 0 NODATA\n`),
    )
    assert.equal((JSON.parse(gap.out) as { verdict: string }).verdict, 'gap')
    assert.match(unknown.out, /UNKNOWN: nobody can say\n\n {2}whether an object .*\n {2}fl-a, slot 2026-11-24 10:10:00: no object\n/)
    assert.match(slots.out, /10:00 to 2026-11-24 10:\d\d {2}GAP/)
  })
})
