// Views are files: what a database has of them on a fresh start, after an upgrade, after a change of a text, and beside views of users.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { identifier } from '../../sinks/clickhouse/clickhouse-client.ts'
import { migrate, readMigrations } from '../../sinks/clickhouse/migrate.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { readViews, type Views } from '../../sinks/clickhouse/views.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/live-clickhouse.ts'
import { objectsOf, recordsOf } from '../support/planted-truth/log-objects.ts'
import { networkOf } from '../support/planted-truth/network.ts'
import { trafficOf } from '../support/planted-truth/traffic.ts'
import { bringObjects } from '../support/planted-truth/truth-path.ts'
import { makeReleasedDatabase } from '../support/released-database.ts'

let server: LiveClickHouse
before(async () => (server = await liveClickHouse()))
after(() => server.stop())

const files = readViews().files
const viewNames = files.map(({ name }) => name).sort()
const filesOf = (...names: string[]): string[] => files.map(({ name }) => name).filter(name => names.includes(name)).map(name => `views/${name}.sql`) // prettier-ignore

/** The store, and what it was told. */
function watched(store: Store): { store: Store; commands: string[] } {
  const commands: string[] = []
  const command = (sql: string): Promise<void> => {
    commands.push(sql)
    return store.command(sql)
  }
  return { commands, store: { database: store.database, insert: store.insert.bind(store), query: store.query.bind(store), command, close: store.close.bind(store) } } // prettier-ignore
}

const columnsOf = async (store: Store, where = '1'): Promise<string[]> =>
  (
    await store.query<{ text: string }>(
      `SELECT concat(table, '.', name, ' ', type, ' ', default_kind, ' ', default_expression) AS text FROM system.columns
       WHERE database = {database:String} AND ${where} ORDER BY text`,
      { database: store.database },
    )
  ).map(row => row.text)

describe('a fresh database', () => {
  it('pays for each view once: none is made by a migration', async () => {
    const { store, settings } = server.fresh()
    const { store: told, commands } = watched(store)
    await migrate(told, settings)
    const made = commands.flatMap(sql => /^(?:CREATE OR REPLACE|DROP) VIEW .*?\.(\w+)/.exec(sql)?.[1] ?? [])
    assert.deepEqual(made.sort(), viewNames)
    commands.length = 0
    assert.deepEqual(await migrate(told, settings), [])
    assert.deepEqual(commands.filter(sql => !/^CREATE (?:DATABASE|TABLE) IF NOT EXISTS/.test(sql)), []) // prettier-ignore
  })
})

