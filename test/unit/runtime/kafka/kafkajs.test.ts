/** Mends of kafkajs that a real broker does not bring about at will: answers that are cut off, and answers that come too late. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { loadKafkaJs, onlyPartition, staticMembers, type RawBatch } from '../../../../runtime/kafka/kafkajs.ts'
import { frameRecords } from '../../../../runtime/kafka/record-format.ts'
import { buildBatch } from '../../../support/kafka/kafka-batch.ts'

const require = createRequire(import.meta.url)
loadKafkaJs(true)
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => Record<string, () => unknown>
const Encoder = require('kafkajs/src/protocol/encoder') as new () => { writeBytes(bytes: Buffer): { buffer: Buffer } }
const decodeMessages = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js') as (
  decoder: object,
) => Promise<{ offset: string; value: RawBatch }[]>

function batch(baseOffset: bigint, values: readonly string[]): Buffer {
  const { bytes, count } = frameRecords(values.map(value => ({ key: null, value: Buffer.from(value) })))
  const header = { codec: 0, count, timestampMs: 1, producerId: 1n, producerEpoch: 0, firstSequence: 0, transactional: false }
  const built = buildBatch(header, bytes)
  built.writeBigInt64BE(baseOffset, 0)
  return built
}
const answer = (bytes: Buffer): object => new Decoder(new Encoder().writeBytes(bytes).buffer)

test('an answer that the broker cuts off anywhere in its last batch gives the batches before it', async () => {
  const first = batch(100n, ['a', 'b', 'c'])
  const second = batch(103n, ['d', 'e'])
  for (let length = 0; length < second.length; length++) {
    const found = await decodeMessages(answer(Buffer.concat([first, second.subarray(0, length)])))
    assert.deepEqual(
      found.map(({ offset, value }) => [offset, value.count]),
      [['102', 3]],
      `cut after ${length} of ${second.length} bytes`,
    )
  }
  assert.equal((await decodeMessages(answer(Buffer.concat([first, second])))).length, 2)
})

/** Enough of a consumer group of kafkajs to fetch once. */
function group(moveTo: (offsetManager: { position: string; memberAssignment: Record<string, number[]> }) => void) {
  const ConsumerGroup = require('kafkajs/src/consumer/consumerGroup') as { prototype: { fetch(nodeId: string): Promise<unknown[]> } }
  const offsetManager = {
    position: '100',
    memberAssignment: { t: [0] } as Record<string, number[]>,
    committedOffsets: () => ({ t: { 0: '100' } }),
    nextOffset: () => offsetManager.position,
  }
  const answered = {
    responses: [{ topicName: 't', partitions: [{ partition: 0, highWatermark: '200', messages: [], abortedTransactions: [] }] }],
  }
  const fields = {
    offsetManager,
    cluster: {
      refreshMetadataIfNecessary: () => undefined,
      findBroker: () => ({
        fetch: () => {
          moveTo(offsetManager)
          return answered
        },
      }),
    },
    subscriptionState: { assigned: () => [{ topic: 't', partitions: [0] }], isPaused: () => false },
    seekOffset: { has: () => false },
    preferredReadReplicasPerTopicPartition: {},
    checkForStaleAssignment: () => undefined,
    filterPartitionsByNode: (_node: string, list: unknown) => list,
    seekOffsets: () => undefined,
    getActiveTopicPartitions: () => ({ t: new Set([0]) }),
  }
  return Object.assign(Object.create(ConsumerGroup.prototype) as { fetch(nodeId: string): Promise<unknown[]> }, fields)
}

for (const { name, move, batches } of [
  { name: 'is taken while the position is where it was asked for', move: () => undefined, batches: 1 },
  { name: 'is dropped after a seek by another fetcher', move: (offsets: { position: string }) => (offsets.position = '40'), batches: 0 },
  {
    name: 'is dropped after the partition went to another member',
    move: (offsets: { memberAssignment: object }) => (offsets.memberAssignment = {}),
    batches: 0,
  },
])
  test(`K: an answer to a fetch ${name}`, async () => {
    assert.equal((await group(move).fetch('1')).length, batches)
  })

test('I: within `onlyPartition` an OffsetFetch names that partition alone, and asks for stable offsets', async () => {
  const { protocol } = require('kafkajs/src/protocol/requests/offsetFetch') as {
    protocol: (version: object) => (options: object) => { request: { apiVersion: number; encode(): Promise<{ buffer: Buffer }> } }
  }
  const build = async (): Promise<Buffer> => {
    const { request } = protocol({ version: 7 })({
      groupId: 'g',
      topics: [{ topic: 't', partitions: [{ partition: 3 }, { partition: 5 }] }],
    })
    assert.equal(request.apiVersion, 7)
    return (await request.encode()).buffer
  }
  // tagged fields, group, 1 topic: name, partitions, tagged fields; require_stable, tagged fields
  assert.equal((await build()).toString('hex'), '0002670202740300000003000000050001' + '00')
  assert.equal((await onlyPartition.run(5, build)).toString('hex'), '00026702027402000000050001' + '00')
})

test('J: joining, syncing, heartbeats and leaving carry the static id of the group, other groups none', async () => {
  staticMembers.set('static', 'sink-3')
  const member = { memberId: 'm', groupGenerationId: 1, generationId: 1 }
  const requests = {
    'joinGroup/v5': { ...member, sessionTimeout: 1, rebalanceTimeout: 1, protocolType: 'consumer', groupProtocols: [] },
    'syncGroup/v3': { ...member, groupAssignment: [] },
    'heartbeat/v3': member,
    'leaveGroup/v3': { members: [{ memberId: 'm' }] },
  }
  for (const [path, options] of Object.entries(requests)) {
    const build = require(`kafkajs/src/protocol/requests/${path}/request.js`) as (options: object) => {
      encode(): Promise<{ buffer: Buffer }>
    }
    const text = async (groupId: string): Promise<string> => (await build({ ...options, groupId }).encode()).buffer.toString('latin1')
    assert.ok((await text('static')).includes('sink-3'), path)
    assert.ok(!(await text('dynamic')).includes('sink-3'), path)
  }
})

test('a second way to read batches in one process is refused', () => {
  assert.throws(() => loadKafkaJs(false), /one mode per process/)
})
