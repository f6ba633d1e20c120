/** Looking keys up in a partition of the real broker, with transactions that were aborted or just committed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKafka } from '../../../runtime/kafka/client.ts'
import { KeyedReader } from '../../../runtime/kafka/keyed-reader.ts'
import { PartitionReader, whenLed } from '../../../runtime/kafka/partition-reader.ts'
import { Lab } from './kafka-lab.ts'

/** @param encodedBatches One mode for a process, so each has a test file. */
export const testKeyedReader = (encodedBatches: boolean): void =>
  void test('the newest committed value of each key is found', { timeout: 120_000 }, async () => {
    const lab = await Lab.open({ encodedBatches })
    const topic = await lab.topic({ partitions: 2 })
    const name = lab.nameOf(topic)
    const reader = new PartitionReader(createKafka(lab.settings, 'keyed', lab.log), name, 1, encodedBatches)
    try {
      const keyed = new KeyedReader(
        {
          read: (offset, maxBytes) => reader.read(offset, maxBytes),
          committedEnd: () => whenLed(async () => (await lab.cluster.limits(topic, 1)).end),
        },
        { start: 0 },
      )
      const ask = async (...keys: string[]): Promise<(string | null)[]> =>
        (await keyed.lookUp(keys.map(key => Buffer.from(key)))).map(value => value?.toString() ?? null)
      assert.deepEqual(await ask('a'), [null], 'an empty partition')
      const write = async (id: string, values: Record<string, string | null>, commit = true): Promise<void> => {
        const producer = lab.fenced(id)
        await producer.fence()
        const records = Object.entries(values).map(([key, value]) => ({
          key: Buffer.from(key),
          value: value === null ? null : Buffer.from(value),
        }))
        await producer.send(name, 1, records)
        if (commit) await producer.commit()
      }
      await write('one', { a: '1', b: '1', c: '1' })
      assert.deepEqual(await ask('a', 'b', 'x', 'c'), ['1', '1', null, '1'], 'a commit counts once it was answered')
      await write('two', { a: '2', b: null })
      await write('three', { a: 'never' }, false)
      // the successor ends the open transaction of its predecessor
      await write('three', { c: '3', ...Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, `value ${i}`.repeat(40)])) })
      assert.deepEqual(await ask('c', 'b', 'a', 'k4999', 'k0'), ['3', null, '2', 'value 4999'.repeat(40), 'value 0'.repeat(40)])
      assert.equal(keyed.indexed, 5003)
      await write('one', { a: '4' })
      assert.deepEqual(await ask('a'), ['4'])
    } finally {
      await reader.close()
      await lab.close()
    }
  })
