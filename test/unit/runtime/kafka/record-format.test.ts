/** The record format against kafkajs as it is delivered (nothing of it is mended in this process). */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  codecNumbers,
  compressRecords,
  decompressRecords,
  frameRecords,
  readRecords,
  type CodecName,
} from '../../../../runtime/kafka/record-format.ts'
import { buildBatch } from '../../../support/kafka/kafka-batch.ts'
import type { InRecord, OutRecord } from '../../../../runtime/records.ts'

const require = createRequire(import.meta.url)
interface Encoded {
  buffer: Buffer
}
interface StockRecord {
  offset: string
  timestamp: string
  key: Buffer | null
  value: Buffer | null
  headers: Record<string, Buffer>
}
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as { RecordBatch: (batch: object) => Promise<Encoded> }
const Record = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => Encoded
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object
const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (
  decoder: object,
) => Promise<{ records: StockRecord[]; inTransaction: boolean; producerId: string }>
const Long = require('kafkajs/src/utils/long') as { fromValue(value: number): object }
const { Types, Codecs } = require('kafkajs/src/protocol/message/compression') as {
  Types: Record<string, number>
  Codecs: Record<number, unknown>
}
for (const name of ['lz4', 'zstd'] as const)
  Codecs[Types[name.toUpperCase()]!] = () => ({ decompress: (bytes: Buffer) => decompressRecords(codecNumbers[name], bytes) })

const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ minLength: 20_000, maxLength: 20_010 }))
const part = fc.option(
  bytes.map(array => Buffer.from(array)),
  { freq: 5 },
)
const headers = fc.dictionary(
  fc.string({ minLength: 1, unit: 'grapheme' }).filter(name => !(name in {})),
  fc.string({ unit: 'grapheme' }),
  { maxKeys: 3 },
)
const record = fc.record({ key: part, value: part, headers: fc.option(headers, { nil: {} }) })
const records = fc.array(record, { minLength: 1, maxLength: 20 }) as fc.Arbitrary<OutRecord[]>

const shape = (list: readonly (InRecord | StockRecord)[]): unknown[] =>
  list.map(({ offset, key, value, headers: found }) => ({
    offset: Number(offset),
    key: key?.toString('hex') ?? null,
    value: value?.toString('hex') ?? null,
    headers: Object.fromEntries(Object.entries(found).map(([name, value]) => [name, value.toString('hex')])),
  }))
const asRead = (list: readonly OutRecord[], base: number): unknown[] =>
  list.map(({ key, value, headers: written }, i) => ({
    offset: base + i,
    key: key?.toString('hex') ?? null,
    value: value?.toString('hex') ?? null,
    headers: Object.fromEntries(Object.entries(written ?? {}).map(([name, text]) => [name, Buffer.from(text).toString('hex')])),
  }))

test('what is framed is read again', () => {
  fc.assert(
    fc.property(records, fc.nat(2 ** 40), (list, base) => {
      const { bytes: framed, count } = frameRecords(list)
      assert.equal(count, list.length)
      assert.deepEqual(shape([...readRecords(framed, count, base)]), asRead(list, base))
    }),
  )
})

const batchOf = (list: readonly OutRecord[], transactional: boolean) => ({
  codec: 0,
  count: list.length,
  timestampMs: 1_764_000_000_123,
  producerId: 4_000_000_000_007n,
  producerEpoch: 3,
  firstSequence: 2_000_000_000,
  transactional,
})

test('a whole batch has the bytes of the encoder of kafkajs', async () => {
  await fc.assert(
    fc.asyncProperty(records, fc.boolean(), async (list, transactional) => {
      const header = batchOf(list, transactional)
      const ours = buildBatch(header, frameRecords(list).bytes)
      const stock = await RecordBatch({
        partitionLeaderEpoch: -1,
        firstTimestamp: header.timestampMs,
        maxTimestamp: header.timestampMs,
        lastOffsetDelta: list.length - 1,
        producerId: String(header.producerId),
        producerEpoch: header.producerEpoch,
        firstSequence: header.firstSequence,
        transactional,
        records: list.map((entry, offsetDelta) => Record({ ...entry, offsetDelta, timestampDelta: 0 })),
      })
      assert.ok(ours.equals(stock.buffer))
    }),
    { numRuns: 60 },
  )
})

for (const codec of Object.keys(codecNumbers) as CodecName[])
  test(`the decoder of kafkajs reads our batches (${codec})`, async () => {
    await fc.assert(
      fc.asyncProperty(records, fc.boolean(), async (list, transactional) => {
        const body = await compressRecords(codec, frameRecords(list).bytes)
        const batch = buildBatch({ ...batchOf(list, transactional), codec: codecNumbers[codec] }, body)
        batch.writeBigInt64BE(5_000_000_000n, 0)
        const stock = await decodeBatch(new Decoder(batch))
        assert.deepEqual(shape(stock.records), asRead(list, 5_000_000_000))
        assert.deepEqual([stock.inTransaction, stock.producerId], [transactional, '4000000000007'])
        assert.ok(stock.records.every(({ timestamp }) => timestamp === '1764000000123'))
        assert.ok((await decompressRecords(codecNumbers[codec], body)).equals(frameRecords(list).bytes))
      }),
      { numRuns: 25 },
    )
  })

test('time and offset deltas of any size, as other writers make them', () => {
  const deltas = fc.array(fc.record({ timestampDelta: fc.integer({ min: -(2 ** 45), max: 2 ** 45 }), offsetDelta: fc.nat(2 ** 30) }), {
    minLength: 1,
    maxLength: 10,
  })
  fc.assert(
    fc.property(deltas, list => {
      const framed = Buffer.concat(
        list.map(
          ({ timestampDelta, offsetDelta }) =>
            Record({ offsetDelta, timestampDelta: Long.fromValue(timestampDelta), key: Buffer.from('k'), value: null }).buffer,
        ),
      )
      const found = [...readRecords(framed, list.length, 10, 1_764_000_000_000)]
      assert.deepEqual(
        found.map(({ offset, timestampMs }) => [offset, timestampMs]),
        list.map(entry => [10 + entry.offsetDelta, 1_764_000_000_000 + entry.timestampDelta]),
      )
      assert.ok([...readRecords(framed, list.length, 10, 77, true)].every(({ timestampMs }) => timestampMs === 77))
    }),
  )
})

test('records that end too early are an error, not an endless loop', () => {
  const { bytes: framed } = frameRecords([{ key: Buffer.from('key'), value: Buffer.from('value') }])
  assert.throws(() => [...readRecords(framed.subarray(0, 0), 1, 0)], RangeError)
  assert.throws(() => [...readRecords(framed, 2, 0)], RangeError)
})

test('a codec that is not read is named', async () => {
  await assert.rejects(decompressRecords(2, Buffer.alloc(1)), /codec 2/)
})
