/** Notifications from a real queue through real Kafka: what S3 sends is announced, and deleted only then. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { audit } from '../../operations/audit.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { ChildService } from '../../stack/child-service.ts'
import { notificationQueue, s3Service } from '../../stack/node-services.ts'
import { freePorts } from '../../stack/ports.ts'
import { counted } from '../support/processes/counted.ts'
import { Fleet } from '../../harness/fleet.ts'
import { until } from '../support/kafka/kafka-lab.ts'
import { ledgerRecords } from '../support/records/ledger-records.ts'
import { endpoints, freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { settled } from '../support/kafka/settle.ts'
import { bridgeEvent, s3Event, s3Record, testEvent, TestQueue } from '../support/s3/test-queue.ts'
import { topics } from '../../schemas/topics.ts'
import { readTopic } from '../../runtime/kafka/topic-reader.ts'
import type { Session } from '../../operations/session.ts'

const { s3Endpoint } = await endpoints()
const client = s3Client(s3Endpoint)
after(async () => {
  client.destroy()
  await releaseStack()
})

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

async function assertAudit(run: LocalRun, objects: number): Promise<void> {
  const report = await audit(run.session, true, () => undefined)
  assert.deepEqual({ differences: report.differences, objects: report.objects }, { differences: [], objects })
  for (const [key, records] of await ledgerRecords(run.session))
    assert.equal(records.filter(({ state }) => state === 'done').length, 1, `${key} is done once`)
}

test('every shape of notification, doubled, out of order and beside polling, brings each object once', { timeout: 240_000 }, async () => {
  const queue = await TestQueue.create(s3Endpoint)
  const settings = await freshSettings({ ...quiet, s3: { queues: [{ url: queue.url }], queueVisibilityMs: 2000, pollIntervalMs: 500 } })
  const run = await LocalRun.open(settings)
  const { bucket } = run
  try {
    await createBucket(client, bucket)
    const objects = objectsOf(71)
    const bodies: string[] = [testEvent]
    for (const [i, { key, body }] of objects.entries()) {
      await putObject(client, bucket, key, body)
      const direct = s3Event(s3Record(bucket, key))
      const bridge = bridgeEvent(bucket, key)
      const sns = JSON.stringify({ Type: 'Notification', TopicArn: 'arn:aws:sns:us-east-1:000000000000:t', Message: direct })
      bodies.push([direct, bridge, sns][i % 3]!)
      // late and wrong: of an older version, and of a removal
      if (i % 4 === 0)
        bodies.push(direct, s3Event(s3Record(bucket, key, 'ObjectRemoved:Delete'), s3Record(bucket, key, 'ObjectCreated:Put', 'older')))
    }
    bodies.push(s3Event(...objects.slice(0, 20).map(({ key }) => s3Record(bucket, key))))
    const before = await counted('flowloom_notify_messages_total', { result: 'test' })
    await queue.send(...bodies.reverse())
    run.start(['notify', 'fetch', 'enrich', 'ip-context', 'clickhouse'])
    await settled(run.store, objects.length, 60_000)
    await queue.empty()
    assert.equal((await counted('flowloom_notify_messages_total', { result: 'test' })) - before, 1)
    const notified = await arrivals(run.session)
    assert.ok(notified.every(({ source }) => source === 'notification'))
    assert.ok(notified.length > objects.length, 'objects were announced more than once')
    await run.stop()
    // polling beside it announces everything again
    run.start(['discover', 'notify', 'fetch', 'enrich', 'ip-context', 'clickhouse'])
    await until(
      async () =>
        new Set((await arrivals(run.session)).filter(({ source }) => source === 'poll').map(({ key }) => key)).size === objects.length,
      30_000,
      'the same objects from polling',
    )
    const late = objectsOf(72, 200)
    for (const { key, body } of late) {
      await putObject(client, bucket, key, body)
      await queue.send(s3Event(s3Record(bucket, key)))
    }
    await settled(run.store, objects.length + late.length, 60_000)
    await queue.empty()
    await run.stop()
    await assertAudit(run, objects.length + late.length)
  } finally {
    await run.close()
    queue.close()
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
  run.start(['notify', 'fetch', 'enrich', 'ip-context', 'clickhouse'])
  for (const { key, body } of objects) await putObject(own, bucket, key, body)
  await settled(run.store, objects.length, 60_000)
  await run.stop()
  await assertAudit(run, objects.length)
})

test('what cannot be used stays for the redrive of the queue, and holds up nothing', { timeout: 120_000 }, async () => {
  const dead = await TestQueue.create(s3Endpoint)
  const queue = await TestQueue.create(s3Endpoint, {
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
      ...objects.map(({ key }) => s3Event(s3Record(bucket, key))),
      s3Event(s3Record('a-bucket-of-nobody', 'k.log.gz')),
      '{}',
    )
    const before = await counted('flowloom_notify_poison_messages_total')
    run.start(['notify', 'fetch', 'enrich', 'ip-context', 'clickhouse'])
    await until(async () => (await dead.counts()).waiting === 3, 30_000, 'the redrive')
    assert.equal((await counted('flowloom_notify_poison_messages_total')) - before, 6)
    await queue.empty()
    await settled(run.store, objects.length, 60_000)
    await run.stop()
    await assertAudit(run, objects.length)
  } finally {
    await run.close()
    queue.close()
  }
})

test('a queue that is lost is reported and tried again until it is there', { timeout: 120_000 }, async () => {
  const queue = await TestQueue.create(s3Endpoint)
  await queue.delete()
  const run = await LocalRun.open(await freshSettings({ ...quiet, s3: { queues: [{ url: queue.url }] } }))
  const { bucket } = run
  try {
    await createBucket(client, bucket)
    const objects = objectsOf(75, 300)
    for (const { key, body } of objects) await putObject(client, bucket, key, body)
    const before = await counted('flowloom_notify_errors_total', { code: 'SQS_NOT_FOUND' })
    run.start(['notify', 'fetch', 'enrich', 'ip-context', 'clickhouse'])
    await until(async () => (await counted('flowloom_notify_errors_total', { code: 'SQS_NOT_FOUND' })) >= before + 2, 30_000, 'the report')
    await queue.make()
    await queue.send(...objects.map(({ key }) => s3Event(s3Record(bucket, key))))
    await settled(run.store, objects.length, 60_000)
    await queue.empty()
    await run.stop()
    await assertAudit(run, objects.length)
  } finally {
    await run.close()
    queue.close()
  }
})

test(
  'a process killed between acknowledgement and deletion leaves its messages, and nothing comes twice',
  { timeout: 180_000 },
  async t => {
    const queue = await TestQueue.create(s3Endpoint)
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
      run.start(['fetch', 'enrich', 'ip-context', 'clickhouse'])
      const sent = objects.map(({ key }) => s3Event(s3Record(bucket, key)))
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
      queue.close()
    }
  },
)
