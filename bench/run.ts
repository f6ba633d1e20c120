/** `npm run bench`: each stage, then each role as a process, then the whole path; rows per CPU-second, warm, medians. */
import { parseArgs } from 'node:util'
import { benchEncode, benchEnrich, benchTables } from './encode.ts'
import type { BenchResult } from './enrich-measure.ts'
import { benchFetch } from './fetch.ts'
import { benchOrdinaryMap, benchTwoFormats } from './ip-context.ts'
import { jobLoads, printJob } from './job.ts'
import { benchParse } from './parse.ts'
import { benchPath } from './path.ts'
import { benchSmallObjects } from './poller.ts'
import { benchClickHouse, benchColumns } from './clickhouse.ts'

function show({ name, rowsPerCpuSecond, bytesPerRow }: BenchResult): void {
  console.log(
    `${name.padEnd(70)}${(rowsPerCpuSecond / 1e6).toFixed(3).padStart(8)} M rows/CPU-s${bytesPerRow === 0 ? '' : `${bytesPerRow.toFixed(1).padStart(9)} B/row`}`,
  )
}

const usage = `npm run bench [-- --stages]
npm run bench -- job [--times <n>] [--load L|S]

Measures speed as rows per CPU-second, warm, medians: each stage in one process, the sink on ClickHouse, then each role as a process and the
whole path on a local stack that it starts. It needs a quiet machine and takes some minutes.

job: the whole job at once with default settings, CPU seconds per million rows of each process, cold and warm, for large objects (L) and small ones
(S), and ClickHouse alone beside it in the same run. Linux only.

  --stages      stages and the sink alone
  --times <n>   how often each load runs (default 3)
  --load <name> one load alone
  --help        show this text`

interface Wanted {
  readonly job: boolean
  readonly stages: boolean
  readonly times: number
  readonly load: string | undefined
}

function wantedOf(): Wanted {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { stages: { type: 'boolean' }, times: { type: 'string' }, load: { type: 'string' }, help: { type: 'boolean' } },
    })
    if (values.help === true) {
      console.log(usage)
      process.exit(0)
    }
    const job = positionals[0] === 'job'
    const times = Number(values.times ?? 3)
    if (positionals.length > 1 || (positionals.length === 1 && !job)) throw new TypeError(`unknown: ${positionals.join(' ')}`)
    if (!job && (values.times !== undefined || values.load !== undefined)) throw new TypeError('--times and --load go with job')
    if (job && values.stages === true) throw new TypeError('--stages does not go with job')
    if (!Number.isSafeInteger(times) || times < 1) throw new TypeError('--times takes a number of 1 or more')
    if (values.load !== undefined && !jobLoads.some(({ name }) => name === values.load)) throw new TypeError('--load takes L or S')
    return { job, stages: values.stages === true, times, load: values.load }
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`)
    process.exit(2)
  }
}

const { job, stages, times, load } = wantedOf()
if (job) {
  await printJob(
    times,
    jobLoads.filter(({ name }) => load === undefined || name === load),
  )
  process.exit()
}

console.log('stages (one process, no network)')
for (const order of ['aws', 'alphabetical'] as const) show(benchParse(400_000, order))
const tables = await benchTables()
show(benchEncode(tables))
show(benchEnrich(tables))
show(await benchFetch(300_000, { lz4: true }))
show(await benchFetch(500, { lz4: true }))
for (const result of benchColumns(tables)) show(result)
for (const result of [await benchOrdinaryMap(), await benchTwoFormats()]) {
  show(result)
  console.log(`${' '.repeat(4)}longest time that it held up the event loop: ${Math.round(result.longestBlockMs)} ms`)
}
console.log('\nclickhouse over HTTP')
show(await benchClickHouse(tables))
if (!stages) {
  console.log('\nroles as processes on the real services')
  for (const result of await benchPath()) show(result)
  for (const result of await benchSmallObjects()) show(result)
}
