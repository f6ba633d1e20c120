/**
 * The speed gate of CI: half of each target, best of three, on CPU time, so that a noisy machine does not fail it but a slow change does.
 * The targets are those of a first prototype, in rows per CPU-second; `npm run bench` gives the full figures.
 */
import { benchEncode, benchEnrich, benchTables } from './encode.ts'
import type { BenchResult } from './enrich-measure.ts'
import { benchFetch } from './fetch.ts'
import { benchParse } from './parse.ts'
import { benchColumns } from './sink.ts'

const tables = await benchTables()

/** What is measured, and its target in million rows per CPU-second. */
const gates: readonly { target: number; run: () => BenchResult | Promise<BenchResult> }[] = [
  { target: 1.5, run: () => benchParse(200_000) },
  { target: 1.5, run: () => benchEncode(tables, 200_000) },
  { target: 0.8, run: () => benchEnrich(tables, 200_000) },
  { target: 0.5, run: () => benchFetch(300_000, { rows: 600_000, lz4: true, runs: 3 }) },
  { target: 1.5, run: () => benchColumns(tables, 200_000).at(-1)! },
]

let failed = 0
for (const { target, run } of gates) {
  let best: BenchResult | undefined
  for (let attempt = 0; attempt < 3; attempt++) {
    const result = await run()
    if (best === undefined || result.rowsPerCpuSecond > best.rowsPerCpuSecond) best = result
    if (best.rowsPerCpuSecond >= target * 0.5e6) break
  }
  const passed = best!.rowsPerCpuSecond >= target * 0.5e6
  if (!passed) failed++
  console.log(
    `${passed ? 'ok    ' : 'FAILED'}  ${best!.name.padEnd(50)} ${(best!.rowsPerCpuSecond / 1e6).toFixed(2)} M rows/CPU-s (gate ${(target / 2).toFixed(2)}, target ${target.toFixed(2)})`,
  )
}
console.log(`${gates.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
