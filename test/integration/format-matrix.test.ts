/** Every container by every arrival on the real services, the column orders dealt round, with the values of every field checked. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { audit } from '../../operations/audit.ts'
import { parseRange } from '../../cli/backfill.ts'
import { backfill } from '../../operations/backfill/backfill.ts'
import type { Session } from '../../operations/session.ts'
import { readTopic } from '../../runtime/kafka/topic-reader.ts'
import { objectIdOf } from '../../schemas/object-id.ts'
import { topics } from '../../schemas/topics.ts'
import { matrixFormats, matrixRecords } from '../support/files/format-matrix.ts'
import { ledgerRecords } from '../support/records/ledger-records.ts'
import { endpoints, freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { assertMatrixObject, type MatrixObject } from '../support/files/matrix-checks.ts'
import { matrixContainers } from '../support/files/matrix-containers.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { settled } from '../support/kafka/settle.ts'
import { bridgeEvent, s3Event, s3Record, TestQueue } from '../support/s3/test-queue.ts'

after(() => releaseStack())

const dayS = 86_400
const account = '000000000042'
const direct = (bucket: string, key: string): string => s3Event(s3Record(bucket, key))

/** How objects arrive. Polling looks at today and the day before: what arrives in another way lies days back. */
const arrivals = [
  { name: 'polling', source: 'poll', daysBack: 0, message: undefined },
  { name: 'notification', source: 'notification', daysBack: 9, message: direct },
  {
    name: 'notification through SNS',
    source: 'notification',
    daysBack: 9,
    message: (bucket: string, key: string) =>
      JSON.stringify({ Type: 'Notification', TopicArn: 'arn:aws:sns:us-east-1:000000000000:t', Message: direct(bucket, key) }),
  },
  {
    name: 'notification from EventBridge',
    source: 'notification',
    daysBack: 9,
    message: bridgeEvent,
  },
  { name: 'backfill', source: 'backfill', daysBack: 12, message: undefined },
] as const

interface Cell extends MatrixObject {
  readonly key: string
  readonly body: Buffer
  readonly arrival: (typeof arrivals)[number]
}

/** Every container meets every column order once, and every arrival six of them; where there is no header line, or the text is that of
 * another container, every arrival two. */
function cells(nowS: number): Cell[] {
  return matrixContainers.flatMap((container, c) =>
    arrivals.flatMap((arrival, a) => {
      const slotS = Math.floor(nowS / 300) * 300 - 300 - arrival.daysBack * dayS
      const time = new Date(slotS * 1000).toISOString()
      const folder = `AWSLogs/${account}/vpcflowlogs/us-east-1/${time.slice(0, 10).replaceAll('-', '/')}`
      const file = `${account}_vpcflowlogs_us-east-1_fl-0123456789abcdef0_${time.slice(0, 16).replace(/[-:]/g, '')}Z`
      const dealt = matrixFormats.filter((_format, f) => (f + c) % arrivals.length === a)
      return (container.bare || container.repeats === true ? dealt.filter((_format, i) => i % 3 === a % 3) : dealt).map(format => {
        const records = matrixRecords(format, slotS)
        return {
          key: `${container.bare ? `${format.name}/` : ''}${folder}/${file}_${format.name}-${c}-${a}${container.suffix}`,
          body: container.body(format, records),
          ...{ arrival, format, records, account, slotS, bare: container.bare },
        }
      })
    }),
  )
}

/** Values of a topic by object version. */
async function byObject<T extends { objectId: Buffer }>({ cluster, codecs }: Session, id: 'flows' | 'flowGaps'): Promise<Map<string, T[]>> {
  const found = new Map<string, T[]>()
  await readTopic(cluster, topics[id], ({ value }) => {
    const record = codecs[id].decodeValue(value!) as unknown as T
    const name = record.objectId.toString('hex')
    found.set(name, [...(found.get(name) ?? []), record])
  })
  return found
}

test('every container by every arrival: every value of every field, once', { timeout: 300_000 }, async () => {
  const { s3Endpoint } = await endpoints()
  const queue = await TestQueue.create(s3Endpoint)
  const bucket = `t${randomBytes(4).toString('hex')}`
  // objects whose lines come without a header line lie below the name of their format
  const bareFormats = matrixFormats.map(({ name, columns }) => ({ bucket, prefix: name, format: columns.join(' ') }))
  const run = await LocalRun.open(
    await freshSettings({
      lookups: { country: 'none', asn: 'none' },
      s3: { sources: [...bareFormats, { bucket, prefix: '' }], queues: [{ url: queue.url }], pollIntervalMs: 1000 },
      log: { level: 'silent' },
    }),
  )
  const { session } = run
  const client = s3Client(s3Endpoint)
  try {
    await createBucket(client, bucket)
    const all = cells(Date.now() / 1000)
    for (const { key, body } of all) await putObject(client, bucket, key, body)
    for (const { key, arrival } of all) if (arrival.message !== undefined) await queue.send(arrival.message(bucket, key))
    run.start(['discover', 'notify', 'fetch', 'enrich', 'ip-context', 'clickhouse'])
    const past = all.filter(({ arrival }) => arrival.source === 'backfill')
    const day = new Date(past[0]!.slotS * 1000).toISOString().slice(0, 10)
    for (const prefix of new Set(past.map(({ key, bare }) => (bare ? key.slice(0, key.indexOf('/')) : '')))) {
      const range = parseRange({ positionals: [`s3://${bucket}/${prefix}`], values: { from: day, to: day } }, Date.now())
      const report = await backfill(session, range, { ahead: 1000, tell: () => undefined }, new AbortController().signal)
      assert.deepEqual([report.failed, report.unlisted, report.done], [0, 0, report.objects])
    }
    await settled(run.store, all.length, 60_000)
    await run.stop()

    const sources = new Map<string, Set<string>>()
    await readTopic(session.cluster, topics.objectArrivals, ({ key, value }) => {
      const name = session.codecs.objectArrivals.decodeKey(key!).key
      sources.set(name, (sources.get(name) ?? new Set()).add(session.codecs.objectArrivals.decodeValue(value!).source))
    })
    const ledger = await ledgerRecords(session)
    const flows = await byObject<Parameters<typeof assertMatrixObject>[1][number]>(session, 'flows')
    const gaps = await byObject<Parameters<typeof assertMatrixObject>[2][number]>(session, 'flowGaps')
    for (const cell of all) {
      const { key, records, bare, arrival } = cell
      const headers = bare ? 0 : 1
      assert.deepEqual([...(sources.get(key) ?? [])], [arrival.source], `${key} came by ${arrival.name} alone`)
      const states = ledger.get(key) ?? []
      const { state, lines, headerLines, etag } = states.at(-1)!
      assert.deepEqual([state, lines, headerLines], ['done', records.length + headers, headers], key)
      assert.equal(states.filter(record => record.state === 'done').length, 1, `${key} is done once`)
      const id = objectIdOf(bucket, key, etag).toString('hex')
      assertMatrixObject(cell, flows.get(id) ?? [], gaps.get(id) ?? [])
    }
    const books = await audit(session, true, () => undefined)
    assert.deepEqual([books.differences, books.objects, books.unreadable], [[], all.length, []])
  } finally {
    await run.close()
    client.destroy()
    queue.close()
  }
})
