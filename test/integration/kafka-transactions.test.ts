/** Transactions on the real broker: takeover, pending offsets, back to back, zombies, batches that are split, lost answers. Encoded batches. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FlowError } from '../../runtime/errors.ts'
import { frameRecords } from '../../runtime/kafka/record-format.ts'
import { applyTopics } from '../../runtime/kafka/topic-admin.ts'
import { topics } from '../../schemas/topics.ts'
import { failing, Lab, median, until } from '../support/kafka/kafka-lab.ts'
import { releaseStack } from '../../harness/live-stack.ts'

let lab: Lab

before(async () => {
  lab = await Lab.open()
  await applyTopics(lab.cluster)
})
after(async () => {
  await lab.close()
  await releaseStack()
})

const require = createRequire(import.meta.url)

interface Asked {
  readonly request: { readonly apiName: string }
}

const values = (records: readonly { value: Buffer | null }[]): string[] => records.map(record => String(record.value))
const record = (value: string): { key: null; value: Buffer } => ({ key: null, value: Buffer.from(value) })
const input = topics.objectArrivals
const group = (role: string, offset: number, partition = 0, metadata = '') => ({
  id: lab.cluster.groupOf(role),
  topic: lab.nameOf(input),
  partition,
  position: { offset, metadata },
})
async function timed(call: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now()
  await call()
  return performance.now() - beganMs
}

test('H: taking over an unfinished transaction is quick', async () => {
  const topic = lab.nameOf(await lab.topic())
  const times: number[] = []
  for (let i = 0; i < 7; i++) {
    const dying = lab.fenced('takeover')
    await dying.fence()
    await dying.send(topic, 0, [record(`${i}`)])
    const successor = lab.fenced('takeover')
    times.push(await timed(() => successor.fence()))
  }
  // stock kafkajs: 265 to 380 ms
  assert.ok(median(times) < 150, `took ${times.map(Math.round).join(', ')} ms`)
})

test('transactions back to back are quick, also where the offset is the first operation', async () => {
  const producer = lab.fenced('quick')
  await producer.fence()
  const topic = lab.nameOf(await lab.topic())
  const sends: number[] = []
  const commits: number[] = []
  for (let i = 1; i <= 40; i++) {
    sends.push(
      await timed(async () => {
        await producer.send(topic, 0, [record(`${i}`)])
        await producer.commit(group('quick', 2 * i - 1))
      }),
    )
    // CONCURRENT_TRANSACTIONS in a third to a half of these
    commits.push(await timed(() => producer.commit(group('quick', 2 * i, 0, `m${i}`))))
  }
  const [answer] = await (await lab.cluster.admin()).fetchOffsets({ groupId: lab.cluster.groupOf('quick'), topics: [lab.nameOf(input)] })
  assert.deepEqual(
    answer!.partitions.find(({ partition }) => partition === 0),
    { partition: 0, offset: '80', metadata: 'm40' },
  )
  assert.ok(median(sends) < 200, `send and commit took ${median(sends)} ms`)
  assert.ok(median(commits) < 200, `commit of an offset took ${median(commits)} ms`)
})

test('I: a position in an open transaction is waited for, one of another partition is not', async () => {
  const plain = await lab.plain('pending')
  await (await lab.plain()).send({ topic: lab.nameOf(input), messages: Array.from({ length: 50 }, () => ({ partition: 0, value: 'x' })) })
  const transaction = await plain.transaction()
  const sent = [
    { topic: lab.nameOf(input), partitions: [{ partition: 0, offset: '42', metadata: '42-50' } as { partition: number; offset: string }] },
  ]
  await transaction.sendOffsets({ consumerGroupId: lab.cluster.groupOf('pending'), topics: sent })
  let settled = false
  const position = lab.cluster.committedPosition('pending', 'objectArrivals', 0).finally(() => (settled = true))
  assert.deepEqual(await lab.cluster.committedPosition('pending', 'objectArrivals', 1), { offset: 0, metadata: '' })
  await sleep(400)
  assert.equal(settled, false)
  await transaction.commit()
  assert.deepEqual(await position, { offset: 42, metadata: '42-50' })
})

test('a zombie that wakes after its successor has fenced it commits nothing', async () => {
  const topic = await lab.topic()
  const zombie = lab.fenced('zombie')
  await zombie.fence()
  await zombie.send(lab.nameOf(topic), 0, [record('zombie')])
  const successor = lab.fenced('zombie')
  await successor.fence()
  await assert.rejects(zombie.commit(group('zombie', 9)), (error: { code?: number }) => error.code === 47)
  await assert.rejects(zombie.send(lab.nameOf(topic), 0, [record('again')]), (error: { code?: number }) => error.code === 47)
  await successor.send(lab.nameOf(topic), 0, [record('successor')])
  await successor.commit(group('zombie', 1))
  assert.deepEqual(values(await lab.read(topic)), ['successor'])
  assert.equal((await lab.cluster.committedPosition('zombie', 'objectArrivals', 0)).offset, 1)
})

test('after a failed send nothing can be committed, even by a task that does not look', async () => {
  const topic = lab.nameOf(await lab.topic())
  const producer = lab.fenced('careless')
  await producer.fence()
  const outcomes = await Promise.allSettled([
    producer.send(topic, 0, [record('a')]),
    producer.send('no such topic', 0, [record('b')]),
    producer.send(topic, 0, [record('c')]),
  ])
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected'],
  )
  await assert.rejects(producer.commit(group('careless', 1)))
})

test('sends that are not waited for keep their order', async () => {
  const topic = await lab.topic({ partitions: 3 })
  const producer = lab.fenced('order')
  await producer.fence()
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: 30 }, (_, i) => producer.send(lab.nameOf(topic), i % 3, [record(`${round * 30 + i}`)])))
    await producer.commit()
  }
  assert.deepEqual(
    values(await lab.read(topic)),
    Array.from({ length: 30 }, (_, i) => `${3 * i}`),
  )
})

for (const form of ['records', 'a slab'] as const)
  test(`3 MB that do not compress are split into batches that the broker takes (${form})`, async () => {
    const topic = await lab.topic({ settings: { 'max.message.bytes': '1048588' } })
    const records = Array.from({ length: 40 }, (_, i) => ({ key: Buffer.from(`${i}`), value: randomBytes(75_000) }))
    const producer = lab.fenced('split')
    await producer.fence()
    await producer.send(lab.nameOf(topic), 0, form === 'records' ? records : frameRecords(records))
    await producer.commit()
    const found = await lab.read(topic)
    assert.deepEqual(
      found.map(({ key }) => String(key)),
      records.map(({ key }) => String(key)),
    )
    assert.ok(found.every(({ value }, i) => value!.equals(records[i]!.value)))
  })

test('a record above the limit of the topic is refused with an error that says what to do', async () => {
  const topic = await lab.topic({ settings: { 'max.message.bytes': '1048588' } })
  const producer = lab.fenced('large')
  await producer.fence()
  await assert.rejects(producer.send(lab.nameOf(topic), 0, [{ key: null, value: randomBytes(1_500_000) }]), (error: FlowError) => {
    assert.equal(error.code, 'RECORD_TOO_LARGE')
    assert.match(error.message, /1 records of together 15000\d\d bytes .* raise max\.message\.bytes/)
    return !error.retriable
  })
})

test('of several partitions the one with a record above its limit is named', async () => {
  const small = await lab.topic({ settings: { 'max.message.bytes': '20000' } })
  const others = [await lab.topic(), await lab.topic()]
  const producer = lab.fenced('large among others')
  await producer.fence()
  const parts = [others[0]!, small, others[1]!].map(topic => ({
    topic: lab.nameOf(topic),
    partition: 0,
    records: [{ key: null, value: randomBytes(50_000) }],
  }))
  await assert.rejects(producer.sendAll(parts), (error: FlowError) => {
    assert.equal(error.code, 'RECORD_TOO_LARGE')
    assert.equal(error.details['topic'], lab.nameOf(small))
    return true
  })
})

/** Counts requests to brokers while `run` runs. */
async function requestsOf(run: () => Promise<unknown>): Promise<Record<string, number>> {
  const { prototype } = require('kafkajs/src/network/connection.js') as { prototype: { send(asked: Asked): Promise<unknown> } }
  const original = prototype.send
  const counts: Record<string, number> = {}
  prototype.send = function (asked) {
    counts[asked.request.apiName] = (counts[asked.request.apiName] ?? 0) + 1
    return original.call(this, asked)
  }
  await run().finally(() => (prototype.send = original))
  return counts
}

