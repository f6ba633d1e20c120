// What is no evidence though the ledger has read it, and what several flow logs or keys hold of the same traffic. All times are fixed.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { countRecords, findEvidence } from '../../operations/coverage/interface-report.ts'
import { formatReport, formatVerdict } from '../../cli/print/coverage-report.ts'
import { hasLosses, hasUnclear, reportCoverage } from '../../operations/coverage/report.ts'
import { judge, type AskedTraffic, type Verdict } from '../../operations/coverage/verdict.ts'
import { nothingWaits } from '../../operations/coverage/waiting.ts'
import { identifier } from '../../sinks/clickhouse/clickhouse-client.ts'
import { migrate } from '../../sinks/clickhouse/migrate.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { file, flowLine, narrow, slot, wide, wideLine } from '../support/clickhouse/coverage-lines.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { parquetObject } from '../support/files/parquet-object.ts'
import { place, TablePath } from '../support/clickhouse/table-path.ts'

let server: LiveClickHouse
before(async () => (server = await liveClickHouse()))
afterEach(() => server.giveBack())
after(() => server.stop())

async function judgeAt(store: Store, at: number, asked: AskedTraffic = 'accepted'): Promise<Verdict> {
  const request = { interfaceId: 'eni-1', from: at, to: at, account: '', region: '', flowLogs: [], windowS: 60, everyS: 300, notDue: 2 ** 31, asked } // prettier-ignore
  return judge(at, at, (await findEvidence(store, request, nothingWaits)).evidence)
}

/** Four slots of one flow log; `bodies` are other objects of a slot. */
async function fourSlots(from: (n: number) => number, bodies: Readonly<Record<number, string>> = {}): Promise<TablePath> {
  const path = await TablePath.open(server)
  for (const n of [0, 1, 2, 3]) path.put('fl-a', from(n), bodies[n] ?? file(narrow, [flowLine({ start: from(n) })]))
  await path.work()
  return path
}

const stateOf = async (store: Store, at: number): Promise<object | undefined> =>
  (await store.query<object>(`SELECT state, toUInt8(missing) AS missing, toUInt8(on_their_way) AS on_their_way, toUInt8(removed) AS removed, toUInt8(copies) AS copies, toUInt8(empty) AS empty FROM coverage WHERE slot = ${at}`))[0] // prettier-ignore

