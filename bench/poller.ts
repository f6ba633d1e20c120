/**
 * Benchmark: the poller (discover and fetch in one process, as shipped) on real services, for large and for small objects; and for small ones a
 * bare loop of GetObject and gunzip over the same objects in the same run. CPU time of whole processes, warm. Linux only.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { RoleProcesses } from '../operations/role-processes.ts'
import { loadConfig } from '../config/config.ts'
import type { StackEndpoints } from '../stack/local-stack.ts'
import { settingsEnvironment } from '../harness/fleet.ts'
import { settingsFor } from '../harness/live-stack.ts'
import { createBucket, putObject, s3Client } from '../harness/s3.ts'
import { cpuSeconds, type BenchResult } from './enrich-measure.ts'
import { withOwnStack } from './own-stack.ts'
import { until } from './path.ts'
import { sampleObject } from './sample-object.ts'

/** How much to read: `warm` objects first, then the measured ones. */
export interface PollerLoad {
  readonly rowsPerObject: number
  readonly warm: number
  readonly measured: number
}

/** About 5 MB of gzip each. */
export const largeObjects: PollerLoad = { rowsPerObject: 150_000, warm: 6, measured: 12 }
/** About 20 KB of gzip each. */
export const smallObjects: PollerLoad = { rowsPerObject: 500, warm: 1500, measured: 3000 }

/**
 * Measures the poller process.
 *
 * @param options `bare`: measure the bare loop too, and say what share of it the poller reaches. `mains`: entry points to compare, one after the
 * other; default this one.
 */
export async function benchPoller(
  endpoints: StackEndpoints,
  { rowsPerObject, warm, measured }: PollerLoad,
  { bare = false, mains = [undefined] }: { bare?: boolean; mains?: readonly (string | undefined)[] } = {},
): Promise<BenchResult[]> {
  const { pollIntervalMs } = loadConfig({ env: {} }).s3
  const make = () => settingsFor(endpoints, { kafka: { commitIntervalMs: 500, sessionTimeoutMs: 30_000 }, s3: { pollIntervalMs } })
  const settings = make()
  const { bucket } = (settings['s3']!['sources'] as { bucket: string }[])[0]!
  const client = s3Client(endpoints.s3Endpoint)
  await createBucket(client, bucket)
  const sample = sampleObject(rowsPerObject)
  for (let i = 0; i < warm + measured; i++)
    await putObject(client, bucket, sample.key.replace('.log.gz', `${String(i).padStart(5, '0')}.log.gz`), sample.body)
  const results: BenchResult[] = []
  for (const main of mains) {
    // a deployment of its own each, over the same bucket
    const env = { ...settingsEnvironment({ ...make(), s3: settings['s3']! }), FLOWLOOM_LOG_LEVEL: 'warn' }
    const roles = new RoleProcesses(main)
    await roles.start(['discover,fetch'], env)
    const lines = async (): Promise<number> => (await roles.metrics()).get('flowloom_fetch_lines_total') ?? 0
    const linesPerObject = rowsPerObject + 1
    await until(roles, async () => (await lines()) >= warm * linesPerObject)
    const [lines0, cpu0] = [await lines(), cpuSeconds(roles.pids[0]!)]
    await until(roles, async () => (await lines()) >= (warm + measured) * linesPerObject)
    const [rows, cpu] = [(await lines()) - lines0, cpuSeconds(roles.pids[0]!) - cpu0]
    await roles.stop()
    results.push({
      name: `poller process, ${rowsPerObject} rows an object${main === undefined ? '' : `, ${main}`}`,
      rowsPerCpuSecond: Math.round(rows / cpu),
      bytesPerRow: 0,
    })
  }
  if (bare) {
    const loop = join(import.meta.dirname, 'bare-loop.ts')
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--no-warnings', loop, endpoints.s3Endpoint, bucket, String(warm)], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`the bare loop failed: ${stderr}`)
    const { cpuSeconds: seconds } = JSON.parse(stdout) as { cpuSeconds: number }
    const speed = Math.round((measured * rowsPerObject) / seconds)
    for (const [index, result] of results.entries())
      results[index] = { ...result, name: `${result.name}, ${Math.round((100 * result.rowsPerCpuSecond) / speed)} % of:` }
    results.push({ name: `bare loop of GetObject and gunzip, ${rowsPerObject} rows an object`, rowsPerCpuSecond: speed, bytesPerRow: 0 })
  }
  return results
}

/** Runs something on the stack of FLOWLOOM_TEST_ENDPOINTS, else on one of its own. */
async function onStack<T>(run: (endpoints: StackEndpoints) => Promise<T>): Promise<T> {
  const given = process.env['FLOWLOOM_TEST_ENDPOINTS']
  return given === undefined ? withOwnStack(stack => run(stack.endpoints)) : run(JSON.parse(given) as StackEndpoints)
}

/** Target: small objects at 40 % or more of the bare loop. */
export const benchSmallObjects = (): Promise<BenchResult[]> => onStack(endpoints => benchPoller(endpoints, smallObjects, { bare: true }))

/** Arguments: `large` or `small`, then entry points to compare (`-`: this one), such as the main.ts of an older checkout. */
if (import.meta.main) {
  const [which, ...given] = process.argv.slice(2)
  const mains = given.length === 0 ? [undefined] : given.map(main => (main === '-' ? undefined : main))
  await onStack(async endpoints => {
    if (which !== 'small') for (const result of await benchPoller(endpoints, largeObjects, { mains })) console.log(result)
    if (which !== 'large') for (const result of await benchPoller(endpoints, smallObjects, { mains, bare: true })) console.log(result)
  })
}
