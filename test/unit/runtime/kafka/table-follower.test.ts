// A compacted topic in memory: the newest committed value of each key, through outages, compaction and topics made anew.
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { countedSchemaIds, createCodecs } from '../../../../runtime/avro.ts'
import { FlowError } from '../../../../runtime/errors.ts'
import type { Cluster } from '../../../../runtime/kafka/cluster.ts'
import { SideTables } from '../../../../runtime/kafka/side-tables.ts'
import { TableFollower, type TableSource } from '../../../../runtime/kafka/table-follower.ts'
import { createLog } from '../../../../runtime/log.ts'
import type { InRecord } from '../../../../runtime/records.ts'
import { topics, type Topic } from '../../../../schemas/topics.ts'

const codecs = createCodecs(countedSchemaIds())
const plenty = { entries: 1e6, bytes: 1e9, setting: 'labels.tableBytes' }
/** Seeds of the random histories; one that fails is added here. */
const seeds = [1, 2, 3, 4]

const keyOf = (name: string): Buffer => codecs.cloudMap.encodeKey({ scope: 'vpc-1', ip: name })
const beyond = (): Error => Object.assign(new Error('beyond'), { type: 'OFFSET_OUT_OF_RANGE' })

/** A topic of two partitions with holes; what is behind `stable` is in an open transaction. */
class FakeTopic implements TableSource {
  readonly logs: InRecord[][] = [[], []]
  readonly first = [0, 0]
  readonly end = [0, 0]
  readonly stable = [0, 0]
  away: Error | undefined
  fetches = 0
  startsAsked = 0
  closed = false

  put(partition: number, key: Buffer, value: string | null, hole = 0): void {
    const offset = this.end[partition]! + hole
    this.end[partition] = offset + 1
    this.logs[partition]!.push({ offset, timestampMs: 0, key, value: value === null ? null : Buffer.from(value), headers: {} })
  }

  /** Ends the open transactions. */
  commit(): void {
    for (const partition of [0, 1]) this.stable[partition] = this.end[partition]!
  }

  /** Keeps the newest record of each key; tombstones go too if they are old enough. */
  compact(tombstones: boolean): void {
    for (const [partition, log] of this.logs.entries()) {
      const newest = new Map(log.map(({ key, offset }) => [key!.toString('hex'), offset]))
      this.logs[partition] = log.filter(
        ({ key, value, offset }) =>
          offset >= this.stable[partition]! || (newest.get(key!.toString('hex')) === offset && (value !== null || !tombstones)),
      )
    }
  }

  /** The topic is removed and made again. */
  makeAnew(): void {
    for (const partition of [0, 1]) {
      this.logs[partition] = []
      this.end[partition] = this.stable[partition] = this.first[partition] = 0
    }
  }

  /** The newest committed value of each key. */
  model(): Map<string, string> {
    const values = new Map<string, string>()
    for (const [partition, log] of this.logs.entries())
      for (const { key, value, offset } of log) {
        if (offset >= this.stable[partition]!) continue
        if (value === null) values.delete(key!.toString('hex'))
        else values.set(key!.toString('hex'), value.toString())
      }
    return values
  }

  async starts() {
    this.startsAsked++
    await nextTurn()
    if (this.away !== undefined) throw this.away
    return new Map(this.first.entries())
  }

  async fetch(offsets: ReadonlyMap<number, number>) {
    this.fetches++
    await nextTurn()
    if (this.away !== undefined) throw this.away
    return new Map(
      [...offsets].map(([partition, offset]) => {
        const [end, stableEnd] = [this.end[partition]!, this.stable[partition]!]
        if (offset > end || offset < this.first[partition]!) throw beyond()
        const there = this.logs[partition]!.filter(record => record.offset >= offset && record.offset < stableEnd)
        const records = there.slice(0, 3)
        const nextOffset = records.length < there.length ? records.at(-1)!.offset + 1 : Math.max(offset, stableEnd)
        return [partition, { records, nextOffset, end, stableEnd }]
      }),
    )
  }

