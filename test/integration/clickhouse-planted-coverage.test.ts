// Coverage, evidence and what counts once, over random worlds of which the truth is known: test/support/planted-logs.ts is the model.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { findEvidence } from '../../cli/coverage-report/interface-report.ts'
import { judge, type Evidence, type Verdict } from '../../cli/coverage-report/verdict.ts'
import { nothingWaits, type Waiting } from '../../cli/coverage-report/waiting.ts'
import { migrate } from '../../sinks/clickhouse/migrate.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/live-clickhouse.ts'
import { plantWorld, worldStart, type World } from '../support/planted-logs.ts'

/** Seeds that have failed once come first, and stay. */
const keptSeeds: readonly number[] = [19, 168]
/** Worlds that are judged too: each takes questions of its own, so fewer than those that one question counts. */
const judgedCount = 150
/** Worlds in which objects wait on their way to the table of objects. */
const behindSeeds = Array.from({ length: 80 }, (_unused, i) => 5001 + i)
const seeds = [...new Set([...keptSeeds, ...Array.from({ length: 320 }, (_unused, i) => i + 1)])]

let server: LiveClickHouse
let store: Store
let worlds: readonly World[]
let behind: readonly World[]
before(async () => {
  server = await liveClickHouse()
  const fresh = server.fresh()
  store = fresh.store
  await migrate(store, fresh.settings)
  worlds = seeds.map(seed => plantWorld(seed))
  behind = behindSeeds.map(seed => plantWorld(seed, true))
  await plant(store, [...worlds, ...behind])
})
after(() => server.stop())

const text = (value: string): string => `'${value}'`
const bounds = "from = '2026-11-24 09:00:00', to = '2026-11-24 12:00:00'"

/** Puts the worlds into the tables, as the sink would have by now. */
async function plant(to: Store, all: readonly World[]): Promise<void> {
  const insert = async (table: string, columns: string, rows: readonly string[]): Promise<void> => {
    for (let i = 0; i < rows.length; i += 5000)
      await to.command(
        `INSERT INTO \`${to.database}\`.${table} (${columns}) SETTINGS async_insert = 0 VALUES ${rows.slice(i, i + 5000).join(',')}`,
      )
  }
  await insert('interfaces', 'interface, interface_id, account_id', all.map(world => `(${world.interface}, ${text(world.eni)}, '1')`)) // prettier-ignore
  await insert(
    'objects',
    'bucket, key, object_id, etag, size, last_modified, account_id, region, flow_log_id, slot_start, state, header, lines, header_lines, text_bytes, version, warning',
    all.flatMap(world =>
      world.objects.map(
        o =>
          `(${text(o.bucket)}, ${text(o.key)}, ${o.objectId}, ${text(`${o.bucket}${o.objectId}`)}, ${o.size}, ${o.uploaded}, '1', 'r', ${text(o.flowLog)}, ${o.slot}, ${text(o.state)}, ${text(o.header)}, ${o.lines}, ${o.headerLines}, ${o.lines * 50}, ${o.version}, ${text(o.warning)})`,
      ),
    ),
  )
  const ofKind = (nodata: boolean): string[] =>
    all.flatMap(world =>
      world.rows
        .filter(({ record }) => (record.port === null) === nodata)
        .map(({ objectId, line, record: r }) =>
          nodata
            ? `(${r.start}, ${r.end}, 'logged', 'NODATA', ${text(world.eni)}, ${objectId}, ${line})`
            : `(${r.start}, ${r.end - r.start}, ${world.interface}, 'ACCEPT', 'OK', 'logged', ${r.port!}, ${r.bytes}, ${r.bytes}, ${objectId}, ${line})`,
        ),
    )
  await insert('flows', 'start, dur, interface, action, log_status, time_source, local_port, packets, bytes, object_id, line', ofKind(false)) // prettier-ignore
  await insert('flow_gaps', 'start, end, time_source, kind, interface_id, object_id, line', ofKind(true))
  await insert(
    'dead_letters',
    'recorded_at, object_id, line, stage, reason',
    all.flatMap(world =>
      world.deadLetters.map(({ objectId, line }) => `(${worldStart}, ${objectId}, ${line}, 'enrich', 'too-few-fields')`),
    ),
  )
}

