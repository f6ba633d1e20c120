/** Notifications from a real queue through real Kafka: what S3 sends is announced, and deleted only then. */
import { CreateQueueCommand, DeleteQueueCommand, GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { audit } from '../../cli/audit.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { registry } from '../../runtime/metrics.ts'
import { ChildService } from '../../stack/child-service.ts'
import { notificationQueue, s3Service } from '../../stack/node-services.ts'
import { freePorts } from '../../stack/ports.ts'
import { Fleet } from '../support/fleet.ts'
import { until } from '../support/kafka-lab.ts'
import { ledgerRecords } from '../support/ledger-records.ts'
import { endpoints, freshSettings, releaseStack } from '../support/live-stack.ts'
import { LocalRun } from '../support/local-run.ts'
import { createBucket, putObject, s3Client } from '../support/s3.ts'
import { event, record } from '../support/s3-events.ts'
import { settled } from '../support/settle.ts'
import { topics } from '../../schemas/topics.ts'
import { readTopic } from '../../runtime/kafka/topic-reader.ts'
import type { Session } from '../../cli/session.ts'

const { s3Endpoint } = await endpoints()
const sqs = new SQSClient({ endpoint: s3Endpoint, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } })
const client = s3Client(s3Endpoint)
after(async () => {
  sqs.destroy()
  client.destroy()
  await releaseStack()
})

/** A queue of its own for a test. */
class TestQueue {
  readonly url: string
  private constructor(url: string) {
    this.url = url
  }

  static async create(attributes: Record<string, string> = {}): Promise<TestQueue> {
    const name = `q${randomBytes(4).toString('hex')}`
    await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }))
    return new TestQueue(`${s3Endpoint}/000000000000/${name}`)
  }

  async send(...bodies: string[]): Promise<void> {
    for (const MessageBody of bodies) await sqs.send(new SendMessageCommand({ QueueUrl: this.url, MessageBody }))
  }

  /** Messages that wait, and messages that were received and not deleted. */
  async counts(): Promise<{ waiting: number; taken: number }> {
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: this.url, AttributeNames: ['All'] }))
    return {
      waiting: Number(Attributes?.['ApproximateNumberOfMessages']),
      taken: Number(Attributes?.['ApproximateNumberOfMessagesNotVisible']),
    }
  }

  async empty(): Promise<void> {
    await until(
      async () => {
        const { waiting, taken } = await this.counts()
        return waiting + taken === 0
      },
      30_000,
      'an empty queue',
    )
  }

  async arn(): Promise<string> {
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: this.url, AttributeNames: ['QueueArn'] }))
    return Attributes!['QueueArn']!
  }
}

const testEvent = JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'any' })

const startS = (): number => Math.floor(Date.now() / 300_000) * 300 - 3600
const objectsOf = (seed: number, records = 3000) => [
  ...generateObjects({ seed, records, startS: startS(), slots: 6, recordsPerObject: 100, badLineShare: 0.01 }),
]
const quiet = { lookups: { country: 'none', asn: 'none' }, log: { level: 'silent' } }

async function arrivals({ cluster, codecs }: Session): Promise<{ key: string; source: string }[]> {
  const found: { key: string; source: string }[] = []
  await readTopic(cluster, topics.objectArrivals, ({ key, value }) => {
    found.push({ key: codecs.objectArrivals.decodeKey(key!).key, source: codecs.objectArrivals.decodeValue(value!).source })
  })
  return found
}

async function counted(name: string, labels: Record<string, string> = {}): Promise<number> {
  const metric = await registry.getSingleMetric(name)!.get()
  return metric.values
    .filter(entry => Object.entries(labels).every(([label, value]) => (entry.labels as Record<string, unknown>)[label] === value))
    .reduce((sum, { value }) => sum + value, 0)
}

async function assertAudit(run: LocalRun, objects: number): Promise<void> {
  const report = await audit(run.session, true, () => undefined)
  assert.deepEqual({ differences: report.differences, objects: report.objects }, { differences: [], objects })
  for (const [key, records] of await ledgerRecords(run.session))
    assert.equal(records.filter(({ state }) => state === 'done').length, 1, `${key} is done once`)
}

