/** The kill run: the real path in real processes, killed again and again while objects arrive; then the books are checked. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { migrateTables } from '../../cli/run.ts'
import { openSession, type Session } from '../../cli/session.ts'
import { Random } from '../../producers/synthetic/random.ts'
import { applyTopics } from '../../runtime/kafka/topic-admin.ts'
import { topics } from '../../schemas/topics.ts'
import { connectClickHouse } from '../../sinks/clickhouse/clickhouse-client.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { defaultPackagesDir, startStack } from '../../stack/local-stack.ts'
import { countAborted } from './aborted-transactions.ts'
import { Fleet } from './fleet.ts'
import { readWithJava } from './java-reader.ts'
import { settingsFor } from './live-stack.ts'
import { joinRanges, referenceOf, type Reference } from './reference.ts'
import { createBucket, putObject, s3Client } from './s3.ts'
import { settled } from './settle.ts'

/** How hard to try. */
export interface KillRunOptions {
  readonly seed: number
  readonly kills: number
  readonly objects: readonly { key: string; body: Buffer }[]
  readonly encodedBatches: boolean
  readonly note: (text: string) => void
}

/** What happened. */
export interface KillRunReport {
  readonly kills: number
  readonly pointKills: number
  readonly abortedTransactions: number
  readonly repeatedRanges: number
  readonly resumedObjects: number
  readonly seconds: number
}

const roleSets = ['discover,fetch', 'enrich', 'ip-context', 'sink'] as const

/** Points between two calls, by role set; `#n` is drawn. */
const points: Readonly<Record<(typeof roleSets)[number], readonly string[]>> = {
  'discover,fetch': [
    's3-fetch:fenced',
    's3-fetch:sent',
    's3-fetch:before-commit',
    's3-fetch:committed',
    'fetch-half-sent',
    'fetch-sent',
    'fetch-chunk-committed',
    'fetch-chunk-committed',
    'fetch-chunk-committed',
  ],
  enrich: ['enrich:fenced', 'enrich:sent', 'enrich:before-commit', 'enrich:committed'],
  'ip-context': ['ip-context:fenced', 'ip-context:sent', 'ip-context:before-commit', 'ip-context:committed'],
  sink: [
    'sink-flows:fenced',
    'sink-flows:before-commit',
    'sink-flows:committed',
    'sink-flows:committed',
    'sink-gaps:committed',
    'sink-runs:committed',
    'sink-objects:committed',
  ],
}

async function mapSettled(session: Session, timeoutMs: number): Promise<void> {
  const endMs = Date.now() + timeoutMs
  const partitions = session.cluster.partitionsOf(topics.ipSightings)
  for (;;) {
    let behind = 0
    for (let p = 0; p < partitions; p++) {
      const { offset } = await session.cluster.committedPosition('ip-context', 'ipSightings', p)
      const { end } = await session.cluster.limits(topics.ipSightings, p)
      // Commit markers take offsets too: two processes wrote, so a few may stand at the end.
      if (end - offset > 3) behind++
    }
    if (behind === 0) return
    if (Date.now() > endMs) throw new Error('the cloud map did not settle')
    await sleep(200)
  }
}

/** Compares topics, table and map with the expectations. */
async function checkBooks(session: Session, jars: string, store: Store, reference: Reference): Promise<void> {
  const { cluster, codecs } = session
  const flows = new Map<string, number>()
  const sums = { packets: 0, bytes: 0 }
  const map = new Map<string, Map<string, [number, number][]>>()
  await readWithJava(
    jars,
    cluster.settings.brokers[0]!,
    [topics.flows, topics.cloudMap].map(topic => cluster.topicName(topic)),
    record => {
      if (record.topic === cluster.topicName(topics.flows)) {
        const flow = codecs.flows.decodeValue(record.value!)
        const id = `${flow.objectId.toString('hex')}:${flow.line}`
        flows.set(id, (flows.get(id) ?? 0) + 1)
        sums.packets += flow.packets ?? 0
        sums.bytes += flow.bytes ?? 0
        return
      }
      if (record.value === null) return
      const { scope, ip } = codecs.cloudMap.decodeKey(record.key!)
      const entry = codecs.cloudMap.decodeValue(record.value)
      map.set(
        `${scope}|${ip}`,
        new Map(
          entry.owners.map(({ owner, ranges }) => [
            `${owner.interfaceId ?? ''}|${owner.instanceId ?? ''}|${owner.service ?? ''}`,
            ranges.map(({ first, last }) => [first, last]),
          ]),
        ),
      )
    },
  )
  assert.deepEqual(
    [...flows].filter(([, count]) => count !== 1),
    [],
    'every flow stands in the topic once',
  )
  assert.equal(flows.size, reference.tally.flows, 'no flow is missing in the topic')
  assert.deepEqual(sums, { packets: reference.tally.packets, bytes: reference.tally.bytes }, 'sums of the topic')
  const [table] = await store.query<Record<string, string>>(
    'SELECT count() AS rows, uniqExact(object_id, line) AS distinct, sum(packets) AS packets, sum(bytes) AS bytes FROM flows',
  )
  assert.deepEqual(
    table && Object.values(table).map(Number),
    [reference.tally.flows, reference.tally.flows, reference.tally.packets, reference.tally.bytes],
    'rows, distinct rows and sums of the table',
  )
  const sorted = (source: ReadonlyMap<string, ReadonlyMap<string, [number, number][]>>): unknown =>
    [...source]
      .map(([key, owners]) => [key, [...owners].map(([owner, ranges]) => [owner, joinRanges(ranges)]).sort()])
      .sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))
  assert.deepEqual(sorted(map), sorted(reference.map), 'the cloud map is the one computed from the input')
}

