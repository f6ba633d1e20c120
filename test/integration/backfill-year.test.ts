/** A backfill that is repeated a year later, on the real broker: the ledger is old and compacted, everything else has forgotten the objects. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { audit } from '../../operations/audit.ts'
import { parseRange } from '../../cli/backfill.ts'
import { backfill } from '../../operations/backfill/backfill.ts'
import type { Session } from '../../operations/session.ts'
import { loadConfig, type RawConfig } from '../../config/config.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { createKafka, explicitPartitioner } from '../../runtime/kafka/client.ts'
import { Cluster } from '../../runtime/kafka/cluster.ts'
import { ConfigResourceTypes } from '../../runtime/kafka/kafka-constants.ts'
import { applyTopics, resetGroup } from '../../runtime/kafka/topic-admin.ts'
import { readTopic } from '../../runtime/kafka/topic-reader.ts'
import { createLog } from '../../runtime/log.ts'
import { topics } from '../../schemas/topics.ts'
import { flowloom } from '../support/processes/command-line.ts'
import { counted } from '../support/processes/counted.ts'
import { until } from '../support/kafka/kafka-lab.ts'
import { publishedLines } from '../support/records/ledger-records.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { tableCounts } from '../../harness/table-counts.ts'
import { settled } from '../support/kafka/settle.ts'

after(() => releaseStack())

const dayMs = 86_400_000
const roles = ['discover', 'fetch', 'enrich', 'ip-context', 'clickhouse'] as const

/** Records of the ledger by object key: their times, oldest record first. A record without a value is a barrier of a task. */
async function ledgerTimes({ cluster, codecs }: Session): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>()
  await readTopic(cluster, topics.objects, ({ key, value, timestampMs }) => {
    if (value === null) return
    const name = codecs.objects.decodeKey(key!).key
    times.set(name, [...(times.get(name) ?? []), timestampMs])
  })
  return times
}

/** Writes every ledger record once more as it was a year ago: of each key compaction keeps the old time. */
async function ageLedger({ cluster, config, log }: Session): Promise<void> {
  const records: { partition: number; key: Buffer; value: Buffer; timestamp: string }[] = []
  await readTopic(cluster, topics.objects, ({ key, value, timestampMs }, partition) => {
    if (value !== null) records.push({ partition, key: key!, value, timestamp: String(timestampMs - 365 * dayMs) })
  })
  const producer = createKafka(config.kafka, 'a year ago', log).producer({ createPartitioner: explicitPartitioner })
  await producer.connect()
  await producer.send({ topic: cluster.topicName(topics.objects), acks: -1, messages: records })
  await producer.disconnect()
}

/** What the topic itself says about how long it keeps records. */
async function cleanupOf({ cluster }: Session): Promise<string | undefined> {
  const admin = await cluster.admin()
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.topic, name: cluster.topicName(topics.objects) }],
  })
  return resources[0]?.configEntries.find(({ configName }) => configName === 'cleanup.policy')?.configValue
}

/** Lets the broker forget all arrivals, as retention does, and the groups where they are. */
async function forgetArrivals({ cluster }: Session): Promise<void> {
  const admin = await cluster.admin()
  const topic = cluster.topicName(topics.objectArrivals)
  const ends = await admin.fetchTopicOffsets(topic)
  await admin.deleteTopicRecords({ topic, partitions: ends.map(({ partition, high }) => ({ partition, offset: high })) })
  for (const role of ['s3-fetch', 's3-discover']) await resetGroup(cluster, role)
}

test('a year later pollers that start from nothing, and a backfill of the same days, add nothing', { timeout: 240_000 }, async t => {
  const settings = await freshSettings({
    kafka: { partitions: 2 },
    lookups: { country: 'none', asn: 'none' },
    s3: { pollIntervalMs: 300 },
    log: { level: 'silent' },
  })
  const { kafka } = loadConfig({ env: {}, overrides: settings })
  const early = new Cluster(kafka, createLog('silent'))
  await applyTopics(early, { 'segment.ms': '1000', 'min.cleanable.dirty.ratio': '0.01' })
  await early.close()
  const run = await LocalRun.open(settings)
  const { bucket, session, store } = run
  const client = s3Client(session.config.s3.endpoint!)
  const folder = mkdtempSync(join(tmpdir(), 'flowloom-year-'))
  let poller: LocalRun | undefined
  try {
    await createBucket(client, bucket)
    const startS = Math.floor((Date.now() - 365 * dayMs) / 300_000) * 300
    const past = [...generateObjects({ seed: 83, records: 3000, startS, slots: 6, recordsPerObject: 100, badLineShare: 0.01 })]
    const live = [...generateObjects({ seed: 84, records: 6000, startS: Date.now() / 1000 - 900, slots: 2, recordsPerObject: 50 })]
    for (const { key, body } of past) await putObject(client, bucket, key, body)
    const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
    const words = ['--from', day(startS * 1000 - dayMs), '--to', day(startS * 1000 + dayMs)]
    const range = parseRange({ positionals: [`s3://${bucket}`], values: { from: words[1]!, to: words[3]! } }, Date.now())
    run.start(roles)
    const first = await backfill(session, range, { ahead: 1000, tell: () => undefined }, new AbortController().signal)
    assert.deepEqual([first.objects, first.announced, first.done], [past.length, past.length, past.length])
    await settled(store, past.length, 60_000)
    await run.stop()

    assert.equal(await cleanupOf(session), 'compact', 'no record of the ledger is ever deleted for its age')
    await ageLedger(session)
    run.start(roles)
    // every live object writes to the ledger, so that old segments end and are compacted
    let lives = 0
    const isOld = async (): Promise<boolean> => {
      const times = await ledgerTimes(session)
      return past.every(({ key }) => times.get(key)?.length === 1 && times.get(key)![0]! < Date.now() - 364 * dayMs)
    }
    while (!(await isOld())) {
      const next = live[lives++]
      assert.ok(next, 'the ledger was compacted before the live objects were at their end')
      await putObject(client, bucket, next.key, next.body)
      await sleep(500)
    }
    await settled(store, past.length + lives, 60_000)
    await run.stop()
    await forgetArrivals(session)
    const before = [await tableCounts(store), await publishedLines(session), await ledgerTimes(session)]
    t.diagnostic(`${past.length} objects of a year ago, each with one record in the ledger after ${lives} live ones`)

    // a poller that has lost all it knew, and looks back over more than the year
    const far: RawConfig = { ...settings, s3: { ...settings['s3'], lookBackMs: 400 * dayMs } }
    const skipped = await counted('flowloom_fetch_arrivals_skipped_total', { reason: 'done' })
    poller = await LocalRun.open(far)
    poller.start(roles)
    await until(
      async () => (await counted('flowloom_fetch_arrivals_skipped_total', { reason: 'done' })) - skipped >= past.length + lives,
      60_000,
      'the look at everything again',
    )
    const file = join(folder, 'flowloom.yaml')
    writeFileSync(file, stringify(settings))
    const again = await flowloom(['backfill', `s3://${bucket}`, ...words, '-c', file])
    assert.equal(again.code, 0, again.err)
    assert.match(again.out, new RegExp(`^0 objects announced; ${past.length} of ${past.length} are read$`, 'm'))
    await poller.stop()
    assert.deepEqual([await tableCounts(store), await publishedLines(session), await ledgerTimes(session)], before)
    const books = await audit(session, true, () => undefined)
    assert.deepEqual([books.differences, books.objects], [[], past.length + lives])
  } finally {
    await poller?.close()
    await run.close()
    client.destroy()
    rmSync(folder, { recursive: true, force: true })
  }
})
