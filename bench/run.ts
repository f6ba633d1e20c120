/** `npm run bench`: each stage, then each role as a process, then the whole path; rows per CPU-second, warm, medians. */
import { parseArgs } from 'node:util'
import { benchEncode, benchEnrich, benchTables } from './encode.ts'
import type { BenchResult } from './enrich-measure.ts'
import { benchFetch } from './fetch.ts'
import { benchOrdinaryMap, benchTwoFormats } from './ip-context.ts'
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

Measures speed as rows per CPU-second, warm, medians: each stage in one process, the sink on ClickHouse, then each role as a process and the
whole path on a local stack that it starts. It needs a quiet machine and takes some minutes.

  --stages   stages and the sink alone
  --help     show this text`

function settingsOf(): { stages: boolean } {
  try {
    const { values } = parseArgs({ options: { stages: { type: 'boolean' }, help: { type: 'boolean' } } })
    if (values.help !== true) return { stages: values.stages === true }
    console.log(usage)
    process.exit(0)
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`)
    process.exit(2)
  }
}

const { stages } = settingsOf()

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