  async close() {
    this.closed = true
    await nextTurn()
  }
}

interface Running {
  readonly topic: FakeTopic
  readonly follower: TableFollower
  readonly clock: { ms: number }
  readonly failed: unknown[]
}

/** What a test that failed has left running. */
const open = new Set<TableFollower>()
after(() => Promise.all([...open].map(follower => follower.stop())))

function run(topic = new FakeTopic(), bound = plenty): Running {
  const clock = { ms: 1_000_000 }
  const failed: unknown[] = []
  const follower = new TableFollower(bound, {
    topic: topics.cloudMap,
    topicName: 'p.cloud-map.v2',
    keyId: codecs.cloudMap.ids.key,
    source: topic,
    log: createLog('silent'),
    nowMs: () => clock.ms,
  })
  open.add(follower)
  follower.start(error => failed.push(error))
  return { topic, follower, clock, failed }
}

/** Lets the follower fetch as often as it needs. */
async function settle({ topic, follower }: Pick<Running, 'topic' | 'follower'>, done = (): boolean => true): Promise<void> {
  const endMs = performance.now() + 10_000
  for (const before = topic.fetches; topic.fetches < before + 30 || follower.known === undefined || !done();) {
    assert.ok(performance.now() < endMs, 'the table does not get there')
    await (topic.fetches < before + 30 && topic.away === undefined ? nextTurn() : sleep(1))
  }
}

const contents = (follower: TableFollower, names: readonly string[]): Map<string, string> =>
  new Map(
    names.flatMap(name => {
      const value = follower.table.get(keyOf(name))
      return value === undefined ? [] : [[keyOf(name).toString('hex'), value.toString()] as const]
    }),
  )