for (const encodedBatches of [true, false])
  for (const compression of ['lz4', 'none'] as const)
    test(`what goes to many partitions goes in one request and keeps its order: ${compression}, batches encoded ${encodedBatches ? 'here' : 'by kafkajs'}`, async () => {
      const several = [await lab.topic({ partitions: 3 }), await lab.topic()]
      // what is large goes in more than one batch
      const big = Array.from({ length: 5 }, (_, i) => ({ key: Buffer.from(`${i}`), value: randomBytes(400_000) }))
      const producer = lab.fenced('together', { compression, encodedBatches })
      await producer.fence()
      await producer.sendAll(several.map(topic => ({ topic: lab.nameOf(topic), partition: 0, records: [record('first')] })))
      await producer.commit(group('together', 1))
      const requests = await requestsOf(async () => {
        await producer.sendAll([
          { topic: lab.nameOf(several[0]!), partition: 1, records: [record('elsewhere')] },
          { topic: lab.nameOf(several[0]!), partition: 0, records: [record('a'), record('b')] },
          { topic: lab.nameOf(several[1]!), partition: 0, records: frameRecords([record('c')]) },
          { topic: lab.nameOf(several[0]!), partition: 2, records: [] },
        ])
        await producer.commit(group('together', 2))
      })
      // while the transaction before is being ended, partitions are refused and added again
      const { AddPartitionsToTxn: added, ...others } = requests
      assert.ok(added! >= 1)
      assert.deepEqual(others, { Produce: 1, AddOffsetsToTxn: 1, TxnOffsetCommit: 1, EndTxn: 1 })
      await producer.sendAll([
        { topic: lab.nameOf(several[0]!), partition: 0, records: [record('d')] },
        { topic: lab.nameOf(several[1]!), partition: 0, records: big },
        { topic: lab.nameOf(several[0]!), partition: 0, records: [record('e')] },
      ])
      await producer.commit()
      assert.deepEqual(values(await lab.read(several[0]!)), ['first', 'a', 'b', 'd', 'e'])
      const found = await lab.read(several[1]!)
      assert.deepEqual(values(found.slice(0, 2)), ['first', 'c'])
      assert.ok(found.slice(2).every(({ value }, i) => value!.equals(big[i]!.value)))
      assert.equal(found.length, 7)
    })

