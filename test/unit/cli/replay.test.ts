/** The range, the words and the counts of `flowloom replay`; the broker is not needed for that. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { boundRole, standsElsewhere } from '../../../operations/replay/bounded-role.ts'
import { formatComparison } from '../../../cli/print/replay-comparison.ts'
import { progressPrinter, readRequest } from '../../../cli/replay.ts'
import { replayRoles } from '../../../operations/replay/run-replay.ts'
import { defaultDatabase, ownTopics, sideDeployment } from '../../../operations/replay/side-deployment.ts'
import { checkConfig, type Config } from '../../../config/config.ts'
import { createLog } from '../../../runtime/log.ts'
import type { InBatch, InRecord } from '../../../runtime/records.ts'
import type { Role, Task, TaskContext } from '../../../runtime/task.ts'
import { topics } from '../../../schemas/topics.ts'
import { topology } from '../../../topology.ts'

const config: Config = checkConfig({})

describe('a bounded role', () => {
  const calls: string[] = []
  const role: Role = {
    name: 'enrich',
    from: 'rawLines',
    to: [],
    createTask: () => ({
      start: position => void calls.push(`start ${position.offset}`),
      process: async batch => void calls.push(`${batch.records.map(({ offset }) => offset).join()} to ${batch.nextOffset}`),
      tick: async () => void calls.push('tick'),
      stop: async () => void calls.push('stop'),
    }),
  }
  const record = (offset: number, headers: Record<string, string> = {}): InRecord => ({
    ...{ offset, timestampMs: 0, key: null, value: null },
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
  })
  const batchOf = (offsets: readonly number[], nextOffset: number): InBatch => ({
    ...{ records: offsets.map(offset => record(offset)), slabs: [], nextOffset, lag: 0 },
  })
  const start = (range: { start: number; end: number }, signal = new AbortController().signal): Task => {
    calls.length = 0
    return boundRole(role, new Map([[2, range]]), 'x').createTask({ partition: 2, signal } as TaskContext)
  }

  test('takes what is in the range, commits at its end, and then waits until it is stopped', async () => {
    const stop = new AbortController()
    const task = start({ start: 10, end: 20 }, stop.signal)
    await task.start!({ offset: 10, metadata: 'start' })
    await task.process(batchOf([10, 14], 15))
    await task.tick!()
    let waits = true
    const last = task.process(batchOf([15, 19, 20, 25], 26)).then(() => (waits = false))
    await new Promise(resolve => setImmediate(resolve))
    assert.equal(waits, true)
    assert.deepEqual(calls, ['start 10', '10,14 to 15', 'tick', '15,19 to 20', 'stop'])
    stop.abort()
    await last
    await task.process(batchOf([30], 31))
    assert.deepEqual(calls.slice(5), [' to 20', 'stop'], 'what comes after the end is not taken')
  })

  const positions: { name: string; range?: { start: number; end: number }; offset: number; metadata: string; lost: boolean }[] = [
    { name: 'set at the beginning', offset: 10, metadata: 'start', lost: false },
    { name: 'committed on the way', offset: 11, metadata: '', lost: false },
    { name: 'committed at the end', offset: 20, metadata: '', lost: false },
    { name: 'forgotten: the topic begins at the range', offset: 10, metadata: '', lost: true },
    { name: 'forgotten: the topic begins before it', offset: 3, metadata: '', lost: true },
    { name: 'of an empty range', range: { start: 10, end: 10 }, offset: 10, metadata: '', lost: false },
  ]
  for (const { name, range = { start: 10, end: 20 }, offset, metadata, lost } of positions)
    test(`a position ${name} is ${lost ? 'lost' : 'fine'}`, async () => {
      const starting = async (): Promise<void> => start(range).start!({ offset, metadata })
      if (lost) await assert.rejects(starting, { code: 'REPLAY_LOST' })
      else await starting()
    })

  test('lines that stand in an earlier block too are left out, those that fetch had refused are not', async () => {
    const sent = (refusedBy: string): InRecord => record(12, { attempt: '1', 'refused-by': refusedBy })
    assert.deepEqual([sent('enrich'), sent('fetch'), record(12)].map(standsElsewhere), [true, false, false])
    const task = start({ start: 10, end: 20 })
    await task.process({ ...batchOf([], 14), records: [record(11), sent('enrich'), record(13)] })
    assert.deepEqual(calls, ['11,13 to 14'])
  })
})

test('a replay runs what comes after raw-lines, and has names of its own for all but raw-lines', async () => {
  const { roles, close } = replayRoles({ config })
  await close()
  // all that depends on raw-lines, however far behind: asked of each role until nothing is added
  const shapes = topology.flatMap(part => part.roles)
  const after = new Set(['enrich'])
  for (let size = 0; size !== after.size;) {
    size = after.size
    for (const { name, from } of shapes) if (shapes.some(writer => after.has(writer.name) && writer.to.includes(from))) after.add(name)
  }
  assert.deepEqual(roles.map(role => role.name).sort(), [...after].sort())
  for (const name of ['enrich', 'ip-context', 'clickhouse-flows', 'clickhouse-gaps', 'clickhouse-runs', 'clickhouse-dead-letters'])
    assert.ok(after.has(name), name)
  for (const name of ['fetch', 'clickhouse-objects', 'clickhouse-replays']) assert.ok(!after.has(name), name)
  const side = sideDeployment(config, 'a-b', defaultDatabase(config, 'a-b'), createLog('silent'))
  assert.equal(side.config.clickhouse.database, 'flowloom_replay_a_b')
  assert.equal(side.cluster.topicName(topics.rawLines), 'flowloom.raw-lines.v1')
  for (const topic of ownTopics()) assert.equal(side.cluster.topicName(topic), `flowloom.replay-a-b.${topic.name}.v${topic.version}`)
  assert.equal(side.cluster.transactionalIdOf('enrich', 3), 'flowloom.replay-a-b.enrich.3')
  for (const role of roles) for (const id of role.to) assert.notEqual(id, 'rawLines', 'nothing writes to the live topic')
})

describe('what is asked for', () => {
  const nowMs = Date.parse('2026-11-17')
  test('times and names are read', () => {
    const request = readRequest({ name: 'a-1', from: '2026-11-16', to: '2026-11-16T00:00:01Z', database: 'd' }, nowMs)
    assert.deepEqual(request, { name: 'a-1', fromMs: 1_794_787_200_000, toMs: 1_794_787_201_000, database: 'd' })
    assert.deepEqual(readRequest({ name: 'a' }, nowMs), { name: 'a', fromMs: undefined, toMs: undefined, database: undefined })
  })
  const wrong: Record<string, string>[] = [
    {},
    { name: 'A' },
    { name: 'a.b' },
    { name: '-a' },
    { name: 'a'.repeat(41) },
    { name: 'a', to: '2026-11-16' },
    { name: 'a', from: '2026-11-16', to: '2026-11-16' },
    { name: 'a', from: 'monday' },
    // it was accepted, and began a replay of nothing
    { name: 'a', from: '2026-11-18' },
    { name: 'a', from: '2026-11-16', to: '2026-11-18' },
    { name: 'a', from: '1999-12-31' },
  ]
  for (const values of wrong) test(JSON.stringify(values), () => assert.throws(() => readRequest(values, nowMs), { code: 'USAGE' }))
})

test('the counts stand side by side', () => {
  const counts = {
    objects: '2',
    flows: '1234567',
    packets: '9',
    bytes: '18446744073709551615',
    noData: '0',
    skipData: '1',
    dead: '3',
    addresses: '4',
  }
  const range = { fromMs: Date.parse('2026-11-16'), toMs: Date.parse('2026-11-17') }
  const [about, , ...lines] = formatComparison({ replay: counts, live: { ...counts, dead: '5' } }, 'db', range).split('\n')
  assert.equal(about, 'what was written to raw-lines from 2026-11-16T00:00:00.000Z to 2026-11-17T00:00:00.000Z')
  assert.match(lines[2]!, /^flows +1,234,567 +1,234,567$/)
  assert.match(lines[4]!, /^bytes +18,446,744,073,709,551,615 +18,446,744,073,709,551,615$/)
  assert.match(lines[7]!, /^dead letters +3 +5$/)
  assert.match(formatComparison({ replay: counts, live: undefined }, 'db', range), /flows +1,234,567 +-\n/)
})

test('progress is told where the output is not a terminal too, less often', () => {
  for (const [isTerminal, expected] of [
    [true, [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20]],
    [false, [0, 10, 20]],
  ] as const) {
    const told: number[] = []
    let nowS = 0
    const tell = progressPrinter(
      line => {
        assert.equal(line, 'enrich 25 % of 4 offsets, clickhouse-flows has nothing to read')
        told.push(nowS)
      },
      isTerminal,
      () => nowS * 1000,
    )
    for (; nowS <= 20; nowS++)
      tell([
        { role: 'enrich', left: 3, of: 4 },
        { role: 'clickhouse-flows', left: 0, of: 0 },
      ])
    assert.deepEqual(told, expected)
  }
})
