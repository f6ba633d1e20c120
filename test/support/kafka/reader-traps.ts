/** What a topic can hold that trips its readers: aborted transactions that overlap, and a batch that compaction has emptied. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Transaction } from 'kafkajs'
import { ConfigResourceTypes } from '../../../runtime/kafka/kafka-constants.ts'
import type { Topic } from '../../../schemas/topics.ts'
import { until, type Lab } from './kafka-lab.ts'

/** Key and value of a record. */
export interface Written {
  readonly key: Buffer
  readonly value: Buffer
}

const send = (transaction: Transaction, topic: string, records: readonly Written[]): Promise<unknown> =>
  transaction.send({ topic, messages: records.map(record => ({ partition: 0, ...record })) })

/**
 * Writes records in three transactions at once, of which two are aborted, one while another goes on.
 *
 * @param aborted Is written in the aborted ones, four times.
 * @param committed Is written in the third, twice.
 */
export async function overlapAborted(lab: Lab, topic: Topic, aborted: Written, committed: Written): Promise<void> {
  const name = lab.nameOf(topic)
  const producers = await Promise.all(['overlap-a', 'overlap-b', 'overlap-c'].map(id => lab.plain(id)))
  const [first, second, third] = (await Promise.all(producers.map(producer => producer.transaction()))) as [
    Transaction,
    Transaction,
    Transaction,
  ]
  await send(second, name, [aborted])
  await send(first, name, [aborted])
  await send(third, name, [committed])
  await first.abort()
  await send(second, name, [aborted, aborted])
  await send(third, name, [committed])
  await second.abort()
  await third.commit()
}

/**
 * Lets an aborted transaction end a segment of a compacted topic and waits until the cleaner has taken its records out of their batch.
 *
 * @param aborted Records of keys that are nowhere else.
 * @param later Stands behind the batch.
 */
export async function emptyBatch(lab: Lab, topic: Topic, aborted: readonly Written[], later: Written): Promise<void> {
  const name = lab.nameOf(topic)
  const admin = await lab.cluster.admin()
  const settings = { 'cleanup.policy': 'compact', 'segment.ms': '1000', 'min.cleanable.dirty.ratio': '0.01', 'min.compaction.lag.ms': '0' }
  const configEntries = Object.entries(settings).map(([key, value]) => ({ name: key, value }))
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: ConfigResourceTypes.topic, name, configEntries }] })
  const transaction = await (await lab.plain('emptied')).transaction()
  await send(transaction, name, aborted)
  const keys = new Set(aborted.map(({ key }) => key.toString('hex')))
  const left = async (): Promise<number> => {
    const records = await lab.read(topic, { uncommitted: true })
    return records.filter(({ key }) => keys.has(key?.toString('hex') ?? '')).length
  }
  // the cleaner leaves an open transaction alone
  assert.equal(await left(), aborted.length)
  // the mark of the abort begins a new segment
  await sleep(1500)
  await transaction.abort()
  const plain = await lab.plain()
  await until(
    async () => {
      // only an append ends a segment, and the last one is never cleaned
      await plain.send({ topic: name, messages: [{ partition: 0, ...later }] })
      await sleep(1100)
      return (await left()) === 0
    },
    40_000,
    'the cleaner takes out the aborted records',
  )
}
