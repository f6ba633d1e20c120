// Views are files: what a database has of them on a fresh start, after an upgrade, after a change of a text, and beside views of users.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { identifier } from '../../sinks/clickhouse/clickhouse-client.ts'
import { migrate, readMigrations } from '../../sinks/clickhouse/migrate.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { readViews, type Views } from '../../sinks/clickhouse/views.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { objectsOf, recordsOf } from '../support/planted-truth/log-objects.ts'
import { networkOf } from '../support/planted-truth/network.ts'
import { trafficOf } from '../support/planted-truth/traffic.ts'
import { bringObjects } from '../support/planted-truth/truth-path.ts'
import { makeReleasedDatabase } from '../support/clickhouse/released-database.ts'

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

const has = async (store: Store, name: string): Promise<boolean> =>
  (await store.query('SELECT 1 FROM system.tables WHERE database = {database:String} AND name = {name:String}', { database: store.database, name })).length > 0 // prettier-ignore

/** The views of another version: one has another text, some are no longer there. */
const other = (change: { name?: string; text?: (text: string) => string; without?: readonly string[] }): Views => ({
  retired: change.without ?? [],
  files: files
    .filter(({ name }) => change.without?.includes(name) !== true)
    .map(file => (file.name === change.name ? { ...file, text: change.text!(file.text) } : file)),
})

// One database for all of it: each step leaves the views of this version.
describe('on a database of this version', () => {
  let store: Store
  let settings: Parameters<typeof migrate>[1]
  const apply = (views?: Views): Promise<string[]> => migrate(store, settings, readMigrations(), views)
  before(() => ({ store, settings } = server.fresh()))

  it('a fresh start pays for each view once: none is made by a migration', async () => {
    const { store: told, commands } = watched(store)
    await migrate(told, settings)
    const made = commands.flatMap(sql => /^(?:CREATE OR REPLACE|DROP) VIEW .*?\.(\w+)/.exec(sql)?.[1] ?? [])
    assert.deepEqual(made.sort(), viewNames)
    commands.length = 0
    assert.deepEqual(await migrate(told, settings), [])
    assert.deepEqual(commands.filter(sql => !/^CREATE (?:DATABASE|TABLE) IF NOT EXISTS/.test(sql)), []) // prettier-ignore
  })

  it('a view is made again if its text changed, with those that read it and no other', async () => {
    const timeline = ['cloud_map_timeline', 'cloud_map_timeline_between', 'flow_owners', 'flow_owners_between']
    const newer = other({ name: 'cloud_map_timeline', text: text => text.replace('SELECT ', "SELECT 'new' AS mark, ") })
    assert.deepEqual(await apply(newer), filesOf(...timeline))
    assert.ok((await columnsOf(store, "table = 'cloud_map_timeline'")).some(text => text.startsWith('cloud_map_timeline.mark')))
    assert.deepEqual(await apply(newer), [])
    // an older version that starts again takes its own text, and the newer one its own at its next start
    assert.deepEqual(await apply(), filesOf(...timeline))
    assert.deepEqual(await apply(newer), filesOf(...timeline))
    await apply()
  })

  it('a view is made again if somebody dropped it', async () => {
    await store.command(`DROP VIEW ${store.database}.coverage`)
    assert.deepEqual(await apply(), filesOf('coverage'))
  })

  it('a view that is no longer ours is dropped once, and its name is free then', async () => {
    const newer = other({ without: ['nat_interfaces', 'dead_letter_states'] })
    await apply(newer)
    assert.deepEqual([await has(store, 'nat_interfaces'), await has(store, 'dead_letter_states')], [false, false])
    await store.command(`CREATE VIEW ${store.database}.nat_interfaces AS SELECT 1 AS mine`)
    await apply(newer)
    assert.deepEqual(await store.query('SELECT * FROM nat_interfaces'), [{ mine: 1 }])
    await store.command(`DROP VIEW ${store.database}.nat_interfaces`)
    assert.deepEqual((await apply()).sort(), filesOf('nat_interfaces', 'dead_letter_states').sort())
  })

  it('a view that is no longer ours stays while a view of a user reads it', async () => {
    const newer = other({ without: ['nat_interfaces'] })
    await store.command(`CREATE VIEW ${store.database}.my_gateways AS SELECT observer FROM ${store.database}.nat_interfaces`)
    await apply(newer)
    assert.deepEqual(await store.query('SELECT * FROM my_gateways'), [])
    await store.command(`DROP VIEW ${store.database}.my_gateways`)
    await apply(newer)
    assert.equal(await has(store, 'nat_interfaces'), false)
  })
})

