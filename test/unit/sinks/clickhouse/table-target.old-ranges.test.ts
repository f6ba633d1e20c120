// A range whose token the server may have forgotten: rows exactly once, whatever was inserted of it before.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Role } from '../../../../runtime/task.ts'
import { createClickHouseRoles } from '../../../../sinks/clickhouse/clickhouse-sink.ts'
import { FlowColumns } from '../../../../sinks/clickhouse/columns/flow-columns.ts'
import { keepRows } from '../../../../sinks/clickhouse/columns/keep-rows.ts'
import type { TableName } from '../../../../sinks/clickhouse/store.ts'
import { placesByDay } from '../../../../sinks/clickhouse/stored-rows.ts'
import { flow } from '../../../support/records/flow-records.ts'
import { MemoryCluster, type MemoryTask } from '../../../../harness/memory-context.ts'
import { MemoryStore, type InsertFailure } from '../../../support/clickhouse/memory-store.ts'

const flowKey = { lowAddr: null, lowPort: null, highAddr: null, highPort: null, protocol: null }
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)
const objectIds = [Buffer.from('00ab3c4d5e6f7081', 'hex'), Buffer.from('ffab3c4d5e6f7082', 'hex')]

/** What each role that must not repeat rows reads and writes. */
const kinds = [
  { role: 'clickhouse-flows', table: 'flows' },
  { role: 'clickhouse-gaps', table: 'flow_gaps' },
  { role: 'clickhouse-dead-letters', table: 'dead_letters' },
] as const

/** Seeds of the random histories; one that fails is added here. */
const seeds = [1, 2, 3]

class Sink {
  readonly store = new MemoryStore()
  readonly cluster = new MemoryCluster()
  readonly role: Role
  readonly #kind: (typeof kinds)[number]
  #lines = 0

  constructor(kind: (typeof kinds)[number], options: { window?: number; insertRows?: number } = {}) {
    this.#kind = kind
    const { window = 1000, insertRows = 1000 } = options
    this.store.window = window
    const settings = { store: this.store, topicPrefix: 'p.', insertRows, insertIntervalMs: 1000, deduplicationWindow: window }
    this.role = createClickHouseRoles(settings).find(({ name }) => name === kind.role)!
  }

  /** Puts records; every `days`-th is of the same day. */
  put(count: number, days = 1): void {
    for (let i = 0; i < count; i++) {
      const line = ++this.#lines
      const objectId = objectIds[line % 2]!
      const start = 1_700_000_000 + (line % days) * 86_400
      if (this.#kind.role === 'clickhouse-flows')
        this.cluster.put('flows', flowKey, flow({ line, objectId, start, end: start, extra: { line: `${line}` } }))
      else if (this.#kind.role === 'clickhouse-gaps') {
        const texts = { accountId: null, region: null, interfaceId: 'eni-1', vpcId: null, subnetId: null, instanceId: null, azId: null }
        this.#append(
          'flowGaps',
          { interfaceId: 'eni-1' },
          { ...texts, start, end: start, timeSource: 'logged', timeKept: null, kind: 'NODATA', objectId, line, extra: null },
        )
      } else {
        // the first line is refused at every attempt
        const letter = {
          etag: 'e',
          objectId,
          line: 1,
          stage: 'enrich',
          reason: 'bad-address',
          detail: '',
          header: null,
          bytes: Buffer.from('x'),
          length: 1,
          sha256: null,
        }
        this.#append('deadLetters', { bucket: 'b', key: 'k' }, { ...letter, attempt: line })
      }
    }
  }

