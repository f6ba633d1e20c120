// How long tables keep their rows, on a real ClickHouse engine.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createClickHouseRoles } from '../../sinks/clickhouse/clickhouse-sink.ts'
import { identifier } from '../../sinks/clickhouse/clickhouse-client.ts'
import { migrate } from '../../sinks/clickhouse/migrate.ts'
import { tableNames, type Store } from '../../sinks/clickhouse/store.ts'
import { flow } from '../support/records/flow-records.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { MemoryCluster } from '../../harness/memory-context.ts'
import { makeReleasedDatabase } from '../support/clickhouse/released-database.ts'
import { anyKey } from '../support/clickhouse/sink-setup.ts'

let server: LiveClickHouse
before(async () => (server = await liveClickHouse()))
after(() => server.stop())

const dayS = 86_400
const nowS = Math.floor(Date.now() / 1000)
const lastS = 2 ** 32 - 1
const keptDays = 30
const allKept = {
  ttlDays: keptDays,
  gapsTtlDays: keptDays,
  objectsTtlDays: keptDays,
  cloudMapTtlDays: keptDays,
  deadLettersTtlDays: keptDays,
}

/** Removes what has expired, and tells the rest. */
async function rest<T>(store: Store, table: string, column: string): Promise<T[]> {
  await store.command(`OPTIMIZE TABLE ${identifier(store.database)}.${table} FINAL`)
  const rows = await store.query<{ value: T }>(`SELECT ${column} AS value FROM ${table} ORDER BY value`)
  return rows.map(({ value }) => value)
}

const insert = (store: Store, table: string, columns: string, rows: readonly string[]): Promise<void> =>
  store.command(
    `INSERT INTO ${identifier(store.database)}.${table} (${columns}) SETTINGS max_partitions_per_insert_block = 0 VALUES ${rows.map(row => `(${row})`).join(', ')}`,
  )

/** Times of flows that the sink writes, and whether they stay. */
const starts: readonly { name: string; start: number; end: number; stays: boolean; shown?: number }[] = [
  { name: 'no time', start: 0, end: 0, stays: true },
  { name: 'a second of 1970', start: 5, end: 10, stays: true },
  { name: 'the last second of 32 bits', start: lastS, end: lastS, stays: true },
  { name: 'a start near 2106, where start + TTL wraps', start: lastS - 20 * dayS, end: lastS, stays: true },
  { name: 'a start in the next year', start: nowS + 365 * dayS, end: nowS + 365 * dayS, stays: true },
  { name: 'an end too far from the start', start: nowS - dayS, end: nowS + 2 ** 41, stays: true, shown: nowS - dayS },
  { name: 'now', start: nowS, end: nowS + 60, stays: true },
  { name: '29 days ago', start: nowS - 29 * dayS, end: nowS - 29 * dayS, stays: true },
  { name: '32 days ago', start: nowS - 32 * dayS, end: nowS - 32 * dayS, stays: false },
  { name: '2010', start: 1_262_304_000, end: 1_262_304_000, stays: false },
  { name: 'before 2010', start: 1_262_303_999, end: 1_262_303_999, stays: true },
]

async function writeFlows(store: Store): Promise<void> {
  const cluster = new MemoryCluster()
  starts.forEach(({ start, end }, i) =>
    cluster.put('flows', anyKey, flow({ line: i + 1, start, end, timeSource: start === 0 ? 'none' : 'logged' })),
  )
  const settings = { store, topicPrefix: 'test.', insertRows: 1000, insertIntervalMs: 1000 }
  await cluster.runRole(createClickHouseRoles(settings)[0]!)
}

const expectedLines = starts.flatMap(({ stays }, i) => (stays ? [i + 1] : []))

