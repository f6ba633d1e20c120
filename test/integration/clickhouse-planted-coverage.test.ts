// Coverage, evidence and what counts once, over random worlds of which the truth is known: test/support/planted-truth/planted-logs.ts is the model.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { countRecords, findEvidence, type InterfaceRequest } from '../../operations/coverage/interface-report.ts'
import { dateOf } from '../../operations/coverage/report.ts'
import { judge, type AskedTraffic, type Evidence, type Verdict } from '../../operations/coverage/verdict.ts'
import { nothingWaits, type Waiting } from '../../operations/coverage/waiting.ts'
import { migrate } from '../../sinks/clickhouse/migrate.ts'
import { ask, readQuery } from '../../sinks/clickhouse/queries.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { plantWorld, worldStart, type World } from '../support/planted-truth/planted-logs.ts'
import { plant } from '../support/planted-truth/planted-tables.ts'

/** Seeds that have failed once come first, and stay. */
const keptSeeds: readonly number[] = [19, 168]
/** Worlds of which each is asked for by itself too. */
const askedAlone = 30
/** Worlds with rows that do not count, of which the records of a second are asked for. */
const countedAlone = 40
/** Worlds in which objects wait on their way to the table of objects. */
const behindSeeds = Array.from({ length: 80 }, (_unused, i) => 5001 + i)
/** Worlds in which windows begin anywhere, and reach over half hours. */
const shiftedSeeds = Array.from({ length: 400 }, (_unused, i) => 9001 + i)
/** Worlds of accepted and rejected traffic, in which flow logs are for one of them or have no log-status. */
const halvesSeeds = Array.from({ length: 60 }, (_unused, i) => 12_001 + i)
const seeds = [...new Set([...keptSeeds, ...Array.from({ length: 320 }, (_unused, i) => i + 1)])]

let server: LiveClickHouse
let store: Store
let worlds: readonly World[]
let behind: readonly World[]
let shifted: readonly World[]
let halves: readonly World[]
/** Asks for the slots of all worlds once. */
let slotsOnce: Store
interface Counted {
  interface: string
  bytes: string
  packets: string
}
/** What counts once, by interface, and the interfaces of which flow logs are incomplete. */
let countedOnce: Promise<[Counted[], { observer: string }[]]>
before(async () => {
  server = await liveClickHouse()
  const fresh = server.fresh()
  store = fresh.store
  await migrate(store, fresh.settings)
  worlds = seeds.map(seed => plantWorld(seed))
  behind = behindSeeds.map(seed => plantWorld(seed, 'behind'))
  shifted = shiftedSeeds.map(seed => plantWorld(seed, 'shifted'))
  halves = halvesSeeds.map(seed => plantWorld(seed, 'halves'))
  await plant(store, [...worlds, ...behind, ...shifted, ...halves])
  slotsOnce = askingSlotsOnce(store, [...worlds, ...behind, ...halves])
  countedOnce = Promise.all([
    store.query<Counted>(`SELECT interface, sum(bytes) AS bytes, sum(packets) AS packets FROM flows_once(${bounds}) GROUP BY interface`),
    store.query<{ observer: string }>(`SELECT DISTINCT observer FROM flow_log_overlaps(${bounds}) WHERE incomplete`),
  ])
})
after(() => server.stop())

const bounds = "from = '2026-11-24 09:00:00', to = '2026-11-24 12:00:00'"

type Row = Readonly<Record<string, unknown>>

/**
 * The store, asking for the slots of all flow logs at once, and once for each time. The last slot that is known is asked for as the command does: it is
 * of two days around each second, and cheap for a few flow logs.
 */
function askingSlotsOnce(of: Store, all: readonly World[]): Store {
  const flowLogs = all.flatMap(world => world.flowLogs)
  const answers = new Map<string, Promise<Row[]>>()
  const ofFlowLogsAsked = [readQuery('coverage_interface_slots'), readQuery('coverage_actions')]
  const query = async (sql: string, parameters: Row = {}): Promise<Row[]> => {
    if (!ofFlowLogsAsked.includes(sql)) return of.query<Row>(sql, parameters)
    const key = `${sql} ${String(parameters['from'])} ${String(parameters['to'])}`
    const answer = answers.get(key) ?? of.query<Row>(sql, { ...parameters, flow_logs: flowLogs })
    answers.set(key, answer)
    return ofFlowLogs(await answer, parameters['flow_logs'] as readonly string[])
  }
  return asking(of, query)
}

