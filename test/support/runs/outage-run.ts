/**
 * The outage run: each service goes away for a while, one after the other, while objects arrive; then the books are checked. Each stays away
 * until logs and metrics have told of it.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { audit } from '../../../operations/audit.ts'
import { openSession } from '../../../operations/session.ts'
import { generateObjects } from '../../../producers/synthetic/generate-objects.ts'
import { connectClickHouse } from '../../../sinks/clickhouse/clickhouse-client.ts'
import type { ServiceName } from '../../../stack/child-service.ts'
import { startStack } from '../../../stack/local-stack.ts'
import { Fleet } from '../../../harness/fleet.ts'
import { until } from '../kafka/kafka-lab.ts'
import { settingsFor } from '../../../harness/live-stack.ts'
import { migrateTables } from '../../../sinks/clickhouse/clickhouse-part.ts'
import { residentMiB } from './process-memory.ts'
import { createBucket, putObject, s3Client } from '../../../harness/s3.ts'
import { settled } from '../kafka/settle.ts'

/** How long and how much. */
export interface OutageRunOptions {
  readonly seed: number
  readonly records: number
  /** How long each service is away. */
  readonly awayMs: number
  readonly services: readonly ServiceName[]
  /** Most resident memory of any role process, in MiB. */
  readonly memoryLimitMiB: number
  /** Most that the memory of the role clickhouse grows while the server is away, in MiB. */
  readonly growthLimitMiB: number
  readonly settleMs: number
  readonly note: (text: string) => void
}

/** Rows of an insert; what arrives while ClickHouse is away is more, for each partition. */
const insertRows = 2000
/** Offsets of a range that are no rows: marks of transactions. */
const marks = 200

const roleSets = ['discover,fetch', 'enrich', 'ip-context', 'clickhouse'] as const

/** How logs and metrics tell that a service is away. */
interface Signs {
  /** Message of a log line, and its code. */
  readonly said: readonly [message: string, code?: string]
  /** What grows. */
  readonly grows: readonly (readonly [metric: string, labels: Readonly<Record<string, string>>])[]
}

const signs: Readonly<Record<ServiceName, Signs>> = {
  clickhouse: {
    said: ['task failed; starting again from what is committed'],
    grows: [
      ['flowloom_clickhouse_insert_failures_total', {}],
      ['flowloom_task_ends_total', { role: 'clickhouse-flows', reason: 'failed' }],
      ['flowloom_lag_records', { role: 'clickhouse-flows' }],
    ],
  },
  kafka: { said: ['consumer broke; joining again'], grows: [['flowloom_task_ends_total', { reason: 'failed' }]] },
  // nobody asks the registry but a process that starts, and that has no metrics yet
  registry: { said: ['waiting', 'REGISTRY_UNAVAILABLE'], grows: [] },
  s3: {
    said: ['a prefix could not be listed; it is tried again', 'S3_UNAVAILABLE'],
    grows: [['flowloom_discover_errors_total', { code: 'S3_UNAVAILABLE' }]],
  },
}

/** An outage lasts so much longer where it is not told by then, and the test fails. */
const tellingMs = 30_000

/** Notes what is said and counted now. @returns Waits until logs and metrics tell of the outage. */
async function watchSigns(fleet: Fleet, service: ServiceName): Promise<(timeoutMs: number) => Promise<void>> {
  const { said, grows } = signs[service]
  const read = async (): Promise<number[]> => [
    fleet.said(...said),
    ...(await Promise.all(grows.map(([metric, labels]) => fleet.metric(metric, labels)))),
  ]
  const before = await read()
  let now = before
  return async timeoutMs => {
    const told = async (): Promise<boolean> => {
      now = await read()
      return now.every((value, i) => value > before[i]!)
    }
    await until(told, timeoutMs).catch(() => {
      throw new Error(
        `nothing tells that ${service} is away: ${JSON.stringify([said, ...grows])} were ${before.join()} and are ${now.join()}`,
      )
    })
  }
}