describe('coverage --interface', () => {
  it('is unknown while the lines of an object are on their way to the tables, and a repeated row hides none', async () => {
    const { store } = await fourSlots(slot)
    assert.equal((await judgeAt(store, slot(1) + 10)).verdict, 'evidence')
    // the ledger has read a second object of three flows; one has come, twice
    await store.command(
      `INSERT INTO \`${store.database}\`.objects (bucket, key, object_id, account_id, region, flow_log_id, slot_start, state, lines, header_lines, version) SELECT bucket, 'second', 7, account_id, region, flow_log_id, slot_start, state, 3, 1, 1 FROM \`${store.database}\`.objects WHERE slot_start = ${slot(1)}`,
    )
    const row = `(${slot(1)}, 'logged', 7, 2)`
    await store.command(`INSERT INTO \`${store.database}\`.flows (start, time_source, object_id, line) VALUES ${row}, ${row}`)
    const { verdict, reasons } = await judgeAt(store, slot(1) + 10)
    assert.equal(verdict, 'unknown')
    assert.match(reasons[0]!, /1 line still on their way to the tables/)
    assert.deepEqual(await stateOf(store, slot(1)), { state: 'incomplete', missing: 1, on_their_way: 1, removed: 0, copies: 0, empty: 0 })
    await store.command(`INSERT INTO \`${store.database}\`.flows (start, time_source, object_id, line) VALUES (${slot(1)}, 'logged', 7, 3)`)
    assert.equal((await judgeAt(store, slot(1) + 10)).verdict, 'evidence')
  })

  it('is unknown after a time to live has removed rows, never evidence', async () => {
    const old = (n: number): number => Date.parse('2021-03-01T10:00:00Z') / 1000 + n * 300
    const { store, settings } = await fourSlots(old)
    assert.equal((await judgeAt(store, old(1) + 10)).verdict, 'evidence')
    await migrate(store, { ...settings, ttlDays: 1 })
    await store.command(`OPTIMIZE TABLE \`${store.database}\`.flows FINAL`)
    assert.deepEqual(await store.query('SELECT count() AS n FROM flows'), [{ n: '0' }])
    assert.equal((await judgeAt(store, old(1) + 10)).verdict, 'unknown')
    assert.deepEqual(await stateOf(store, old(1)), { state: 'removed', missing: 1, on_their_way: 0, removed: 1, copies: 0, empty: 0 })
  })

  it('does not say that a time to live of 30 days has removed what is three days old', async () => {
    const now = Math.floor(Date.now() / 300_000) * 300
    const recent = (n: number): number => now - 3 * 86_400 + n * 300
    const { store, settings } = await fourSlots(recent)
    await migrate(store, { ...settings, ttlDays: 30 })
    await store.command(
      `ALTER TABLE \`${store.database}\`.flows DELETE WHERE start >= ${recent(1)} AND start < ${recent(2)} SETTINGS mutations_sync = 2`,
    )
    assert.deepEqual(await stateOf(store, recent(1)), { state: 'incomplete', missing: 1, on_their_way: 1, removed: 0, copies: 0, empty: 0 })
  })

  it('does not say for ever that lines of an object without a slot are on their way', async () => {
    const { store, settings } = await server.migrated()
    await migrate(store, { ...settings, ttlDays: 30 })
    const daysAgo = (days: number): number => Date.now() - days * 86_400_000
    const object = (key: string, uploadedMs: number | null, id: number): string =>
      `('b', '${key}', ${id}, ${uploadedMs === null ? 'NULL' : `fromUnixTimestamp64Milli(${uploadedMs})`}, 'done', 3, 1, 1)`
    await store.command(
      `INSERT INTO ${identifier(store.database)}.objects (bucket, key, object_id, last_modified, state, lines, header_lines, version)
       VALUES ${[object('gone', daysAgo(31), 1), object('new', daysAgo(29), 2), object('unknown', null, 3)].join(', ')}`,
    )
    const said =
      'SELECT key, toUInt8(missing) AS missing, toUInt8(removed) AS removed, toUInt8(on_their_way) AS on_their_way FROM object_coverage ORDER BY key'
    assert.deepEqual(await store.query(said), [
      { key: 'gone', missing: 2, removed: 2, on_their_way: 0 },
      { key: 'new', missing: 2, removed: 0, on_their_way: 2 },
      { key: 'unknown', missing: 2, removed: 0, on_their_way: 2 },
    ])
    await migrate(store, { ...settings, ttlDays: 0 })
    assert.deepEqual(
      (await store.query<{ removed: number }>(said)).map(({ removed }) => removed),
      [0, 0, 0],
    )
  })

  it('takes an object without even a header line for no evidence, and its slot for not covered', async () => {
    const { store } = await fourSlots(slot)
    // as older versions recorded it: done
    await store.command(
      `INSERT INTO \`${store.database}\`.objects (bucket, key, object_id, account_id, region, flow_log_id, slot_start, state, version) SELECT bucket, 'hollow', 8, account_id, region, flow_log_id, slot_start, state, 1 FROM \`${store.database}\`.objects WHERE slot_start = ${slot(1)}`,
    )
    const { verdict, reasons } = await judgeAt(store, slot(1) + 10)
    assert.equal(verdict, 'gap')
    assert.match(reasons[0]!, /1 object without any line, not even a header line/)
    assert.deepEqual(await stateOf(store, slot(1)), { state: 'empty', missing: 0, on_their_way: 0, removed: 0, copies: 0, empty: 1 })
  })

  it('is unknown beside an object that lacks something; its slot is lossy, and coverage prints what it lacks', async () => {
    const { store } = await fourSlots(slot)
    await store.command(
      `INSERT INTO \`${store.database}\`.objects (bucket, key, object_id, account_id, region, flow_log_id, slot_start, state, lines, header_lines, version, warning) SELECT bucket, 'warned', 9, account_id, region, flow_log_id, slot_start, state, 1, 1, 1, 'no column dstaddr' FROM \`${store.database}\`.objects WHERE slot_start = ${slot(1)}`,
    )
    const { verdict, reasons } = await judgeAt(store, slot(1) + 10)
    assert.equal(verdict, 'unknown')
    assert.match(reasons[0]!, /an object says less than asked: no column dstaddr/)
    assert.deepEqual(await stateOf(store, slot(1)), { state: 'lossy', missing: 0, on_their_way: 0, removed: 0, copies: 0, empty: 0 })
    const request = { from: slot(0), to: slot(4), account: '', region: '', flowLogs: [], lateS: 900, everyS: 300, notDue: slot(4), endedAfterS: 604_800 } // prettier-ignore
    assert.match(
      formatReport(await reportCoverage(store, request), request, nothingWaits),
      /objects that were read and lack something\n\n {2}fl-a {2}1 object: no column dstaddr\n/,
    )
  })
})

