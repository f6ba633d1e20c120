/**
 * Benchmark: the whole job at once, from objects in S3 to merged parts in ClickHouse, with default settings and one process a role; CPU time of each
 * process from the operating system. Beside it, in the same run, ClickHouse alone reads the same objects. Linux only.
 *
 * Cold: the processes start, and their start-up counts. Warm: the same processes get as much again. ClickHouse's time goes on until it merges no more.
 * The S3 server stands for AWS and does not count.
 */
import { gunzipSync } from 'node:zlib'
import { randomBytes } from 'node:crypto'
import { settingsEnvironment } from '../harness/fleet.ts'
import { LocalRun } from '../harness/local-run.ts'
import { createBucket, putObject, s3Client } from '../harness/s3.ts'
import { RoleProcesses } from '../operations/role-processes.ts'
import type { SyntheticObject } from '../producers/synthetic/generate-objects.ts'
import type { Store } from '../sinks/clickhouse/store.ts'
import type { Stack } from '../stack/local-stack.ts'
import { ClickHouseAlone } from './clickhouse-alone.ts'
import { cpuSeconds } from './enrich-measure.ts'
import { withOwnStack } from './own-stack.ts'
import { until } from './path.ts'
import { sampleObjects } from './sample-object.ts'

/** How much is read in each of the two rounds. */
export interface JobLoad {
  readonly name: string
  readonly objects: number
  readonly rowsPerObject: number
}

/** Two million rows in large objects. */
const largeLoad: JobLoad = { name: 'L', objects: 20, rowsPerObject: 100_000 }
/** A million rows in small ones. */
const smallLoad: JobLoad = { name: 'S', objects: 2000, rowsPerObject: 500 }

/** Both. */
export const jobLoads: readonly JobLoad[] = [largeLoad, smallLoad]

/** One process a role, as `run --processes` would start them. */
const roles = ['discover,fetch', 'enrich', 'ip-context', 'clickhouse'] as const
/** Servers whose time counts, with what they are called here. */
const servers = { 'Kafka server': 'kafka', 'ClickHouse server': 'clickhouse' } as const
const serverNames = ['Kafka server', 'ClickHouse server'] as const
type Process = (typeof roles)[number] | keyof typeof servers

/** CPU seconds of each process for a million rows, and rows per second by the clock. */
interface JobRound {
  readonly cpu: Readonly<Record<Process, number>>
  readonly sum: number
  readonly rowsPerSecond: number
}

/** What one run of a load took. */
interface JobResult {
  readonly load: string
  readonly cold: JobRound
  readonly warm: JobRound
  /** ClickHouse alone, CPU seconds for a million rows. */
  readonly alone: number
  /** Of the table flows, merged to one part a day. */
  readonly bytesPerRow: number
}

const patience = { timeoutMs: 600_000, everyMs: 200 }
/** In the place of the role processes while none has to run. */
const nothing = { failed: new Promise<never>(() => undefined) }

/** Waits until no merge has run for a second. */
async function untilMerged(store: Store): Promise<void> {
  let idleSince = Date.now()
  const isMerged = async (): Promise<boolean> => {
    const [row] = await store.query<{ merges: string }>('SELECT count() AS merges FROM system.merges')
    if (row!.merges !== '0') idleSince = Date.now()
    return Date.now() - idleSince > 1000
  }
  await until(nothing, isMerged, patience)
}

/** A deployment with default settings, and its objects. */
class Job {
  readonly #stack: Stack
  readonly #load: JobLoad
  readonly #run: LocalRun
  readonly #env: Record<string, string>
  readonly #client: ReturnType<typeof s3Client>
  /** Those of both rounds, each of its own rows. */
  readonly #objects: ReturnType<typeof sampleObjects>
  #header = ''

