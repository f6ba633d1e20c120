/**
 * The pause run: a process with all roles stops again and again for longer than its session, each time at another point, and goes on
 * beside the one that took over; then the books are checked.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { migrateTables } from '../../cli/run.ts'
import { openSession } from '../../cli/session.ts'
import { applyTopics } from '../../runtime/kafka/topic-admin.ts'
import { connectClickHouse } from '../../sinks/clickhouse/clickhouse-client.ts'
import { defaultPackagesDir, startStack } from '../../stack/local-stack.ts'
import { checkBooks, mapSettled } from './books.ts'
import { Fleet } from './fleet.ts'
import { settingsFor } from './live-stack.ts'
import { referenceOf } from './reference.ts'
import { createBucket, putObject, s3Client } from './s3.ts'
import { settled } from './settle.ts'

/** How long, and where. */
export interface PauseRunOptions {
  /** `<point>#<n>`: at the n-th time after the stop before. */
  readonly stops: readonly string[]
  readonly sessionTimeoutMs: number
  /** From a stop to the continuation. */
  readonly pauseMs: number
  /** As many are uploaded as the stops take. */
  readonly objects: readonly { key: string; body: Buffer }[]
  readonly note: (text: string) => void
}

/** What happened. */
export interface PauseRunReport {
  readonly stops: number
  readonly objects: number
  /** Tasks that ended with an error: most of them found that they were replaced. */
  readonly failedTasks: number
  readonly repeatedRanges: number
  readonly seconds: number
}

const allRoles = 'discover,fetch,enrich,ip-context,sink'

/** Runs, stops, continues, checks. */
export async function pauseRun(options: PauseRunOptions): Promise<PauseRunReport> {
  const startMs = Date.now()
  const { stops, objects, sessionTimeoutMs, pauseMs, note } = options
  const dir = mkdtempSync(join(tmpdir(), 'flowloom-pause-'))
  const stack = await startStack({ dataDir: dir, ports: 'free' })
  const settings = settingsFor(stack.endpoints, {
    kafka: {
      partitions: 3,
      commitIntervalMs: 100,
      sessionTimeoutMs,
      heartbeatIntervalMs: 300,
      rebalanceTimeoutMs: 3000,
      transactionTimeoutMs: 20_000,
    },
    s3: { chunkBytes: 65_536, blockBytes: 16_384, pollIntervalMs: 400, readAhead: 2 },
    lookups: { country: 'none', asn: 'none' },
    ipContext: { horizonS: 40 * 86_400 },
    clickhouse: { insertIntervalMs: 100, insertRows: 2000 },
    log: { level: 'info' },
  })
  const fleet = new Fleet(settings)
  const session = await openSession({ overrides: settings }, new AbortController().signal).catch(async (error: unknown) => {
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
    for (const name of ['a', 'b']) fleet.add(allRoles, name, name === 'a' ? stops.join(',') : undefined)
    let uploaded = 0
    let resumed = 0
    let stoppedMs: number | undefined
    for (const endMs = Date.now() + 180_000; resumed < stops.length && uploaded < objects.length && Date.now() < endMs;) {
      // before, during and after the stops
      const { key, body } = objects[uploaded++]!
      await putObject(client, bucket, key, body)
      await sleep(150)
      if (!fleet.isStopped('a')) continue
      stoppedMs ??= Date.now()
      if (Date.now() - stoppedMs < pauseMs) continue
      note(`${((Date.now() - startMs) / 1000).toFixed(1)} s: goes on after ${stops[resumed]!}`)
      fleet.resume('a')
      stoppedMs = undefined
      resumed++
    }
    const done = objects.slice(0, uploaded)
    const reference = referenceOf(done)
    await settled(store, done.length, 60_000)
    await mapSettled(session, 30_000)
    await fleet.stop()
    note(`${((Date.now() - startMs) / 1000).toFixed(1)} s: came to rest`)
    await checkBooks(session, join(defaultPackagesDir, 'java', 'kafka'), store, reference)
    return {
      stops: resumed,
      objects: done.length,
      failedTasks: fleet.said('task failed; starting again from what is committed'),
      repeatedRanges: fleet.said('pending range is inserted again'),
      seconds: (Date.now() - startMs) / 1000,
    }
  } catch (error) {
    note(fleet.tail.slice(-80).join('\n'))
    throw error
  } finally {
    await fleet.stop(2000)
    await store.close()
    await session.cluster.close()
    await stack.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}