/** The store, asking for the slots of all flow logs at once, and once for each time. */
function askingOnce(of: Store, flowLogs: readonly string[]): Store {
  const answers = new Map<string, Promise<unknown[]>>()
  return {
    database: of.database,
    insert: (...insert) => of.insert(...insert),
    command: sql => of.command(sql),
    close: () => of.close(),
    query: <T>(sql: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<T[]> => {
      if (!sql.includes('coverage_between')) return of.query<T>(sql, parameters)
      const key = `${String(parameters['from'])} ${String(parameters['to'])}`
      const answer = answers.get(key) ?? of.query<T>(sql, { ...parameters, flow_logs: flowLogs })
      answers.set(key, answer)
      return answer as Promise<T[]>
    },
  }
}

describe(`in ${seeds.length} random worlds`, () => {
  it('the view coverage counts what is in the tables, slot by slot', async () => {
    const rows = await store.query<Record<string, string>>(
      `SELECT flow_log_id, toUnixTimestamp(slot) AS at, toInt32(objects) AS objects, toInt32(done) AS done, toInt32(failed) AS failed, toInt32(empty) AS empty,
        toInt32(copies) AS copies, toInt32(replaced) AS replaced, toInt32(lines) AS lines, toInt32(flows) AS flows, toInt32(nodata) AS nodata,
        toInt32(dead_letters) AS dead, toInt32(missing) AS missing, toInt32(repeated) AS repeated, toInt32(warned) AS warned
       FROM coverage_between(${bounds})`,
    )
    const found = new Map(rows.map(({ flow_log_id, at, ...counts }) => [`${flow_log_id!} ${at!}`, counts]))
    const wanted = new Map([...worlds, ...behind].flatMap(world => [...world.counts]))
    assert.equal(found.size, wanted.size)
    for (const [slot, counts] of wanted) assert.deepEqual(found.get(slot), counts, slot)
  })

  it('flows_once has the true traffic if one flow log was whole, else it is flagged; and never more', async () => {
    const sums = await store.query<{ interface: string; bytes: string; packets: string }>(
      `SELECT interface, sum(bytes) AS bytes, sum(packets) AS packets FROM flows_once(${bounds}) GROUP BY interface`,
    )
    const lacking = await store.query<{ observer: string }>(`SELECT DISTINCT observer FROM flow_log_overlaps(${bounds}) WHERE incomplete`)
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

  /** What is known of the second of a world. */
  async function known(asking: Store, world: World, waiting: Waiting): Promise<Evidence> {
    const request = { interfaceId: world.eni, from: world.at, to: world.at, account: '', region: '', flowLogs: [], windowS: 600, everyS: 300, notDue: 2 ** 31 } // prettier-ignore
    return (await findEvidence(asking, request, waiting)).evidence
  }

  it('coverage --interface never says evidence of a flow that the tables do not show, and does of plain worlds', async () => {
    const asking = askingOnce(store, worlds.flatMap(world => world.flowLogs)) // prettier-ignore
    const seen = { evidence: 0, gap: 0, unknown: 0 }
    for (const world of worlds.slice(0, judgedCount)) {
      const { verdict, reasons } = judge(world.at, world.at, await known(asking, world, nothingWaits))
      const message = `seed ${world.seed} at ${(world.at - worldStart) / 60} min: ${world.story}\n${reasons.join('\n')}`
      seen[verdict]++
      if (world.hidden) assert.notEqual(verdict, 'evidence', message)
      if (world.plain && !world.story.includes('600 s')) assert.equal(verdict, 'evidence', message)
    }
    assert.ok(seen.evidence > 30 && seen.gap > 30 && seen.unknown > 30, JSON.stringify(seen))
  })

  it('coverage --interface never says evidence while an object of the slots is announced or read, and the table of objects has nothing of it', async () => {
    const asking = askingOnce(store, behind.flatMap(world => world.flowLogs)) // prettier-ignore
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
      const evidence = await known(asking, world, waiting)
      const judged = (values: Partial<Evidence> = {}): Verdict => judge(world.at, world.at, { ...evidence, ...values })
      const { verdict, reasons } = judged()
      const message = `seed ${world.seed} at ${(world.at - worldStart) / 60} min: ${world.story}\n${reasons.join('\n')}`
      seen[verdict]++
      if (world.hidden) assert.notEqual(verdict, 'evidence', message)
      // the tables alone cannot know
      const alone = judged({ waiting: nothingWaits })
      if (world.hidden && alone.verdict === 'evidence') deceived++
      assert.notEqual(judged({ waiting: { ...nothingWaits, unknown: 'no broker answers' } }).verdict, 'evidence', message)
      const relevant = world.waiting.some(({ slot }) => slot > world.at - 300 && slot <= world.at + 660)
      if (!relevant) assert.equal(verdict, alone.verdict, message)
    }
    assert.ok(deceived > 1, `the worlds have ${deceived} objects that the tables hide`)
    assert.ok(seen.evidence > 5 && seen.unknown > 20, JSON.stringify(seen))
  })
})