describe('time to live of flows', () => {
  it('keeps flows without a time and with one that cannot be, and removes old ones', async () => {
    const { store, settings } = server.fresh({ ttlDays: keptDays })
    await migrate(store, settings)
    await writeFlows(store)
    assert.deepEqual(await rest(store, 'flows', 'line'), expectedLines)
    const [clamped] = await store.query<{ start: number; dur: number; source: string }>(
      'SELECT toUnixTimestamp(start) AS start, dur, toString(time_source) AS source FROM flows WHERE line = 6',
    )
    assert.deepEqual(clamped, { start: nowS - dayS, dur: 2 ** 31 - 1, source: 'logged' })
  })

  it('keeps them where it is set later, on rows that were there', async () => {
    const { store, settings } = server.fresh()
    await migrate(store, settings)
    await writeFlows(store)
    assert.deepEqual(
      await rest(store, 'flows', 'line'),
      starts.map((_, i) => i + 1),
    )
    await migrate(store, { ...settings, ttlDays: keptDays })
    assert.deepEqual(await rest(store, 'flows', 'line'), expectedLines)
  })

  it('keeps them in a table of an earlier version, whose time to live was start + days', async () => {
    const { store, settings } = server.fresh()
    await makeReleasedDatabase(store)
    await insert(
      store,
      'flows',
      'line, start',
      starts.map(({ start }, i) => `${i + 1}, ${start}`),
    )
    // merges that remove rows wait for the new clause
    await store.command(`SYSTEM STOP TTL MERGES ${identifier(store.database)}.flows`)
    await store.command(
      `ALTER TABLE ${identifier(store.database)}.flows MODIFY TTL start + INTERVAL 30 DAY SETTINGS materialize_ttl_after_modify = 0`,
    )
    await migrate(store, { ...settings, ttlDays: keptDays })
    await store.command(`SYSTEM START TTL MERGES ${identifier(store.database)}.flows`)
    assert.deepEqual(await rest(store, 'flows', 'line'), expectedLines)
  })

  it('removes flows without a time so many days after they were stored, though newer ones are merged with them', async () => {
    const { store, settings } = server.fresh({ ttlDays: keptDays })
    await migrate(store, settings)
    const stored = (daysAgo: number): number => nowS - daysAgo * dayS
    await insert(store, 'flows', 'line, start, stored_at', [`1, 0, ${stored(40)}`, `2, 0, ${stored(29)}`, `3, 0, ${stored(0)}`])
    await insert(store, 'flows', 'line, start, stored_at', [
      `4, 0, ${stored(32)}`,
      `5, ${lastS}, ${stored(32)}`,
      `6, ${lastS}, ${stored(1)}`,
    ])
    assert.deepEqual(await rest(store, 'flows', 'line'), [2, 3, 6])
  })

  it('of an operator stays at a start that has none, and one that has', async () => {
    const { store, settings } = server.fresh()
    await migrate(store, settings)
    const told: string[] = []
    const start = (days: number): Promise<string[]> =>
      migrate(store, { ...settings, ttlDays: days, objectsTtlDays: 0 }, undefined, undefined, (table, ttl) => told.push(`${table}: ${ttl}`))
    const full = async (): Promise<string> =>
      (
        await store.query<{ full: string }>(
          `SELECT engine_full AS full FROM system.tables WHERE database = '${store.database}' AND name = 'flows'`,
        )
      )[0]!.full
    await store.command(`ALTER TABLE ${identifier(store.database)}.flows MODIFY TTL start + INTERVAL 7 DAY RECOMPRESS CODEC(ZSTD(9))`)
    const theirs = await full()
    for (const days of [0, keptDays]) {
      await start(days)
      assert.equal(await full(), theirs)
    }
    assert.deepEqual(told, Array(2).fill('flows: start + toIntervalDay(7) RECOMPRESS CODEC(ZSTD(9))'))
  })

  it('is not set again where it is set already: the server would read every part', async () => {
    const { store, settings } = server.fresh(allKept)
    await migrate(store, settings)
    const commands: string[] = []
    const command = store.command.bind(store)
    const watched: Store = { ...forward(store), command: async sql => (commands.push(sql), command(sql)) }
    await migrate(watched, settings)
    assert.deepEqual(
      commands.filter(sql => sql.startsWith('ALTER')),
      [],
    )
    await migrate(watched, { ...settings, ttlDays: 31, gapsTtlDays: 31, objectsTtlDays: 31, cloudMapTtlDays: 31, deadLettersTtlDays: 31 })
    assert.equal(commands.filter(sql => sql.includes(' MODIFY TTL ')).length, 6)
    await migrate(watched, { ...settings, ttlDays: 0, gapsTtlDays: 0, objectsTtlDays: 0, cloudMapTtlDays: 0, deadLettersTtlDays: 0 })
    assert.equal(commands.filter(sql => sql.endsWith(' REMOVE TTL')).length, 6)
  })

  it('does not wrap with a time to live of centuries', async () => {
    const { store, settings } = server.fresh({ ttlDays: 100_000 })
    await migrate(store, settings)
    await writeFlows(store)
    assert.equal((await rest(store, 'flows', 'line')).length, starts.length)
  })
})

