// Migrations, settings, errors and exactly-once inserts on a real ClickHouse engine.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { checkConfig } from '../../config/config.ts'
import type { FlowError } from '../../runtime/errors.ts'
import { hasBegun, rememberBeginnings } from '../../sinks/clickhouse/begun-roles.ts'
import { connectClickHouse } from '../../sinks/clickhouse/clickhouse-client.ts'
import { createClickHouseRoles } from '../../sinks/clickhouse/clickhouse-sink.ts'
import { statementFor } from '../../sinks/clickhouse/ddl.ts'
import { migrate, readMigrations } from '../../sinks/clickhouse/migrate.ts'
import { clusterPrivileges, sinkPrivileges } from '../../sinks/clickhouse/privileges.ts'
import { countRows, dropTables, ownedObjects, resetTables } from '../../sinks/clickhouse/reset.ts'
import { statementsOf } from '../../sinks/clickhouse/statements.ts'
import { memoryTables, tableNames, type Store } from '../../sinks/clickhouse/store.ts'
import { readViews } from '../../sinks/clickhouse/views.ts'
import { flow } from '../support/records/flow-records.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { MemoryCluster } from '../../harness/memory-context.ts'
import { makeReleasedDatabase } from '../support/clickhouse/released-database.ts'

let server: LiveClickHouse
before(async () => (server = await liveClickHouse()))
after(() => server.stop())

const names = [...readMigrations().map(migration => migration.name), ...readViews().files.map(({ name }) => `views/${name}.sql`)]
const engineOf = async (store: Store, table: string): Promise<string> =>
  (
    await store.query<{ engine: string }>(
      'SELECT engine_full AS engine FROM system.tables WHERE database = {database:String} AND name = {table:String}',
      { database: store.database, table },
    )
  )[0]!.engine

