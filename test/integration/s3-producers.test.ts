// Discover and fetch against the local S3 server by the real client; Kafka in memory.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { totalOf } from '../../schemas/tally.ts'
import { checkConfig, type Config } from '../../config/config.ts'
import { createDiscoverSource } from '../../producers/s3/discover/discover-source.ts'
import { createFetchRole } from '../../producers/s3/fetch/fetch-processor.ts'
import { createS3Stores } from '../../producers/s3/objects/s3-object-store.ts'
import type { ObjectStore } from '../../producers/s3/objects/object-store.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { uploadObjects } from '../../producers/synthetic/upload-objects.ts'
import type { FlowError } from '../../runtime/errors.ts'
import { ChildService } from '../../stack/child-service.ts'
import { s3Service } from '../../stack/node-services.ts'
import { freePorts } from '../../stack/ports.ts'
import type { FaultRule } from '../../stack/s3-faults.ts'
import { MemoryCluster } from '../../harness/memory-context.ts'
import { createBucket, deleteObject, putObject, s3Client } from '../../harness/s3.ts'

const folder = mkdtempSync(join(tmpdir(), 'flowloom-s3-producers-'))
const { s3: port } = await freePorts()
const endpoint = `http://127.0.0.1:${port}`
const server = new ChildService(s3Service({ port, folder, buckets: ['store'] }), { logs: folder, run: folder }, () => undefined)
const client = s3Client(endpoint)

before(() => server.start())
after(async () => {
  client.destroy()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

const settingsOf = (bucket: string): Config['s3'] =>
  checkConfig({
    s3: {
      endpoint,
      pathStyle: true,
      accessKeyId: 'test',
      secretAccessKey: 'test',
      sources: [{ bucket }],
      pollIntervalMs: 100,
      retryBaseMs: 10,
      maxAttempts: 3,
    },
  }).s3
const storeOf = (bucket: string): ObjectStore => createS3Stores(settingsOf(bucket))(bucket, '')

async function setFaults(rules: FaultRule[]): Promise<void> {
  await fetch(`${endpoint}/_faults`, rules.length === 0 ? { method: 'DELETE' } : { method: 'PUT', body: JSON.stringify(rules) })
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

const code = (expected: string) => (error: FlowError) => error.code === expected

test('lists over pages, by delimiter and from a key on', async () => {
  const store = storeOf('store')
  const keys = Array.from({ length: 1100 }, (_unused, i) => `many/${String(i).padStart(4, '0')} é+=.log.gz`)
  const puts = keys.map(key => () => putObject(client, 'store', key, Buffer.from('x')))
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let put = puts.pop(); put !== undefined; put = puts.pop()) await put()
    }),
  )
  const listed = await collect(store.list('store', 'many/'))
  assert.deepEqual(
    listed.map(object => object.key),
    keys,
  )
  assert.deepEqual([listed[0]?.size, listed[0]?.etag], [1, '9dd4e461268c8034f5c8564e155c67a6'])
  assert.ok(Math.abs(listed[0]!.lastModifiedMs - Date.now()) < 120_000)
  assert.deepEqual(await collect(store.listPrefixes('store', '')), ['many/'])
  assert.equal((await collect(store.list('store', 'many/', { startAfter: keys[1000]! }))).length, 99)
})

test('opens a version, and only that version where it is asked for', async () => {
  const store = storeOf('store')
  await putObject(client, 'store', 'one', Buffer.from('first'))
  const opened = await store.open('store', 'one')
  assert.equal((await buffer(opened.body)).toString(), 'first')
  assert.equal(opened.size, 5)
  const again = await store.open('store', 'one', { ifMatch: opened.etag })
  assert.equal((await buffer(again.body)).toString(), 'first')
  await putObject(client, 'store', 'one', Buffer.from('second'))
  await assert.rejects(store.open('store', 'one', { ifMatch: opened.etag }), code('S3_CHANGED'))
})

test('says by code what is wrong', async () => {
  const store = storeOf('store')
  await assert.rejects(store.open('store', 'nothing'), code('S3_NOT_FOUND'))
  await assert.rejects(store.open('no-such-bucket', 'nothing'), code('S3_NO_BUCKET'))
  await assert.rejects(store.list('no-such-bucket', '')[Symbol.asyncIterator]().next(), code('S3_NO_BUCKET'))
  await setFaults([{ prefix: 'secret/', status: 403, code: 'AccessDenied' }])
  await assert.rejects(store.open('store', 'secret/x'), code('S3_ACCESS_DENIED'))
  await assert.rejects(collect(store.list('store', 'secret/')), code('S3_ACCESS_DENIED'))
  await setFaults([{ prefix: 'expired/', status: 400, code: 'ExpiredToken' }])
  await assert.rejects(store.open('store', 'expired/x'), code('S3_UNAVAILABLE'))
  await setFaults([])
  const dead = createS3Stores({ ...settingsOf('store'), endpoint: 'http://127.0.0.1:9' })('store', '')
  await assert.rejects(dead.open('store', 'x'), code('S3_UNAVAILABLE'))
})