test('every shape of notification, doubled, out of order and beside polling, brings each object once', { timeout: 240_000 }, async () => {
  const queue = await TestQueue.create()
  const settings = await freshSettings({ ...quiet, s3: { queues: [{ url: queue.url }], queueVisibilityMs: 2000, pollIntervalMs: 500 } })
  const run = await LocalRun.open(settings)
  const { bucket } = run
  try {
    await createBucket(client, bucket)
    const objects = objectsOf(71)
    const bodies: string[] = [testEvent]
    for (const [i, { key, body }] of objects.entries()) {
      await putObject(client, bucket, key, body)
      const direct = event(record(bucket, key))
      const bridge = JSON.stringify({
        source: 'aws.s3',
        'detail-type': 'Object Created',
        time: new Date().toISOString(),
        detail: { bucket: { name: bucket }, object: { key, size: body.length } },
      })
      const sns = JSON.stringify({ Type: 'Notification', TopicArn: 'arn:aws:sns:us-east-1:000000000000:t', Message: direct })
      bodies.push([direct, bridge, sns][i % 3]!)
      // late and wrong: of an older version, and of a removal
      if (i % 4 === 0)
        bodies.push(direct, event(record(bucket, key, 'ObjectRemoved:Delete'), record(bucket, key, 'ObjectCreated:Put', 'older')))
    }
    bodies.push(event(...objects.slice(0, 20).map(({ key }) => record(bucket, key))))
    const before = await counted('flowloom_notify_messages_total', { result: 'test' })
    await queue.send(...bodies.reverse())
    run.start(['notify', 'fetch', 'enrich', 'ip-context', 'sink'])
    await settled(run.store, objects.length, 60_000)
    await queue.empty()
    assert.equal((await counted('flowloom_notify_messages_total', { result: 'test' })) - before, 1)
    const notified = await arrivals(run.session)
    assert.ok(notified.every(({ source }) => source === 'notification'))
    assert.ok(notified.length > objects.length, 'objects were announced more than once')
    await run.stop()
    // polling beside it announces everything again
    run.start(['discover', 'notify', 'fetch', 'enrich', 'ip-context', 'sink'])
    await until(
      async () =>
        new Set((await arrivals(run.session)).filter(({ source }) => source === 'poll').map(({ key }) => key)).size === objects.length,
      30_000,
      'the same objects from polling',
    )
    const late = objectsOf(72, 200)
    for (const { key, body } of late) {
      await putObject(client, bucket, key, body)
      await queue.send(event(record(bucket, key)))
    }
    await settled(run.store, objects.length + late.length, 60_000)
    await queue.empty()
    await run.stop()
    await assertAudit(run, objects.length + late.length)
  } finally {
    await run.close()
  }
})

test('the notifications of the local S3 server itself bring objects with any key', { timeout: 120_000 }, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'flowloom-notify-'))
  const { s3: port } = await freePorts()
  const server = new ChildService(s3Service({ port, folder, buckets: [] }), { logs: folder, run: folder }, () => undefined)
  await server.start()
  const endpoint = `http://127.0.0.1:${port}`
  const queues = [{ url: `${endpoint}/000000000000/${notificationQueue}` }]
  const own = s3Client(endpoint)
  const run = await LocalRun.open(await freshSettings({ ...quiet, s3: { endpoint, queues } }))
  const { bucket } = run
  t.after(async () => {
    await run.close()
    own.destroy()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  await createBucket(own, bucket)
  const objects = objectsOf(73, 300).map(({ key, body }) => ({ key: key.replace(/\.log\.gz$/, ' +é=%.log.gz'), body }))
  run.start(['notify', 'fetch', 'enrich', 'ip-context', 'sink'])
  for (const { key, body } of objects) await putObject(own, bucket, key, body)
  await settled(run.store, objects.length, 60_000)
  await run.stop()
  await assertAudit(run, objects.length)
})

