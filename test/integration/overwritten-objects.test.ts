/** Objects that are overwritten, and objects that change while they are read, on the real services: each version as docs/operations.md says. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { audit } from '../../operations/audit.ts'
import type { RawConfig } from '../../config/config.ts'
import { objectIdOf } from '../../schemas/object-id.ts'
import { goodObject } from '../support/files/bad-objects.ts'
import { setBucketFaults } from '../support/s3/bucket-faults.ts'
import { counted } from '../support/processes/counted.ts'
import { until } from '../support/kafka/kafka-lab.ts'
import { ledgerRecords } from '../support/records/ledger-records.ts'
import { endpoints, freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { s3Event, s3Record, TestQueue } from '../support/s3/test-queue.ts'

const { s3Endpoint } = await endpoints()
const client = s3Client(s3Endpoint)
after(async () => {
  client.destroy()
  await releaseStack()
})

const slotS = Math.floor(Date.now() / 300_000) * 300 - 600
const roles = ['discover', 'notify', 'fetch', 'enrich', 'ip-context', 'clickhouse'] as const
const etagOf = (body: Buffer): string => createHash('md5').update(body).digest('hex')

/** Polling looks at today and the day before. */
function keyOf(name: string, daysBack = 0): string {
  const day = new Date((slotS - daysBack * 86_400) * 1000).toISOString().slice(0, 10).replaceAll('-', '/')
  return `AWSLogs/123456789010/vpcflowlogs/us-east-1/${day}/${name}`
}

interface Version {
  readonly key: string
  readonly body: Buffer
  /** Lines and flows that are there of it; `state`: that of its ledger record. */
  readonly lines: number
  readonly flows: number
  readonly state: string
}

/** A version of so many flows that was read to its end. */
const whole = (key: string, body: Buffer, flows: number): Version => ({ key, body, flows, lines: flows + 1, state: 'done' })

class Scene {
  readonly run: LocalRun
  readonly queue: TestQueue

  private constructor(run: LocalRun, queue: TestQueue) {
    this.run = run
    this.queue = queue
  }

  static async open(s3: RawConfig[string] = {}): Promise<Scene> {
    const queue = await TestQueue.create(s3Endpoint)
    const settings = await freshSettings({
      lookups: { country: 'none', asn: 'none' },
      s3: { queues: [{ url: queue.url }], pollIntervalMs: 300, ...s3 },
      log: { level: 'silent' },
    })
    const scene = new Scene(await LocalRun.open(settings), queue)
    await createBucket(client, scene.run.bucket)
    return scene
  }

  put(key: string, body: Buffer): Promise<void> {
    return putObject(client, this.run.bucket, key, body)
  }

  /** Tells of a version that was put. */
  notify(key: string, body: Buffer): Promise<void> {
    return this.queue.send(s3Event(s3Record(this.run.bucket, key, 'ObjectCreated:Put', etagOf(body))))
  }

  idOf({ key, body }: Version): string {
    return objectIdOf(this.run.bucket, key, etagOf(body)).toString('hex')
  }