const forward = (store: Store): Store => ({
  database: store.database,
  insert: store.insert.bind(store),
  query: store.query.bind(store),
  command: store.command.bind(store),
  close: store.close.bind(store),
})

describe('time to live of the other tables', () => {
  // each test has a table of its own
  let store: Store
  before(async () => {
    const fresh = server.fresh(allKept)
    store = fresh.store
    await migrate(store, fresh.settings)
  })

  it('removes old gaps and keeps those without a time; the counts by object follow', async () => {
    await insert(store, 'flow_gaps', 'line, start, kind, object_id, stored_at', [
      `1, 0, 'NODATA', 7, ${nowS}`,
      `2, ${nowS - 40 * dayS}, 'NODATA', 7, ${nowS}`,
      `3, ${nowS - dayS}, 'SKIPDATA', 7, ${nowS}`,
      `4, 0, 'NODATA', 7, ${nowS - 40 * dayS}`,
    ])
    assert.deepEqual(await rest(store, 'flow_gaps', 'line'), [1, 3])
    assert.deepEqual(
      await store.query('SELECT toUInt32(count()) AS n FROM flow_gaps WHERE object_id = 7 GROUP BY object_id, kind ORDER BY kind'),
      [{ n: 1 }, { n: 1 }],
    )
  })

  it('counts the objects from the newest state that was stored', async () => {
    const row = (key: string, version: number, daysAgo: number): string => `'b', '${key}', ${version}, ${nowS - daysAgo * dayS}`
    await insert(store, 'objects', 'bucket, key, version, stored_at', [row('old', 1, 40), row('retried', 1, 40), row('new', 1, 1)])
    await insert(store, 'objects', 'bucket, key, version, stored_at', [row('retried', 2, 3)])
    assert.deepEqual(await rest(store, 'objects', 'key'), ['new', 'retried'])
  })

  it('removes old runs of the map, and no tombstone: the run that it removed would come back', async () => {
    const run = (from: number, last: number, version: number, deleted: number): string =>
      `'vpc-1', '::1', ${from}, ${last}, ${version}, ${deleted}`
    const columns = 'scope, ip, valid_from, last_seen, version, deleted'
    await insert(store, 'cloud_map', columns, [
      run(nowS - 90 * dayS, nowS - 60 * dayS, 1, 0),
      run(nowS - 90 * dayS + 1, nowS - dayS, 2, 0),
      run(nowS - 90 * dayS + 2, nowS - dayS, 3, 0),
    ])
    await insert(store, 'cloud_map', columns, [run(nowS - 90 * dayS + 2, 0, 4, 1)])
    await rest(store, 'cloud_map', 'version')
    assert.deepEqual(await store.query('SELECT toUInt32(version) AS version FROM cloud_map FINAL'), [{ version: 2 }])
  })

  it('removes old dead letters and what was sent back of them', async () => {
    const rows = [`toDateTime64(${nowS - 40 * dayS}, 3, 'UTC'), 1`, `toDateTime64(${nowS - dayS}, 3, 'UTC'), 2`]
    for (const table of ['dead_letters', 'dead_letter_replays']) {
      await insert(store, table, 'recorded_at, line', rows)
      assert.deepEqual(await rest(store, table, 'line'), [2])
    }
  })

  it('keeps contexts as long as any flow can name them: for ever', async () => {
    const shown = await store.query<{ name: string }>(
      "SELECT name FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree' AND NOT match(engine_full, '\\\\bTTL ')",
      { database: store.database },
    )
    const growing = shown.map(({ name }) => name).filter(name => (tableNames as readonly string[]).includes(name))
    assert.deepEqual(growing, ['interfaces'])
  })
})
