/** Ranges of a topic: what is read of them, what is not, and whether anything is left in them. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { holdsRecords } from '../../runtime/kafka/group-progress.ts'
import type { OffsetRange } from '../../runtime/kafka/cluster.ts'
import { readTopic } from '../../runtime/kafka/topic-reader.ts'
import { Lab } from '../support/kafka/kafka-lab.ts'
import { releaseStack } from '../../harness/live-stack.ts'

after(() => releaseStack())

test(
  'a range is read to its end, marks of transactions are no records, and one record is enough to know',
  { timeout: 120_000 },
  async () => {
    const lab = await Lab.open()
    try {
      const topic = await lab.topic({ partitions: 2 })
      const producer = lab.fenced('writer')
      await producer.fence()
      // partition 0: 0, 1, mark, 3, 4, mark; partition 1: 0, mark
      for (const values of [
        ['a', 'b'],
        ['c', 'd'],
      ]) {
        await producer.send(
          lab.nameOf(topic),
          0,
          values.map(value => ({ key: null, value: Buffer.from(value) })),
        )
        if (values[0] === 'a') await producer.send(lab.nameOf(topic), 1, [{ key: null, value: Buffer.from('x') }])
        await producer.commit()
      }
      const read = async (ranges?: ReadonlyMap<number, OffsetRange>, most = Infinity): Promise<string[]> => {
        const values: string[] = []
        const visit = ({ value }: { value: Buffer | null }): unknown => (values.push(String(value)) >= most ? 'enough' : undefined)
        assert.equal(await readTopic(lab.cluster, topic, visit, ranges === undefined ? {} : { ranges }), values.length)
        return values.sort()
      }
      assert.deepEqual(await read(), ['a', 'b', 'c', 'd', 'x'])
      assert.deepEqual(await read(new Map([[0, { start: 1, end: 4 }]])), ['b', 'c'])
      assert.deepEqual(await read(new Map([[1, { start: 0, end: 2 }]])), ['x'])
      assert.deepEqual(await read(new Map([[0, { start: 0, end: 6 }]]), 2), ['a', 'b'])
      assert.deepEqual(await read(new Map()), [])
      assert.equal(await holdsRecords(lab.cluster, topic, new Map([[0, { start: 2, end: 3 }]])), false, 'a mark only')
      assert.equal(await holdsRecords(lab.cluster, topic, new Map([[0, { start: 5, end: 6 }]])), false, 'the mark at the end')
      assert.equal(await holdsRecords(lab.cluster, topic, new Map([[0, { start: 4, end: 6 }]])), true)
    } finally {
      await lab.close()
    }
  },
)
