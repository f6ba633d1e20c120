// Ranges whose tokens a real ClickHouse engine has forgotten: each row once.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Role } from '../../runtime/task.ts'
import { createClickHouseRoles } from '../../sinks/clickhouse/clickhouse-sink.ts'
import { identifier } from '../../sinks/clickhouse/clickhouse-client.ts'
import { migrate } from '../../sinks/clickhouse/migrate.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { flow } from '../support/records/flow-records.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { MemoryCluster } from '../../harness/memory-context.ts'
import { anyKey, testObjectId } from '../support/clickhouse/sink-setup.ts'
import { placesByDay, StoredLooks } from '../../sinks/clickhouse/stored-rows.ts'

let server: LiveClickHouse
/** A database in which each table is that of one test. */
let shared: Store
before(async () => {
  server = await liveClickHouse()
  shared = await database()
})
after(() => server.stop())

const window = 100
const startS = 1_700_000_000
const daysOfRange = 3

interface Losing {
  store: Store
  cluster: MemoryCluster
  role: (name: string) => Role
  /** The next insert into a table is made, and its answer lost. */
  loseAnswer: () => void
}

async function database(): Promise<Store> {
  const { store, settings } = server.fresh()
  await migrate(store, { ...settings, deduplicationWindow: window })
  return store
}

/** A deployment that writes into a database. */
function losingIn(store: Store, topicPrefix: string): Losing {
  let lose = false
  const losing: Store = {
    database: store.database,
    insert: async (table, block, token) => {
      await store.insert(table, block, token)
      if (token === null || !lose) return
      lose = false
      throw new Error('answer lost')
    },
    query: store.query.bind(store),
    command: store.command.bind(store),
    close: store.close.bind(store),
  }
  const roles = createClickHouseRoles({
    store: losing,
    topicPrefix,
    insertRows: 100,
    insertIntervalMs: 1000,
    deduplicationWindow: window,
  })
  return { store, cluster: new MemoryCluster(), role: name => roles.find(role => role.name === name)!, loseAnswer: () => (lose = true) }
}

const texts = {
  accountId: null,
  region: null,
  interfaceId: 'eni-1',
  vpcId: null,
  subnetId: null,
  instanceId: null,
  azId: null,
  extra: null,
}

function putFlows(cluster: MemoryCluster, objectId = testObjectId): void {
  for (let line = 1; line <= 100; line++) {
    const start = startS + (line % daysOfRange) * 86_400
    cluster.put('flows', anyKey, flow({ line, objectId, start, end: start, extra: { n: `${line}` } }))
  }
}

/** A hundred lines for a role. */
const puts: Record<string, (cluster: MemoryCluster) => void> = {
  'clickhouse-flows': cluster => putFlows(cluster),
  'clickhouse-gaps': cluster => {
    for (let line = 1; line <= 100; line++) {
      const gap = {
        ...texts,
        start: startS,
        end: startS + 60,
        timeSource: 'logged' as const,
        timeKept: null,
        kind: 'NODATA' as const,
        objectId: testObjectId,
        line,
      }
      cluster.put('flowGaps', 'eni-1' as never, gap)
    }
  },
  'clickhouse-dead-letters': cluster => {
    for (let line = 1; line <= 100; line++)
      cluster.put(
        'deadLetters',
        { bucket: 'b', key: `k${line}` },
        {
          etag: 'e',
          objectId: testObjectId,
          line,
          stage: 'enrich',
          reason: 'bad-address',
          detail: '',
          header: null,
          bytes: Buffer.from('x'),
          length: 1,
          sha256: null,
          attempt: 0,
        },
      )
  },
}

/** Others write: so many parts, each with a token of its own. */
async function passParts(store: Store, table: string, columns: string, parts: number): Promise<void> {
  const days = table === 'flows' ? 366 : 1
  for (let i = 0; i < parts; i += days)
    await store.command(
      `INSERT INTO ${identifier(store.database)}.${table} (object_id, ${columns}) SETTINGS max_partitions_per_insert_block = 0, insert_deduplication_token = 'other ${i}' SELECT 1, ${table === 'dead_letters' ? 'number' : 'number * 86400'} FROM numbers(${Math.min(days, parts - i)})`,
    )
}

const rowsOf = async (store: Store, table: string, where = 'object_id != 1'): Promise<unknown> =>
  (await store.query(`SELECT toUInt32(count()) AS rows, toUInt32(uniqExact(line)) AS lines FROM ${table} WHERE ${where}`))[0]