/** Runs, takes services away, checks. @returns Most resident memory of a role process, in MiB. */
export async function outageRun(options: OutageRunOptions): Promise<number> {
  const { services, awayMs, note, memoryLimitMiB, growthLimitMiB } = options
  const dir = mkdtempSync(join(tmpdir(), 'flowloom-outage-'))
  const stack = await startStack({ dataDir: dir, ports: 'free' })
  const settings = settingsFor(stack.endpoints, {
    lookups: { country: 'none', asn: 'none' },
    s3: { maxAttempts: 50 },
    clickhouse: { insertRows },
    log: { level: 'warn' },
  })
  const fleet = new Fleet(settings)
  const session = await openSession({ overrides: settings }, new AbortController().signal).catch(async (error: unknown) => {
    await stack.stop()
    throw error
  })
  const store = connectClickHouse(session.config.clickhouse)
  let peakMiB = 0
  let widest = 0
  fleet.heard = ({ msg, role, from, to }) => {
    if (msg === 'pending range is inserted again' && role === 'clickhouse-flows') widest = Math.max(widest, Number(to) - Number(from))
  }
  const watch = setInterval(() => {
    for (const pid of fleet.pids) peakMiB = Math.max(peakMiB, residentMiB(pid))
  }, 250)
  try {
    await migrateTables(session.config.clickhouse)
    const client = s3Client(stack.endpoints.s3Endpoint)
    const bucket = session.config.s3.sources[0]!.bucket
    await createBucket(client, bucket)
    const startS = Math.floor(Date.now() / 300_000) * 300 - 2 * 3600
    const objects = [...generateObjects({ seed: options.seed, records: options.records, startS, slots: 10, badLineShare: 0.002 })]
    const share = Math.ceil(objects.length / (services.length + 2))
    for (const roles of roleSets) fleet.add(roles, 'a')
    await until(() => fleet.allRun, 60_000, 'that all roles run')
    const put = async (part: number): Promise<void> => {
      for (const { key, body } of objects.slice(part * share, (part + 1) * share)) await putObject(client, bucket, key, body)
    }
    await put(0)
    await settled(store, share, options.settleMs)
    for (const [i, service] of services.entries()) {
      const told = await watchSigns(fleet, service)
      const [beforeMiB, startMs] = [residentMiB(fleet.pidOf('clickhouse')), Date.now()]
      let sinkMiB = 0
      if (service === 's3') await put(i + 1)
      await stack.kill(service)
      if (service !== 's3') await put(i + 1)
      // only a process that starts asks the registry
      if (service === 'registry') fleet.kill('enrich')
      const watchSink = setInterval(() => (sinkMiB = Math.max(sinkMiB, residentMiB(fleet.pidOf('clickhouse')))), 250)
      try {
        await told(awayMs + tellingMs)
        const toldMs = Date.now() - startMs
        await sleep(Math.max(0, awayMs - toldMs))
        if (service === 'registry') assert.equal(await fleet.metric('flowloom_tasks_running', { role: 'enrich' }), 0)
        note(
          `${service}: away for ${Date.now() - startMs} ms, told after ${toldMs}; memory of clickhouse ${sinkMiB.toFixed(0)} MiB, before ${beforeMiB.toFixed(0)}`,
        )
      } finally {
        clearInterval(watchSink)
      }
      if (service === 'clickhouse') {
        note(`widest range that waited: ${widest} offsets`)
        assert.ok(widest > 0 && widest <= insertRows + marks, `clickhouse took ${widest} records at once`)
        assert.ok(sinkMiB < beforeMiB + growthLimitMiB, `clickhouse grew from ${beforeMiB.toFixed(0)} to ${sinkMiB.toFixed(0)} MiB`)
      }
      await stack.restart(service)
      if (service === 'registry')
        await until(async () => (await fleet.metric('flowloom_tasks_running', { role: 'enrich' })) > 0, 60_000, 'that enrich goes on')
    }
    await put(services.length + 1)
    await settled(store, objects.length, options.settleMs)
    await sleep(2000)
    await session.cluster.close()
    const after = await openSession({ overrides: settings }, new AbortController().signal)
    const report = await audit(after, true, () => undefined)
    await after.cluster.close()
    assert.deepEqual(report.differences, [])
    assert.equal(report.objects, objects.length)
    assert.ok(peakMiB < memoryLimitMiB, `a role took ${peakMiB.toFixed(0)} MiB`)
    return peakMiB
  } catch (error) {
    note(fleet.tail.slice(-60).join('\n'))
    throw error
  } finally {
    clearInterval(watch)
    await fleet.stop()
    await store.close()
    await session.cluster.close()
    await stack.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}