test('what cannot be used stays for the redrive of the queue, and holds up nothing', { timeout: 120_000 }, async () => {
  const dead = await TestQueue.create()
  const queue = await TestQueue.create({
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: await dead.arn(), maxReceiveCount: '2' }),
  })
  const run = await LocalRun.open(await freshSettings({ ...quiet, s3: { queues: [{ url: queue.url }], queueVisibilityMs: 1000 } }))
  const { bucket } = run
  try {
    await createBucket(client, bucket)
    const objects = objectsOf(74, 500)
    for (const { key, body } of objects) await putObject(client, bucket, key, body)
    await queue.send(
      'no JSON',
      ...objects.map(({ key }) => event(record(bucket, key))),
      event(record('a-bucket-of-nobody', 'k.log.gz')),
      '{}',
    )
    const before = await counted('flowloom_notify_poison_messages_total')
    run.start(['notify', 'fetch', 'enrich', 'ip-context', 'sink'])
    await until(async () => (await dead.counts()).waiting === 3, 30_000, 'the redrive')
    assert.equal((await counted('flowloom_notify_poison_messages_total')) - before, 6)
    await queue.empty()
    await settled(run.store, objects.length, 60_000)
    await run.stop()
    await assertAudit(run, objects.length)
  } finally {
    await run.close()
  }
})

test('a queue that is lost is reported and tried again until it is there', { timeout: 120_000 }, async () => {
  const queue = await TestQueue.create()
  await sqs.send(new DeleteQueueCommand({ QueueUrl: queue.url }))
  const run = await LocalRun.open(await freshSettings({ ...quiet, s3: { queues: [{ url: queue.url }] } }))
  const { bucket } = run
  try {
    await createBucket(client, bucket)
    const objects = objectsOf(75, 300)
    for (const { key, body } of objects) await putObject(client, bucket, key, body)
    const before = await counted('flowloom_notify_errors_total', { code: 'SQS_NOT_FOUND' })
    run.start(['notify', 'fetch', 'enrich', 'ip-context', 'sink'])
    await until(async () => (await counted('flowloom_notify_errors_total', { code: 'SQS_NOT_FOUND' })) >= before + 2, 30_000, 'the report')
    await sqs.send(new CreateQueueCommand({ QueueName: queue.url.replace(/.*\//, '') }))
    await queue.send(...objects.map(({ key }) => event(record(bucket, key))))
    await settled(run.store, objects.length, 60_000)
    await queue.empty()
    await run.stop()
    await assertAudit(run, objects.length)
  } finally {
    await run.close()
  }
})

test(
  'a process killed between acknowledgement and deletion leaves its messages, and nothing comes twice',
  { timeout: 180_000 },
  async t => {
    const queue = await TestQueue.create()
    const settings = await freshSettings({
      ...quiet,
      s3: { queues: [{ url: queue.url }], queueVisibilityMs: 1000 },
      log: { level: 'info' },
    })
    const run = await LocalRun.open(settings)
    const { bucket } = run
    const fleet = new Fleet(settings)
    try {
      await createBucket(client, bucket)
      const objects = objectsOf(76, 4000)
      for (const { key, body } of objects) await putObject(client, bucket, key, body)
      run.start(['fetch', 'enrich', 'ip-context', 'sink'])
      const sent = objects.map(({ key }) => event(record(bucket, key)))
      fleet.add('notify', 'a')
      for (let kill = 0; kill < 3; kill++) {
        await queue.send(...sent.splice(0, 12))
        await fleet.killAtPoint('notify', 'notify-sent#1', 20_000)
      }
      assert.equal(fleet.pointKills, 3, 'killed between acknowledgement and deletion')
      await queue.send(...sent)
      await settled(run.store, objects.length, 60_000)
      await queue.empty()
      const all = await arrivals(run.session)
      t.diagnostic(`${fleet.pointKills} kills, ${all.length} arrivals of ${objects.length} objects`)
      assert.ok(all.length > objects.length, 'messages came again after the kill')
      await run.stop()
      await assertAudit(run, objects.length)
    } finally {
      await fleet.stop()
      await run.close()
    }
  },
)