describe('an upgrade from migration 0010 with data', () => {
  const range = "from = '2026-11-19 00:00:00', to = '2026-11-22 00:00:00'"
  const copied = ['flows', 'interfaces', 'flow_gaps', 'objects', 'dead_letters', 'dead_letter_replays']

  /** Copies the rows of tables, in the columns that a database of 0010 has. */
  async function copy(from: Store, to: Store, tables: readonly string[], columnsIn: Store): Promise<void> {
    for (const table of tables) {
      const columns = await columnsIn.query<{ name: string }>(
        "SELECT name FROM system.columns WHERE database = {database:String} AND table = {table:String} AND default_kind IN ('', 'DEFAULT') AND name NOT IN ('stored_at', 'warning')",
        { database: columnsIn.database, table },
      )
      const list = columns.map(({ name }) => identifier(name)).join(', ')
      await to.command(`INSERT INTO ${identifier(to.database)}.${table} (${list}) SELECT ${list} FROM ${identifier(from.database)}.${table}`)
    }
  }

  const answerOf = async (store: Store, name: string): Promise<string[]> => {
    const { text } = files.find(file => file.name === name)!
    const more = /\{repeats:/.test(text) ? ", repeats = 'compared'" : ''
    const from = /\{from:/.test(text) ? `${name}(${range}${more})` : name
    const rows = await store.query<Record<string, unknown>>(`SELECT * FROM ${from}`)
    // the hour of storing is that of the insert, or of the upgrade
    return rows.map(row => JSON.stringify({ ...row, stored_at: undefined })).sort()
  }

  it('leaves views that answer like those of a fresh database, with the same columns', async () => {
    const objects = [3, 5, 46, 85, 92, 146].flatMap(seed => {
      const network = networkOf(seed)
      return objectsOf(network, recordsOf(trafficOf(network).packets))
    })
    const { store: source } = await bringObjects(server, objects)
    const old = server.fresh()
    await makeReleasedDatabase(old.store)
    const { store: oldTables } = server.fresh()
    await makeReleasedDatabase(oldTables)
    await copy(source, old.store, copied, oldTables)
    await old.store.query('SELECT count() FROM flow_owners')
    const done = await migrate(old.store, old.settings)
    assert.deepEqual(done, [...readMigrations().filter(({ name }) => name > '0011').map(({ name }) => name), ...files.map(({ name }) => `views/${name}.sql`)]) // prettier-ignore

    const fresh = server.fresh()
    await migrate(fresh.store, fresh.settings)
    await copy(source, fresh.store, copied, oldTables)
    for (const { store } of [old, fresh]) await copy(source, store, ['cloud_map'], fresh.store)

    assert.deepEqual(await columnsOf(old.store), await columnsOf(fresh.store))
    for (const name of viewNames) {
      const answer = await answerOf(fresh.store, name)
      assert.ok(answer.length > 0 || ['dead_letter_states', 'flow_logs_without_observer'].includes(name), `${name} answers nothing`)
      assert.deepEqual(await answerOf(old.store, name), answer, name)
    }
    assert.deepEqual(await migrate(old.store, old.settings), [])
  })

  it('may run in several processes at once', async () => {
    const { store, settings } = server.fresh()
    await makeReleasedDatabase(store)
    await Promise.all(Array.from({ length: 4 }, () => migrate(store, settings)))
    assert.deepEqual(await migrate(store, settings), [])
    for (const name of ['flow_owners', 'coverage', 'exposed_ports']) await store.query(`SELECT * FROM ${name}`)
  })

  it('goes on after it was cut off among the views', async () => {
    const { store, settings } = server.fresh()
    await makeReleasedDatabase(store)
    const broken: Views = { retired: [], files: files.map(file => (file.name === 'flows_once' ? { ...file, text: `CREATE OR REPLACE VIEW {database}.flows_once AS SELECT nothing;\n` } : file)) } // prettier-ignore
    await assert.rejects(migrate(store, settings, readMigrations(), broken), { code: 'CLICKHOUSE_REFUSED' })
    assert.deepEqual((await migrate(store, settings)).sort(), filesOf(...viewNames).sort())
    await store.query('SELECT * FROM exposed_ports')
  })
})

describe('a view is made again', () => {
  const withText = (name: string, change: (text: string) => string, retired: readonly string[] = []): Views => ({
    retired,
    files: files.map(file => (file.name === name ? { ...file, text: change(file.text) } : file)),
  })

  it('if its text changed, with those that read it and no other', async () => {
    const { store, settings } = server.fresh()
    await migrate(store, settings)
    const changed = withText('cloud_map_timeline', text => text.replace('SELECT ', "SELECT 'new' AS mark, "))
    assert.deepEqual(await migrate(store, settings, readMigrations(), changed), filesOf('cloud_map_timeline', 'flow_owners'))
    assert.ok((await columnsOf(store, "table = 'cloud_map_timeline'")).some(text => text.startsWith('cloud_map_timeline.mark')))
    assert.deepEqual(await migrate(store, settings, readMigrations(), changed), [])
    // an older version that starts again takes its own text, and the newer one its own at its next start
    assert.deepEqual(await migrate(store, settings), filesOf('cloud_map_timeline', 'flow_owners'))
    assert.deepEqual(await migrate(store, settings, readMigrations(), changed), filesOf('cloud_map_timeline', 'flow_owners'))
  })

  it('if somebody dropped it', async () => {
    const { store, settings } = server.fresh()
    await migrate(store, settings)
    await store.command(`DROP VIEW ${store.database}.coverage`)
    assert.deepEqual(await migrate(store, settings), filesOf('coverage'))
  })

  it('under a view of a user, which answers as before', async () => {
    const { store, settings } = server.fresh()
    await makeReleasedDatabase(store)
    await store.command(`CREATE VIEW ${store.database}.my_exposures AS SELECT evidence, observer FROM ${store.database}.exposed_ports`)
    await migrate(store, settings)
    assert.deepEqual(await store.query('SELECT * FROM my_exposures'), [])
    assert.deepEqual(await migrate(store, settings), [])
  })

  it('but never over a table of a user', async () => {
    const { store, settings } = server.fresh()
    await makeReleasedDatabase(store)
    await store.command(`CREATE TABLE ${store.database}.object_versions (mine UInt8) ENGINE = MergeTree ORDER BY mine`)
    await store.command(`INSERT INTO ${store.database}.object_versions VALUES (7)`)
    await assert.rejects(migrate(store, settings), { code: 'VIEW_NAME_TAKEN', message: /object_versions/ })
    assert.deepEqual(await store.query('SELECT * FROM object_versions'), [{ mine: 7 }])
  })
})

describe('a view that is no longer ours', () => {
  const without = (...names: string[]): Views => ({ files: files.filter(({ name }) => !names.includes(name)), retired: names })
  const has = async (store: Store, name: string): Promise<boolean> =>
    (await store.query('SELECT 1 FROM system.tables WHERE database = {database:String} AND name = {name:String}', { database: store.database, name })).length > 0 // prettier-ignore

  it('is dropped once, be it from a file or from a migration', async () => {
    for (const make of [(store: Store) => makeReleasedDatabase(store), (store: Store, settings: Parameters<typeof migrate>[1]) => migrate(store, settings)]) { // prettier-ignore
      const { store, settings } = server.fresh()
      await make(store, settings)
      await migrate(store, settings, readMigrations(), without('nat_interfaces', 'dead_letter_states'))
      assert.deepEqual([await has(store, 'nat_interfaces'), await has(store, 'dead_letter_states')], [false, false])
      // the name is free
      await store.command(`CREATE VIEW ${store.database}.nat_interfaces AS SELECT 1 AS mine`)
      await migrate(store, settings, readMigrations(), without('nat_interfaces', 'dead_letter_states'))
      assert.deepEqual(await store.query('SELECT * FROM nat_interfaces'), [{ mine: 1 }])
      await store.command(`DROP VIEW ${store.database}.nat_interfaces`)
      assert.deepEqual((await migrate(store, settings)).sort(), filesOf('nat_interfaces', 'dead_letter_states').sort())
    }
  })

  it('stays while a view of a user reads it', async () => {
    const { store, settings } = server.fresh()
    await migrate(store, settings)
    await store.command(`CREATE VIEW ${store.database}.my_gateways AS SELECT observer FROM ${store.database}.nat_interfaces`)
    await migrate(store, settings, readMigrations(), without('nat_interfaces'))
    assert.deepEqual(await store.query('SELECT * FROM my_gateways'), [])
    await store.command(`DROP VIEW ${store.database}.my_gateways`)
    await migrate(store, settings, readMigrations(), without('nat_interfaces'))
    assert.equal(await has(store, 'nat_interfaces'), false)
  })
})
