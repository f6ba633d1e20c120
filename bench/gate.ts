/**
 * The speed gate of CI: half of each target, on CPU time, so that a noisy machine does not fail it but a slow change does. The targets are those
 * of a first prototype, in rows per CPU-second; `npm run bench` gives the full figures.
 *
 * Each attempt is a process of its own (what ran before it must not decide how V8 compiles it). The best of up to eight counts: single runs of a
 * shared machine were seen to differ by half.
 */
import { spawnSync } from 'node:child_process'
import { benchEncode, benchEnrich, benchTables } from './encode.ts'
import type { BenchResult } from './enrich-measure.ts'
import { benchFetch } from './fetch.ts'
import { benchParse } from './parse.ts'
import { benchColumns } from './sink.ts'

const mostAttempts = 8

/** What is measured, and its target in million rows per CPU-second. */
const gates: readonly { target: number; run: () => BenchResult | Promise<BenchResult> }[] = [
  { target: 1.5, run: () => benchParse(200_000) },
  { target: 1.5, run: async () => benchEncode(await benchTables(), 200_000) },
  { target: 0.8, run: async () => benchEnrich(await benchTables(), 200_000) },
  { target: 0.5, run: () => benchFetch(300_000, { rows: 600_000, lz4: true, runs: 3 }) },
  { target: 1.5, run: async () => benchColumns(await benchTables(), 200_000).at(-1)! },
]

function attempt(index: number): BenchResult {
  const { stdout, status, stderr } = spawnSync(process.execPath, ['--no-warnings', import.meta.filename, String(index)], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`the benchmark failed: ${stderr}`)
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as BenchResult
}

function best(index: number, enough: number): { result: BenchResult; attempts: number } {
  const results: BenchResult[] = []
  for (;;) {
    results.push(attempt(index))
    const speeds = results.map(result => result.rowsPerCpuSecond)
    const fastest = results[speeds.indexOf(Math.max(...speeds))]!
    if (fastest.rowsPerCpuSecond >= enough || results.length >= mostAttempts) return { result: fastest, attempts: results.length }
  }
}

function main(): number {
  let failed = 0
  for (const [index, { target }] of gates.entries()) {
    const { result, attempts } = best(index, target * 0.5e6)
    const passed = result.rowsPerCpuSecond >= target * 0.5e6
    if (!passed) failed++
    const measured = `${(result.rowsPerCpuSecond / 1e6).toFixed(2)} M rows/CPU-s, best of ${attempts}`
    console.log(
      `${passed ? 'ok    ' : 'FAILED'}  ${result.name.padEnd(40)} ${measured} (gate ${(target / 2).toFixed(2)}, target ${target.toFixed(2)})`,
    )
  }
  console.log(`${gates.length - failed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
}

const [only] = process.argv.slice(2)
if (only === undefined) process.exitCode = main()
else console.log(JSON.stringify(await gates[Number(only)]!.run()))