describe('a look for 50,000 lines of an object of which the table has 400,000', () => {
  it('gets back those that are among them, and the longest question is read whole', async () => {
    const flows = `${identifier(shared.database)}.flows`
    await shared.command(`INSERT INTO ${flows} (object_id, start, line) SELECT 1, ${startS}, number FROM numbers(400000)`)
    const asked = Array.from({ length: 50_000 }, (_, i) => 379_999 + i)
    const answers: { rows: string[] }[] = []
    const counting: Store = {
      database: shared.database,
      insert: shared.insert.bind(shared),
      command: shared.command.bind(shared),
      close: shared.close.bind(shared),
      query: async <T>(sql: string): Promise<T[]> => {
        const rows = await shared.query<T>(sql)
        answers.push(...(rows as { rows: string[] }[]))
        return rows
      },
    }
    const places = placesByDay(asked.map(line => [startS, 1n, String(line)] as const))
    const stored = await new StoredLooks(counting).find({ table: 'flows', row: 'toString(line)', places })
    assert.deepEqual(
      answers.map(({ rows }) => rows.length),
      [20_001],
    )
    assert.equal(asked.filter(line => stored.take(1n, String(line))).length, 20_001)
  })
})

describe('a range whose answer was lost', () => {
  for (const [role, table, column, parts] of [
    ['clickhouse-gaps', 'flow_gaps', 'start', 101],
    ['clickhouse-dead-letters', 'dead_letters', 'line', 101],
  ] as const) {
    it(`is in ${table} once after ${parts} other parts, more than the server remembers`, async () => {
      const { store, cluster, role: roleOf, loseAnswer } = losingIn(shared, 'p.')
      puts[role]!(cluster)
      loseAnswer()
      await assert.rejects(cluster.runRole(roleOf(role)), /answer lost/)
      await passParts(store, table, column, parts)
      cluster.clockMs += 14 * 60_000
      await cluster.runRole(roleOf(role))
      assert.deepEqual(await rowsOf(store, table), { rows: 100, lines: 100 })
    })
  }

  it('is completed where a day of it is missing, and where a part of a day is', async () => {
    const { store, cluster, role, loseAnswer } = losingIn(shared, 'p.')
    puts['clickhouse-flows']!(cluster)
    loseAnswer()
    await assert.rejects(cluster.runRole(role('clickhouse-flows')), /answer lost/)
    const flows = `${identifier(store.database)}.flows`
    await store.command(`DELETE FROM ${flows} WHERE toDate(start) = toDate(${startS}) OR line = 4`)
    await passParts(store, 'flows', 'start', 366)
    cluster.clockMs += 60_000
    await cluster.runRole(role('clickhouse-flows'))
    assert.deepEqual(await rowsOf(store, 'flows'), { rows: 100, lines: 100 })
    assert.deepEqual(await store.query("SELECT toUInt32(countIf(extra['n'] != toString(line))) AS wrong FROM flows WHERE object_id != 1"), [
      { wrong: 0 },
    ])
  })

  describe('is after 1001 other parts, more than the server remembers,', () => {
    let flows: Losing
    let control: Losing
    before(async () => {
      const store = await database()
      flows = losingIn(store, 'p.')
      control = losingIn(store, 'control.')
      putFlows(flows.cluster)
      putFlows(control.cluster, Buffer.from([0, 0, 0, 0, 0, 0, 0, 192]))
      for (const { cluster, role, loseAnswer } of [flows, control]) {
        loseAnswer()
        await assert.rejects(cluster.runRole(role('clickhouse-flows')), /answer lost/)
      }
      await passParts(store, 'flows', 'start', 1001)
    })

    it('in flows once', async () => {
      flows.cluster.clockMs += 14 * 60_000
      await flows.cluster.runRole(flows.role('clickhouse-flows'))
      assert.deepEqual(await rowsOf(flows.store, 'flows', 'object_id NOT IN (1, 192)'), { rows: 100, lines: 100 })
    })

    it('there twice without the look at the table: the engine has forgotten its token (a control of these tests)', async () => {
      // the clock stands: the task takes the range for a fresh one
      await control.cluster.runRole(control.role('clickhouse-flows'))
      assert.deepEqual(await rowsOf(control.store, 'flows', 'object_id = 192'), { rows: 200, lines: 100 })
    })
  })
})
