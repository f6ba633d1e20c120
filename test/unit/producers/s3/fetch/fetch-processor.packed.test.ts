/** Fetch on a runtime that packs records ahead of their send: nothing of the text is lost, mixed up or freed too early. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { checkConfig } from '../../../../../config/config.ts'
import { createFetchRole } from '../../../../../producers/s3/fetch/fetch-processor.ts'
import { nothingStaged, Outbox } from '../../../../../producers/s3/fetch/outbox.ts'
import { markOwn, release, TextMemory } from '../../../../../producers/s3/text/text-memory.ts'
import { frameRecords, readRecords } from '../../../../../runtime/kafka/record-format.ts'
import type { InRecord, OutRecord, PackedRecords } from '../../../../../runtime/records.ts'
import type { TaskContext } from '../../../../../runtime/task.ts'
import { rawLineHeaders, topics } from '../../../../../schemas/topics.ts'
import { MemoryCluster } from '../../../../../harness/memory-context.ts'
import { MemoryObjectStore } from '../../../../../harness/memory-object-store.ts'

const bucket = 'b'
const header = 'version srcaddr dstaddr bytes'
const textOf = (seed: number, lines: number): string =>
  `${header}\n${Array.from({ length: lines }, (_, i) => `2 10.0.${seed}.${i % 250} 10.1.0.1 ${i * 7919}${' x'.repeat(i % 40)}\n`).join('')}`

/** Runs fetch over objects; returns the text of each, as it was sent, and how many records were packed. */
async function fetched(
  objects: ReadonlyMap<string, Buffer>,
  settings: object = {},
): Promise<{ texts: Map<string, string>; packed: number }> {
  const store = new MemoryObjectStore()
  const cluster = new MemoryCluster()
  for (const [key, body] of objects) {
    const etag = store.put(bucket, key, body)
    cluster.put('objectArrivals', { bucket, key }, { etag, size: body.length, lastModifiedMs: 0, source: 'poll' })
  }
  const { s3, kafka } = checkConfig({ s3: settings })
  const role = createFetchRole({ settings: s3, kafka, stores: () => store })
  const base = cluster.createContext(role, 0)
  const { rawLines } = base.codecs
  const texts = new Map<string, string>()
  const nextLine = new Map<string, number>()
  let count = 0
  const take = ({ key, value, headers }: InRecord): void => {
    const name = rawLines.decodeKey(key!).key
    const first = Number(headers[rawLineHeaders.firstLine])
    const expected = nextLine.get(name) ?? 2
    assert.ok(first === expected || (name.includes('too long') && first === 3003), `${name}: line ${first} instead of ${expected}`)
    nextLine.set(name, first + Number(headers[rawLineHeaders.lines]))
    texts.set(name, (texts.get(name) ?? '') + value!.toString())
  }
  const context: TaskContext = {
    partition: base.partition,
    name: base.name,
    log: base.log,
    codecs: base.codecs,
    signal: base.signal,
    partitionsOf: topic => base.partitionsOf(topic),
    nowMs: () => 0,
    lookUp: (topic, keys) => base.lookUp(topic, keys),
    greatestGroup: topic => base.greatestGroup(topic),
    sideTable: topic => base.sideTable(topic),
    commit: () => Promise.resolve(),
    pack: async records => {
      count += records.length
      const { bytes } = frameRecords(records)
      await Promise.resolve()
      return [{ packed: Buffer.from(bytes), count: records.length, size: bytes.length }]
    },
    send: (topic, partition, records) => context.sendAll([{ topic, partition, records }]),
    sendAll: async parts => {
      for (const { topic, records } of parts) {
        if (topic !== topics.rawLines) continue
        assert.ok('packed' in records)
        for (const record of readRecords(records.packed, records.count, 0)) take(record)
      }
    },
  }
  const task = role.createTask(context)
  const records = cluster.partition('objectArrivals', 0)
  await task.process({ records, slabs: [], nextOffset: records.length, lag: 0 })
  await task.stop?.()
  return { texts, packed: count }
}

