// The columns of every table are those that the code writes, and what the code does not write has a default.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { observerColumns } from '../../flow/store-columns.ts'
import { flowBlockColumns } from '../../sinks/clickhouse/flow-block.ts'
import { ownNetworkColumns } from '../../sinks/clickhouse/own-networks.ts'
import { ownedObjects } from '../../sinks/clickhouse/reset.ts'
import { deadLetterTable, gapTable, objectTable, replayTable, runTable } from '../../sinks/clickhouse/row-tables.ts'
import { begunRoleColumns } from '../../sinks/clickhouse/begun-roles.ts'
import { memoryTables, tableNames, type Store } from '../../sinks/clickhouse/store.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'

let server: LiveClickHouse
let store: Store
before(async () => {
  server = await liveClickHouse()
  ;({ store } = await server.migrated())
})
after(() => server.stop())

interface Written {
  readonly name: string
  /** Type in the block; undefined: compared by the tests of flows. */
  readonly type?: string
}
const named = (names: readonly string[]): Written[] => names.map(name => ({ name }))
const typed = (columns: readonly { name: string; type: string; nullable?: boolean }[]): Written[] =>
  columns.map(({ name, type, nullable }) => ({ name, type: nullable === true ? `Nullable(${type})` : type }))

/** A text of a block is stored as text, in a dictionary or as an enum. */
const plain = (type: string): string => (type.startsWith('Enum8(') ? 'String' : type.replace(/^LowCardinality\((.*)\)$/, '$1'))

const written: Readonly<Record<string, readonly Written[]>> = {
  flows: named(flowBlockColumns),
  interfaces: [{ name: 'interface', type: 'UInt64' }, ...observerColumns.map(({ name, type }) => ({ name, type: plain(type) }))],
  flow_gaps: typed(gapTable.columns),
  dead_letters: typed(deadLetterTable.columns),
  dead_letter_replays: typed(replayTable.columns),
  objects: typed(objectTable.columns),
  cloud_map: typed(runTable.columns),
  own_networks: named(ownNetworkColumns),
  begun_roles: named(begunRoleColumns),
  schema_migrations: named(['name', 'hash']),
  schema_views: named(['name', 'hash']),
}
/** Filled by the server. */
const byDefault: Readonly<Record<string, readonly string[]>> = {
  flows: ['stored_at'],
  flow_gaps: ['stored_at'],
  objects: ['stored_at', 'origin'],
  interfaces: ['observer', 'scope'],
  begun_roles: ['begun_at'],
  schema_migrations: ['applied_at'],
  schema_views: ['applied_at'],
}
/** Nobody writes it any more. */
const left = ['cloud_map_v1']

describe('the columns of a fresh database', () => {
  it('are those that the code writes, table by table', async () => {
    assert.deepEqual([...Object.keys(written), ...left].sort(), [...ownedObjects().tables].sort())
    for (const table of [...tableNames, ...memoryTables]) assert.ok(table in written, table)
    for (const [table, columns] of Object.entries(written)) {
      const there = await store.query<{ name: string; type: string; kind: string }>(
        'SELECT name, type, default_kind AS kind FROM system.columns WHERE database = {database:String} AND table = {table:String}',
        { database: store.database, table },
      )
      const filled = byDefault[table] ?? []
      assert.deepEqual(there.map(({ name }) => name).sort(), [...columns.map(({ name }) => name), ...filled].sort(), table)
      for (const { name, kind } of there) if (filled.includes(name)) assert.notEqual(kind, '', `${table}.${name} has a default`)
      for (const { name, type } of columns) {
        if (type === undefined) continue
        assert.equal(plain(there.find(column => column.name === name)!.type), type, `${table}.${name}`)
      }
    }
  })

  it('are, in exposed_ports, those of exposed_ports_between', async () => {
    const columnsOf = async (table: string): Promise<string[]> =>
      (await store.query<{ name: string; type: string }>(`DESCRIBE TABLE ${table}`)).map(({ name, type }) => `${name} ${type}`)
    const day = "from = '2026-11-20 00:00:00', to = '2026-11-21 00:00:00'"
    assert.deepEqual(await columnsOf('exposed_ports'), await columnsOf(`(SELECT * FROM exposed_ports_between(${day}))`))
  })
})
