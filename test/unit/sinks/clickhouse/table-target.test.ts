// Known ranges: each record in the table once, whatever fails when.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import type { Role } from '../../../../runtime/task.ts'
import { createClickHouseRoles } from '../../../../sinks/clickhouse/clickhouse-sink.ts'
import { flow } from '../../../support/records/flow-records.ts'
import { MemoryCluster, type FailurePoint } from '../../../../harness/memory-context.ts'
import { MemoryStore } from '../../../support/clickhouse/memory-store.ts'

const flowKey = { lowAddr: null, lowPort: null, highAddr: null, highPort: null, protocol: null }

function setUp(options: { insertRows?: number; role?: string } = {}): {
  store: MemoryStore
  cluster: MemoryCluster
  role: Role
  put: (count: number) => void
  lines: () => unknown[]
} {
  const store = new MemoryStore()
  const cluster = new MemoryCluster()
  const roles = createClickHouseRoles({ store, topicPrefix: 'p.', insertRows: options.insertRows ?? 10, insertIntervalMs: 1000 })
  let line = 0
  return {
    store,
    cluster,
    role: roles.find(role => role.name === (options.role ?? 'clickhouse-flows'))!,
    put: count => {
      for (let i = 0; i < count; i++) cluster.put('flows', flowKey, flow({ line: ++line, interfaceId: `eni-${line % 3}` }))
    },
    lines: () => store.rows('flows').map(row => row['line']),
  }
}

/** A range as it is announced, so long after the beginning. */
const announced = (range: string, afterMs = 0): string => `${range}@${Date.parse('2026-11-24T12:00:00Z') + afterMs}`
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)
const once = <T>(value: T): (() => T | undefined) => {
  let left: T | undefined = value
  return () => {
    const given = left
    left = undefined
    return given
  }
}

