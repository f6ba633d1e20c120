/** Notifications through a real topic: published to SNS, delivered to queues with and without its envelope, taken from there. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { audit } from '../../operations/audit.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { readTopic } from '../../runtime/kafka/topic-reader.ts'
import { topics } from '../../schemas/topics.ts'
import { counted } from '../support/processes/counted.ts'
import { ledgerRecords } from '../support/records/ledger-records.ts'
import { endpoints, freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { settled } from '../support/kafka/settle.ts'
import { bridgeEvent, s3Event, s3Record, testEvent, TestQueue, TestTopic } from '../support/s3/test-queue.ts'

after(() => releaseStack())

// The local server sends its own S3 events to a queue only, so the test publishes them.
test('S3 events through a topic reach flows, raw and in the envelope of SNS, each object once', { timeout: 120_000 }, async () => {
  const { s3Endpoint } = await endpoints()
  const [raw, wrapped, topic] = [await TestQueue.create(s3Endpoint), await TestQueue.create(s3Endpoint), await TestTopic.create(s3Endpoint)]
  const [rawTopic, wrappedTopic] = [await TestTopic.create(s3Endpoint), await TestTopic.create(s3Endpoint)]
  const queues = [{ url: raw.url }, { url: wrapped.url }]
  const run = await LocalRun.open(
    await freshSettings({ lookups: { country: 'none', asn: 'none' }, log: { level: 'silent' }, s3: { queues } }),
  )
  const { bucket, session } = run
  const client = s3Client(s3Endpoint)
  try {
    await rawTopic.subscribe(raw, true)
    await wrappedTopic.subscribe(wrapped, false)
    // and one topic that both queues hear: what it says comes twice
    await topic.subscribe(raw, true)
    await topic.subscribe(wrapped, false)
    await createBucket(client, bucket)
    const startS = Math.floor(Date.now() / 300_000) * 300 - 3600
    const objects = [...generateObjects({ seed: 77, records: 3000, startS, slots: 6, recordsPerObject: 100, badLineShare: 0.01 })]
    for (const { key, body } of objects) await putObject(client, bucket, key, body)

    for (const way of [rawTopic, wrappedTopic]) await way.publish(testEvent)
    const [[plain], [inEnvelope]] = [await raw.peek(), await wrapped.peek()]
    assert.deepEqual(JSON.parse(plain!), JSON.parse(testEvent), 'raw delivery is the message itself')
    const envelope = JSON.parse(inEnvelope!) as Record<string, unknown>
    assert.deepEqual([envelope['Type'], envelope['TopicArn'], envelope['Message']], ['Notification', wrappedTopic.arn, testEvent])

    const ways = [rawTopic, wrappedTopic, topic]
    for (const [i, { key }] of objects.entries()) {
      const event = s3Event(s3Record(bucket, key), s3Record(bucket, key, 'ObjectRemoved:Delete'))
      await ways[i % 3]!.publish(i % 2 === 0 ? event : bridgeEvent(bucket, key))
    }
    const [tests, poison] = [
      await counted('flowloom_notify_messages_total', { result: 'test' }),
      await counted('flowloom_notify_poison_messages_total'),
    ]
    run.start(['notify', 'fetch', 'enrich', 'ip-context', 'clickhouse'])
    await settled(run.store, objects.length, 60_000)
    for (const queue of [raw, wrapped]) await queue.empty()
    await run.stop()
    assert.equal((await counted('flowloom_notify_messages_total', { result: 'test' })) - tests, 2)
    assert.equal((await counted('flowloom_notify_poison_messages_total')) - poison, 0)

    const announced = new Map<string, number>()
    await readTopic(session.cluster, topics.objectArrivals, ({ key }) => {
      const name = session.codecs.objectArrivals.decodeKey(key!).key
      announced.set(name, (announced.get(name) ?? 0) + 1)
    })
    for (const [i, { key }] of objects.entries()) assert.equal(announced.get(key), i % 3 === 2 ? 2 : 1, key)
    for (const [key, records] of await ledgerRecords(session)) assert.equal(records.filter(({ state }) => state === 'done').length, 1, key)
    const books = await audit(session, true, () => undefined)
    assert.deepEqual([books.differences, books.objects], [[], objects.length])
  } finally {
    await run.close()
    client.destroy()
    raw.close()
    wrapped.close()
  }
})
