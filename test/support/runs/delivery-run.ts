/** What runs of delivery have in common: a stack of their own, a fleet of role processes, and what checks their books. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openSession, type Session } from '../../../operations/session.ts'
import type { RawConfig } from '../../../config/config.ts'
import { applyTopics } from '../../../runtime/kafka/topic-admin.ts'
import { connectClickHouse } from '../../../sinks/clickhouse/clickhouse-client.ts'
import type { Store } from '../../../sinks/clickhouse/store.ts'
import { defaultPackagesDir, startStack } from '../../../stack/local-stack.ts'
import { migrateTables } from '../../../sinks/clickhouse/clickhouse-part.ts'
import { checkBooks, mapSettled } from './books.ts'
import { Fleet } from '../../../harness/fleet.ts'
import { settingsFor } from '../../../harness/live-stack.ts'
import { createBucket, putObject, s3Client } from '../../../harness/s3.ts'
import { settled } from '../kafka/settle.ts'

/** An object to read. */
export interface RunObject {
  readonly key: string
  readonly body: Buffer
}

/** How long the path may take to come to rest. */
export interface RestLimits {
  readonly tablesMs: number
  readonly mapMs: number
}

/** What a run works with. */
export interface DeliveryRun {
  /** Data of the stack. */
  readonly dir: string
  readonly session: Session
  readonly store: Store
  readonly fleet: Fleet
  put(object: RunObject): Promise<void>
  /** Waits until the objects are in the tables and the map, stops the fleet, and compares all of it with a plain computation. */
  checkBooks(objects: readonly RunObject[], limits: RestLimits): Promise<void>
}

/** Chunks, blocks and ranges are small and topics are compacted at once, so that there is much between which something can happen. */
const settings = (kafka: Record<string, unknown>): RawConfig => ({
  kafka: { partitions: 3, commitIntervalMs: 100, heartbeatIntervalMs: 300, transactionTimeoutMs: 20_000, ...kafka },
  s3: { chunkBytes: 65_536, blockBytes: 16_384, pollIntervalMs: 400, readAhead: 2 },
  lookups: { country: 'none', asn: 'none' },
  ipContext: { horizonS: 40 * 86_400 },
  clickhouse: { insertIntervalMs: 100, insertRows: 2000 },
  log: { level: 'info' },
})

/**
 * Starts everything but the roles, and ends it after the run.
 *
 * @param name Part of the name of the data folder.
 * @param kafka Settings that are the run's own.
 * @param note Told the last log lines of a run that fails.
 */
export async function withDeliveryRun<T>(
  name: string,
  kafka: Record<string, unknown>,
  note: (text: string) => void,
  run: (parts: DeliveryRun) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), `flowloom-${name}-`))
  const stack = await startStack({ dataDir: dir, ports: 'free' })
  const overrides = settingsFor(stack.endpoints, settings(kafka))
  const fleet = new Fleet(overrides)
  const session = await openSession(
    { overrides: { ...overrides, kafka: { ...overrides['kafka'], slot: undefined } } },
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
    const { bucket } = session.config.s3.sources[0]!
    await createBucket(client, bucket)
    return await run({
      dir,
      session,
      store,
      fleet,
      put: ({ key, body }) => putObject(client, bucket, key, body),
      checkBooks: async (objects, { tablesMs, mapMs }) => {
        await settled(store, objects.length, tablesMs)
        await mapSettled(session, mapMs)
        // what comes twice may come late
        await sleep(1000)
        await fleet.stop()
        await checkBooks(session, join(defaultPackagesDir, 'java', 'kafka'), store, objects)
      },
    })
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