  #append(topic: 'flowGaps' | 'deadLetters', key: unknown, value: unknown): void {
    const codec = this.cluster.codecs[topic] as unknown as { encodeKey(key: unknown): Buffer; encodeValue(value: unknown): Buffer }
    this.cluster.append(topic, 0, [{ key: codec.encodeKey(key), value: codec.encodeValue(value) }])
  }

  get total(): number {
    return this.#lines
  }

  /** Line numbers (of dead letters: attempts) in the table. */
  lines(): number[] {
    return this.store
      .rows(this.#kind.table)
      .map(row => Number(row[this.#kind.table === 'dead_letters' ? 'attempt' : 'line']))
      .sort((a, b) => a - b)
  }

  start(): Promise<MemoryTask> {
    return this.cluster.startTask(this.role, 0)
  }

  /** Announces a range, inserts it as far as `failure` lets it, and dies. */
  async dieInserting(failure: InsertFailure): Promise<void> {
    this.failOnce(failure)
    const task = await this.start()
    await task.step()
    this.cluster.clockMs += 1000
    await assert.rejects(task.tick())
  }

  failOnce(failure: InsertFailure): void {
    let left = true
    this.store.fail = (table: TableName) => {
      if (table !== this.#kind.table || !left) return undefined
      left = false
      return failure
    }
  }

  /** Others insert for a while, each part in 4 ms. */
  othersInsert(parts: number): void {
    this.store.passParts(parts)
    this.cluster.clockMs += 4 * parts
  }
}

for (const kind of kinds)
  describe(`old ranges of ${kind.role}`, () => {
    it('are there once when 1,001 other parts were inserted while the commit of one was late', async () => {
      const sink = new Sink(kind)
      sink.put(100)
      await sink.dieInserting('after')
      sink.othersInsert(1001)
      await sink.cluster.runRole(sink.role)
      assert.deepEqual(sink.lines(), upTo(100))
      assert.equal(sink.store.questions.length, 1)
    })

    it('are inserted where nothing of them is there', async () => {
      const sink = new Sink(kind)
      sink.put(100)
      await sink.dieInserting('before')
      sink.othersInsert(1001)
      await sink.cluster.runRole(sink.role)
      assert.deepEqual(sink.lines(), upTo(100))
    })

    it('are not looked for while the server must know their token', async () => {
      const sink = new Sink(kind)
      sink.put(100)
      await sink.dieInserting('after')
      sink.othersInsert(240)
      await sink.cluster.runRole(sink.role)
      assert.deepEqual(sink.lines(), upTo(100))
      assert.deepEqual(sink.store.questions, [])
      assert.equal(sink.store.inserts.filter(({ table, kept }) => table === kind.table && !kept).length, 1, 'dropped by its token')
    })

    it('are there once though the clock was set back behind their announcement', async () => {
      const sink = new Sink(kind)
      sink.put(100)
      await sink.dieInserting('after')
      sink.othersInsert(1001)
      sink.cluster.clockMs -= 3_600_000
      await sink.cluster.runRole(sink.role)
      assert.deepEqual(sink.lines(), upTo(100))
    })

    for (const seed of seeds)
      it(`are there once after any failures, however many parts others insert in between (${seed})`, async () => {
        const step = fc.record({
          records: fc.integer({ min: 1, max: 12 }),
          put: fc.integer({ min: 0, max: 6 }),
          others: fc.constantFrom(0, 0, 3, 9, 10, 11, 50),
          failure: fc.constantFrom<InsertFailure | 'commit' | 'commit-unknown' | 'none'>(
            'before',
            'after',
            'part',
            'commit',
            'commit-unknown',
            'none',
            'none',
          ),
        })
        await fc.assert(
          fc.asyncProperty(
            fc.array(step, { minLength: 1, maxLength: 30 }),
            fc.integer({ min: 1, max: 15 }),
            fc.integer({ min: 1, max: 4 }),
            async (steps, insertRows, days) => {
              // a range is at most `days` parts: more than the window would not be remembered even at once
              const sink = new Sink(kind, { window: 10, insertRows })
              sink.put(20, days)
              let task = await sink.start()
              for (const { records, put, others, failure } of steps) {
                sink.put(put, days)
                if (failure === 'commit' || failure === 'commit-unknown') task.context.failAt(failure)
                else if (failure !== 'none') sink.failOnce(failure)
                try {
                  await task.step(records)
                  sink.cluster.clockMs += 1000
                  await task.tick()
                } catch {
                  sink.othersInsert(others)
                  task = await sink.start()
                }
              }
              sink.store.fail = () => undefined
              await sink.cluster.runRole(sink.role)
              assert.deepEqual(sink.lines(), upTo(sink.total))
            },
          ),
          { numRuns: 60, seed },
        )
      })
  })

describe('old ranges of which a part is there', () => {
  const [flows] = kinds

  it('get the days that are missing, with the token of the range', async () => {
    const sink = new Sink(flows)
    sink.put(100, 4)
    await sink.dieInserting('part')
    assert.equal(sink.lines().length, 50)
    sink.othersInsert(1001)
    await sink.cluster.runRole(sink.role)
    assert.deepEqual(sink.lines(), upTo(100))
    const tokens = sink.store.inserts.filter(({ table }) => table === 'flows').map(({ token }) => token)
    assert.equal(tokens[0], tokens[1])
    assert.deepEqual(
      sink.store.rows('flows').map(row => row['extra']),
      sink.store.rows('flows').map(row => ({ line: `${row['line'] as number}` })),
      'each row has the extra columns that it had',
    )
  })

  it('get the rows that are missing of a day, with another token: the server may still know the first', async () => {
    const sink = new Sink(flows)
    sink.put(40)
    await sink.dieInserting('after')
    // the same range was announced again, longer: the server knows only the token of the first 40
    const position = sink.cluster.positionOf(sink.role, 0)
    sink.put(10)
    await sink.cluster.createContext(sink.role, 0).commit({ offset: 0, metadata: position.metadata.replace('0-40@', '0-50@') })
    sink.cluster.clockMs += 60_000
    await sink.cluster.runRole(sink.role)
    assert.deepEqual(sink.lines(), upTo(50))
    assert.match(sink.store.inserts.at(-1)!.token!, /:0-50@\d+:rest$/)
  })
})

describe('an old range of objects whose other lines the table has by the thousand', () => {
  for (const kind of kinds)
    it(`gets no more rows back than it has (${kind.role}): all lines of the objects of 96 partitions had no room in memory`, async () => {
      const others = new Sink(kind)
      others.put(5000)
      await others.cluster.runRole(others.role)
      const sink = new Sink(kind)
      sink.store.have(kind.table, others.store.rows(kind.table))
      const before = sink.lines()
      sink.put(100)
      await sink.dieInserting('before')
      sink.othersInsert(1001)
      await sink.cluster.runRole(sink.role)
      assert.equal(sink.store.answered, 100, 'the lines that the range has')
      assert.deepEqual(sink.lines(), before)
    })
})

describe('rows that are left out', () => {
  it('leave the others as they are, whatever width their columns have', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ wanted: fc.boolean(), extra: fc.array(fc.string(), { maxLength: 3 }) }), { maxLength: 40 }),
        rows => {
          const columns = new FlowColumns()
          columns.ensure(rows.length)
          const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
          rows.forEach(({ extra }, row) => {
            columns.line[row] = row
            columns.direction[row] = row % 3
            columns.objectId[2 * row] = 7 * row
            columns.objectId[2 * row + 1] = 9 * row
            for (const text of extra) {
              columns.extraKeys.add(encode(`${row}`), 0, `${row}`.length)
              const value = encode(text.repeat(50))
              columns.extraValues.add(value, 0, value.length)
              columns.extras++
            }
            columns.extraEnd[row] = columns.extras
            columns.rows++
          })
          keepRows(
            columns,
            Uint8Array.from(rows, ({ wanted }) => (wanted ? 1 : 0)),
          )
          const kept = rows.map(({ wanted, extra }, row) => ({ wanted, extra, row })).filter(({ wanted }) => wanted)
          const read = (arena: { bytes: Uint8Array; skip(at: number, count: number): number; used: number }): string[] => {
            const texts: string[] = []
            for (let at = 0; at < arena.used;) {
              const end = arena.skip(at, 1)
              texts.push(new TextDecoder().decode(arena.bytes.subarray(at + (end - at > 128 ? 2 : 1), end)))
              at = end
            }
            return texts
          }
          assert.equal(columns.rows, kept.length)
          assert.deepEqual(
            [...columns.line.subarray(0, kept.length)],
            kept.map(({ row }) => row),
          )
          assert.deepEqual(
            [...columns.direction.subarray(0, kept.length)],
            kept.map(({ row }) => row % 3),
          )
          assert.deepEqual(
            [...columns.objectId.subarray(0, 2 * kept.length)],
            kept.flatMap(({ row }) => [7 * row, 9 * row]),
          )
          assert.deepEqual(
            read(columns.extraKeys),
            kept.flatMap(({ row, extra }) => extra.map(() => `${row}`)),
          )
          assert.deepEqual(
            read(columns.extraValues),
            kept.flatMap(({ extra }) => extra.map(text => text.repeat(50))),
          )
          const counts = kept.map(({ extra }) => extra.length)
          assert.deepEqual(
            [...columns.extraEnd.subarray(0, kept.length)],
            counts.map((_, i) => counts.slice(0, i + 1).reduce((a, b) => a + b, 0)),
          )
        },
      ),
    )
  })

  it('are asked for by day, from the first second to the last', () => {
    const rows = [90_000, 5, 86_399, 86_400, 7].map((start, i) => [start, BigInt(i % 2), `${i}`] as const)
    assert.deepEqual(placesByDay(rows), [
      {
        starts: [5, 86_399],
        objects: new Map([
          [1n, ['1']],
          [0n, ['2', '4']],
        ]),
      },
      {
        starts: [86_400, 90_000],
        objects: new Map([
          [0n, ['0']],
          [1n, ['3']],
        ]),
      },
    ])
  })
})
