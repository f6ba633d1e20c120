// Each row of the tables of flow/ on a real server: from the block through the table to the view.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { flowColumns, observerColumns } from '../../flow/store-columns.ts'
import { FlowDecoder } from '../../sinks/clickhouse/columns/flow-decoder.ts'
import { FlowBlockEncoder, flowBlockColumns, observerBlock } from '../../sinks/clickhouse/flow-block.ts'
import { NativeWriter } from '../../sinks/clickhouse/native-writer.ts'
import { codecs } from '../../harness/enrich-blocks.ts'
import { valueAt, walkedRecords } from '../support/records/flow-walk.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'

let server: LiveClickHouse
before(async () => (server = await liveClickHouse()))
after(() => server.stop())

describe('the tables of flow/ in the store', () => {
  it('have a column of their type, and flow_log shows the value of each row', async () => {
    const { store } = await server.migrated()
    const columns = await store.query<{ table: string; name: string; type: string }>(
      "SELECT table, name, type FROM system.columns WHERE database = {database:String} AND table IN ('flows', 'interfaces')",
      { database: store.database },
    )
    for (const { table, name, type } of [...flowColumns, ...observerColumns])
      assert.equal(columns.find(column => column.table === table && column.name === name)?.type, type, `${table}.${name}`)
    const records = walkedRecords()
    // one block with all, whose optional numbers are those of one row, and the text records once more without such columns
    for (const part of [records.slice(0, -1), records]) {
      const decoder = new FlowDecoder(codecs.flows, 1000)
      for (const { bytes } of part) decoder.takeValue(bytes)
      const block = new FlowBlockEncoder().encode(new NativeWriter(), decoder)
      assert.equal(block.columns.length === flowBlockColumns.length, part === records)
      await store.insert('interfaces', observerBlock(new NativeWriter(), decoder.observers.fresh), null)
      await store.insert('flows', block, null)
    }
    const rows = await store.query<Record<string, unknown>>(
      'SELECT toUnixTimestamp(start) AS start, toUnixTimestamp(end) AS end, * EXCEPT (start, end) FROM flow_log ORDER BY line',
    )
    assert.equal(rows.length, 2 * records.length - 1)
    for (const { bytes, walked } of records) {
      const { line } = codecs.flows.decodeValue(bytes)
      const mine = rows.filter(row => row['line'] === line)
      assert.ok(mine.length > 0)
      for (const row of mine)
        for (const { row: name, view, record, value } of walked) {
          const cell =
            view === undefined
              ? valueAt(row['extra'], record.split('.')[0] === 'extra' ? 'application' : name.split(' ').at(-1)!)
              : row[view]
          const told = typeof value === 'number' && typeof cell === 'string' ? Number(cell) : cell
          assert.equal(told, value, `${name} of line ${line} is not what flow_log shows`)
        }
    }
    const observers = await store.query<{ observer: string }>("SELECT DISTINCT observer FROM interfaces WHERE origin = 'sensor'")
    assert.deepEqual(observers, [{ observer: 'sensor-0' }])
  })
})
