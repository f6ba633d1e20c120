/** Objects without a header line whose format another service says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { FlowLogName, FlowLogService } from '../../../../../producers/s3/fetch/describe-flow-logs.ts'
import { FlowError, type ErrorCode } from '../../../../../runtime/errors.ts'
import { bucket, FetchBench, gz, header, keyOf, numbered, settle } from '../../../../support/s3/fetch-cases.ts'

const sources = [{ bucket, prefix: '', format: 'describe' }]
const format = header
  .split(' ')
  .map(name => `\${${name}}`)
  .join(' ')
const key = keyOf('a')
const other = keyOf('b')
const lines = numbered(7, 1)

/** Answers with the format, or with an error. */
class Answers implements FlowLogService {
  readonly asked: string[] = []
  fault: ErrorCode | undefined
  format = format

  async logFormat(name: FlowLogName): Promise<string> {
    this.asked.push(`${name.region} ${name.flowLogId}`)
    await Promise.resolve()
    if (this.fault !== undefined) throw new FlowError(this.fault, { ...name, detail: 'said by the test' })
    return this.format
  }

  tryAsking(): Promise<void> {
    return Promise.resolve()
  }
}

const benchWith = (flowLogs: FlowLogService, settings: Record<string, unknown> = {}): FetchBench =>
  new FetchBench({ sources, ...settings }, 1, { flowLogs })

test('objects of a flow log have the format that EC2 says, which is asked once', async () => {
  const answers = new Answers()
  const bench = benchWith(answers)
  for (const each of [key, other]) await bench.putAndAnnounce(each, lines.join('\n'))
  await bench.run()
  for (const each of [key, other]) {
    assert.deepEqual(
      bench.lines(each),
      lines.map((text, i) => ({ line: i + 1, text })),
    )
    assert.deepEqual([bench.ledger(each)?.state, bench.ledger(each)?.header, bench.ledger(each)?.lines], ['done', header, 7])
  }
  assert.ok(bench.cluster.readCommitted('rawLines').every(record => record.headers['header'] === header))
  assert.deepEqual(answers.asked, ['us-east-1 fl-0123456789abcdef0'])
  assert.equal(bench.store.requests.open.length, 2)
})

test('an object with a header line keeps it, and nobody is asked', async () => {
  const answers = new Answers()
  const bench = benchWith(answers)
  await bench.putAndAnnounce(other, lines.join('\n'))
  await bench.putAndAnnounce(key, 'bytes made up srcaddr\n5 a b 10.0.0.1\n')
  await bench.run()
  assert.equal(bench.ledger(key)?.header, 'bytes made up srcaddr')
  assert.deepEqual(bench.lines(key), [{ line: 2, text: '5 a b 10.0.0.1' }])
  const alone = benchWith(answers)
  await alone.putAndAnnounce(key, gz(lines))
  await alone.run()
  assert.equal(answers.asked.length, 1)
})

test('blank lines and a byte-order mark before the first line change nothing', async () => {
  const bench = benchWith(new Answers())
  for (const pieceBytes of [1, 1000]) {
    bench.store.pieceBytes = pieceBytes
    const each = keyOf(`pieces-of-${pieceBytes}`)
    await bench.putAndAnnounce(each, `\ufeff\n \r\n${lines.join('\n')}`)
    await bench.run()
    const { state, lines: count, blankLines } = bench.ledger(each)!
    assert.deepEqual([state, count, blankLines], ['done', 9, 2])
  }
})

for (const fault of ['FLOW_LOG_NOT_FOUND', 'FLOW_LOG_DENIED'] as const)
  test(`after ${fault} an object fails, stops no other, and is read by command when it is mended`, async () => {
    const answers = new Answers()
    answers.fault = fault
    const bench = benchWith(answers)
    await bench.putAndAnnounce(key, lines.join('\n'))
    await bench.putAndAnnounce(other, gz(lines))
    const task = await bench.cluster.startTask(bench.role, 0)
    await task.drain()
    for (const [waitMs, state] of [
      [500, 'retrying'],
      [500, 'retrying'],
      [2000, 'retrying'],
      [500, 'failed'],
    ] as const) {
      bench.cluster.clockMs += waitMs
      await settle(task)
      assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.errorCode], [state, fault])
    }
    assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.attempts, bench.lines(key).length], ['failed', 3, 0])
    assert.equal(bench.ledger(other)?.state, 'done')
    assert.equal(answers.asked.length, 3)
    answers.fault = undefined
    bench.cluster.clockMs += 1
    await bench.announce(key, 'retry')
    await task.drain()
    await task.stop()
    assert.deepEqual([bench.ledger(key)?.state, bench.lines(key).length], ['done', 7])
  })