for (const { name, limits } of [
  { name: 'with the limits as shipped', limits: {} },
  { name: 'with a transaction for every few blocks', limits: { chunkBytes: 262_144 } },
  { name: 'with blocks larger than the chunks of the text', limits: { blockBytes: 800_000, linesPerRecord: 100_000 } },
  { name: 'with small blocks', limits: { blockBytes: 4096 } },
])
  test(`the text of small and large objects arrives whole, ${name}`, { timeout: 60_000 }, async () => {
    const texts = new Map<string, string>()
    const bodies = new Map<string, Buffer>()
    const add = (key: string, text: string, body: Buffer): void => {
      texts.set(key, text.slice(header.length + 1))
      bodies.set(key, body)
    }
    for (let i = 0; i < 12; i++) add(`small-${i}`, textOf(i, 2000), gzipSync(textOf(i, 2000)))
    add('large', textOf(100, 60_000), gzipSync(textOf(100, 60_000)))
    // stored: the object itself is too large to be held whole, and is streamed
    add('streamed', textOf(101, 80_000), gzipSync(textOf(101, 80_000), { level: 0 }))
    for (let i = 12; i < 20; i++) add(`small-${i}`, textOf(i, 1500), gzipSync(textOf(i, 1500)))
    const [first, second] = [textOf(102, 30_000), textOf(103, 9).slice(header.length + 1)]
    add('members', first + second, Buffer.concat([gzipSync(first), gzipSync(second)]))
    const long = `${'2 10.0.0.1 '.repeat(400_000)}\n`
    const around = [textOf(105, 3000), textOf(106, 3000).slice(header.length + 1)]
    add('around a line that is too long', around.join(''), gzipSync(around.join(long)))
    add('plain', textOf(104, 20_000), Buffer.from(textOf(104, 20_000)))
    const { texts: arrived, packed } = await fetched(bodies, limits)
    assert.ok(packed > texts.size)
    assert.deepEqual([...arrived.keys()].sort(), [...texts.keys()].sort())
    for (const [key, text] of texts) assert.equal(arrived.get(key) === text, true, key)
  })

test('a chunk is read when nothing that is held lies in it', () => {
  const memory = new TextMemory()
  const chunks = [100, 50, 10].map(length => Buffer.alloc(length))
  for (const chunk of chunks) memory.add(chunk)
  assert.deepEqual(memory.read(61), [])
  assert.deepEqual(memory.read(60), [chunks[0]])
  assert.deepEqual(memory.read(1), [chunks[1]])
  assert.deepEqual(memory.read(0), [chunks[2]])
  assert.deepEqual(memory.read(0), [])
})

test('memory is freed at once where it is ours, and only there', () => {
  const [ours, others] = [Buffer.allocUnsafeSlow(100_000), Buffer.allocUnsafeSlow(100_000)]
  markOwn(ours)
  release([ours.subarray(10), others])
  assert.equal(ours.length, 100_000)
  release([ours, others])
  assert.deepEqual([ours.length, others.length], [0, 100_000])
})

test('text that no line refers to is freed while it is read, other text when the lines are packed', async () => {
  const cluster = new MemoryCluster()
  const { s3, kafka } = checkConfig({})
  const role = createFetchRole({ settings: s3, kafka, stores: () => new MemoryObjectStore() })
  const base = cluster.createContext(role, 0)
  const packs: number[] = []
  const pack = (records: readonly OutRecord[]): Promise<PackedRecords[]> => {
    packs.push(records.length)
    return Promise.resolve([{ packed: Buffer.alloc(1), count: records.length, size: 1 }])
  }
  const context = Object.assign(Object.create(base) as TaskContext, { pack })
  const outbox = new Outbox(context, { chunkBytes: 1, ...kafka })
  const chunk = (): Buffer => {
    const bytes = Buffer.allocUnsafeSlow(1_000_000)
    markOwn(bytes)
    return bytes
  }
  const staged = nothingStaged()
  const skipped = chunk()
  await outbox.retire(staged, [skipped])
  assert.deepEqual([skipped.length, staged.memory.length], [0, 0])

  const referred = chunk()
  staged.lines.push({ key: null, value: referred.subarray(0, 100), headers: {} })
  staged.openBytes = 100
  await outbox.retire(staged, [referred])
  const behind = [chunk(), chunk()]
  await outbox.retire(staged, [behind[0]!])
  assert.deepEqual([referred.length, behind[0]!.length, packs], [1_000_000, 1_000_000, []])
  await outbox.retire(staged, [behind[1]!])
  assert.deepEqual([referred.length, ...behind.map(({ length }) => length), packs], [0, 0, 0, [1]])
})
