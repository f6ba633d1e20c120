/**
 * Both ways to read are equal on the real broker: batches that we decode (to records and as slabs) and records that kafkajs decodes. A process
 * has one way, so the second reading is done by this very file in another process.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual, promisify } from 'node:util'
import { checkConfig } from '../../config/config.ts'
import { codecNumbers, frameRecords, type CodecName } from '../../runtime/kafka/record-format.ts'
import type { InRecord, OutRecord } from '../../runtime/records.ts'
import type { Topic } from '../../schemas/topics.ts'
import { Lab, until } from '../support/kafka/kafka-lab.ts'
import { releaseStack } from '../../harness/live-stack.ts'

type Plain = [offset: number, timestampMs: number, key: string | null, value: string | null, headers: string]

const plainly = (records: readonly InRecord[]): Plain[] =>
  records.map(({ offset, timestampMs, key, value, headers }) => [
    offset,
    timestampMs,
    key?.toString('hex') ?? null,
    value?.toString('hex') ?? null,
    Object.entries(headers)
      .map(([name, bytes]) => `${name}=${bytes.toString('hex')}`)
      .join(),
  ])

const job = process.env['FLOWLOOM_TEST_READ']
if (job !== undefined) {
  const { kafka, topic, from } = JSON.parse(job) as { kafka: object; topic: Topic; from: number }
  const lab = new Lab(checkConfig({ kafka: { ...kafka, encodedBatches: false }, log: { level: 'silent' } }))
  const records = plainly(await lab.read(topic, { from }))
  const slabs = plainly(await lab.read(topic, { from, how: 'slabs' }))
  process.stdout.write(JSON.stringify({ records, slabs }))
  await lab.close()
} else {
  defineTests()
}

function defineTests(): void {
  let lab: Lab
  before(async () => {
    lab = await Lab.open()
  })
  after(async () => {
    await lab.close()
    await releaseStack()
  })

  /**
   * Reads in all four ways and compares; slabs have neither timestamps nor headers in ordinary mode. Again, where the broker has compacted the
   * topic meanwhile.
   */
  async function readAllWays(topic: Topic, from = 0): Promise<InRecord[]> {
    const offsets = async (): Promise<number[]> => (await lab.read(topic, { from })).map(record => record.offset)
    for (let attempt = 1; ; attempt++) {
      const before = await offsets()
      const { ours, compare } = await readEachWay(topic, from)
      if (attempt < 10 && !isDeepStrictEqual(await offsets(), before)) continue
      compare()
      return ours
    }
  }

  async function readEachWay(topic: Topic, from: number): Promise<{ ours: InRecord[]; compare: () => void }> {
    const environment: NodeJS.ProcessEnv = { ...process.env, FLOWLOOM_TEST_READ: JSON.stringify({ kafka: lab.settings, topic, from }) }
    delete environment['NODE_TEST_CONTEXT']
    const other = promisify(execFile)(process.execPath, ['--no-warnings', import.meta.filename], {
      env: environment,
      timeout: 60_000,
      maxBuffer: 2 ** 26,
    })
    const ours = await lab.read(topic, { from })
    const slabs = await lab.read(topic, { from, how: 'slabs' })
    const stock = JSON.parse((await other).stdout) as { records: Plain[]; slabs: Plain[] }
    const core = (records: readonly Plain[]): unknown[] => records.map(([offset, , key, value]) => [offset, key, value])
    const compare = (): void => {
      assert.deepEqual(plainly(ours), stock.records)
      assert.deepEqual(core(plainly(slabs)), core(plainly(ours)))
      assert.deepEqual(core(stock.slabs), core(plainly(ours)))
    }
    return { ours, compare }
  }

  const some = (n: number, name: string): OutRecord[] =>
    Array.from({ length: n }, (_, i) => ({
      key: i % 7 === 3 ? null : Buffer.from(`${name}-${i}`),
      value: i % 5 === 4 ? null : Buffer.concat([Buffer.from(`${name}-${i} `), randomBytes(i * 3)]),
      ...(i % 3 === 0 ? { headers: { line: String(i), größe: 'ä€' } } : {}),
    }))

  test('every codec, null keys and values, headers, and a position inside a batch', async () => {
    const topic = await lab.topic()
    for (const compression of Object.keys(codecNumbers) as CodecName[]) {
      const producer = lab.fenced('codecs', { compression })
      await producer.fence()
      await producer.send(lab.nameOf(topic), 0, some(40, compression))
      await producer.commit()
    }
    const all = await readAllWays(topic)
    assert.equal(all.length, 160)
    assert.equal(all[0]!.headers['größe']!.toString(), 'ä€')
    const inside = await readAllWays(topic, 57)
    assert.deepEqual(plainly(inside), plainly(all.filter(({ offset }) => offset >= 57)))
    assert.equal(inside[0]!.offset, 57)
  })

  test('overlapping aborted transactions', async () => {
    const topic = await lab.topic()
    const name = lab.nameOf(topic)
    const [a, b, c] = [await lab.plain('a'), await lab.plain('b'), lab.fenced('c')]
    await c.fence()
    const slab = (text: string): { partition: number; value: null; slab: object } => ({
      partition: 0,
      value: null,
      slab: { partition: 0, length: 9, slab: { bytes: frameRecords(some(9, text)).bytes }, codec: 'lz4' },
    })
    for (let round = 0; round < 3; round++) {
      const [first, second] = [await a.transaction(), await b.transaction()]
      await second.send({ topic: name, messages: [slab(`b${round}`)] })
      await first.send({ topic: name, messages: [slab(`a${round}`)] })
      await c.send(name, 0, some(5, `c${round}`))
      await first.abort()
      await second.send({ topic: name, messages: [slab(`b${round}+`)] })
      await c.commit()
      await (round === 1 ? second.commit() : second.abort())
    }
    const found = await readAllWays(topic)
    assert.equal(found.length, 3 * 5 + 18)
    assert.deepEqual([...new Set(found.map(({ key }) => key?.toString().split('-')[0] ?? ''))].filter(text => text !== '').sort(), [
      'b1',
      'b1+',
      'c0',
      'c1',
      'c2',
    ])
    await readAllWays(topic, 12)
  })

  test('holes that compaction leaves in batches', { timeout: 60_000 }, async () => {
    const settings = {
      'cleanup.policy': 'compact',
      'segment.ms': '1000',
      'min.cleanable.dirty.ratio': '0.01',
      'min.compaction.lag.ms': '0',
    }
    const topic = await lab.topic({ settings })
    const producer = lab.fenced('holes')
    await producer.fence()
    for (let round = 0; round < 6; round++) {
      const records = Array.from({ length: 50 }, (_, i) => ({
        key: Buffer.from(`k${i % 2 === 0 ? i : `${i}-${round}`}`),
        value: Buffer.from(`${round}:${i}`),
      }))
      await producer.send(lab.nameOf(topic), 0, records)
      await producer.commit()
    }
    await until(
      async () => {
        await sleep(1100)
        await producer.send(lab.nameOf(topic), 0, [{ key: Buffer.from('last'), value: Buffer.from('x') }])
        await producer.commit()
        return (await lab.read(topic)).length < 250
      },
      40_000,
      'compaction',
    )
    const found = await readAllWays(topic)
    assert.ok(found.some(({ offset }, i) => i > 0 && offset > found[i - 1]!.offset + 1))
    assert.equal(new Map(found.map(({ key, value }) => [String(key), String(value)])).get('k10'), '5:10')
    assert.equal(found.filter(({ key }) => String(key).includes('-')).length, 150)
  })

  test('timestamps of a topic whose broker stamps the batches', async () => {
    const topic = await lab.topic({ settings: { 'message.timestamp.type': 'LogAppendTime' } })
    const producer = lab.fenced('stamps')
    await producer.fence()
    await producer.send(lab.nameOf(topic), 0, some(3, 's'))
    await producer.commit()
    await readAllWays(topic)
  })
}
