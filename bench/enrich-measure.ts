/** Measures CPU time of a pass over many rows: warm, median of several runs. */
import { readFileSync } from 'node:fs'

/** Result of a benchmark. */
export interface BenchResult {
  readonly name: string
  readonly rowsPerCpuSecond: number
  readonly bytesPerRow: number
}

/**
 * Runs a pass until at least a million rows are warm, then measures.
 *
 * @param pass Goes over `rows` rows once and returns the bytes that came out.
 * @returns Rows per CPU-second (user and system), median of `runs`.
 */
export function measure(name: string, rows: number, pass: () => number, runs = 5): BenchResult {
  for (let warm = 0; warm < 1_000_000; warm += rows) pass()
  let bytes = 0
  const seconds = Array.from({ length: runs }, () => {
    const before = process.cpuUsage()
    bytes = pass()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1e6
  }).sort((a, b) => a - b)
  return { name, rowsPerCpuSecond: Math.round(rows / seconds[runs >> 1]!), bytesPerRow: Math.round((10 * bytes) / rows) / 10 }
}

/** CPU seconds of a process so far, user and system. Linux only. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
