/** What the producer makes of answers that a broker seldom gives. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Kafka } from 'kafkajs'
import { checkConfig } from '../../../../config/config.ts'
import { FencedProducer } from '../../../../runtime/kafka/fenced-producer.ts'

interface Batch {
  readonly topicMessages: readonly { readonly topic: string; readonly messages: readonly { readonly partition: number }[] }[]
}

/** A producer whose broker answers as told. */
async function producerOf(answer: (batch: Batch) => { topicName: string; partition: number }[]): Promise<FencedProducer> {
  const transaction = {
    sendBatch: (batch: Batch) => Promise.resolve(answer(batch)),
    commit: () => Promise.resolve(),
    abort: () => Promise.resolve(),
  }
  const producer = {
    connect: () => Promise.resolve(),
    transaction: () => Promise.resolve(transaction),
    disconnect: () => Promise.resolve(),
  }
  const fenced = new FencedProducer({ producer: () => producer } as unknown as Kafka, checkConfig({}).kafka, 'id')
  await fenced.fence()
  return fenced
}

const parts = ['a', 'b'].map((topic, partition) => ({ topic, partition, records: [{ key: null, value: Buffer.from('x') }] }))
const answersOf = ({ topicMessages }: Batch) =>
  topicMessages.flatMap(({ topic, messages }) => messages.map(({ partition }) => ({ topicName: topic, partition })))

test('records that no broker answers for are an error, and nothing can be committed', async () => {
  const producer = await producerOf(batch => answersOf(batch).slice(0, 1))
  await assert.rejects(producer.sendAll(parts), /records of b\/1 unsent/)
  await assert.rejects(producer.commit(), /records of b\/1 unsent/)
})

test('records that all are answered for are sent', async () => {
  const producer = await producerOf(answersOf)
  await producer.sendAll(parts)
  assert.equal(await producer.commit(), true)
})
