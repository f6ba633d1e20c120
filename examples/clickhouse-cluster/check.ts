/**
 * Checks the sink's tables on the cluster of docker-compose.yml: two servers without the setting are refused; with it, tables and rows are on
 * both replicas, a repeated insert is dropped by either, and a question sees what was acknowledged. Makes and drops a database of its own.
 */
import assert from 'node:assert/strict'
import { checkConfig, type Config } from '../../config/config.ts'
import { connectClickHouse, identifier } from '../../sinks/clickhouse/clickhouse-client.ts'
import { migrate } from '../../sinks/clickhouse/migrate.ts'
import { NativeWriter } from '../../sinks/clickhouse/native-writer.ts'
import { dropTables } from '../../sinks/clickhouse/reset.ts'
import { rowBlock } from '../../sinks/clickhouse/row-block.ts'
import { gapTable } from '../../sinks/clickhouse/row-tables.ts'
import { memoryTables, tableNames, type Store } from '../../sinks/clickhouse/store.ts'
import { StoredLooks } from '../../sinks/clickhouse/stored-rows.ts'
import type { FlowGap } from '../../schemas/records.ts'

const balancer = 'http://127.0.0.1:8124'
const replicas = ['http://127.0.0.1:8125', 'http://127.0.0.1:8126']
const database = `flowloom_check_${process.pid}`
const settingsOf = (url: string, cluster?: string): Config['clickhouse'] =>
  checkConfig({ clickhouse: { url, database, ttlDays: 30, ...(cluster === undefined ? {} : { cluster }) } }).clickhouse

const stores: Store[] = []
const open = (settings: Config['clickhouse']): Store => {
  const store = connectClickHouse(settings)
  stores.push(store)
  return store
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
const gaps = Array.from({ length: 100 }, (_, i) => ({
  ...texts,
  start: 1_700_000_000,
  end: 1_700_000_060,
  timeSource: 'logged',
  timeKept: null,
  kind: 'NODATA',
  objectId: Buffer.from('00ab3c4d5e6f7081', 'hex'),
  line: i + 1,
})) as readonly FlowGap[]

const alone = settingsOf(balancer)
await assert.rejects(migrate(open(alone), alone), { code: 'CLICKHOUSE_SERVERS' })
console.log('ok: two servers without clickhouse.cluster are refused')

const settings = settingsOf(balancer, 'flowloom')
const store = open(settings)
const direct = replicas.map(url => open(settingsOf(url, 'flowloom')))
try {
  await Promise.all([migrate(store, settings), migrate(open(settings), settings)])
  assert.deepEqual(await migrate(store, settings), [])
  for (const replica of direct) {
    const tables = await replica.query<{ name: string; engine: string; full: string }>(
      "SELECT name, engine, engine_full AS full FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree'",
      { database },
    )
    assert.ok(tableNames.every(name => tables.some(table => table.name === name)))
    for (const { name, engine, full } of tables) {
      assert.match(engine, /^Replicated/, name)
      if (!(memoryTables as readonly string[]).includes(name)) assert.match(full, /\breplicated_deduplication_window = 10000\b/, name)
    }
  }
  console.log('ok: tables are on both replicas, replicated, each with its window')

  for (const replica of [...direct, store, store])
    await replica.insert('flow_gaps', rowBlock(new NativeWriter(), gapTable.columns, gaps), 'token')
  for (const replica of direct) {
    await replica.catchUp?.('flow_gaps')
    assert.deepEqual(await replica.query('SELECT toUInt32(count()) AS rows FROM flow_gaps'), [{ rows: 100 }])
  }
  console.log('ok: an insert that is repeated on either replica is there once')

  for (let token = 0; token < 20; token++) {
    const more = gaps.map(gap => ({ ...gap, line: gap.line + 1000 * (token + 1) }))
    await store.insert('flow_gaps', rowBlock(new NativeWriter(), gapTable.columns, more), `more ${token}`)
    const stored = await new StoredLooks(store).find({
      table: 'flow_gaps',
      row: 'toString(line)',
      places: [{ objects: new Map([[0x00ab3c4d5e6f7081n, more.map(gap => String(gap.line))]]) }],
    })
    assert.ok(more.every(gap => stored.take(0x00ab3c4d5e6f7081n, String(gap.line))))
  }
  console.log('ok: the look for an old range sees what was acknowledged, whichever replica answers')
} finally {
  await dropTables(store)
  await store.command(`DROP DATABASE IF EXISTS ${identifier(database)} SYNC`)
  for (const opened of stores) await opened.close()
}
console.log('ok: dropped on both')
