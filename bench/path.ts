/**
 * Benchmark: each role as a process of its own on the real services, one after the other, then all at once. CPU time of the whole process
 * (for clickhouse: with ClickHouse and its merges), warm; start-up and the first objects are not counted. Linux only.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { RoleProcesses } from '../operations/role-processes.ts'
import { settingsEnvironment } from '../harness/fleet.ts'
import { settingsFor } from '../harness/live-stack.ts'
import { LocalRun } from '../harness/local-run.ts'
import { createBucket, putObject, s3Client } from '../harness/s3.ts'
import { tableCounts } from '../harness/table-counts.ts'
import type { Stack } from '../stack/local-stack.ts'
import { cpuSeconds, type BenchResult } from './enrich-measure.ts'
import { withOwnStack } from './own-stack.ts'
import { sampleObject } from './sample-object.ts'

const rowsPerObject = 150_000
const warmObjects = 4
const measuredObjects = 8

/** Waits until a condition holds, while all processes run. */
export async function until(
  { failed }: Pick<RoleProcesses, 'failed'>,
  reached: () => Promise<boolean>,
  { timeoutMs = 300_000, everyMs = 50 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<void> {
  const endMs = Date.now() + timeoutMs
  while (!(await Promise.race([reached(), failed]))) {
    if (Date.now() > endMs) throw new Error('the benchmark did not get there')
    await sleep(everyMs)
  }
}

const counted =
  (metric: string) =>
  async (roles: RoleProcesses): Promise<number> =>
    (await roles.metrics()).get(metric) ?? 0

/** Rows per CPU-second of each role; those of clickhouse are of its process and of the server together. */
export interface RoleSpeeds {
  poller: number
  enricher: number
  clickhouse: number
}

/** Services, roles and objects of one benchmark. */
class Path {
  readonly #stack: Stack
  readonly #run: LocalRun
  readonly #client: ReturnType<typeof s3Client>
  readonly #env: Record<string, string>
  readonly #body = sampleObject(rowsPerObject)
  #uploaded = 0

  private constructor(stack: Stack, run: LocalRun, env: Record<string, string>) {
    this.#stack = stack
    this.#run = run
    this.#env = env
    this.#client = s3Client(stack.endpoints.s3Endpoint)
  }

  /** Starts the services, gives the path to `use`, and ends them again. */
  static async with<T>(use: (path: Path) => Promise<T>): Promise<T> {
    return withOwnStack(async stack => {
      const settings = settingsFor(stack.endpoints, {
        kafka: { commitIntervalMs: 1000, sessionTimeoutMs: 30_000 },
        clickhouse: { insertIntervalMs: 1000 },
      })
      const run = await LocalRun.open(settings)
      try {
        const path = new Path(stack, run, { ...settingsEnvironment(settings), FLOWLOOM_LOG_LEVEL: 'warn' })
        await createBucket(path.#client, run.bucket)
        return await use(path)
      } finally {
        await run.close()
      }
    })
  }

  /** One role after the other, each over the same rows. */
  async roles(): Promise<RoleSpeeds> {
    await this.#upload(warmObjects)
    const poller = await this.#role('discover,fetch', counted('flowloom_fetch_lines_total'), {
      beforeMeasured: () => this.#upload(measuredObjects),
    })
    const enricher = await this.#role('enrich', counted('flowloom_enrich_lines_total'))
    const clickhouse = await this.#role('clickhouse', () => this.#rowsInTables(), { with: this.#stack.pids.clickhouse })
    return { poller, enricher, clickhouse }
  }

  /** All roles at once. @returns Rows per second of wall time. */
  async endToEnd(): Promise<number> {
    const before = await this.#rowsInTables()
    const roles = new RoleProcesses()
    await roles.start(['discover,fetch', 'enrich', 'ip-context', 'clickhouse'], this.#env)
    const arrived = (objects: number) => async (): Promise<boolean> => (await this.#rowsInTables()) >= before + objects * rowsPerObject
    await this.#upload(2)
    await until(roles, arrived(2))
    const start = performance.now()
    await this.#upload(measuredObjects)
    await until(roles, arrived(2 + measuredObjects))
    const seconds = (performance.now() - start) / 1000
    await roles.stop()
    return Math.round((measuredObjects * rowsPerObject) / seconds)
  }

  async #role(
    roleList: string,
    done: (roles: RoleProcesses) => Promise<number>,
    also: { with?: number | undefined; beforeMeasured?: () => Promise<void> } = {},
  ): Promise<number> {
    const roles = new RoleProcesses()
    await roles.start([roleList], this.#env)
    const cpu = (): number => cpuSeconds(roles.pids[0]!) + (also.with === undefined ? 0 : cpuSeconds(also.with))
    await until(roles, async () => (await done(roles)) >= warmObjects * rowsPerObject)
    const [warmRows, warmCpu] = [await done(roles), cpu()]
    await also.beforeMeasured?.()
    const allRows = (warmObjects + measuredObjects) * rowsPerObject
    await until(roles, async () => (await done(roles)) >= allRows)
    const speed = Math.round((allRows - warmRows) / (cpu() - warmCpu))
    await roles.stop()
    return speed
  }

  async #rowsInTables(): Promise<number> {
    const { flows, gaps } = await tableCounts(this.#run.store)
    return flows + gaps
  }

  async #upload(count: number): Promise<void> {
    for (let i = 0; i < count; i++)
      await putObject(this.#client, this.#run.bucket, this.#body.key.replace('.log.gz', `${this.#uploaded++}.log.gz`), this.#body.body)
  }
}

/** Runs the benchmark of the roles alone. */
export const benchRoles = (): Promise<RoleSpeeds> => Path.with(path => path.roles())

/** Runs the benchmark. */
export async function benchPath(): Promise<BenchResult[]> {
  const { speeds, endToEnd } = await Path.with(async path => ({ speeds: await path.roles(), endToEnd: await path.endToEnd() }))
  return [
    { name: 'poller process (discover, fetch)', rowsPerCpuSecond: speeds.poller, bytesPerRow: 0 },
    { name: 'enricher process', rowsPerCpuSecond: speeds.enricher, bytesPerRow: 0 },
    { name: 'clickhouse process, server included', rowsPerCpuSecond: speeds.clickhouse, bytesPerRow: 0 },
    {
      name: `end to end, rows per second of wall time, ${measuredObjects} objects of ${rowsPerObject} rows, uploads included`,
      rowsPerCpuSecond: endToEnd,
      bytesPerRow: 0,
    },
  ]
}

if (import.meta.main) for (const result of await benchPath()) console.log(result)