test('passes over two answers of 503', async () => {
  const store = storeOf('store')
  await putObject(client, 'store', 'slow', Buffer.from('x'))
  await setFaults([{ prefix: 'slow', status: 503, code: 'SlowDown', times: 2 }])
  await store.open('store', 'slow').then(opened => buffer(opened.body))
  await setFaults([])
})

test('brings every generated line from S3 to raw-lines once, through late, cut, denied, gone and overwritten objects', async t => {
  const bucket = 'flows'
  await createBucket(client, bucket)
  const settings = { ...settingsOf(bucket), chunkBytes: 262_144 }
  const stores = createS3Stores(settings)
  const cluster = new MemoryCluster({ partitions: 3, clockMs: Date.now() })
  const stop = new AbortController()
  t.after(() => stop.abort())
  const source = createDiscoverSource({ settings, stores, quietDayRounds: 1 })
  const shards = [0, 1, 2].map(shard => source.runShard(cluster.createSourceContext(source, shard, stop.signal)))
  const objects = [
    ...generateObjects({ seed: 11, records: 30_000, startS: Date.now() / 1000 - 3600, slots: 6, badLineShare: 0.01, bucket }),
  ]
  const upload = (some: typeof objects) => uploadObjects(({ key, body }) => putObject(client, bucket, key, body), some)
  const [denied, cut, gone, overwritten] = objects as [(typeof objects)[0], (typeof objects)[0], (typeof objects)[0], (typeof objects)[0]]
  await setFaults([
    { prefix: denied.key, operations: ['get'], status: 403, code: 'AccessDenied', times: 2 },
    { prefix: cut.key, operations: ['get'], cutAfterBytes: 100, times: 1 },
  ])
  const early = objects.filter((_object, index) => index % 2 === 0 || index < 4)
  await upload(early)
  const late = objects.filter(object => !early.includes(object)).reverse()
  const until = async (is: () => boolean): Promise<void> => {
    for (let i = 0; i < 200 && !is(); i++) await sleep(50)
    assert.ok(is())
  }
  const announced = (): number => cluster.readCommitted('objectArrivals').length
  await until(() => announced() === early.length && source.ready())
  await deleteObject(client, bucket, gone.key)
  await upload(late)
  await until(() => announced() === objects.length)
  const role = createFetchRole({ settings, kafka: { commitIntervalMs: 200, commitRows: 100_000 }, stores })
  const tasks = await Promise.all([0, 1, 2].map(partition => cluster.startTask(role, partition)))
  /** Lets the tasks work, a second of theirs at a time, until it is so; downloads take real time. */
  const settle = async (is: () => boolean): Promise<void> => {
    for (let i = 0; i < 500 && !is(); i++) {
      for (const task of tasks) {
        await task.drain(5)
        await task.tick()
      }
      cluster.clockMs += 1000
      await sleep(20)
    }
  }
  const latest = () => cluster.latest('objects', key => key.key)
  const ended = (): boolean =>
    latest().size === objects.length && [...latest().values()].every(({ state }) => state === 'done' || state === 'failed')
  await settle(ended)
  const ledger = latest()
  assert.equal(ledger.get(gone.key)?.errorCode, 'S3_NOT_FOUND')
  assert.deepEqual(new Set([...ledger].filter(([key]) => key !== gone.key).map(([, record]) => record.state)), new Set(['done']))
  assert.equal(ledger.get(denied.key)?.attempts, 2)
  const sum = (of: (record: { lines: number; deadLines: number }) => number): number =>
    [...ledger.values()].reduce((all, record) => all + of(record), 0)
  assert.equal(
    sum(record => record.lines),
    totalOf(objects.map(({ manifest }) => manifest)).lines - gone.manifest.lines,
  )
  const published = cluster.readCommitted('rawLines').reduce((all, record) => all + Number(record.headers['lines']), 0)
  assert.equal(published, sum(record => record.lines - record.deadLines) - (objects.length - 1))
  assert.equal(
    cluster.readCommitted('deadLetters').length,
    sum(record => record.deadLines),
  )

  await putObject(client, bucket, overwritten.key, gzipSync(`${ledger.get(overwritten.key)!.header ?? ''}\nnew\n`))
  await until(() => announced() === objects.length + 1)
  await settle(() => latest().get(overwritten.key)?.lines === 2)
  stop.abort()
  await Promise.all(shards)
  for (const task of tasks) await task.stop()
  assert.equal(latest().get(overwritten.key)?.lines, 2)
  await setFaults([])
})