  /** Versions in the tables: state and lines of the ledger, flows, and how many lines stand twice. */
  async #inTables(): Promise<Map<string, { state: string; lines: number; flows: number; twice: number }>> {
    const rows = await this.run.store.query<{ id: string; state: string; lines: string; flows: string; twice: string }>(
      `SELECT leftPad(lower(hex(o.object_id)), 16, '0') AS id, o.state AS state, o.lines AS lines, f.flows AS flows, f.twice AS twice
       FROM (SELECT * FROM objects FINAL) AS o LEFT JOIN
         (SELECT object_id, count() AS flows, count() - uniqExact(line) AS twice FROM flows GROUP BY object_id) AS f ON f.object_id = o.object_id`,
    )
    return new Map(
      rows.map(({ id, state, lines, flows, twice }) => [id, { state, lines: Number(lines), flows: Number(flows), twice: Number(twice) }]),
    )
  }

  /** Waits until each of the versions has all its flows. */
  async settled(...versions: Version[]): Promise<void> {
    await until(
      async () => {
        const found = await this.#inTables()
        return versions.every(version => {
          const row = found.get(this.idOf(version))
          return row?.state === version.state && row.flows >= version.flows
        })
      },
      90_000,
      `the versions ${versions.map(({ key, flows }) => `${key}: ${flows} flows`).join(', ')}`,
    )
  }

  /** Stops; then tables, ledger and audit know exactly these versions. @param gone How many of them are not in S3 any more. */
  async assertVersions(versions: readonly Version[], gone: number): Promise<void> {
    await this.queue.empty()
    await this.run.stop()
    const expected = versions.map(version => {
      const { state, lines, flows } = version
      return [this.idOf(version), { state, lines, flows, twice: 0 }] as const
    })
    assert.deepEqual(await this.#inTables(), new Map(expected))
    const ledger = [...(await ledgerRecords(this.run.session)).values()].flat()
    for (const version of versions) {
      const ofVersion = ledger.filter(({ objectId }) => objectId.toString('hex') === this.idOf(version))
      assert.deepEqual([ofVersion.at(-1)?.state, ofVersion.at(-1)?.lines], [version.state, version.lines], version.key)
      assert.equal(ofVersion.filter(({ state }) => state === 'done').length, version.state === 'done' ? 1 : 0, version.key)
    }
    assert.equal(new Set(ledger.map(({ objectId }) => objectId.toString('hex'))).size, versions.length)
    const books = await audit(this.run.session, true, () => undefined)
    assert.deepEqual([books.differences, books.gone, books.objects], [[], gone, versions.length - gone])
  }

  async close(): Promise<void> {
    await setBucketFaults(s3Endpoint, this.run.bucket, []).catch(() => undefined)
    await this.run.close()
    this.queue.close()
  }
}

const skipped = (): Promise<number> => counted('flowloom_fetch_arrivals_skipped_total', { reason: 'done' })

test('an overwritten object, by polling and by notification: both versions once; a late word of the old one, or its return, adds nothing', async () => {
  const scene = await Scene.open()
  try {
    const [polled, notified] = [keyOf('polled.log.gz'), keyOf('notified.log.gz', 9)]
    const old = [polled, notified].map((key, i) => whole(key, goodObject(25, slotS, 20 + i), 25))
    const fresh = [polled, notified].map((key, i) => whole(key, goodObject(60, slotS, 30 + i), 60))
    for (const { key, body } of old) await scene.put(key, body)
    await scene.notify(notified, old[1]!.body)
    scene.run.start(roles)
    await scene.settled(...old)

    for (const { key, body } of fresh) await scene.put(key, body)
    await scene.notify(notified, fresh[1]!.body)
    await scene.settled(...fresh)

    const before = await skipped()
    for (const { key, body } of [...old, ...fresh]) await scene.notify(key, body)
    await until(async () => (await skipped()) - before >= 4, 30_000, 'the look at the late notifications')

    const again = await skipped()
    for (const { key, body } of old) await scene.put(key, body)
    await scene.notify(notified, old[1]!.body)
    await until(async () => (await skipped()) - again >= 2, 30_000, 'the look at the versions that came back')
    await scene.assertVersions([...old, ...fresh], 2)
  } finally {
    await scene.close()
  }
})

