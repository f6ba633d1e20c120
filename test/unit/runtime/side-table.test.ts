// Side tables for roles in the in-memory driver, and what an entry takes in memory.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { EncodedTable } from '../../../runtime/side-table.ts'
import type { Role } from '../../../runtime/task.ts'
import { topics } from '../../../schemas/topics.ts'
import { MemoryCluster } from '../../../harness/memory-context.ts'

const bound = { entries: 1000, bytes: 1e6, setting: 'labels.tableBytes' }

/** Writes, for each arrival, since when the address that is its name is held. */
const labelling: Role = {
  name: 'labelling',
  from: 'objectArrivals',
  to: ['rawLines'],
  sideTables: [{ topic: 'cloudMap', bound }],
  createTask: context => {
    const holders = context.sideTable('cloudMap')
    return {
      async process(batch) {
        const records = batch.records.map(({ key, value }) => {
          const held = holders.get({ scope: 'vpc-1', ip: value!.toString() })
          return { key, value: Buffer.from(`${value!.toString()} ${held?.currentSince ?? 'nobody'}`) }
        })
        await context.send(topics.rawLines, context.partition, records)
        await context.commit({ offset: batch.nextOffset, metadata: '' })
      },
    }
  },
}

function setUp() {
  const cluster = new MemoryCluster({ partitions: { addresses: 3 } })
  return {
    cluster,
    hold: (ip: string, since: number | null) =>
      cluster.put(
        'cloudMap',
        { scope: 'vpc-1', ip },
        since === null ? null : { current: null, currentSince: since, lastSeen: since, storedDay: null, owners: [], days: [] },
      ),
    ask: (ip: string) => cluster.append('objectArrivals', 0, [{ key: null, value: Buffer.from(ip) }]),
    written: () => cluster.partition('rawLines', 0).map(({ value }) => value!.toString()),
  }
}

describe('a role with a side table', () => {
  it('sees all of it before its first record, in whichever partition a key is', async () => {
    const { cluster, hold, ask, written } = setUp()
    const ips = Array.from({ length: 20 }, (_, i) => `10.0.0.${i}`)
    ips.forEach((ip, i) => hold(ip, 100 + i))
    for (const ip of [...ips, '10.9.9.9']) ask(ip)
    await cluster.runRole(labelling)
    assert.deepEqual(written(), [...ips.map((ip, i) => `${ip} ${100 + i}`), '10.9.9.9 nobody'])
  })

  it('sees what changes while it runs: a newer value, a tombstone, a new key', async () => {
    const { cluster, hold, ask, written } = setUp()
    hold('10.0.0.1', 1)
    hold('10.0.0.2', 1)
    const task = await cluster.startTask(labelling, 0)
    for (const ip of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) ask(ip)
    await task.step()
    hold('10.0.0.1', 2)
    hold('10.0.0.2', null)
    hold('10.0.0.3', 3)
    for (const ip of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) ask(ip)
    await task.step()
    assert.deepEqual(written(), [...['10.0.0.1 1', '10.0.0.2 1', '10.0.0.3 nobody'], ...['10.0.0.1 2', '10.0.0.2 nobody', '10.0.0.3 3']])
  })

  it('works on with what was last known while the topic cannot be read', async () => {
    const { cluster, hold, ask, written } = setUp()
    hold('10.0.0.1', 1)
    const task = await cluster.startTask(labelling, 0)
    cluster.sideTablesStand = true
    hold('10.0.0.1', 2)
    ask('10.0.0.1')
    await task.step()
    cluster.sideTablesStand = false
    ask('10.0.0.1')
    await task.step()
    assert.deepEqual(written(), ['10.0.0.1 1', '10.0.0.1 2'])
  })

  it('has it again after a restart, and writes each record once: the table is not part of the transaction', async () => {
    const { cluster, hold, ask, written } = setUp()
    hold('10.0.0.1', 1)
    ask('10.0.0.1')
    const first = await cluster.startTask(labelling, 0)
    first.context.failAt('commit')
    await assert.rejects(first.step())
    hold('10.0.0.1', 2)
    cluster.forgetSideTables()
    await cluster.runRole(labelling)
    assert.deepEqual(written(), ['10.0.0.1 2'])
  })

  it('ends at the bound with an error that names the setting', async () => {
    const { cluster, hold } = setUp()
    for (let i = 0; i < 1001; i++) hold(`10.0.${i >> 8}.${i & 255}`, 1)
    await assert.rejects(cluster.startTask(labelling, 0), { code: 'SIDE_TABLE_FULL', message: /labels\.tableBytes/ })
  })

  it('may not ask for a topic that it does not name', async () => {
    const { cluster } = setUp()
    const role = { ...labelling, sideTables: [] }
    await assert.rejects(cluster.startTask(role, 0), TypeError)
  })
})

describe('memory of a side table', () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void

  for (const valueBytes of [20, 200, 1000])
    it(`is counted as it is, measured with values of ${valueBytes} bytes`, () => {
      const used = (): number => {
        gc()
        const { heapUsed, external } = process.memoryUsage()
        return heapUsed + external
      }
      const before = used()
      const table = new EncodedTable()
      for (let i = 0; i < 60_000; i++) table.set(Buffer.from(`vpc-0123456789abcdef 10.0.0.${i}`), Buffer.alloc(valueBytes, i & 255))
      const ratio = (used() - before) / table.bytes
      assert.ok(ratio > 0.5 && ratio < 1.15, `uses ${ratio.toFixed(2)} of what is counted`)
      for (let i = 0; i < 60_000; i++) table.set(Buffer.from(`vpc-0123456789abcdef 10.0.0.${i}`), null)
      assert.deepEqual([table.size, table.bytes], [0, 0])
    })
})