describe('a side table', () => {
  it('is not complete before all that the topic had is read, open transactions included', async () => {
    const topic = new FakeTopic()
    for (let i = 0; i < 10; i++) topic.put(i % 2, keyOf(`k${i}`), `v${i}`)
    topic.commit()
    topic.put(0, keyOf('open'), 'x')
    const running = run(topic)
    for (let turn = 0; turn < 60; turn++) await nextTurn()
    assert.equal(running.follower.ageMs(running.clock.ms), undefined)
    assert.throws(() => running.follower.table, TypeError)
    topic.commit()
    await settle(running)
    assert.equal(running.follower.table.size, 11)
    assert.equal(running.follower.ageMs(running.clock.ms), 0)
    await running.follower.stop()
    assert.ok(topic.closed)
  })

  it('of an empty topic is complete at once', async () => {
    const running = run()
    await running.follower.complete
    assert.equal(running.follower.table.size, 0)
    await running.follower.stop()
  })

  it('says what it last knew while the broker is away, grows old, and goes on where it was', async () => {
    const running = run()
    const { topic, follower, clock } = running
    topic.put(0, keyOf('a'), '1')
    topic.commit()
    await settle(running, () => follower.table.size === 1)
    topic.away = new Error('no broker')
    for (let turn = 0; turn < 10; turn++) await nextTurn()
    clock.ms += 90_000
    assert.equal(follower.table.get(keyOf('a'))?.toString(), '1')
    assert.equal(follower.ageMs(clock.ms), 90_000)
    topic.put(0, keyOf('a'), '2')
    topic.commit()
    topic.away = undefined
    await settle(running, () => follower.ageMs(clock.ms) === 0)
    assert.equal(follower.table.get(keyOf('a'))?.toString(), '2')
    assert.equal(topic.startsAsked, 1, 'not read from the beginning')
    await follower.stop()
  })

  it('is read anew after so long an outage that tombstones may be gone', async () => {
    const running = run()
    const { topic, follower, clock } = running
    topic.put(0, keyOf('a'), '1')
    topic.put(0, keyOf('b'), '1')
    topic.commit()
    await settle(running, () => follower.table.size === 2)
    topic.away = new Error('no broker')
    for (let turn = 0; turn < 10; turn++) await nextTurn()
    topic.put(0, keyOf('a'), null)
    topic.commit()
    topic.compact(true)
    clock.ms += 13 * 3_600_000
    topic.away = undefined
    await settle(running, () => follower.ageMs(clock.ms) === 0)
    assert.deepEqual([...contents(follower, ['a', 'b']).values()], ['1'])
    assert.equal(topic.startsAsked, 2)
    await follower.stop()
  })

  it('of a topic that was made anew is read anew, and the one before answers until then', async () => {
    const running = run()
    const { topic, follower, clock } = running
    for (let i = 0; i < 5; i++) topic.put(0, keyOf(`k${i}`), 'old')
    topic.commit()
    await settle(running, () => follower.table.size === 5)
    topic.makeAnew()
    topic.put(0, keyOf('k0'), 'new')
    topic.commit()
    for (let turn = 0; turn < 5; turn++) await nextTurn()
    assert.equal(follower.table.get(keyOf('k4'))?.toString(), 'old')
    clock.ms += 5000
    for (let i = 0; i < 40 && follower.ageMs(clock.ms) !== 0; i++) await sleep(50)
    assert.deepEqual([...contents(follower, ['k0', 'k1', 'k4']).values()], ['new'])
    await follower.stop()
  })

  for (const [what, bound, records] of [
    ['keys', { ...plenty, entries: 3 }, 4],
    ['bytes', { ...plenty, bytes: 2000 }, 12],
  ] as const)
    it(`ends with an error that names the setting if it has too many ${what}, and says nothing more`, async () => {
      const topic = new FakeTopic()
      topic.put(0, keyOf('a'), 'x')
      topic.commit()
      const running = run(topic, bound)
      await settle(running)
      // the same key again and again takes no room
      for (let i = 0; i < 40; i++) topic.put(0, keyOf('a'), 'y')
      topic.commit()
      await settle(running, () => running.follower.table.get(keyOf('a'))?.toString() === 'y')
      for (let i = 0; i < records; i++) topic.put(0, keyOf(`k${i}`), 'x')
      topic.commit()
      for (let turn = 0; turn < 200 && running.failed.length === 0; turn++) await nextTurn()
      const [error] = running.failed
      assert.ok(error instanceof FlowError && error.code === 'SIDE_TABLE_FULL' && !error.retriable)
      assert.match(error.message, /p\.cloud-map\.v2.*raise labels\.tableBytes/)
      assert.throws(() => running.follower.table, error)
      await running.follower.stop()
    })

  it('ends if its keys have the schema id of another registry: no key would ever be found', async () => {
    const topic = new FakeTopic()
    const key = keyOf('a')
    key.writeInt32BE(4711, 1)
    topic.put(0, key, 'x')
    topic.commit()
    const running = run(topic)
    await assert.rejects(running.follower.complete, { code: 'KEY_SCHEMA_CHANGED' })
    await running.follower.stop()
  })

  it('ends with what the broker denies', async () => {
    const topic = new FakeTopic()
    topic.away = new FlowError('KAFKA_DENIED', { operation: 'Read', resource: 'x' })
    const running = run(topic)
    await assert.rejects(running.follower.complete, { code: 'KAFKA_DENIED' })
    await running.follower.stop()
  })

  for (const seed of seeds)
    it(`has the newest committed value of each key, whatever happens to its topic (${seed})`, async () => {
      const names = Array.from({ length: 9 }, (_, i) => `k${i}`)
      const step = fc.oneof(
        { weight: 6, arbitrary: fc.record({ put: fc.tuple(fc.nat(8), fc.option(fc.string({ maxLength: 3 })), fc.nat(3)) }) },
        { weight: 2, arbitrary: fc.constant({ commit: true as const }) },
        { weight: 1, arbitrary: fc.record({ compact: fc.boolean() }) },
        { weight: 2, arbitrary: fc.record({ turns: fc.nat(12) }) },
        { weight: 1, arbitrary: fc.constant({ check: true as const }) },
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
          const running = run()
          const { topic, follower } = running
          const check = async (): Promise<void> => {
            topic.commit()
            const model = topic.model()
            await settle(running)
            assert.deepEqual(contents(follower, names), new Map(names.flatMap(name => entryOf(model, name))))
            assert.equal(follower.table.size, model.size)
          }
          for (const one of steps) {
            if ('put' in one) {
              const [key, value, hole] = one.put
              topic.put(key % 2, keyOf(`k${key}`), value, hole)
            } else if ('commit' in one) topic.commit()
            // tombstones that were not read yet stay: the follower is never so far behind
            else if ('compact' in one) topic.compact(false)
            else if ('turns' in one) for (let turn = 0; turn < one.turns; turn++) await nextTurn()
            else await check()
          }
          await check()
          await follower.stop()
        }),
        { numRuns: 40, seed },
      )
    })
})