describe('range task', () => {
  it('announces a range, inserts it with its token, then moves the position', async () => {
    const { store, cluster, role, put, lines } = setUp()
    put(4)
    const task = await cluster.startTask(role, 0)
    await task.step()
    await task.tick()
    assert.deepEqual(lines(), [])
    cluster.clockMs += 1000
    await task.tick()
    assert.deepEqual(lines(), upTo(4))
    assert.deepEqual(
      cluster.commits.map(commit => commit.position),
      [
        { offset: 0, metadata: announced('0-4', 1000) },
        { offset: 4, metadata: '' },
      ],
    )
    assert.deepEqual(store.inserts, [
      { table: 'interfaces', token: null, rows: 3, kept: true },
      { table: 'flows', token: `p.flows.v1:0:${announced('0-4', 1000)}`, rows: 4, kept: true },
    ])
    cluster.clockMs += 5000
    await task.tick()
    assert.equal(cluster.commits.length, 2)
  })

  it('cuts ranges at the bound of rows, and under backlog ends one with the announcement of the next', async () => {
    const { store, cluster, role, put, lines } = setUp({ insertRows: 10 })
    put(35)
    const task = await cluster.startTask(role, 0)
    await task.step(28)
    await task.step(7)
    await task.stop()
    assert.deepEqual(lines(), upTo(35))
    assert.deepEqual(
      store.inserts.filter(insert => insert.table === 'flows').map(insert => insert.token),
      ['0-10', '10-20', '20-30', '30-35'].map(range => `p.flows.v1:0:${announced(range)}`),
    )
    assert.deepEqual(
      cluster.commits.map(({ position }) => `${position!.offset} ${position!.metadata.split('@')[0]!}`),
      ['0 0-10', '10 10-20', '20 20-30', '30 ', '30 30-35', '35 '],
    )
  })

  for (const slabs of [true, false])
    it(`ends a range that has 366 days, from ${slabs ? 'slabs' : 'records'}; one that is announced is taken whole`, async () => {
      const { store, cluster, role, lines } = setUp({ insertRows: 5000 })
      for (let line = 1; line <= 1000; line++)
        cluster.put('flows', flowKey, flow({ line, start: line * 86_400, end: line * 86_400, timeSource: 'logged' }))
      const task = await cluster.startTask({ ...role, slabs }, 0)
      await task.step(1000)
      cluster.clockMs += 1000
      await task.tick()
      assert.deepEqual(lines(), upTo(1000))
      const ranges = store.inserts.filter(insert => insert.table === 'flows').map(insert => insert.token!.split(':').at(-1)!.split('@')[0]!)
      assert.deepEqual(ranges, ['0-366', '366-732', '732-1000'])

      const later = setUp({ insertRows: 5000 })
      for (let line = 1; line <= 1000; line++) later.cluster.put('flows', flowKey, flow({ line, start: line * 86_400, end: line * 86_400 }))
      await later.cluster.createContext(later.role, 0).commit({ offset: 0, metadata: '0-900' })
      const again = await later.cluster.startTask({ ...later.role, slabs }, 0)
      await again.step(1000)
      assert.deepEqual(
        later.store.inserts.filter(insert => insert.table === 'flows').map(insert => insert.rows),
        [900],
      )
    })

  for (const slabs of [true, false])
    it(`takes nothing more while an insert hangs, neither rows above the bound nor another batch, from ${slabs ? 'slabs' : 'records'}`, async () => {
      const { store, cluster, role, put, lines } = setUp({ insertRows: 10 })
      put(35)
      let release!: () => void
      store.gate = new Promise(resolve => (release = resolve))
      const task = await cluster.startTask({ ...role, slabs }, 0)
      let taken = 0
      const working = (async () => {
        while ((await task.step(7)) > 0) taken += 7
      })()
      for (let turn = 0; turn < 200; turn++) await nextTurn()
      assert.equal(taken, 7, 'the second batch reaches the bound, and is not given back before its rows are inserted')
      assert.equal(store.open.size, 1)
      assert.ok(
        [...store.open].every(({ rows }) => rows <= 10),
        JSON.stringify([...store.open]),
      )
      assert.deepEqual(
        cluster.commits.map(({ position }) => `${position!.offset} ${position!.metadata.split('@')[0]!}`),
        ['0 0-10'],
      )
      release()
      await working
      await task.stop()
      assert.deepEqual(lines(), upTo(35))
    })

  it('has two inserts under way at once in all partitions of all its topics, and no third', async () => {
    const store = new MemoryStore()
    const cluster = new MemoryCluster({ partitions: 4 })
    const role = createClickHouseRoles({ store, topicPrefix: 'p.', insertRows: 10, insertIntervalMs: 1000 })[0]!
    assert.equal(role.name, 'clickhouse-flows')
    for (let partition = 0; partition < 4; partition++)
      cluster.append(
        'flows',
        partition,
        upTo(25).map(line => ({ key: cluster.codecs.flows.encodeKey(flowKey), value: cluster.codecs.flows.encodeValue(flow({ line })) })),
      )
    let release!: () => void
    store.gate = new Promise(resolve => (release = resolve))
    const tasks = await Promise.all([0, 1, 2, 3].map(partition => cluster.startTask(role, partition)))
    const working = Promise.all(tasks.map(task => task.step(25)))
    for (let turn = 0; turn < 200; turn++) await nextTurn()
    assert.equal(store.open.size, 2)
    release()
    await working
    for (const task of tasks) await task.stop()
    assert.equal(store.rows('flows').length, 100)
  })

  it('waits up to ten intervals for rows that fill a range and are in the topic already, else one', async () => {
    const { cluster, role, put, lines } = setUp({ insertRows: 10 })
    put(9)
    const task = await cluster.startTask(role, 0)
    await task.step(4)
    cluster.clockMs += 1000
    await task.tick()
    assert.deepEqual(lines(), upTo(4), '4 and 5 more do not fill it')
    await task.step(1)
    put(10)
    await task.step(1)
    cluster.clockMs += 9999
    await task.tick()
    assert.deepEqual(lines(), upTo(4), '2 and 13 more do')
    cluster.clockMs += 1
    await task.tick()
    assert.deepEqual(lines(), upTo(6))
    await task.step(100)
    assert.deepEqual(lines(), upTo(16), 'full')
    cluster.clockMs += 1000
    await task.tick()
    assert.deepEqual(lines(), upTo(19))
  })

  it('repeats a pending range with the same token and the same rows, though more have come', async () => {
    const { store, cluster, role, put, lines } = setUp({ insertRows: 100 })
    put(5)
    const fail = once<'after'>('after')
    store.fail = table => (table === 'flows' ? fail() : undefined)
    const first = await cluster.startTask(role, 0)
    await first.step()
    cluster.clockMs += 1000
    await assert.rejects(first.tick(), { code: 'CLICKHOUSE_UNAVAILABLE' })
    assert.deepEqual(cluster.positionOf(role, 0), { offset: 0, metadata: announced('0-5', 1000) })
    put(4)
    const second = await cluster.startTask(role, 0)
    await second.step(2)
    await second.step(100)
    assert.deepEqual(
      store.inserts.filter(insert => insert.table === 'flows'),
      [true, false].map(kept => ({ table: 'flows', token: `p.flows.v1:0:${announced('0-5', 1000)}`, rows: 5, kept })),
    )
    await second.stop()
    assert.deepEqual(lines(), upTo(9))
    assert.deepEqual(cluster.positionOf(role, 0), { offset: 9, metadata: '' })
  })

  it('inserts what stands at the same offsets of a topic that was created anew', async () => {
    const first = setUp()
    first.put(4)
    await first.cluster.runRole(first.role)
    const anew = new MemoryCluster({ clockMs: first.cluster.clockMs + 60_000 })
    for (let line = 5; line <= 8; line++) anew.put('flows', flowKey, flow({ line }))
    await anew.runRole(first.role)
    assert.deepEqual(first.lines(), upTo(8))
  })

  it('inserts the contexts of a repeated range before its flows', async () => {
    const { store, cluster, role, put } = setUp()
    put(3)
    store.fail = once<'before'>('before')
    const first = await cluster.startTask(role, 0)
    await first.step()
    cluster.clockMs += 1000
    await assert.rejects(first.tick())
    assert.equal(store.inserts.length, 0)
    const second = await cluster.startTask(role, 0)
    await second.step()
    assert.deepEqual(
      store.inserts.map(insert => [insert.table, insert.rows]),
      [
        ['interfaces', 3],
        ['flows', 3],
      ],
    )
  })

  it('does not insert long after it announced the range', async () => {
    const { store, cluster, role, put, lines } = setUp()
    put(3)
    const stuck = await cluster.startTask(role, 0)
    await stuck.step()
    cluster.clockMs += 1000
    // The process is stopped while it waits for the commit.
    const ticking = stuck.tick()
    cluster.clockMs += 31_000
    await assert.rejects(ticking, { code: 'RANGE_STALE' })
    assert.equal(store.inserts.length, 0)
    await cluster.runRole(role)
    assert.deepEqual(lines(), upTo(3))
  })

  it('does not wait for a clock that was set back, nor trusts it', async () => {
    const { store, cluster, role, put, lines } = setUp()
    put(3)
    const task = await cluster.startTask(role, 0)
    await task.step()
    cluster.clockMs -= 3_600_000
    await task.tick()
    assert.deepEqual(lines(), upTo(3))
    put(2)
    await task.step()
    cluster.clockMs += 1000
    // It is set back between announcement and insert: nobody knows how long that took.
    const ticking = task.tick()
    cluster.clockMs -= 3_600_000
    await assert.rejects(ticking, { code: 'RANGE_STALE' })
    assert.equal(store.inserts.filter(({ table }) => table === 'flows').length, 1)
    await cluster.runRole(role)
    assert.deepEqual(lines(), upTo(5))
  })

  it('is harmless as a zombie that inserts after a successor has', async () => {
    const { store, cluster, role, put, lines } = setUp()
    put(6)
    const zombie = await cluster.startTask(role, 0)
    await zombie.step()
    cluster.clockMs += 1000
    // The takeover happens between the announcement and the insert of the zombie.
    let takeOver: Promise<void> | undefined
    const insert = store.insert.bind(store)
    store.insert = async (table, block, token) => {
      const isFirst = takeOver === undefined
      takeOver ??= cluster.runRole(role)
      if (isFirst) await takeOver
      await insert(table, block, token)
    }
    await assert.rejects(zombie.tick(), { code: 'TASK_FENCED' })
    assert.deepEqual(lines(), upTo(6))
    assert.equal(store.inserts.filter(seen => seen.table === 'flows' && !seen.kept).length, 1)
    assert.deepEqual(cluster.positionOf(role, 0), { offset: 6, metadata: '' })
  })

  it('ends a pending range whose last records compaction has removed', async () => {
    const { store, cluster, role } = setUp({ role: 'clickhouse-runs' })
    const context = cluster.createContext(role, 0)
    await context.commit({ offset: 10, metadata: '10-20' })
    const task = role.createTask(cluster.createContext(role, 0))
    await task.start?.({ offset: 10, metadata: '10-20' })
    const record = (offset: number) => ({
      offset,
      timestampMs: 0,
      key: cluster.codecs.cloudMapRuns.encodeKey({ scope: 's', ip: '10.0.0.1', first: offset }),
      value: null,
      headers: {},
    })
    await task.process({ records: [record(12)], slabs: [], nextOffset: 13, lag: 1 })
    assert.equal(store.inserts.length, 0)
    await task.process({ records: [record(25)], slabs: [], nextOffset: 26, lag: 0 })
    assert.deepEqual(
      store.inserts.map(insert => [insert.token, insert.rows]),
      [['p.cloud-map-runs.v2:0:10-20', 1]],
    )
    await task.stop?.()
    assert.deepEqual(
      store.rows('cloud_map').map(row => [row['version'], row['deleted']]),
      [
        [12n, 1],
        [25n, 1],
      ],
    )
  })

  it('commits nothing for barriers', async () => {
    const { store, cluster, role } = setUp({ role: 'clickhouse-objects' })
    cluster.append('objects', 0, [
      { key: cluster.codecs.objects.encodeKey({ bucket: '__barrier', key: '0' }), value: null, headers: { 'flowloom-barrier': 'x' } },
    ])
    await cluster.runRole(role)
    assert.deepEqual(cluster.commits, [])
    assert.equal(store.inserts.length, 0)
  })

  it('has every record once after any failures', async () => {
    const step = fc.record({
      records: fc.integer({ min: 1, max: 12 }),
      put: fc.integer({ min: 0, max: 6 }),
      clock: fc.constantFrom(0, 0, 1000, 31_000),
      failure: fc.constantFrom<FailurePoint | 'before' | 'after' | 'dies' | 'stops' | 'none'>(
        'commit',
        'commit-unknown',
        'before',
        'after',
        'dies',
        'stops',
        'none',
        'none',
        'none',
      ),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 15 }), async (steps, insertRows) => {
        const { store, cluster, role, put, lines } = setUp({ insertRows })
        let total = 20
        put(total)
        let task = await cluster.startTask(role, 0)
        for (const { records, put: more, clock, failure } of steps) {
          put(more)
          total += more
          if (failure === 'commit' || failure === 'commit-unknown') task.context.failAt(failure)
          if (failure === 'before' || failure === 'after') {
            const fail = once(failure)
            store.fail = table => (table === 'flows' ? fail() : undefined)
          }
          try {
            await task.step(records)
            const ticking = task.tick()
            cluster.clockMs += clock
            await ticking
            await task.tick()
            if (failure === 'stops') await task.stop()
            if (failure === 'stops' || failure === 'dies') task = await cluster.startTask(role, 0)
          } catch {
            task = await cluster.startTask(role, 0)
          }
        }
        store.fail = () => undefined
        await cluster.runRole(role)
        assert.deepEqual(lines(), upTo(total))
        const ranges = store.inserts
          .filter(insert => insert.table === 'flows' && insert.kept)
          .map(insert => insert.token!.split(':')[2]!.split('@')[0]!.split('-').map(Number))
        ranges.forEach(([from], i) => assert.equal(from, i === 0 ? 0 : ranges[i - 1]![1]))
        const known = new Set(store.rows('interfaces').map(row => row['interface']))
        assert.ok(store.rows('flows').every(row => known.has(row['interface'])))
      }),
      { numRuns: 100 },
    )
  })
})
