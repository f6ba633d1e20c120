import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { serviceNames } from './child-service.ts'
import type { ServiceName } from './child-service.ts'
import type { StackEndpoints } from './local-stack.ts'
import { makeFolder } from './make-folder.ts'
import { claimPidFile, isAlive, readPidFile } from './process-mark.ts'
import type { ProcessMark } from './process-mark.ts'
import { StackError } from './stack-error.ts'

/** What runs on a data folder. */
export interface StackStatus {
  /** Process that started the stack. */
  parent: number | undefined
  pids: Record<ServiceName, number | undefined>
  /** Absent until the stack has started for the first time. */
  endpoints: StackEndpoints | undefined
}

const endAfterMs = 40_000

/** The data folder of a stack: `kafka/`, `registry/`, `s3/` and `clickhouse/` hold the data, `logs/` the logs, `run/` the pid files. */
export class StackFolder {
  readonly path: string
  readonly logs: string
  readonly run: string

  constructor(path: string) {
    this.path = path
    this.logs = join(path, 'logs')
    this.run = join(path, 'run')
  }

  /** Folder of the data of a service. */
  data(service: ServiceName): string {
    return join(this.path, service)
  }

  /**
   * Takes the folder for this process and ends services that a killed process left behind.
   *
   * @throws StackError STACK_RUNNING where a live process has it; FOLDER_UNUSABLE, DISK_WRITE_FULL where it cannot be written to.
   */
  async claim(log: (text: string) => void): Promise<void> {
    const holder = this.#take()
    if (holder !== undefined) throw new StackError('STACK_RUNNING', { dataDir: this.path, pid: holder.pid, stop: this.#command('stop') })
    await this.#endServices(log)
    for (const service of serviceNames) rmSync(join(this.logs, `${service}.log`), { force: true })
  }

  /** The command line for this folder, which may be that of the demo. */
  #command(name: 'stop' | 'reset'): string {
    const path = /[^\w./-]/.test(this.path) ? `'${this.path.replaceAll("'", "'\\''")}'` : this.path
    return `npm run stack -- ${name} --data-dir ${path}`
  }

  #take(): ProcessMark | undefined {
    try {
      makeFolder(this.run)
      makeFolder(this.logs)
      return claimPidFile(this.#parentFile())
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code === undefined) throw cause
      const full = code === 'ENOSPC' || code === 'EDQUOT'
      throw new StackError(full ? 'DISK_WRITE_FULL' : 'FOLDER_UNUSABLE', { folder: this.path, detail: code }, { cause })
    }
  }

  /** Gives the folder back. */
  release(): void {
    rmSync(this.#parentFile(), { force: true })
  }

  /** Removes all data together: offsets, schema ids and rows refer to each other. */
  wipe(): void {
    for (const service of serviceNames) rmSync(this.data(service), { recursive: true, force: true })
  }

  /**
   * Makes the data folders.
   *
   * @throws StackError DATA_INCOMPLETE where some of the data was removed and some not.
   */
  open(): void {
    const missing = serviceNames.filter(service => !existsSync(this.data(service)))
    const filled = serviceNames.filter(service => !missing.includes(service) && readdirSync(this.data(service)).length > 0)
    if (missing.length > 0 && filled.length > 0)
      throw new StackError('DATA_INCOMPLETE', {
        dataDir: this.path,
        missing: missing.map(service => `${service}/`).join(', '),
        reset: this.#command('reset'),
      })
    for (const service of serviceNames) mkdirSync(this.data(service), { recursive: true })
  }

  /** Notes the endpoints for `status`. */
  noteEndpoints(endpoints: StackEndpoints): void {
    writeFileSync(this.#endpointsFile(), JSON.stringify(endpoints))
  }

  /** Tells what runs. */
  status(): StackStatus {
    const pids = Object.fromEntries(serviceNames.map(service => [service, this.#service(service)?.pid]))
    const file = this.#endpointsFile()
    return {
      parent: readPidFile(this.#parentFile())?.pid,
      pids: pids as Record<ServiceName, number | undefined>,
      endpoints: existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as StackEndpoints) : undefined,
    }
  }

  /**
   * Ends the stack that runs on the folder: its process in order, then services that still run.
   *
   * @returns False if nothing ran.
   */
  async end(log: (text: string) => void): Promise<boolean> {
    const parent = readPidFile(this.#parentFile())
    if (parent !== undefined && parent.pid !== process.pid) {
      log(`ending the stack of process ${parent.pid}`)
      process.kill(parent.pid, 'SIGTERM')
      await waitForEnd(parent, endAfterMs)
    }
    return (await this.#endServices(log)) || parent !== undefined
  }

  async #endServices(log: (text: string) => void): Promise<boolean> {
    const left = serviceNames.flatMap(name => {
      const mark = this.#service(name)
      return mark === undefined ? [] : [{ name, mark }]
    })
    await Promise.all(
      left.map(async ({ name, mark }) => {
        log(`ending ${name} (pid ${mark.pid}), left behind by a process that was killed`)
        process.kill(-mark.pid, 'SIGTERM')
        if (await waitForEnd(mark, endAfterMs)) return
        process.kill(-mark.pid, 'SIGKILL')
        await waitForEnd(mark, endAfterMs)
      }),
    )
    return left.length > 0
  }

  #service(service: ServiceName): ProcessMark | undefined {
    return readPidFile(join(this.run, `${service}.pid`))
  }

  #parentFile(): string {
    return join(this.run, 'stack.pid')
  }

  #endpointsFile(): string {
    return join(this.run, 'endpoints.json')
  }
}

async function waitForEnd(mark: ProcessMark, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  while (isAlive(mark)) {
    if (performance.now() > deadline) return false
    await sleep(50)
  }
  return true
}