describe('a format without log-status', () => {
  const header = wide.replace(' log-status', '')
  const blank = (start: number, eni = 'eni-1'): string => `5 ${place.accountId} ${eni} - - - - - - - ${start} ${start + 59} - - - - - -`
  const line = (start: number, eni = 'eni-1'): string => wideLine({ start, eni }).replace(' OK', '')
  /** A line a minute, of which some say nothing. */
  async function logged(put: (path: TablePath, n: number, lines: readonly string[]) => void): Promise<TablePath> {
    const path = await TablePath.open(server)
    for (let n = 0; n < 6; n++) {
      const starts = [0, 1, 2, 3, 4].map(minute => slot(n) + minute * 60)
      put(path, n, [...starts.map(start => (start === slot(2) + 60 ? blank(start) : line(start))), line(slot(n), 'eni-2')])
    }
    await path.work()
    return path
  }
  const asText = (path: TablePath, n: number, lines: readonly string[]): unknown => path.put('fl-a', slot(n), file(header, lines))
  const asParquet = (path: TablePath, n: number, lines: readonly string[]): unknown =>
    path.putKey(
      path.keyOf('fl-a', slot(n)).replace('.log.gz', '.log.parquet'),
      parquetObject(
        header.split(' '),
        lines.map(each => each.split(' ')),
      ),
      slot(n) + 420,
    )
  for (const [kind, put] of [
    ['text', asText],
    ['parquet', asParquet],
  ] as const)
    // prettier-ignore
    it(`is unknown in a minute of which a line says nothing: NODATA or SKIPDATA, and never a flow that was seen (${kind})`, async () => {
      const { store } = await logged(put)
      const { verdict, reasons } = await judgeAt(store, slot(2) + 90)
      assert.equal(verdict, 'unknown', reasons.join('\n'))
      assert.match(reasons[0]!, /^NODATA or SKIPDATA from 2026-11-24 10:11:00 to 2026-11-24 10:11:59: its format has no log-status/)
      assert.equal((await judgeAt(store, slot(1) + 90)).verdict, 'evidence')
      assert.deepEqual(
        await store.query(`SELECT toUInt8(unclear) AS unclear, state FROM coverage WHERE slot = ${slot(2)}`), // prettier-ignore
        [{ unclear: 1, state: 'lossy' }],
      )
      const at = slot(2) + 90
      const request = { interfaceId: 'eni-1', from: at, to: at, account: '', region: '', flowLogs: [], windowS: 60, everyS: 300, notDue: 2 ** 31, asked: 'accepted' as const } // prettier-ignore
      assert.deepEqual(await countRecords(store, request), { flows: 0, noData: 0, unclear: 1 })
      const { seenBy } = await findEvidence(store, request, nothingWaits)
      assert.deepEqual(seenBy.map(({ flows, unclear, actions }) => ({ flows, unclear, actions })), [{ flows: 29, unclear: 1, actions: ['ACCEPT'] }]) // prettier-ignore
      const time = { from: slot(0), to: slot(6), account: '', region: '', flowLogs: [], lateS: 900, everyS: 300, notDue: slot(6), endedAfterS: 604_800 } // prettier-ignore
      const report = await reportCoverage(store, time)
      assert.deepEqual([hasLosses(report), hasUnclear(report)], [false, true])
      assert.match(
        formatReport(report, time, nothingWaits),
        /\nlines of a format without log-status that say nothing of a flow: NODATA or SKIPDATA, nobody can tell\n\n {2}fl-a {2}1 line\n[^]*which need not be all: see above$/,
      )
      assert.deepEqual(await store.query("SELECT sum(bytes) AS n FROM flows_once(from = '2026-11-24 09:00:00', to = '2026-11-24 12:00:00')"), [{ n: String(35 * 840) }]) // prettier-ignore
    })
})