describe('migrations', () => {
  it('are applied once, in order', async () => {
    const { store, settings } = server.fresh()
    assert.deepEqual(await migrate(store, settings), names)
    assert.deepEqual(await migrate(store, settings), [])
    const made = (
      await store.query<{ name: string }>('SELECT name FROM system.tables WHERE database = {database:String}', { database: store.database })
    )
      .map(row => row.name)
      .sort()
    const { tables, views } = ownedObjects()
    assert.deepEqual(made, [...tables, ...views].sort())
    assert.ok(tableNames.every(name => made.includes(name)))
  })

  it('make a database whose name needs quotes', async () => {
    const { store, settings } = server.fresh({ database: 'it`s "odd" 1' })
    await migrate(store, settings)
    assert.deepEqual(await store.query('SELECT * FROM flow_owners'), [])
  })

  it('may run in several processes at once', async () => {
    const { store, settings } = server.fresh()
    await Promise.all(Array.from({ length: 4 }, () => migrate(store, settings)))
    assert.deepEqual(await migrate(store, settings), [])
    await store.query('SELECT * FROM flow_owners')
  })

  it('keep the runs of the map before days as cloud_map_v1, be the migration cut off and repeated', async () => {
    const { store, settings } = server.fresh()
    const all = readMigrations()
    await makeReleasedDatabase(store)
    await store.command(
      `INSERT INTO ${store.database}.cloud_map (scope, ip, valid_from, last_seen, interface_id, version) VALUES ('vpc-1', '::ffff:10.0.0.1', 100, 200, 'eni-old', 1000000)`,
    )
    const cut = all.map(migration => (migration.name < '0050' ? migration : { ...migration, text: `${migration.text}\nSELECT nothing;\n` }))
    await assert.rejects(migrate(store, settings, cut))
    await migrate(store, settings)
    await store.command(
      `INSERT INTO ${store.database}.cloud_map (scope, ip, valid_from, last_seen, interface_id, version) VALUES ('vpc-1', '::ffff:10.0.0.1', 100, 150, 'eni-new', 1)`,
    )
    assert.deepEqual(await store.query('SELECT interface_id FROM cloud_map FINAL'), [{ interface_id: 'eni-new' }])
    assert.deepEqual(await store.query('SELECT interface_id FROM cloud_map_v1 FINAL'), [{ interface_id: 'eni-old' }])
  })

  it('make a table that remembers which roles have begun, of which deployment, until it is reset', async () => {
    const { store, settings } = await server.migrated()
    const input = { ownGroup: 'sink-flows', group: 'a.sink-flows', topic: 'p.flows.v1' }
    assert.equal(await hasBegun(store, 'flows', input), false)
    await store.command(`INSERT INTO ${store.database}.flows (object_id, start, line) VALUES (1, 1700000000, 1)`)
    assert.equal(await hasBegun(store, 'flows', input), true, 'rows of a version that remembered nothing')
    for (let start = 0; start < 2; start++) await rememberBeginnings(store, [input])
    assert.equal(await hasBegun(store, 'flows', input), true)
    assert.equal(await hasBegun(store, 'flows', { ...input, group: 'b.sink-flows' }), false, 'a new deployment beside old rows')
    assert.equal(await hasBegun(store, 'flows', { ...input, topic: 'q.flows.v1' }), false)
    assert.equal(await hasBegun(store, 'flow_gaps', { ...input, ownGroup: 'sink-gaps' }), false)
    await resetTables(store, settings)
    assert.equal(await hasBegun(store, 'flows', input), false)
  })

  it('refuse one that was applied with another content', async () => {
    const { store, settings } = server.fresh()
    await migrate(store, settings)
    const changed = readMigrations().map((migration, i) => (i === 0 ? { ...migration, hash: 'other' } : migration))
    await assert.rejects(migrate(store, settings, changed), { code: 'MIGRATION_CHANGED' })
  })

  it('follow the settings for time to live and deduplication', async () => {
    const { store, settings } = server.fresh({ ttlDays: 0, deduplicationWindow: 1500 })
    await migrate(store, settings)
    assert.doesNotMatch(await engineOf(store, 'flows'), /TTL /)
    assert.match(await engineOf(store, 'cloud_map'), /deduplication_window = 1500/)
    await migrate(store, { ttlDays: 15, deduplicationWindow: 10_000 })
    assert.match(await engineOf(store, 'flows'), /TTL .* \+ 1382400, /)
    assert.match(await engineOf(store, 'flows'), /deduplication_window = 10000/)
    await migrate(store, { ttlDays: 0, deduplicationWindow: 10_000 })
    assert.doesNotMatch(await engineOf(store, 'flows'), /TTL /)
  })

  for (const form of [{ kind: 'cluster', name: 'main' }, { kind: 'cloud' }] as const)
    it(`are statements that the engine can read in the form for a ${form.kind}`, async () => {
      const { store } = server.fresh()
      await store.command(`CREATE DATABASE ${store.database}`)
      for (const { text } of [...readMigrations(), ...readViews().files])
        for (const statement of statementsOf(text, store.database, { deduplicationWindow: 1000 }))
          await store.query(`EXPLAIN AST ${statementFor(form, statement.replace(/^\s*--.*$/gm, '').trim())}`)
      for (const statement of [
        'SYSTEM SYNC REPLICA a.b',
        'DROP TABLE IF EXISTS a.b SYNC',
        'RENAME TABLE a.b TO a.c',
        'EXCHANGE TABLES a.b AND a.c',
      ])
        await store.query(`EXPLAIN AST ${statementFor(form, statement)}`)
    })

  it('leave a table of somebody else as it is: it got our deduplication window, and forgot its inserts by it', async () => {
    const { store, settings } = server.fresh({ ttlDays: 30 })
    await store.command(`CREATE DATABASE ${store.database}`)
    await store.command(`CREATE TABLE ${store.database}.theirs (start DateTime) ENGINE = MergeTree ORDER BY start`)
    const made = await engineOf(store, 'theirs')
    await migrate(store, settings)
    await resetTables(store, settings)
    assert.equal(await engineOf(store, 'theirs'), made)
    for (const table of ownedObjects().tables)
      if (!(memoryTables as readonly string[]).includes(table)) assert.match(await engineOf(store, table), /_window = /, table)
  })

  it('need privileges that the engine knows by these names', async () => {
    const { store } = server.fresh()
    const known = await store.query<{ name: string }>('SELECT privilege::String AS name FROM system.privileges', {}, 'system')
    const names = known.map(({ name }) => name)
    for (const privilege of [...sinkPrivileges, ...clusterPrivileges]) assert.ok(names.includes(privilege), privilege)
  })

  it('refuse a database whose tables were made for several servers, and settings for several on tables for one', async () => {
    const { store, settings } = server.fresh()
    await migrate(store, settings)
    await assert.rejects(migrate(store, { ...settings, cloud: true }), { code: 'CLICKHOUSE_SERVERS' })
    await assert.rejects(migrate(store, { ...settings, cluster: 'main' }), {
      code: 'CLICKHOUSE_SERVERS',
      message: /knows no cluster "main"/,
    })
    assert.deepEqual(await migrate(store, settings), [])
  })
})

