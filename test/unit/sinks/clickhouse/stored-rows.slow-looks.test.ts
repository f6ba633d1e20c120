// A server that is slow to say which rows of an old range it has: one question at a time, in pieces, cancelled when it is given up.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { checkConfig } from '../../../../config/config.ts'
import { FlowError } from '../../../../runtime/errors.ts'
import { createClickHouseRoles } from '../../../../sinks/clickhouse/clickhouse-sink.ts'
import { connectClickHouse } from '../../../../sinks/clickhouse/clickhouse-client.ts'
import { flow } from '../../../support/records/flow-records.ts'
import { MemoryCluster } from '../../../../harness/memory-context.ts'
import { MemoryStore } from '../../../support/clickhouse/memory-store.ts'

const flowKey = { lowAddr: null, lowPort: null, highAddr: null, highPort: null, protocol: null }
const objectId = Buffer.from('00ab3c4d5e6f7081', 'hex')
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

describe('a sink that stood still because the look for a range of 366 days took too long', () => {
  const days = 366
  const timesIn = (sql: string): number => sql.split(' OR ').length

  /** Partitions that each have a range pending, announced long ago; `put` days of it are in the table. */
  async function pending(partitions: number, there: number) {
    const store = new MemoryStore()
    const cluster = new MemoryCluster({ partitions })
    const settings = { store, topicPrefix: 'p.', insertRows: 1000, insertIntervalMs: 1000, deduplicationWindow: 1000 }
    const role = createClickHouseRoles(settings).find(({ name }) => name === 'clickhouse-flows')!
    const codec = cluster.codecs.flows
    for (let partition = 0; partition < partitions; partition++) {
      cluster.append(
        'flows',
        partition,
        upTo(days).map(line => {
          const start = 1_400_000_000 + line * 86_400
          const value = flow({ line: partition * days + line, objectId, start, end: start })
          return { key: codec.encodeKey(flowKey), value: codec.encodeValue(value) }
        }),
      )
      await cluster.createContext(role, partition).commit({ offset: 0, metadata: `0-${there}@1` })
      if (there > 0) await cluster.startTask(role, partition).then(task => task.step(there))
      await cluster.createContext(role, partition).commit({ offset: 0, metadata: `0-${days}@1` })
    }
    store.questions.length = 0
    const lines = (): number[] =>
      store
        .rows('flows')
        .map(row => Number(row['line']))
        .sort((a, b) => a - b)
    return { store, cluster, role, lines }
  }

  /** A server that needs a moment for each time it is asked for, and ends what takes longer than `most`. Counts what is under way at once. */
  function slow(store: MemoryStore, most: () => number): { atOnce: number } {
    const seen = { atOnce: 0 }
    let open = 0
    store.answer = async sql => {
      seen.atOnce = Math.max(seen.atOnce, ++open)
      for (let turn = 0; turn < Math.min(timesIn(sql), most()); turn++) await nextTurn()
      open--
      if (timesIn(sql) > most()) throw new FlowError('CLICKHOUSE_REFUSED', { code: '159', detail: 'too slow' })
    }
    return seen
  }

  for (const there of [0, 100, days])
    it(`recovers with one question at a time, whatever number of partitions looks (${there} of ${days} days are there)`, async () => {
      const { store, cluster, role, lines } = await pending(3, there)
      const seen = slow(store, () => 3)
      await Promise.all(
        [0, 1, 2].map(async partition => {
          const task = await cluster.startTask(role, partition)
          await task.drain()
          await task.stop()
        }),
      )
      assert.deepEqual(lines(), upTo(3 * days))
      assert.equal(seen.atOnce, 1)
      assert.ok(Math.max(...store.questions.map(timesIn)) <= 8, 'no question names hundreds of times')
      assert.ok(store.questions.filter(sql => timesIn(sql) > 3).length < 8, 'what was too much is not asked again and again')
    })

  it('inserts nothing while the server answers no question, and goes on when it does', async () => {
    const { store, cluster, role, lines } = await pending(1, 100)
    let most = 0
    slow(store, () => most)
    for (let attempt = 0; attempt < 3; attempt++)
      await assert.rejects((await cluster.startTask(role, 0)).drain(), { code: 'CLICKHOUSE_REFUSED' })
    assert.deepEqual(lines(), upTo(100))
    most = 8
    await cluster.runRole(role)
    assert.deepEqual(lines(), upTo(days))
  })

  it('asks for no further piece once the task is to stop', async () => {
    const { store, cluster, role } = await pending(1, 0)
    const task = await cluster.startTask(role, 0)
    store.answer = async () => task.context.abort()
    await assert.rejects(task.drain())
    assert.equal(store.questions.length, 1)
  })

  it('says in each question how long the server may take, if the store gives questions up', async () => {
    const { store, cluster, role } = await pending(1, 0)
    Object.defineProperty(store, 'questionMs', { value: 60_000 })
    await cluster.runRole(role)
    assert.ok(
      store.questions.every(sql => sql.endsWith(' SETTINGS max_execution_time = 48')),
      store.questions[0],
    )
  })
})

describe('a question that is given up', () => {
  it('is cancelled at the server by its id, so that it does not slow the next one', async () => {
    const seen: { id: string | null; sql: string }[] = []
    const server = createServer((request, response) => {
      void text(request).then(sql => {
        seen.push({ id: new URL(request.url ?? '', 'http://x').searchParams.get('query_id'), sql })
        if (sql.startsWith('KILL')) response.end()
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const store = connectClickHouse(checkConfig({ clickhouse: { url, insertTimeoutMs: 1000 } }).clickhouse)
    try {
      await assert.rejects(store.query('SELECT sleep(3)'), { code: 'CLICKHOUSE_UNAVAILABLE' })
      assert.equal(seen.length, 2)
      assert.notEqual(seen[0]!.id, null)
      assert.equal(seen[1]!.sql, `KILL QUERY WHERE query_id = '${seen[0]!.id}' SYNC`)
    } finally {
      await store.close()
      server.close()
      server.closeAllConnections()
    }
  })
})
