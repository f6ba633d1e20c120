/** Memory of other processes, in MiB. Linux only: it asks /proc. */
import { readFileSync } from 'node:fs'

function statusMiB(pid: number | undefined, field: 'VmHWM' | 'VmRSS'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024
}

/** The most resident memory that a process ever had. @throws Where there is no such process. */
export const peakMiB = (pid: number): number => statusMiB(pid, 'VmHWM')

/** The resident memory of a process now; 0 where there is none. */
export function residentMiB(pid: number | undefined): number {
  try {
    return statusMiB(pid, 'VmRSS')
  } catch {
    return 0
  }
}
