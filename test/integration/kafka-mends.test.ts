/** What is mended in kafkajs, against the real broker, with records that kafkajs encodes and decodes itself. One test for each letter. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Lab, require, until } from '../support/kafka/kafka-lab.ts'
import { releaseStack } from '../../harness/live-stack.ts'

const stockChecksum = require('kafkajs/src/protocol/recordBatch/crc32C/index.js') as (bytes: Buffer) => number
let lab: Lab

before(async () => {
  lab = await Lab.open({ encodedBatches: false })
})
after(async () => {
  await lab.close()
  await releaseStack()
})

const offsets = (records: readonly { offset: number }[]): number[] => records.map(record => record.offset)
const values = (records: readonly { value: Buffer | null }[]): string[] => records.map(record => String(record.value))

test('A: idle connections set no timers', async () => {
  const producers = await Promise.all([1, 2, 3, 4, 5].map(() => lab.plain()))
  const topic = await lab.topic()
  for (const producer of producers) await producer.send({ topic: lab.nameOf(topic), messages: [{ partition: 0, value: 'x' }] })
  await sleep(200)
  const original = globalThis.setTimeout
  let timers = 0
  globalThis.setTimeout = Object.assign((...args: Parameters<typeof original>) => (timers++, original(...args)), original)
  await sleep(500)
  globalThis.setTimeout = original
  // stock kafkajs: about one a millisecond and connection
  assert.ok(timers < 20, `${timers} timers in 500 ms`)
})

test('B: 10,000 messages to one partition are grouped by going over them once', async () => {
  const group = require('kafkajs/src/producer/groupMessagesPerPartition.js') as (input: unknown) => Record<string, unknown[]>
  const messages = Array.from({ length: 10_000 }, (_, i) => ({ partition: 0, value: `v${i}` }))
  const iterator = Array.prototype[Symbol.iterator]
  let iterations = 0
  Array.prototype[Symbol.iterator] = function* (this: unknown[]) {
    for (let i = 0; i < this.length; i++) {
      iterations++
      yield this[i]
    }
  } as never
  let grouped: Record<string, unknown[]>
  try {
    grouped = group({ topic: 't', partitionMetadata: [{}], messages, partitioner: () => 0 })
  } finally {
    Array.prototype[Symbol.iterator] = iterator
  }
  assert.equal(grouped['0']!.length, 10_000)
  // stock kafkajs copies the list for every message: 50 million
  assert.ok(iterations <= 10_000, `${iterations} elements were gone over`)
  const topic = await lab.topic()
  await (await lab.plain()).send({ topic: lab.nameOf(topic), messages })
  assert.deepEqual(values(await lab.read(topic)), values(messages.map(({ value }) => ({ value: Buffer.from(value) }))))
})

test('C: a reader gets past an empty batch at the end of a segment of a compacted topic', { timeout: 60_000 }, async () => {
  const settings = { 'cleanup.policy': 'compact', 'segment.ms': '1000', 'min.cleanable.dirty.ratio': '0.01', 'min.compaction.lag.ms': '0' }
  const topic = await lab.topic({ settings })
  const name = lab.nameOf(topic)
  const plain = await lab.plain()
  const message = (i: number): { partition: number; key: string; value: string } => ({ partition: 0, key: `k${i}`, value: `v${i}` })
  await plain.send({ topic: name, messages: Array.from({ length: 10 }, (_, i) => message(i)) })
  const transaction = await (await lab.plain('c')).transaction()
  await transaction.send({ topic: name, messages: Array.from({ length: 40 }, (_, i) => message(100 + i)) })
  await sleep(1500)
  await transaction.abort()
  await sleep(200)
  const last = message(200)
  await until(
    async () => {
      await plain.send({ topic: name, messages: [last] })
      await sleep(1100)
      return (await lab.read(topic, { uncommitted: true })).length < 30
    },
    40_000,
    'the cleaner removes the aborted records',
  )
  const found = await lab.read(topic)
  assert.deepEqual(offsets(found).slice(0, 10), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  assert.equal(String(found.at(-1)!.value), 'v200')
  assert.ok(found.at(-1)!.offset > 50)
})

test('D: the checksum is the one of kafkajs', () => {
  const mended = require('kafkajs/src/protocol/recordBatch/crc32C/index.js') as (bytes: Buffer) => number
  assert.notEqual(mended, stockChecksum)
  for (const length of [0, 1, 2, 3, 7, 8, 61, 1000, 100_000]) {
    const bytes = randomBytes(length)
    assert.equal(mended(bytes), stockChecksum(bytes))
  }
})

test('E: no record of overlapping aborted transactions is seen', async () => {
  const topic = await lab.topic()
  const name = lab.nameOf(topic)
  const [a, b, c] = await Promise.all([lab.plain('a'), lab.plain('b'), lab.plain('c')])
  const [first, second, third] = await Promise.all([a.transaction(), b.transaction(), c.transaction()])
  const send = (transaction: typeof first, value: string): Promise<unknown> =>
    transaction.send({ topic: name, messages: [{ partition: 0, value }] })
  await send(second, 'b1')
  await send(first, 'a1')
  await send(third, 'c1')
  await first.abort()
  await send(second, 'b2')
  await send(third, 'c2')
  await second.abort()
  await third.commit()
  assert.deepEqual(values(await lab.read(topic)), ['c1', 'c2'])
  const inside = await lab.read(topic, { from: 1 })
  assert.deepEqual(values(inside), ['c1', 'c2'])
})

test('E: an aborted record whose key is 00 00 00 00 does not pass for the end of its transaction', async () => {
  const topic = await lab.topic()
  const name = lab.nameOf(topic)
  const producer = await lab.plain('zero')
  const aborted = await producer.transaction()
  const zero = Buffer.alloc(4)
  await aborted.send({ topic: name, messages: [{ partition: 0, key: zero, value: 'x1' }] })
  await aborted.send({ topic: name, messages: [{ partition: 0, key: 'k', value: 'x2' }] })
  await aborted.abort()
  const committed = await producer.transaction()
  await committed.send({ topic: name, messages: [{ partition: 0, key: zero, value: 'y' }] })
  await committed.commit()
  assert.deepEqual(values(await lab.read(topic)), ['y'])
})