test('an object that is overwritten before it is opened: the version that is there, once', async () => {
  const scene = await Scene.open()
  try {
    const [polled, notified] = [keyOf('polled.log.gz'), keyOf('notified.log.gz', 9)]
    await setBucketFaults(s3Endpoint, scene.run.bucket, [{ prefix: 'AWSLogs/', operations: ['get'], status: 500, code: 'InternalError' }])
    // of the old ones there is only the word that they could not be read
    const old = [polled, notified].map((key): Version => ({ key, body: goodObject(25, slotS, 20), lines: 0, flows: 0, state: 'retrying' }))
    for (const { key, body } of old) await scene.put(key, body)
    await scene.notify(notified, old[1]!.body)
    scene.run.start(roles)
    // an attempt at each of them: two attempts may be at the same one, and the other is overwritten before it is ever tried
    await scene.settled(...old)
    const fresh = [polled, notified].map((key, i) => whole(key, goodObject(60, slotS, 30 + i), 60))
    for (const { key, body } of fresh) await scene.put(key, body)
    await scene.notify(notified, fresh[1]!.body)
    await setBucketFaults(s3Endpoint, scene.run.bucket, [])
    await scene.settled(...fresh)
    await scene.assertVersions([...old, ...fresh], 2)
  } finally {
    await scene.close()
  }
})

test('an object that is overwritten while it is read: the download goes on to its end, then the new version is read', async () => {
  const scene = await Scene.open({ chunkBytes: 262_144 })
  try {
    // one that is taken in whole, and one that is streamed
    const [small, large] = [keyOf('small.log.gz'), keyOf('large.log')]
    const old = [whole(small, goodObject(25, slotS, 20), 25), whole(large, gunzipSync(goodObject(45_000, slotS, 21)), 45_000)]
    const fresh = [small, large].map((key, i) => whole(key, goodObject(60, slotS, 30 + i), 60))
    assert.ok(old[1]!.body.length > 4_194_304)
    let next: Version | undefined
    scene.run.start(roles, async point => {
      if (point !== 'fetch-opened' || next === undefined) return
      const { key, body } = next
      next = undefined
      await scene.put(key, body)
    })
    for (const [i, { key, body }] of old.entries()) {
      next = fresh[i]!
      await scene.put(key, body)
      await scene.settled(old[i]!, fresh[i]!)
      assert.equal(next, undefined, 'it was overwritten between its opening and its first line')
    }
    await scene.assertVersions([...old, ...fresh], 2)
  } finally {
    await scene.close()
  }
})

test('an object that breaks off and is then overwritten: the lines that were published stay, the new version is read from its first line', async () => {
  const scene = await Scene.open({ chunkBytes: 262_144, lookBackMs: 3_600_000 })
  try {
    const key = keyOf('broken-off.log', 9)
    const body = gunzipSync(goodObject(45_000, slotS, 21))
    await scene.put(key, body)
    const { bucket, session } = scene.run
    const unavailable = { prefix: key, operations: ['get' as const], status: 503, code: 'SlowDown' }
    await setBucketFaults(s3Endpoint, bucket, [{ prefix: key, operations: ['get'], cutAfterBytes: 3_000_000, times: 1 }, unavailable])
    const replaced = await counted('flowloom_fetch_versions_replaced_total')
    await scene.notify(key, body)
    scene.run.start(roles)
    const reached = async (): Promise<{ state: string; lines: number } | undefined> => (await ledgerRecords(session)).get(key)?.at(-1)
    await until(async () => (await reached())?.state === 'retrying' && ((await reached())?.lines ?? 0) > 1, 60_000, 'the break')
    const { lines } = (await reached())!
    assert.ok(lines > 1000 && lines < 45_000, `${lines} lines were published before the break`)

    const fresh = whole(key, goodObject(60, slotS, 30), 60)
    await scene.put(key, fresh.body)
    await setBucketFaults(s3Endpoint, bucket, [])
    const old: Version = { key, body, lines, flows: lines - 1, state: 'retrying' }
    await scene.settled(old, fresh)
    assert.equal((await counted('flowloom_fetch_versions_replaced_total')) - replaced, 1)
    // a late word of the old version, and one of the new
    const before = await skipped()
    await scene.notify(key, body)
    await scene.notify(key, fresh.body)
    await until(async () => (await skipped()) - before >= 2, 30_000, 'the look at the late notifications')
    await scene.assertVersions([old, fresh], 1)
  } finally {
    await scene.close()
  }
})