/** The store, asking what is asked of one interface for all of them at once: each world has its own flow logs, so the rows tell whose they are. */
function askingOnce(of: Store, all: readonly World[], lose = false): Store {
  const [single, gaps] = [readQuery('coverage_interface'), readQuery('coverage_interface_gaps')]
  const interfaces = all.map(world => world.eni)
  const flowLogsOf = new Map(all.map(world => [world.eni, world.flowLogs]))
  const forAll = (sql: string, parameters: Row): Promise<Row[]> => {
    const one = /= \{interface:String\}/g
    assert.match(sql, one)
    return of.query(sql.replace(one, 'IN {interfaces:Array(String)}'), { ...parameters, interfaces })
  }
  const [day, hours] = [86_400, 12 * 300]
  const [seen_from, seen_to] = [dateOf(worldStart - day), dateOf(worldStart + hours + day)].map(time =>
    time.toISOString().slice(0, 19).replace('T', ' '),
  )
  const seen = forAll(single, { seen_from, seen_to })
  const losses = lose ? [] : forAll(gaps, { from: seen_from, to: seen_to, before_s: day, account: '', region: '', flow_logs: [] })
  return asking(of, async (sql, parameters = {}) => {
    // these worlds have no record of lost flows
    if (sql === gaps && lose) return of.query(sql, parameters)
    if (sql === gaps) assert.deepEqual(await losses, [])
    if (sql === gaps) return []
    return sql === single ? ofFlowLogs(await seen, flowLogsOf.get(String(parameters['interface']))!) : of.query(sql, parameters)
  })
}

const ofFlowLogs = (rows: readonly Row[], flowLogs: readonly string[]): Row[] =>
  rows.filter(row => flowLogs.includes(String(row['flow_log_id'])))

const asking = (of: Store, query: (sql: string, parameters?: Row) => Promise<Row[]>): Store => ({
  database: of.database,
  insert: (...insert) => of.insert(...insert),
  command: sql => of.command(sql),
  close: () => of.close(),
  query: async <T>(sql: string, parameters?: Row): Promise<T[]> => (await query(sql, parameters)) as T[],
})

/** The second of a world, as a question. */
const requestOf = ({ eni, at }: World): InterfaceRequest => ({
  interfaceId: eni,
  from: at,
  to: at,
  account: '',
  region: '',
  flowLogs: [],
  windowS: null,
  everyS: 300,
  notDue: 2 ** 31,
  asked: 'accepted',
})

/** What is known of the second of a world. */
const known = async (from: Store, world: World, waiting: Waiting): Promise<Evidence> =>
  (await findEvidence(from, requestOf(world), waiting)).evidence

const judgeWorld = async (from: Store, world: World): Promise<Verdict> => judge(world.at, world.at, await known(from, world, nothingWaits))