const entryOf = (model: ReadonlyMap<string, string>, name: string): [string, string][] => {
  const hex = keyOf(name).toString('hex')
  const value = model.get(hex)
  return value === undefined ? [] : [[hex, value]]
}

describe('the side tables of a process', () => {
  function setUp(): { tables: SideTables; sources: FakeTopic[] } {
    const sources: FakeTopic[] = []
    const cluster = {
      settings: { sideTableStaleMs: 60_000 },
      log: createLog('silent'),
      topicName: (topic: Topic) => topic.name,
    } as unknown as Cluster
    const tables = new SideTables({
      cluster,
      codecs,
      open: () => {
        const source = new FakeTopic()
        sources.push(source)
        return source
      },
    })
    return { tables, sources }
  }
  const never = new AbortController().signal
  const spec = { topic: 'cloudMap', bound: plenty } as const

  it('read a topic once for all roles and tasks, and no longer than one of them wants it', async () => {
    const { tables, sources } = setUp()
    const first = tables.acquire([spec], () => undefined)
    const second = tables.acquire([{ ...spec, bound: { ...plenty, bytes: 2e9, setting: 'other.bytes' } }], () => undefined)
    await Promise.all([first.complete(never), second.complete(never)])
    assert.equal(sources.length, 1)
    assert.equal(first.table('cloudMap').size, 0)
    await first.release()
    assert.equal(sources[0]!.closed, false)
    assert.equal(second.table('cloudMap').size, 0)
    await second.release()
    assert.ok(sources[0]!.closed)
    const third = tables.acquire([spec], () => undefined)
    await third.complete(never)
    assert.equal(sources.length, 2)
    await third.release()
  })

  it('are not ready before they are complete; a task that ends does not wait for them', async () => {
    const { tables, sources } = setUp()
    const role = tables.acquire([spec], () => undefined)
    sources[0]!.away = new Error('no broker')
    assert.deepEqual(tables.notReady(), ['side table cloud-map'])
    await role.complete(AbortSignal.abort())
    sources[0]!.away = undefined
    await role.complete(never)
    assert.deepEqual(tables.notReady(), [])
    await role.release()
    assert.deepEqual(tables.notReady(), [])
  })

  it('tell every role that uses a table what ended it', async () => {
    const { tables, sources } = setUp()
    const told: unknown[] = []
    const roles = [1, 2].map(() => tables.acquire([{ ...spec, bound: { ...plenty, entries: 1 } }], error => told.push(error)))
    for (const name of ['a', 'b']) sources[0]!.put(0, keyOf(name), 'x')
    sources[0]!.commit()
    for (const role of roles) await assert.rejects(role.complete(never), { code: 'SIDE_TABLE_FULL' })
    assert.equal(told.length, 2)
    for (const role of roles) await role.release()
  })

  it('refuse a topic that is not compacted, and a task that asks for a topic its role does not name', async () => {
    const { tables } = setUp()
    assert.throws(() => tables.acquire([{ topic: 'flows', bound: plenty }], () => undefined), TypeError)
    const role = tables.acquire([spec], () => undefined)
    assert.throws(() => role.table('objects'), TypeError)
    await role.release()
  })
})
