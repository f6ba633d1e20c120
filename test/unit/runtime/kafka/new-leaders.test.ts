// Partitions that were just made: what is waited for, and what is not.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { loadKafkaJs } from '../../../../runtime/kafka/kafkajs.ts'
import { whenLeading } from '../../../../runtime/kafka/new-leaders.ts'

const require = createRequire(import.meta.url)
/** As kafkajs throws them. */
const kafkaError = (type: string): Error => Object.assign(new Error(type), { name: 'KafkaJSProtocolError', type, retriable: true })

test('a broker that does not lead yet is asked again, after asking who leads', async () => {
  for (const type of ['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE', 'UNKNOWN_TOPIC_OR_PARTITION']) {
    const calls: string[] = []
    const ask = async (): Promise<string> => {
      calls.push('ask')
      if (calls.length < 4) throw kafkaError(type)
      return 'known'
    }
    assert.equal(await whenLeading(ask, { refresh: async () => void calls.push('refresh') }), 'known')
    assert.deepEqual(calls, ['ask', 'refresh', 'ask', 'refresh', 'ask'])
  }
})

test('another error is final, and so is the last attempt', async () => {
  let calls = 0
  const failing = (type: string) => async (): Promise<never> => {
    calls++
    throw kafkaError(type)
  }
  await assert.rejects(whenLeading(failing('TOPIC_AUTHORIZATION_FAILED')), { type: 'TOPIC_AUTHORIZATION_FAILED' })
  assert.equal(calls, 1)
  await assert.rejects(whenLeading(failing('NOT_LEADER_FOR_PARTITION'), { attempts: 3 }), { type: 'NOT_LEADER_FOR_PARTITION' })
  assert.equal(calls, 4)
})

test('M: offsets of a topic that was just made are waited for, whoever asks for them', async () => {
  loadKafkaJs(true)
  interface ClusterOfKafkaJs {
    fetchTopicsOffset(topics: unknown): Promise<unknown>
  }
  const { prototype } = require('kafkajs/src/cluster') as { prototype: ClusterOfKafkaJs }
  let asked = 0
  let refreshed = 0
  const leaders = { 7: [0] }
  const cluster = Object.assign(Object.create(prototype) as ClusterOfKafkaJs, {
    findLeaderForPartitions: () => leaders,
    refreshMetadata: async () => {
      refreshed++
    },
    findBroker: async () => ({
      listOffsets: async () => {
        if (++asked < 3) throw kafkaError('NOT_LEADER_FOR_PARTITION')
        return { responses: [{ topic: 'new', partitions: [{ partition: 0, offset: '5' }] }] }
      },
    }),
  })
  assert.deepEqual(await cluster.fetchTopicsOffset([{ topic: 'new', partitions: [{ partition: 0 }], fromBeginning: false }]), [
    { topic: 'new', partitions: [{ partition: 0, offset: '5' }] },
  ])
  assert.deepEqual([asked, refreshed], [3, 2])
})