/** Runs, kills, checks. */
export async function killRun(options: KillRunOptions): Promise<KillRunReport> {
  const startMs = Date.now()
  const dir = mkdtempSync(join(tmpdir(), 'flowloom-kill-'))
  const stack = await startStack({ dataDir: dir, ports: 'free' })
  const seeded = new Random(options.seed)
  const draw = (): number => seeded.share()
  const settings = settingsFor(stack.endpoints, {
    kafka: {
      encodedBatches: options.encodedBatches,
      partitions: 3,
      commitIntervalMs: 100,
      sessionTimeoutMs: 6000,
      heartbeatIntervalMs: 300,
      transactionTimeoutMs: 20_000,
    },
    s3: { chunkBytes: 65_536, blockBytes: 16_384, pollIntervalMs: 400, readAhead: 2 },
    lookups: { country: 'none', asn: 'none' },
    ipContext: { horizonS: 40 * 86_400 },
    clickhouse: { insertIntervalMs: 100, insertRows: 2000 },
    log: { level: 'info' },
  })
  const fleet = new Fleet(settings)
  const session = await openSession(
    { overrides: { ...settings, kafka: { ...settings['kafka'], slot: undefined } } },
    new AbortController().signal,
  ).catch(async (error: unknown) => {
    await stack.stop()
    throw error
  })
  const store = connectClickHouse(session.config.clickhouse)
  try {
    await applyTopics(session.cluster, { 'segment.ms': '2000', 'min.cleanable.dirty.ratio': '0.01' })
    await migrateTables(session.config.clickhouse)
    const client = s3Client(stack.endpoints.s3Endpoint)
    const bucket = session.config.s3.sources[0]!.bucket
    await createBucket(client, bucket)
    for (const roles of roleSets) fleet.add(roles, 'a')
    let uploaded = 0
    const share = Math.ceil(options.objects.length / (options.kills * 0.8))
    for (let kill = 0; kill < options.kills; kill++) {
      if (kill === Math.floor(options.kills / 2)) for (const roles of roleSets) fleet.add(roles, 'b')
      for (const { key, body } of options.objects.slice(uploaded, uploaded + share)) await putObject(client, bucket, key, body)
      uploaded = Math.min(options.objects.length, uploaded + share)
      const roles = roleSets[kill % roleSets.length]!
      const candidates = points[roles]
      if (draw() < 0.75)
        await fleet.killAtPoint(roles, `${candidates[Math.floor(draw() * candidates.length)]!}#${1 + Math.floor(draw() * 5)}`, 6000)
      else {
        await sleep(500 + draw() * 1500)
        fleet.kill(Math.floor(draw() * 8))
      }
    }
    for (const { key, body } of options.objects.slice(uploaded)) await putObject(client, bucket, key, body)
    const reference = referenceOf(options.objects)
    await settled(store, options.objects.length, 120_000)
    await mapSettled(session, 60_000)
    await sleep(1000)
    await fleet.stop()
    await checkBooks(session, join(defaultPackagesDir, 'java', 'kafka'), store, reference)
    return {
      kills: fleet.kills + fleet.pointKills,
      pointKills: fleet.pointKills,
      abortedTransactions: countAborted(dir, session.config.kafka.topicPrefix),
      repeatedRanges: fleet.said('pending range is inserted again'),
      resumedObjects: fleet.said('reading an object on from a committed line'),
      seconds: (Date.now() - startMs) / 1000,
    }
  } catch (error) {
    options.note(fleet.tail.slice(-80).join('\n'))
    throw error
  } finally {
    await fleet.stop(2000)
    await store.close()
    await session.cluster.close()
    await stack.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}