describe('an upgrade from migration 0010 with data', () => {
  const range = "from = '2026-11-19 00:00:00', to = '2026-11-22 00:00:00'"
  const copied = ['flows', 'interfaces', 'flow_gaps', 'objects', 'dead_letters', 'dead_letter_replays']
  /** Views that have no row for these networks. */
  const empty = ['dead_letter_states', 'flow_logs_without_observer', 'own_addresses_between', 'exposed_ports_unjudged_between']

  /** Copies the rows of tables, in the columns that the target has. */
  async function copy(from: Store, to: Store, tables: readonly string[]): Promise<void> {
    for (const table of tables) {
      const columns = await to.query<{ name: string }>(
        "SELECT name FROM system.columns WHERE database = {database:String} AND table = {table:String} AND default_kind IN ('', 'DEFAULT')",
        { database: to.database, table },
      )
      const list = columns.map(({ name }) => identifier(name)).join(', ')
      await to.command(
        `INSERT INTO ${identifier(to.database)}.${table} (${list}) SELECT ${list} FROM ${identifier(from.database)}.${table}`,
      )
    }
  }

  const answerOf = async (store: Store, name: string): Promise<string[]> => {
    const { text } = files.find(file => file.name === name)!
    const more = text.includes('{repeats:') ? ", repeats = 'compared'" : ''
    const from = text.includes('{from:') ? `${name}(${range}${more})` : name
    const rows = await store.query<Record<string, unknown>>(`SELECT * FROM ${from}`)
    // columns that a database of 0010 did not have: the hour of storing is that of the upgrade, and the source of the port is not known
    return rows.map(row => JSON.stringify({ ...row, stored_at: undefined, service_port_source: undefined })).sort()
  }

  it('leaves views that answer like those of a fresh database, with the same columns', async () => {
    const objects = [3, 85, 92].flatMap(seed => {
      const network = networkOf(seed)
      return objectsOf(network, recordsOf(trafficOf(network).packets))
    })
    const { store: fresh } = await bringObjects(server, objects)
    const { store, settings } = server.fresh()
    await makeReleasedDatabase(store)
    await copy(fresh, store, copied)
    assert.ok((await answerOf(store, 'flow_owners')).length > 0)
    const done = await migrate(store, settings)
    assert.deepEqual(done, [...readMigrations().filter(({ name }) => name > '0011').map(({ name }) => name), ...files.map(({ name }) => `views/${name}.sql`)]) // prettier-ignore
    await copy(fresh, store, ['cloud_map'])

    assert.deepEqual(await columnsOf(store), await columnsOf(fresh))
    for (const name of viewNames) {
      const answer = await answerOf(fresh, name)
      assert.ok(answer.length > 0 || empty.includes(name), `${name} answers nothing`)
      assert.deepEqual(await answerOf(store, name), answer, name)
    }
    assert.deepEqual(await migrate(store, settings), [])
  })

  it('spares what is of a user, goes on after it was cut off, and may run in several processes at once', async () => {
    const { store, settings } = server.fresh()
    await makeReleasedDatabase(store)
    await store.command(`CREATE VIEW ${store.database}.my_exposures AS SELECT evidence, observer FROM ${store.database}.exposed_ports`)
    await store.command(`CREATE TABLE ${store.database}.object_versions (mine UInt8) ENGINE = MergeTree ORDER BY mine`)
    await store.command(`INSERT INTO ${store.database}.object_versions VALUES (7)`)
    await assert.rejects(migrate(store, settings), { code: 'VIEW_NAME_TAKEN', message: /object_versions/ })
    assert.deepEqual(await store.query('SELECT * FROM object_versions'), [{ mine: 7 }])
    await store.command(`DROP TABLE ${store.database}.object_versions SYNC`)

    const broken = other({
      name: 'flows_once',
      text: () => 'CREATE OR REPLACE VIEW {database}.flows_once AS SELECT nothing;\n',
      without: ['nat_interfaces'],
    })
    await assert.rejects(migrate(store, settings, readMigrations(), broken), { code: 'CLICKHOUSE_REFUSED' })
    // one that only a migration had made
    assert.equal(await has(store, 'nat_interfaces'), false)

    await Promise.all(Array.from({ length: 4 }, () => migrate(store, settings)))
    assert.deepEqual(await migrate(store, settings), [])
    assert.deepEqual(await store.query('SELECT * FROM my_exposures'), [])
    for (const name of ['flow_owners', 'coverage']) await store.query(`SELECT * FROM ${name}`)
  })
})
