/**
 * Benchmark: each role as a process of its own on the real services, one after the other, then all at once. CPU time of the whole process
 * (for the sink: with ClickHouse and its merges), warm; start-up and the first objects are not counted. Linux only.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { RoleProcesses } from '../cli/demo/role-processes.ts'
import { settingsEnvironment } from '../test/support/fleet.ts'
import { settingsFor } from '../test/support/live-stack.ts'
import { LocalRun } from '../test/support/local-run.ts'
import { createBucket, putObject, s3Client } from '../test/support/s3.ts'
import { tableCounts } from '../test/support/settle.ts'
import { startStack } from '../stack/local-stack.ts'
import { cpuSeconds, type BenchResult } from './enrich-measure.ts'
import { sampleObject } from './sample-object.ts'

const rowsPerObject = 150_000
const warmObjects = 4
const measuredObjects = 8

/** Waits until a condition holds, while all processes run. */
export async function until({ failed }: RoleProcesses, reached: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 300_000
  while (!(await Promise.race([reached(), failed]))) {
    if (Date.now() > endMs) throw new Error('the benchmark did not get there')
    await sleep(50)
  }
}

const counted =
  (metric: string) =>
  async (roles: RoleProcesses): Promise<number> =>
    (await roles.metrics()).get(metric) ?? 0

/** Runs the benchmark. */
export async function benchPath(): Promise<BenchResult[]> {
  const dir = mkdtempSync(join(tmpdir(), 'flowloom-bench-'))
  const stack = await startStack({ dataDir: dir, ports: 'free' })
  const settings = settingsFor(stack.endpoints, {
    kafka: { commitIntervalMs: 1000, sessionTimeoutMs: 30_000 },
    clickhouse: { insertIntervalMs: 1000 },
  })
  const env = { ...settingsEnvironment(settings), FLOWLOOM_LOG_LEVEL: 'warn' }
  const run = await LocalRun.open(settings)
  const client = s3Client(stack.endpoints.s3Endpoint)
  const rows = rowsPerObject * measuredObjects
  const warm = rowsPerObject * warmObjects
  const results: BenchResult[] = []
  let uploaded = 0
  const body = sampleObject(rowsPerObject)
  const upload = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await putObject(client, run.bucket, body.key.replace('.log.gz', `${uploaded++}.log.gz`), body.body)
  }
  const measured = async (
    name: string,
    roleList: string,
    done: (roles: RoleProcesses) => Promise<number>,
    extraPid?: number,
    beforeMeasured?: () => Promise<void>,
  ): Promise<void> => {
    const roles = new RoleProcesses()
    await roles.start([roleList], env)
    const cpu = (): number => cpuSeconds(roles.pids[0]!) + (extraPid === undefined ? 0 : cpuSeconds(extraPid))
    await until(roles, async () => (await done(roles)) >= warm)
    const [warmRows, warmCpu] = [await done(roles), cpu()]
    await beforeMeasured?.()
    await until(roles, async () => (await done(roles)) >= warm + rows)
    results.push({ name, rowsPerCpuSecond: Math.round((warm + rows - warmRows) / (cpu() - warmCpu)), bytesPerRow: 0 })
    await roles.stop()
  }
  try {
    await createBucket(client, run.bucket)
    await upload(warmObjects)
    await measured('poller process (discover, fetch)', 'discover,fetch', counted('flowloom_fetch_lines_total'), undefined, () =>
      upload(measuredObjects),
    )
    await measured('enricher process', 'enrich', counted('flowloom_enrich_lines_total'))
    const flows = async (): Promise<number> => {
      const { flows: flowRows, gaps } = await tableCounts(run.store)
      return flowRows + gaps
    }
    await measured('sink process, ClickHouse included', 'sink', flows, stack.pids.clickhouse)

    const before = await flows()
    const roles = new RoleProcesses()
    await roles.start(['discover,fetch', 'enrich', 'ip-context', 'sink'], env)
    await upload(2)
    await until(roles, async () => (await flows()) >= before + 2 * rowsPerObject)
    const start = performance.now()
    await upload(measuredObjects)
    await until(roles, async () => (await flows()) >= before + (2 + measuredObjects) * rowsPerObject)
    results.push({
      name: `end to end, rows per second of wall time, ${measuredObjects} objects of ${rowsPerObject} rows, uploads included`,
      rowsPerCpuSecond: Math.round(rows / ((performance.now() - start) / 1000)),
      bytesPerRow: 0,
    })
    await roles.stop()
  } finally {
    await run.close()
    await stack.stop()
    rmSync(dir, { recursive: true, force: true })
  }
  return results
}

if (import.meta.main) for (const result of await benchPath()) console.log(result)
