/** The kill run: the real path in real processes, killed again and again while objects arrive; then the books are checked. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { migrateTables } from '../../cli/run.ts'
import { openSession } from '../../cli/session.ts'
import { Random } from '../../producers/synthetic/random.ts'
import { applyTopics } from '../../runtime/kafka/topic-admin.ts'
import { connectClickHouse } from '../../sinks/clickhouse/clickhouse-client.ts'
import { defaultPackagesDir, startStack } from '../../stack/local-stack.ts'
import { countAborted } from './aborted-transactions.ts'
import { checkBooks, mapSettled } from './books.ts'
import { Fleet } from './fleet.ts'
import { settingsFor } from './live-stack.ts'
import { referenceOf } from './reference.ts'
import { createBucket, putObject, s3Client } from './s3.ts'
import { settled } from './settle.ts'

/** How hard to try. */
export interface KillRunOptions {
  readonly seed: number
  readonly kills: number
  readonly objects: readonly { key: string; body: Buffer }[]
  /** Large objects that come last: fetch is killed while it reads them, until `resumed` objects were read on or they are all there. */
  readonly spare?: { readonly objects: KillRunOptions['objects']; readonly resumed: number }
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

/** What fetch says where it goes on in mid-object. */
const readOn = 'reading an object on from a committed line'

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
    const { spare } = options
    for (const { key, body } of spare?.objects ?? []) {
      await putObject(client, bucket, key, body)
      if (fleet.said(readOn) < spare!.resumed) await fleet.killAtPoint('discover,fetch', 'fetch-chunk-committed#2', 5000)
    }
    const objects = [...options.objects, ...(spare?.objects ?? [])]
    const reference = referenceOf(objects)
    await settled(store, objects.length, 120_000)
    await mapSettled(session, 60_000)
    await sleep(1000)
    await fleet.stop()
    await checkBooks(session, join(defaultPackagesDir, 'java', 'kafka'), store, reference)
    return {
      kills: fleet.kills + fleet.pointKills,
      pointKills: fleet.pointKills,
      abortedTransactions: countAborted(dir, session.config.kafka.topicPrefix),
      repeatedRanges: fleet.said('pending range is inserted again'),
      resumedObjects: fleet.said(readOn),
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