for (const [name, code] of [
  ['NOT_LEADER_FOR_PARTITION', 6],
  ['REQUEST_TIMED_OUT', 7],
] as const)
  for (const fate of ['done', 'not done'] as const)
    test(`a batch that is sent again after ${name} (${fate}) is there once, with its content, and what went with it`, async t => {
      const [topic, other] = [await lab.topic(), await lab.topic()]
      const producer = lab.fenced('retry')
      await producer.fence()
      const slab = frameRecords(['r1', 'r2', 'r3'].map(record))
      const seen = failing(t, 'produce', code, [fate, fate])
      await producer.sendAll([
        { topic: lab.nameOf(topic), partition: 0, records: slab },
        { topic: lab.nameOf(other), partition: 0, records: [record('o1'), record('o2')] },
      ])
      await producer.send(lab.nameOf(topic), 0, [record('r4')])
      await producer.commit()
      assert.equal(seen.count, 4)
      assert.deepEqual(values(await lab.read(topic)), ['r1', 'r2', 'r3', 'r4'])
      assert.deepEqual(values(await lab.read(other)), ['o1', 'o2'])
    })

test('a position below the first record that is left is OFFSET_LOST', async () => {
  const admin = await lab.cluster.admin()
  const topic = lab.nameOf(input)
  await (await lab.plain()).send({ topic, messages: Array.from({ length: 30 }, () => ({ partition: 2, value: 'x' })) })
  const producer = lab.fenced('late')
  await producer.fence()
  await producer.commit(group('late', 10, 2))
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 2, offset: '20' }] })
  await until(async () => (await lab.cluster.limits(input, 2)).low === 20, 5000)
  await assert.rejects(lab.cluster.committedPosition('late', 'objectArrivals', 2), (error: FlowError) => {
    assert.deepEqual([error.code, error.details['offset'], error.details['low']], ['OFFSET_LOST', 10, 20])
    return error instanceof FlowError
  })
  assert.equal((await lab.cluster.committedPosition('new', 'objectArrivals', 2)).offset, 20)
})
