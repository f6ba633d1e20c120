import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkConfig } from '../../../../../config/config.ts'
import type { NotificationQueue, QueueMessage } from '../../../../../producers/s3/notify/notify-queue.ts'
import { createNotifySource, queuesOfShard } from '../../../../../producers/s3/notify/notify-source.ts'
import { FlowError } from '../../../../../runtime/errors.ts'
import { registry } from '../../../../../runtime/metrics.ts'
import type { SourceContext } from '../../../../../runtime/task.ts'
import { MemoryCluster } from '../../../../../harness/memory-context.ts'

const url = 'http://127.0.0.1:1/000000000000/q'
const keyOf = (name: string, day = '20261124'): string =>
  `AWSLogs/123456789012/vpcflowlogs/us-east-1/${day.slice(0, 4)}/${day.slice(4, 6)}/${day.slice(6)}/123456789012_vpcflowlogs_us-east-1_fl-0123456789abcdef0_${day}T1155Z_${name}.log.gz`
const created = (key: string, bucket = 'flow-logs'): object => ({
  eventName: 'ObjectCreated:Put',
  eventTime: '2026-11-24T12:00:00Z',
  s3: { bucket: { name: bucket }, object: { key: encodeURIComponent(key), size: 3, eTag: `etag-of-${key.slice(-12)}` } },
})
const message = (...records: object[]): string => JSON.stringify({ Records: records })

/** A queue in memory: what is received stays until it is deleted. */
class MemoryQueue implements NotificationQueue {
  readonly url = url
  readonly waiting: QueueMessage[] = []
  readonly taken: QueueMessage[] = []
  readonly deleted: string[] = []
  /** Thrown by the next calls of receive. */
  readonly failures: Error[] = []
  receives = 0

  put(...bodies: string[]): void {
    for (const body of bodies) this.waiting.push({ id: `${this.waiting.length}`, body, receipt: body, receives: 1 })
  }

  async receive(signal: AbortSignal): Promise<QueueMessage[]> {
    this.receives++
    await sleep(1, undefined, { signal })
    const failure = this.failures.shift()
    if (failure !== undefined) throw failure
    const messages = this.waiting.splice(0, 10)
    this.taken.push(...messages)
    return messages
  }

  async delete(messages: readonly QueueMessage[]): Promise<number> {
    this.deleted.push(...messages.map(({ receipt }) => receipt))
    return Promise.resolve(0)
  }

  async tryReceive(): Promise<void> {
    await this.receive(new AbortController().signal)
  }

  async tryDelete(): Promise<void> {
    await this.delete([])
  }

  close(): void {
    this.waiting.length = 0
  }
}

class NotifyBench {
  readonly cluster = new MemoryCluster({ clockMs: Date.parse('2026-11-24T12:01:00Z'), partitions: 3 })
  readonly queue = new MemoryQueue()
  readonly order: string[] = []
  readonly #stop = new AbortController()
  /** Called before Kafka takes records. */
  beforeSend: (() => void) | undefined
  ended: Promise<void> = Promise.resolve()