test('while EC2 does not answer, an object is tried again for ever', async () => {
  const answers = new Answers()
  answers.fault = 'EC2_UNAVAILABLE'
  const bench = benchWith(answers)
  await bench.putAndAnnounce(key, lines.join('\n'))
  const task = await bench.cluster.startTask(bench.role, 0)
  await task.drain()
  for (let i = 0; i < 6; i++) {
    bench.cluster.clockMs += 300_000
    await settle(task)
  }
  assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.errorCode], ['retrying', 'EC2_UNAVAILABLE'])
  answers.fault = undefined
  bench.cluster.clockMs += 300_000
  await settle(task)
  await task.stop()
  assert.equal(bench.ledger(key)?.state, 'done')
})

test('a key that names no flow log, and a format without a known field, fail at once with their own reasons', async () => {
  const answers = new Answers()
  answers.format = '${made} ${up}'
  const bench = benchWith(answers)
  for (const each of ['copies/x.log.gz', key]) await bench.putAndAnnounce(each, lines.join('\n'))
  await bench.run()
  assert.deepEqual([bench.ledger('copies/x.log.gz')?.state, bench.ledger('copies/x.log.gz')?.errorCode], ['failed', 'FLOW_LOG_UNNAMED'])
  assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.errorCode], ['failed', 'FLOW_LOG_FORMAT'])
  const named = benchWith(new Answers(), { sources: [{ ...sources[0], flowLogId: 'fl-1' }] })
  await named.putAndAnnounce('copies/x.log.gz', lines.join('\n'))
  await named.run()
  assert.equal(named.ledger('copies/x.log.gz')?.state, 'done')
})

test('wherever a task is killed, a large object goes on with the header line it began with', async () => {
  const all = numbered(70_000, 1)
  const body = Buffer.from(all.join('\n'))
  assert.ok(body.length > 4_194_304)
  const answers = new Answers()
  const bench = benchWith(answers, { chunkBytes: 500_000 })
  await bench.putAndAnnounce(key, body)
  const kills = await bench.runKilled(key, { chunks: 1, tries: 50 })
  assert.ok(kills > 2, `${kills} kills`)
  assert.deepEqual(
    bench.lines(key),
    all.map((text, i) => ({ line: i + 1, text })),
  )
  assert.equal(answers.asked.length, 1)
  assert.ok(bench.cluster.readCommitted('rawLines').every(record => record.headers['header'] === header))
  // twice to begin with, then once for each time it goes on
  assert.equal(bench.store.requests.open.length, 2 + kills)
})

test('exports have a column before those that EC2 says', async () => {
  const bench = benchWith(new Answers(), { sources: [{ bucket, prefix: '', format: 'exported describe' }] })
  const exported = lines.map(line => `2026-11-24T10:00:00.000Z ${line}`)
  await bench.putAndAnnounce(key, gzipSync(exported.join('\n')))
  await bench.putAndAnnounce(other, `${header}\n${lines.join('\n')}`)
  await bench.run()
  assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.header], ['done', `exported ${header}`])
  assert.deepEqual(
    bench.lines(key).map(({ text }) => text),
    exported,
  )
  assert.equal(bench.ledger(other)?.header, header)
})

test('envelopes have the format that EC2 says', async () => {
  const bench = benchWith(new Answers())
  const envelope = JSON.stringify({
    messageType: 'DATA_MESSAGE',
    owner: '1',
    logEvents: lines.map((message, id) => ({ id: String(id), message })),
  })
  await bench.putAndAnnounce(key, gzipSync(envelope))
  await bench.run()
  assert.deepEqual(
    bench.lines(key).map(({ text }) => text),
    lines,
  )
})

test('a stop does not wait for EC2', async () => {
  let asked = (): void => undefined
  const asking = new Promise<void>(resolve => (asked = resolve))
  const silent: FlowLogService = {
    logFormat: () => {
      asked()
      return new Promise<string>(() => undefined)
    },
    tryAsking: () => Promise.resolve(),
  }
  const bench = benchWith(silent)
  await bench.putAndAnnounce(key, lines.join('\n'))
  const task = await bench.cluster.startTask(bench.role, 0)
  const drained = task.drain()
  await asking
  await task.stop()
  await drained
  assert.equal(bench.ledger(key), undefined)
})