describe('a flow log that does not record what is asked for', () => {
  const minutes = (from: number, to: number): number[] => Array.from({ length: to - from }, (_unused, i) => slot(0) + (from + i) * 60)
  const nodata = (start: number): string => `2 ${place.accountId} eni-1 - - - - - - - ${start} ${start + 59} - NODATA`
  /** fl-all has accepted flows for 20 minutes, and is deleted; fl-rejected is for rejected traffic and goes on. */
  async function replaced(rejected: readonly number[] = []): Promise<Store> {
    const path = await TablePath.open(server)
    for (let n = 0; n < 12; n++) {
      const inSlot = minutes(n * 5, n * 5 + 5)
      if (n < 4) path.put('fl-all', slot(n), file(narrow, inSlot.map(start => flowLine({ start })))) // prettier-ignore
      path.put('fl-rejected', slot(n), file(narrow, inSlot.map(start => (rejected.includes(start) ? flowLine({ start, action: 'REJECT' }) : nodata(start))))) // prettier-ignore
    }
    await path.work()
    return path.store
  }
  const at = slot(6) + 30

  it('is not evidence of accepted traffic, even if it wrote more than NODATA', async () => {
    const quiet = await replaced()
    const { verdict, traffic, reasons } = await judgeAt(quiet, at)
    assert.deepEqual([verdict, traffic], ['unknown', { accepted: 'unknown', rejected: 'unknown' }])
    assert.match(reasons[0]!, /^no flow log of these recorded accepted traffic, of any interface around that time/)
    assert.deepEqual([(await judgeAt(quiet, slot(1) + 30)).traffic], [{ accepted: 'evidence', rejected: 'unknown' }])
    const one = await replaced([slot(3)])
    const asked = (of: AskedTraffic): Promise<Verdict> => judgeAt(one, at, of)
    assert.deepEqual(
      [(await asked('accepted')).verdict, (await asked('rejected')).verdict, (await asked('both')).verdict, (await asked('any')).verdict],
      ['unknown', 'evidence', 'unknown', 'evidence'],
    )
    assert.deepEqual((await asked('accepted')).traffic, { accepted: 'unknown', rejected: 'evidence' })
    const request = { interfaceId: 'eni-1', from: at, to: at, account: '', region: '', flowLogs: [], windowS: 60, everyS: 300, notDue: 2 ** 31, asked: 'accepted' as const } // prettier-ignore
    const found = await findEvidence(one, request, nothingWaits)
    const said = formatVerdict(at, 'eni-1', found, judge(at, at, found.evidence), await countRecords(one, request))
    assert.match(said, /^eni-1 at 2026-11-24 10:30:30 UTC: UNKNOWN of accepted traffic: nobody can say; EVIDENCE of rejected traffic: such a flow that is not recorded was not there\n/) // prettier-ignore
  })

  it('is evidence of what it recorded of another interface, and says what it is not evidence of', async () => {
    const path = await TablePath.open(server)
    for (let n = 0; n < 6; n++) path.put('fl-a', slot(n), file(narrow, minutes(n * 5, n * 5 + 5).flatMap(start => [nodata(start), flowLine({ start, eni: 'eni-2' })]))) // prettier-ignore
    await path.work()
    const { verdict, traffic, reasons } = await judgeAt(path.store, slot(1) + 30)
    assert.deepEqual([verdict, traffic], ['evidence', { accepted: 'evidence', rejected: 'unknown' }])
    assert.match(reasons.at(-1)!, /^no flow log of these recorded rejected traffic/)
  })
})

