import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

/** A process that cannot be taken for a later one with the same number: pids are used again, start times are not. */
export interface ProcessMark {
  pid: number
  /** Opaque start time, equal only for the same process. */
  started: string
}

/**
 * Marks a running process.
 *
 * @returns undefined if the process does not exist or is a zombie.
 */
export function markProcess(pid: number): ProcessMark | undefined {
  const started = existsSync('/proc/self/stat') ? startedFromProc(pid) : startedFromPs(pid)
  return started === undefined ? undefined : { pid, started }
}

/** True while the marked process itself runs. */
export const isAlive = (mark: ProcessMark): boolean => markProcess(mark.pid)?.started === mark.started

/** Writes a pid file: the pid and its start time on one line. */
export function writePidFile(path: string, mark: ProcessMark, flag: 'w' | 'wx' = 'w'): void {
  writeFileSync(path, `${mark.pid} ${mark.started}\n`, { flag })
}

/** Reads a pid file; undefined if it is absent or its process is gone. */
export function readPidFile(path: string): ProcessMark | undefined {
  if (!existsSync(path)) return undefined
  const [pid = '', ...started] = readFileSync(path, 'utf8').trim().split(' ')
  const mark = { pid: Number(pid), started: started.join(' ') }
  return Number.isInteger(mark.pid) && mark.pid > 0 && isAlive(mark) ? mark : undefined
}

/**
 * Claims a pid file for this process, as a lock that ends with the process however it ends.
 *
 * @returns The process that holds it, or undefined when this process now does.
 */
export function claimPidFile(path: string): ProcessMark | undefined {
  const own = markProcess(process.pid)
  if (own === undefined) throw new Error('this process has no start time')
  for (;;) {
    try {
      writePidFile(path, own, 'wx')
      return undefined
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const holder = readPidFile(path)
    if (holder !== undefined) return holder
    rmSync(path, { force: true })
  }
}

function startedFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in brackets may hold anything; behind it: state, and start time in ticks as the 20th field from there.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

function startedFromPs(pid: number): string | undefined {
  try {
    const [state = '', ...started] = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .trim()
      .split(/\s+/)
    return state === '' || state.startsWith('Z') ? undefined : started.join(' ')
  } catch {
    return undefined
  }
}
