/** The outage run: each service goes away for a while, one after the other, while objects arrive; then the books are checked. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { audit } from '../../cli/audit.ts'
import { migrateTables } from '../../cli/run.ts'
import { openSession } from '../../cli/session.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { connectClickHouse } from '../../sinks/clickhouse/clickhouse-client.ts'
import type { ServiceName } from '../../stack/child-service.ts'
import { startStack } from '../../stack/local-stack.ts'
import { Fleet } from './fleet.ts'
import { settingsFor } from './live-stack.ts'
import { createBucket, putObject, s3Client } from './s3.ts'
import { settled } from './settle.ts'

/** How long and how much. */
export interface OutageRunOptions {
  readonly seed: number
  readonly records: number
  /** How long each service is away. */
  readonly awayMs: number
  readonly services: readonly ServiceName[]
  /** Most resident memory of any role process, in MiB. */
  readonly memoryLimitMiB: number
  readonly settleMs: number
  readonly note: (text: string) => void
}

const residentMiB = (pid: number): number => {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

/** Runs, takes services away, checks. @returns Most resident memory of a role process, in MiB. */
export async function outageRun(options: OutageRunOptions): Promise<number> {
  const { services, awayMs, note, memoryLimitMiB } = options
  const dir = mkdtempSync(join(tmpdir(), 'flowloom-outage-'))
  const stack = await startStack({ dataDir: dir, ports: 'free' })
  const settings = settingsFor(stack.endpoints, {
    lookups: { country: 'none', asn: 'none' },
    s3: { maxAttempts: 50 },
    log: { level: 'warn' },
  })
  const fleet = new Fleet(settings)
  const session = await openSession({ overrides: settings }, new AbortController().signal).catch(async (error: unknown) => {
    await stack.stop()
    throw error
  })
  const store = connectClickHouse(session.config.clickhouse)
  let peakMiB = 0
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
    const share = Math.ceil(objects.length / (services.length + 1))
    for (const roles of ['discover,fetch', 'enrich', 'ip-context', 'sink']) fleet.add(roles, 'a')
    const put = async (part: number): Promise<void> => {
      for (const { key, body } of objects.slice(part * share, (part + 1) * share)) await putObject(client, bucket, key, body)
    }
    for (const [part, service] of services.entries()) {
      await put(part)
      await sleep(500)
      await stack.kill(service)
      await sleep(awayMs)
      await stack.restart(service)
      note(`${service} is back after ${awayMs} ms`)
    }
    await put(services.length)
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