describe('flow_logs_without_observer', () => {
  it('lists a format without interface-id beside the other flow logs of its account, and none that is alone or names one', async () => {
    const listed = async (store: Store): Promise<unknown[]> =>
      store.query("SELECT flow_log_id, toUInt8(objects) AS objects, beside FROM flow_logs_without_observer(from = '2026-11-24 09:00:00', to = '2026-11-24 12:00:00') ORDER BY flow_log_id") // prettier-ignore
    const path = await TablePath.open(server)
    const nameless = 'srcaddr dstaddr srcport dstport start end'
    path.put('fl-bare', slot(0), file(nameless, [`10.0.0.5 198.51.100.7 1 443 ${slot(0)} ${slot(0) + 59}`]))
    await path.work()
    assert.deepEqual(await listed(path.store), [])
    path.put('fl-a', slot(0), file(narrow, [flowLine({ start: slot(0) })]))
    await path.work()
    assert.deepEqual(await listed(path.store), [{ flow_log_id: 'fl-bare', objects: 1, beside: ['fl-a'] }])
    // an object that failed has no header; the interface of the next hop is not the one that recorded the flow
    await path.store.command(
      `INSERT INTO ${identifier(path.store.database)}.objects (bucket, key, object_id, account_id, region, flow_log_id, slot_start, state, header, version)
       SELECT 'flow-logs', flow_log_id || state, rowNumberInAllBlocks(), account_id, region, new.1 AS flow_log_id, slot_start, new.2 AS state, new.3, 1000000
       FROM (SELECT account_id, region, slot_start FROM ${identifier(path.store.database)}.objects WHERE flow_log_id = 'fl-bare' LIMIT 1)
       ARRAY JOIN [('fl-bare', 'failed', NULL), ('fl-hop', 'done', '${nameless} next-hop-interface-id next-hop-interface-type'), ('fl-tgw', 'done', 'srcaddr tgw-attachment-id'),
         ('fl-parquet', 'done', '${nameless} interface_id'), ('fl-default', 'done', NULL)] AS new`,
    )
    assert.deepEqual(await listed(path.store), [
      { flow_log_id: 'fl-bare', objects: 2, beside: ['fl-a', 'fl-default', 'fl-hop', 'fl-parquet', 'fl-tgw'] },
      { flow_log_id: 'fl-hop', objects: 1, beside: ['fl-a', 'fl-bare', 'fl-default', 'fl-parquet', 'fl-tgw'] },
    ])
  })
})

describe('flows_once', () => {
  const sum = async (store: Store): Promise<number> =>
    Number((await store.query<{ n: string }>("SELECT sum(bytes) AS n FROM flows_once(from = '2026-11-24 09:00:00', to = '2026-11-24 12:00:00')"))[0]!.n) // prettier-ignore
  const minutes = (from: number, to: number): number[] => Array.from({ length: to - from }, (_unused, i) => slot(1) + (from + i) * 60)

  it('counts the same delivery under several keys once, and coverage says copies', async () => {
    const path = await TablePath.open(server)
    const body = file(narrow, [flowLine({ start: slot(0) })])
    const key = path.put('fl-a', slot(0), body)
    path.putKey(`archive/${key}`, body, slot(3))
    await path.work()
    assert.deepEqual(await path.store.query('SELECT toUInt8(count()) AS n FROM flows'), [{ n: 2 }])
    assert.equal(await sum(path.store), 840)
    assert.deepEqual(await stateOf(path.store, slot(0)), { state: 'covered', missing: 0, on_their_way: 0, removed: 0, copies: 1, empty: 0 })
  })

  it('keeps true bytes where the preferred flow log ends in mid-slot, and joins one that ends to one that begins', async () => {
    const path = await TablePath.open(server)
    path.put('fl-all', slot(1), file(narrow, minutes(0, 5).map(start => flowLine({ start })))) // prettier-ignore
    path.put('fl-all', slot(2), file(narrow, [flowLine({ start: slot(2) })]))
    path.put('fl-ends', slot(1), file(wide, minutes(0, 1).map(start => wideLine({ start })))) // prettier-ignore
    const other = (start: number): string => flowLine({ start, eni: 'eni-2' })
    path.put('fl-first', slot(0), file(narrow, [other(slot(0))]))
    path.put('fl-first', slot(1), file(narrow, minutes(0, 3).map(other)))
    path.put('fl-second', slot(1), file(narrow, minutes(2, 5).map(other)))
    path.put('fl-second', slot(2), file(narrow, [other(slot(2))]))
    await path.work()
    assert.equal(await sum(path.store), 6 * 840 + 7 * 840)
    const said = await path.store.query("SELECT observer, counted, incomplete FROM flow_log_overlaps(from = '2026-11-24 09:00:00', to = '2026-11-24 12:00:00') ORDER BY observer") // prettier-ignore
    assert.deepEqual(said, [
      { observer: 'eni-1', counted: 'fl-all', incomplete: 0 },
      { observer: 'eni-2', counted: 'fl-first', incomplete: 1 },
    ])
  })
})