  private constructor(stack: Stack, load: JobLoad, run: LocalRun, env: Record<string, string>) {
    this.#stack = stack
    this.#load = load
    this.#run = run
    this.#env = env
    this.#client = s3Client(stack.endpoints.s3Endpoint)
    this.#objects = sampleObjects(2 * load.objects, load.rowsPerObject)
  }

  static async open(stack: Stack, load: JobLoad): Promise<Job> {
    const name = `job-${randomBytes(4).toString('hex')}`
    const { kafkaBrokers, registryUrl, s3Endpoint, clickhouseUrl } = stack.endpoints
    const settings = {
      kafka: { brokers: kafkaBrokers, topicPrefix: `${name}.`, deployment: name },
      registry: { url: registryUrl },
      s3: { sources: [{ bucket: name, prefix: '' }], endpoint: s3Endpoint, pathStyle: true, accessKeyId: 'test', secretAccessKey: 'test' },
      clickhouse: { url: clickhouseUrl, database: name.replace('-', '_') },
      log: { level: 'warn' },
    }
    const run = await LocalRun.open({ ...settings, kafka: { ...settings.kafka, createTopics: true } })
    const job = new Job(stack, load, run, settingsEnvironment(settings))
    await createBucket(job.#client, run.bucket)
    return job
  }

  async measure(): Promise<JobResult> {
    await this.#upload()
    const processes = new RoleProcesses()
    const before = this.#cpu(undefined)
    const startMs = performance.now()
    await processes.start(roles, this.#env)
    const cold = await this.#round(processes, before, startMs, 1)
    const warmBefore = this.#cpu(processes)
    await this.#upload()
    const warm = await this.#round(processes, warmBefore, performance.now(), 2)
    await processes.stop()
    const { store } = this.#run
    await store.command(`OPTIMIZE TABLE ${this.#run.session.config.clickhouse.database}.flows FINAL`)
    const [size] = await store.query<{ bytes: string; rows: string }>(
      `SELECT sum(bytes_on_disk) AS bytes, sum(rows) AS rows FROM system.parts WHERE database = currentDatabase() AND table = 'flows' AND active`,
    )
    return {
      load: this.#load.name,
      cold,
      warm,
      alone: await this.#alone(),
      bytesPerRow: Number(size!.bytes) / Number(size!.rows),
    }
  }

  async close(): Promise<void> {
    const { database } = this.#run.session.config.clickhouse
    await this.#run.store.command(`DROP DATABASE IF EXISTS ${database}`)
    await this.#run.close()
  }

  async #alone(): Promise<number> {
    const { store, session, bucket } = this.#run
    const database = `${session.config.clickhouse.database}_alone`
    const alone = await ClickHouseAlone.open(store, database, this.#header)
    const pid = this.#stack.pids.clickhouse!
    const rows = 2 * this.#load.objects * this.#load.rowsPerObject
    let cpu = 0
    // the first time it is cold
    for (let i = 0; i < 2; i++) {
      await alone.clear()
      const before = cpuSeconds(pid)
      const read = await alone.read(this.#stack.endpoints.s3Endpoint, bucket)
      await untilMerged(store)
      cpu = cpuSeconds(pid) - before
      if (read !== rows) throw new Error(`ClickHouse alone read ${read} of ${rows} rows`)
    }
    await store.command(`DROP DATABASE ${database}`)
    return (cpu / rows) * 1e6
  }

  async #round(processes: RoleProcesses, before: Readonly<Record<Process, number>>, startMs: number, rounds: number): Promise<JobRound> {
    const { store } = this.#run
    const rows = this.#load.objects * this.#load.rowsPerObject
    const arrived = async (): Promise<boolean> => {
      const [row] = await store
        .query<{ rows: string }>('SELECT (SELECT count() FROM flows) + (SELECT count() FROM flow_gaps) AS rows')
        .catch(() => [{ rows: '0' }])
      return Number(row!.rows) >= rounds * rows
    }
    await until(processes, arrived, patience)
    const seconds = (performance.now() - startMs) / 1000
    await untilMerged(store)
    const after = this.#cpu(processes)
    const cpu = Object.fromEntries(
      Object.entries(after).map(([process, value]) => [process, ((value - before[process as Process]) / rows) * 1e6]),
    ) as Record<Process, number>
    return { cpu, sum: Object.values(cpu).reduce((sum, value) => sum + value, 0), rowsPerSecond: rows / seconds }
  }

  #cpu(processes: RoleProcesses | undefined): Record<Process, number> {
    const of = (pid: number | undefined): number => (pid === undefined ? 0 : cpuSeconds(pid))
    return Object.fromEntries([
      ...roles.map((role, i) => [role, of(processes?.pids[i])]),
      ...serverNames.map(name => [name, of(this.#stack.pids[servers[name]])]),
    ]) as Record<Process, number>
  }

  async #upload(): Promise<void> {
    for (let i = 0; i < this.#load.objects; i++) {
      const { key, body } = this.#objects.next().value as SyntheticObject
      this.#header ||= gunzipSync(body).toString('utf8').split('\n', 1)[0]!
      await putObject(this.#client, this.#run.bucket, key, body)
    }
  }
}

/** Runs loads, each some times, on one stack. @param told Gets each result at once. */
function benchJob(loads: readonly JobLoad[], times: number, told: (result: JobResult) => void): Promise<JobResult[]> {
  return withOwnStack(async stack => {
    const results: JobResult[] = []
    for (let i = 0; i < times; i++)
      for (const load of loads) {
        const job = await Job.open(stack, load)
        const result = await job.measure()
        await job.close()
        results.push(result)
        told(result)
      }
    return results
  })
}

const figure = (value: number): string => value.toFixed(1).padStart(7)

/** One run as lines of text. */
function jobText({ load, cold, warm, alone, bytesPerRow }: JobResult): string {
  const rounds = [
    ['cold', cold],
    ['warm', warm],
  ] as const
  const head = `${load}, CPU-s per million rows`.padEnd(30) + rounds.map(([name]) => name.padStart(7)).join('')
  const lines = [...roles, ...serverNames].map(process => process.padEnd(30) + rounds.map(([, { cpu }]) => figure(cpu[process])).join(''))
  return [
    head,
    ...lines,
    'sum'.padEnd(30) + rounds.map(([, { sum }]) => figure(sum)).join(''),
    `times ClickHouse alone (${alone.toFixed(1)})`.padEnd(30) + rounds.map(([, { sum }]) => figure(sum / alone)).join(''),
    'thousand rows/s by the clock'.padEnd(30) + rounds.map(([, { rowsPerSecond }]) => figure(rowsPerSecond / 1000)).join(''),
    `${bytesPerRow.toFixed(1)} bytes a row merged`,
  ].join('\n')
}

/** Least, middle and greatest value. */
function spread(values: readonly number[]): [number, number, number] {
  const sorted = values.toSorted((a, b) => a - b)
  return [sorted[0]!, sorted[sorted.length >> 1]!, sorted.at(-1)!]
}

/** Runs loads, each some times, and prints each run, then least, middle and greatest sums. */
export async function printJob(times: number, loads: readonly JobLoad[]): Promise<void> {
  const results = await benchJob(loads, times, result => console.log(`\n${jobText(result)}`))
  console.log('\nCPU-s per million rows: least, middle, greatest')
  for (const { name } of loads) {
    const ofLoad = results.filter(({ load }) => load === name)
    const rows: [string, number[]][] = [
      ['cold', ofLoad.map(({ cold }) => cold.sum)],
      ['warm', ofLoad.map(({ warm }) => warm.sum)],
      ['ClickHouse alone', ofLoad.map(({ alone }) => alone)],
      ['warm, times ClickHouse alone', ofLoad.map(({ warm, alone }) => warm.sum / alone)],
    ]
    for (const [what, values] of rows) console.log(`${name} ${what}`.padEnd(34) + spread(values).map(figure).join(''))
  }
}