  start(sources: object[] = [{ bucket: 'flow-logs' }]): void {
    const { s3 } = checkConfig({ s3: { sources, queues: [{ url }] } })
    const source = createNotifySource({ settings: s3, open: () => this.queue, atPoint: () => void this.order.push('sent'), firstWaitMs: 1 })
    const context = this.cluster.createSourceContext(source, 0, this.#stop.signal)
    const send: SourceContext['send'] = async (...args) => {
      this.beforeSend?.()
      assert.deepEqual(this.queue.deleted, [], 'nothing is deleted before Kafka has it')
      await context.send(...args)
    }
    this.ended = source.runShard({ ...context, send })
    this.ended.catch(() => undefined)
  }

  async run(...bodies: string[]): Promise<string[]> {
    this.queue.put(...bodies)
    this.start()
    await this.idle()
    await this.stop()
    return this.keys()
  }

  /** Waits until everything that waits in the queue was taken and dealt with: a loop that receives again has done with what it had. */
  async idle(): Promise<void> {
    while (this.queue.waiting.length > 0 || this.queue.failures.length > 0) await sleep(1)
    for (const last = this.queue.receives; this.queue.receives < last + 2;) await sleep(1)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.ended
  }

  keys(): string[] {
    return this.cluster.readCommitted('objectArrivals').map(record => record.key.key)
  }
}

test('announces what a message tells of, then deletes it', async () => {
  const bench = new NotifyBench()
  const body = message(created(keyOf('a')), created(keyOf('b')))
  assert.deepEqual((await bench.run(body)).sort(), [keyOf('a'), keyOf('b')])
  assert.deepEqual(bench.queue.deleted, [body])
  const [first] = bench.cluster.readCommitted('objectArrivals').filter(record => record.key.key === keyOf('a'))
  assert.deepEqual(
    { ...first?.value },
    { etag: `etag-of-${keyOf('a').slice(-12)}`, size: 3, lastModifiedMs: Date.parse('2026-11-24T12:00:00Z'), source: 'notification' },
  )
})

test('deletes what asks for nothing: other events, other keys, other services, the test event', async () => {
  const bench = new NotifyBench()
  const bodies = [
    message({ ...created(keyOf('a')), eventName: 'ObjectRemoved:Delete' }),
    message(created('AWSLogs/123456789012/elasticloadbalancing/us-east-1/2026/11/24/x.log.gz')),
    message(created('AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24/x.tmp')),
    message(created(`elsewhere/${keyOf('a')}`)),
    JSON.stringify({ Event: 's3:TestEvent', Bucket: 'flow-logs' }),
  ]
  assert.deepEqual(await bench.run(...bodies), [])
  assert.deepEqual(bench.queue.deleted.sort(), [...bodies].sort())
})

test('leaves a message that cannot be used, and announces what can be read of it', async () => {
  const bench = new NotifyBench()
  const half = message(created(keyOf('a')), { eventName: 'ObjectCreated:Put' })
  const good = message(created(keyOf('b')))
  assert.deepEqual((await bench.run('no JSON', half, good)).sort(), [keyOf('a'), keyOf('b')])
  assert.deepEqual(bench.queue.deleted, [good])
})

test('leaves a message of a bucket that no source names', async () => {
  const bench = new NotifyBench()
  assert.deepEqual(await bench.run(message(created(keyOf('a'), 'forgotten'))), [])
  assert.deepEqual([bench.queue.taken.length, bench.queue.deleted.length], [1, 0])
})

test('a start date holds for notifications too', async () => {
  const bench = new NotifyBench()
  bench.queue.put(message(created(keyOf('a', '20261109'))), message(created(keyOf('a', '20261110'))))
  bench.start([{ bucket: 'flow-logs', startDate: '2026-11-10' }])
  await bench.idle()
  await bench.stop()
  assert.deepEqual(bench.keys(), [keyOf('a', '20261110')])
  assert.equal(bench.queue.deleted.length, 2)
})

test('takes the keys of the layout of a source; its start date is about the hour of the folder, or the event', async () => {
  const bench = new NotifyBench()
  const [dated, any] = ['hose/2026/11/24/10/stream-1', 'export/id/eni-1-all/000000.gz'] as const
  bench.queue.put(
    message(created(dated), created('hose/2026/11/09/10/early'), created('hose/processing-failed/x')),
    message(created(any), created('export/aws-logs-write-test'), created('later/000000.gz'), created('elsewhere/000000.gz')),
  )
  bench.start([
    { bucket: 'flow-logs', prefix: 'hose', layout: 'firehose', startDate: '2026-11-10' },
    { bucket: 'flow-logs', prefix: 'export', layout: 'any', keyPattern: '\\.gz$', startDate: '2026-11-24' },
    { bucket: 'flow-logs', prefix: 'later', layout: 'any', startDate: '2026-11-25' },
  ])
  await bench.idle()
  await bench.stop()
  assert.deepEqual(bench.keys().sort(), [any, dated])
  assert.equal(bench.queue.deleted.length, 2)
})

test('deletes nothing where Kafka does not take the arrivals, and lets the error out', async () => {
  const bench = new NotifyBench()
  bench.beforeSend = () => {
    throw new FlowError('KAFKA_UNAVAILABLE', { brokers: 'memory', detail: 'away' })
  }
  bench.queue.put(message(created(keyOf('a'))))
  bench.start()
  await assert.rejects(bench.ended, { code: 'KAFKA_UNAVAILABLE' })
  assert.deepEqual([bench.queue.taken.length, bench.queue.deleted.length, bench.order], [1, 0, []])
})

test('tries again where a queue is lost or denied', async () => {
  const bench = new NotifyBench()
  for (const code of ['SQS_NOT_FOUND', 'SQS_ACCESS_DENIED', 'SQS_UNAVAILABLE'] as const)
    bench.queue.failures.push(new FlowError(code, { url, detail: 'x' }))
  assert.deepEqual(await bench.run(message(created(keyOf('a')))), [keyOf('a')])
})

test('every queue is served, by at most four receivers, whatever the number of shards', () => {
  for (const shards of [1, 2, 3, 12])
    for (const count of [0, 1, 2, 5, 20]) {
      const queues = Array.from({ length: count }, (_, i) => i)
      const served = Array.from({ length: shards }, (_, shard) => queuesOfShard(queues, shard, shards)).flat()
      for (const queue of queues) {
        const receivers = served.filter(each => each === queue).length
        assert.ok(receivers >= 1 && receivers <= 4, `${count} queues, ${shards} shards: queue ${queue} has ${receivers} receivers`)
      }
    }
})

test('accounts and regions of a source: notifications of others are counted and deleted', async () => {
  const ignored = async (reason: string): Promise<number> =>
    (await registry.getSingleMetric('flowloom_notify_events_ignored_total')!.get()).values.find(({ labels }) => labels['reason'] === reason)
      ?.value ?? 0
  const before = [await ignored('not-chosen'), await ignored('other-key')]
  const bench = new NotifyBench()
  bench.queue.put(
    message(created(keyOf('mine'))),
    message(created(keyOf('other').replaceAll('123456789012', '111122223333'))),
    message(created('x')),
  )
  bench.start([{ bucket: 'flow-logs', accounts: ['123456789012'], regions: ['us-east-1'] }])
  await bench.idle()
  await bench.stop()
  assert.deepEqual(bench.keys(), [keyOf('mine')])
  assert.equal(bench.queue.deleted.length, 3)
  assert.deepEqual([await ignored('not-chosen'), await ignored('other-key')], [before[0]! + 1, before[1]! + 1])
})
