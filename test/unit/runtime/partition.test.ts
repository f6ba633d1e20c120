import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import { murmur2, partitionOf } from '../../../runtime/partition.ts'

const stock = createRequire(import.meta.url)('kafkajs/src/producer/partitioners/default/murmur2.js') as (key: Buffer) => number

// org.apache.kafka.common.utils.UtilsTest.testMurmur2
const javaVectors = [
  { input: '21', expect: -973932308 },
  { input: 'foobar', expect: -790332482 },
  { input: 'a-little-bit-long-string', expect: -985981536 },
  { input: 'a-little-bit-longer-string', expect: -1486304829 },
  { input: 'lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', expect: -58897971 },
  { input: 'abc', expect: 479470107 },
]
for (const { input, expect } of javaVectors)
  test(`murmur2 of "${input}" is the one of the Java client`, () => {
    assert.equal(murmur2(Buffer.from(input)), expect)
  })

test('murmur2 equals the one of kafkajs for any key, also as part of a larger buffer', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(7), (key, before) => {
      const expected = stock(Buffer.from(key))
      const larger = Buffer.concat([Buffer.alloc(before, 7), key, Buffer.alloc(3, 9)])
      assert.equal(murmur2(key), expected)
      assert.equal(murmur2(larger, before, before + key.length), expected)
    }),
  )
})

test('the partition is the one that a Java producer picks: the positive hash modulo the partitions', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 1, max: 100 }), (key, partitions) => {
      const partition = partitionOf(key, partitions)
      assert.equal(partition, (stock(Buffer.from(key)) & 0x7fffffff) % partitions)
      assert.ok(partition >= 0 && partition < partitions)
    }),
  )
})