describe(`in ${seeds.length} random worlds`, () => {
  it('the view coverage counts what is in the tables, slot by slot', async () => {
    const rows = await store.query<Record<string, string>>(
      `SELECT flow_log_id, toUnixTimestamp(slot) AS at, toInt32(objects) AS objects, toInt32(done) AS done, toInt32(failed) AS failed, toInt32(empty) AS empty,
        toInt32(copies) AS copies, toInt32(replaced) AS replaced, toInt32(lines) AS lines, toInt32(flows) AS flows, toInt32(nodata) AS nodata,
        toInt32(skipdata) AS skipdata, toInt32(dead_letters) AS dead, toInt32(missing) AS missing, toInt32(repeated) AS repeated, toInt32(warned) AS warned
       FROM coverage_between(${bounds})`,
    )
    const found = new Map(rows.map(({ flow_log_id, at, ...counts }) => [`${flow_log_id!} ${at!}`, counts]))
    const everyWorld = [...worlds, ...behind, ...shifted, ...halves]
    const wanted = new Map(everyWorld.flatMap(world => [...world.counts].map(([slot, counts]) => [slot, { ...counts, skipdata: 0 }])))
    assert.equal(found.size, wanted.size)
    for (const [slot, counts] of wanted) assert.deepEqual(found.get(slot), counts, slot)
  })

  it('flows_once has the true traffic if one flow log was whole, else it is flagged; and never more', async () => {
    const [sums, lacking] = await countedOnce
    const unsound = await store.query<{ id: string }>(`SELECT DISTINCT flow_log_id AS id FROM coverage_between(${bounds}) WHERE state != 'covered' OR repeated > 0`) // prettier-ignore
    const slots = await store.query<{ id: string; slots: string }>(`SELECT flow_log_id AS id, uniqExact(slot) AS slots FROM coverage_between(${bounds}) GROUP BY id`) // prettier-ignore
    const slotsOf = new Map(slots.map(row => [row.id, Number(row.slots)]))
    const bytesOf = new Map(sums.map(row => [Number(row.interface), Number(row.bytes)]))
    const [flaggedEni, flaggedLog] = [new Set(lacking.map(row => row.observer)), new Set(unsound.map(row => row.id))]
    let whole = 0
    for (const world of worlds) {
      const counted = bytesOf.get(world.interface) ?? 0
      const flagged = flaggedEni.has(world.eni) || world.flowLogs.some(id => flaggedLog.has(id))
      const message = `seed ${world.seed}: ${counted} of ${world.trueBytes}; ${world.story}`
      // rows that stand there twice are a fault of their own, which coverage counts: a flow log with some seems to have more than it saw
      if (world.hasWhole && !world.story.includes('repeated')) {
        whole++
        assert.equal(counted, world.trueBytes, message)
      } else if (counted !== world.trueBytes && world.flowLogs.length > 1)
        // slots without an object: `flowloom coverage` lists them
        assert.ok(flagged || world.flowLogs.some((id, i) => (slotsOf.get(id) ?? 0) < world.slotsIfWhole[i]!), message)
      if (!world.story.includes('repeated')) assert.ok(counted <= world.trueBytes, message)
      if (world.plain) assert.equal(flagged, false, message)
    }
    assert.ok(whole > 100, String(whole))
    assert.deepEqual(
      sums.filter(row => row.bytes !== row.packets),
      [],
    )
  })

  it('flows_once never has more than the true traffic, and says incomplete if it has less though one flow log was whole, wherever windows begin', async () => {
    const [sums, lacking] = await countedOnce
    const [bytesOf, flagged] = [
      new Map(sums.map(row => [Number(row.interface), Number(row.bytes)])),
      new Set(lacking.map(row => row.observer)),
    ]
    const seen = { right: 0, flagged: 0, listed: 0 }
    const wrong: string[] = []
    for (const world of shifted) {
      if (world.flowLogs.length < 2 || world.story.includes('repeated')) continue
      const counted = bytesOf.get(world.interface) ?? 0
      const message = `seed ${world.seed}: ${counted} of ${world.trueBytes}, ${flagged.has(world.eni) ? 'flagged' : 'not flagged'}; ${world.story}`
      if (counted > world.trueBytes) wrong.push(message)
      if (counted === world.trueBytes) seen.right++
      else if (flagged.has(world.eni)) seen.flagged++
      // lines of one that are refused or on their way coverage counts, and slots of which one flow log alone would have had an object it lists
      else if (world.hasWhole && !/on-its-way|dead-line/.test(world.story)) wrong.push(message)
      else seen.listed++
    }
    assert.deepEqual(wrong, [])
    // what counts does not depend on where the time begins or ends
    for (const split of ['10:30:00', '10:33:00']) {
      const parts = await Promise.all([["'2026-11-24 09:00:00'", `'2026-11-24 ${split}'`], [`'2026-11-24 ${split}'`, "'2026-11-24 12:00:00'"]].map(async ([from, to]) => store.query<{ interface: string; bytes: string }>(`SELECT interface, sum(bytes) AS bytes FROM flows_once(from = ${from!}, to = ${to!}) GROUP BY interface`))) // prettier-ignore
      const added = new Map<number, number>()
      for (const row of parts.flat()) added.set(Number(row.interface), (added.get(Number(row.interface)) ?? 0) + Number(row.bytes))
      for (const world of shifted) assert.equal(added.get(world.interface), bytesOf.get(world.interface), `seed ${world.seed}, split at ${split}; ${world.story}`) // prettier-ignore
    }
    assert.ok(seen.right > 150 && seen.flagged > 30, JSON.stringify(seen))
  })

  it('coverage --interface never says evidence of a flow that the tables do not show, and does of plain worlds', async () => {
    const together = askingOnce(slotsOnce, worlds)
    const seen = { evidence: 0, gap: 0, unknown: 0 }
    for (const [i, world] of worlds.entries()) {
      const judged = await judgeWorld(together, world)
      const { verdict, reasons } = judged
      const message = `seed ${world.seed} at ${(world.at - worldStart) / 60} min: ${world.story}\n${reasons.join('\n')}`
      // the questions as the command asks them
      if (i < askedAlone) assert.deepEqual(judged, await judgeWorld(slotsOnce, world), message)
      seen[verdict]++
      if (world.hidden) assert.notEqual(verdict, 'evidence', message)
      if (world.plain && !world.story.includes('600 s')) assert.equal(verdict, 'evidence', message)
    }
    assert.ok(seen.evidence > 60 && seen.gap > 60 && seen.unknown > 60, JSON.stringify(seen))
  })

  it('coverage --interface counts the records of versions that count, where objects were overwritten or lie under several keys', async () => {
    const together = askingOnce(slotsOnce, worlds)
    const replaced = worlds.filter(world => world.replacedRows > 0)
    for (const [i, world] of replaced.entries()) {
      const message = `seed ${world.seed} at ${(world.at - worldStart) / 60} min: ${world.story}`
      const { seenBy } = await findEvidence(together, requestOf(world), nothingWaits)
      const found = new Map(seenBy.map(({ flowLogId, flows, noData, skipData, unclear }) => [flowLogId, { flows, noData, skipData, unclear }])) // prettier-ignore
      assert.deepEqual(found, new Map([...world.recorded].sort().map(([id, counts]) => [id, { ...counts, skipData: 0 }])), message)
      if (i < countedAlone) assert.deepEqual(await countRecords(store, requestOf(world)), world.recordedAt, message)
    }
    assert.ok(replaced.length > countedAlone, String(replaced.length))
    // every loss is in a version that was overwritten
    const time = { from: dateOf(worldStart - 3600), to: dateOf(worldStart + 7200), account: '', region: '', flow_logs: [] }
    assert.deepEqual(await ask(store, 'coverage_skips', time), [])
    assert.ok(worlds.some(world => world.rows.some(({ record }) => record.lost)))
  })

  it('coverage --interface never says evidence of a half of the traffic of which a flow is hidden: not recorded, or lost by a format without log-status', async () => {
    const together = askingOnce(slotsOnce, halves, true)
    const seen = { accepted: 0, rejected: 0, both: 0, hidden: 0 }
    for (const world of halves) {
      const evidence = await known(together, world, nothingWaits)
      const judged = (asked: AskedTraffic): Verdict => judge(world.at, world.at, { ...evidence, asked })
      for (const [asked, action] of [
        ['accepted', 'ACCEPT'],
        ['rejected', 'REJECT'],
      ] as const) {
        // prettier-ignore
        const { verdict, traffic, reasons } = judged(asked)
        assert.equal(verdict, traffic[asked])
        if (world.hiddenActions[action]) assert.notEqual(verdict, 'evidence', `seed ${world.seed} at ${(world.at - worldStart) / 60} min, ${asked}: ${world.story}\n${reasons.join('\n')}`) // prettier-ignore
        if (world.hiddenActions[action]) seen.hidden++
        else if (verdict === 'evidence') seen[asked]++
      }
      if (judged('both').verdict === 'evidence') seen.both++
    }
    assert.ok(seen.accepted > 5 && seen.rejected > 5 && seen.hidden > 10, JSON.stringify(seen))
  })

  it('coverage --interface never says evidence while an object of the slots is announced or read, and the table of objects has nothing of it', async () => {
    const together = askingOnce(slotsOnce, behind)
    const seen = { evidence: 0, gap: 0, unknown: 0 }
    let deceived = 0
    for (const world of behind) {
      const waiting: Waiting = {
        unknown: null,
        partitions: (['announced', 'read'] as const).map(stage => ({ stage, partition: 0, records: 1, unclear: null })),
        // what is of other slots, or of the other worlds, must not matter
        objects: behind.flatMap(other =>
          (other === world ? world.waiting : other.waiting.filter(({ slot }) => slot > world.at + 960)).map(({ stage, flowLog, slot }) => ({
            stage,
            partition: 0,
            accountId: '1',
            region: 'r',
            flowLogId: flowLog,
            slotStart: slot, // prettier-ignore
          })),
        ),
      }
      const evidence = await known(together, world, waiting)
      const judged = (values: Partial<Evidence> = {}): Verdict => judge(world.at, world.at, { ...evidence, ...values })
      const { verdict, reasons } = judged()
      const message = `seed ${world.seed} at ${(world.at - worldStart) / 60} min: ${world.story}\n${reasons.join('\n')}`
      seen[verdict]++
      if (world.hidden) assert.notEqual(verdict, 'evidence', message)
      // where another object has records of the same windows, no silence shows, and the tables alone cannot know
      const filled = { flowLogs: evidence.flowLogs.map(log => ({ ...log, silences: [] })) }
      if (world.hidden) assert.notEqual(judged(filled).verdict, 'evidence', message)
      const alone = judged({ ...filled, waiting: nothingWaits })
      if (world.hidden && alone.verdict === 'evidence') deceived++
      assert.notEqual(judged({ waiting: { ...nothingWaits, unknown: 'no broker answers' } }).verdict, 'evidence', message)
      const relevant = world.waiting.some(({ slot }) => slot > world.at - 300 && slot <= world.at + 660)
      if (!relevant) assert.equal(judged(filled).verdict, alone.verdict, message)
    }
    assert.ok(deceived > 1, `the worlds have ${deceived} objects that the tables hide`)
    assert.ok(seen.evidence > 5 && seen.unknown > 20, JSON.stringify(seen))
  })
})