describe('exactly once', () => {
  const flowKey = { lowAddr: null, lowPort: null, highAddr: null, highPort: null, protocol: null }

  it('the server drops a range whose answer was lost, and starts again from nothing after a reset', async () => {
    const { store, settings } = server.fresh()
    await migrate(store, settings)
    let lose = false
    const losing: Store = {
      database: store.database,
      insert: async (table, block, token) => {
        await store.insert(table, block, token)
        if (table === 'flows' && lose) {
          lose = false
          throw new Error('answer lost')
        }
      },
      query: store.query.bind(store),
      command: store.command.bind(store),
      close: store.close.bind(store),
    }
    const [role] = createClickHouseRoles({ store: losing, topicPrefix: 'p.', insertRows: 100, insertIntervalMs: 1000 })
    const cluster = new MemoryCluster()
    for (let line = 1; line <= 250; line++)
      cluster.put('flows', flowKey, flow({ line, start: line * 3600, end: line * 3600, interfaceId: `eni-${line % 5}` }))
    lose = true
    await assert.rejects(cluster.runRole(role!), /answer lost/)
    assert.equal((await countRows(store))['flows'], 100)
    await cluster.runRole(role!)
    const total = async (): Promise<unknown> =>
      (
        await store.query(
          'SELECT toUInt32(count()) AS rows, toUInt32(uniqExact(line)) AS lines, toUInt32(uniqExact(interface)) AS interfaces FROM flows',
        )
      )[0]
    assert.deepEqual(await total(), { rows: 250, lines: 250, interfaces: 5 })
    assert.deepEqual(await store.query('SELECT toUInt32(count()) AS unknown FROM flow_log WHERE interface_id IS NULL'), [{ unknown: 0 }])

    await resetTables(store, settings)
    assert.equal((await countRows(store))['flows'], 0)
    const again = new MemoryCluster()
    for (const { key, value } of cluster.partition('flows', 0)) again.append('flows', 0, [{ key, value }])
    await again.runRole(createClickHouseRoles({ store, topicPrefix: 'p.', insertRows: 100, insertIntervalMs: 1000 })[0]!)
    assert.deepEqual(await total(), { rows: 250, lines: 250, interfaces: 5 })

    await dropTables(store)
    assert.deepEqual(await countRows(store), {})
    await dropTables(store)
  })
})

describe('errors', () => {
  it('name the server that does not answer, and the code of what it refuses', async () => {
    const { store } = server.fresh()
    const refusal =
      (code: string) =>
      (error: FlowError): boolean =>
        error.code === 'CLICKHOUSE_REFUSED' && error.details['code'] === code
    await assert.rejects(store.query('SELECT 1 FROM nothing'), refusal('81'))
    await assert.rejects(store.query('SELECT 1 FROM nothing'), { message: /does not exist; .*check clickhouse\.database$/ })
    await store.command(`CREATE DATABASE ${store.database}`)
    await assert.rejects(store.query('SELECT 1 FROM nothing'), refusal('60'))
    await assert.rejects(store.insert('flows', { columns: ['line'], rows: 0, bytes: new Uint8Array(2) }, 't'), refusal('60'))
    const nobody = connectClickHouse(checkConfig({ clickhouse: { url: 'http://127.0.0.1:1' } }).clickhouse)
    await assert.rejects(nobody.query('SELECT 1'), { code: 'CLICKHOUSE_UNAVAILABLE' })
    await assert.rejects(nobody.command('SELECT 1'), { code: 'CLICKHOUSE_UNAVAILABLE' })
    await assert.rejects(nobody.insert('flows', { columns: ['line'], rows: 0, bytes: new Uint8Array(2) }, 't'), {
      code: 'CLICKHOUSE_UNAVAILABLE',
    })
    await nobody.close()
  })
})
