import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { markProcess, writePidFile } from './process-mark.ts'
import { lastLines } from './run-tool.ts'
import { StackError } from './stack-error.ts'

/** The services of the stack; each is one child process. */
export const serviceNames = ['kafka', 'registry', 's3', 'clickhouse'] as const
/** Name of a service of the stack. */
export type ServiceName = (typeof serviceNames)[number]

/** One run of a service. */
export interface Launch {
  command: string
  args: readonly string[]
  env?: Record<string, string>
  /** Time that a SIGTERM is given before SIGKILL. */
  stopTimeoutMs?: number
  /** Called after the process ended; `inOrder` unless a signal ended it or it failed. */
  onEnd?: (inOrder: boolean) => void
}

/** How a service is started, and how one sees that it answers. */
export interface Service {
  name: ServiceName
  /** Makes ready what the run needs. */
  prepare: () => Promise<Launch>
  /** True when the service answers requests; false or an error when it does not yet. */
  answers: () => Promise<boolean>
}

/** Where the files of a child go. */
export interface ChildFolders {
  logs: string
  run: string
}

const startTimeoutMs = 120_000
const askIntervalMs = 40

/** A service as a child process in its own process group, with a log file and a pid file. */
export class ChildService {
  readonly name: ServiceName
  readonly logFile: string
  readonly #service: Service
  readonly #pidFile: string
  readonly #report: (text: string) => void
  #child: ChildProcess | undefined
  #ended: Promise<string> = Promise.resolve('not started')
  #launch: Launch | undefined
  #stopping = false

  /** @param report Told when the service ends unasked. */
  constructor(service: Service, folders: ChildFolders, report: (text: string) => void) {
    this.name = service.name
    this.logFile = join(folders.logs, `${service.name}.log`)
    this.#service = service
    this.#pidFile = join(folders.run, `${service.name}.pid`)
    this.#report = report
  }

  /** Process id; undefined when the service does not run. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /**
   * Starts the service and waits until it answers.
   *
   * @throws StackError START_FAILED, START_TIMEOUT with the last lines of its log.
   */
  async start(): Promise<void> {
    this.#stopping = false
    const launch = await this.#service.prepare()
    if (this.#stopped()) return
    let ended: string | undefined
    this.#spawn(launch).then(
      outcome => (ended = outcome),
      (error: unknown) => (ended = String(error)),
    )
    const deadline = performance.now() + startTimeoutMs
    let ready = false
    while (!ready) {
      if (ended !== undefined) {
        if (this.#stopped()) return
        throw new StackError('START_FAILED', { service: this.name, outcome: ended, log: this.logFile, detail: this.#logTail() })
      }
      if (performance.now() > deadline) {
        await this.kill()
        throw new StackError('START_TIMEOUT', {
          service: this.name,
          seconds: startTimeoutMs / 1000,
          log: this.logFile,
          detail: this.#logTail(),
        })
      }
      ready = await this.#service.answers().catch(() => false)
      if (!ready) await sleep(askIntervalMs)
    }
  }

  /** Ends the service with SIGTERM, and with SIGKILL where that takes too long. Does nothing if it does not run. */
  async stop(): Promise<void> {
    this.#stopping = true
    if (this.#child === undefined) return
    this.signal('SIGTERM')
    const timeout = new AbortController()
    await Promise.race([
      this.#ended,
      sleep(this.#launch?.stopTimeoutMs ?? 10_000, undefined, { signal: timeout.signal }).catch(() => undefined),
    ])
    timeout.abort()
    await this.kill()
  }

  /** Ends the service with SIGKILL and waits for its end. */
  async kill(): Promise<void> {
    this.#stopping = true
    if (this.#child === undefined) return
    this.signal('SIGKILL')
    await this.#ended
  }

  /** Sends a signal to the process group of the service without waiting. */
  signal(signal: NodeJS.Signals): void {
    if (this.pid === undefined) return
    try {
      process.kill(-this.pid, signal)
    } catch {
      // It ended in between.
    }
  }

  #stopped(): boolean {
    return this.#stopping
  }

  #spawn(launch: Launch): Promise<string> {
    const log = openSync(this.logFile, 'a')
    const child = spawn(launch.command, launch.args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...launch.env },
    })
    closeSync(log)
    this.#child = child
    this.#launch = launch
    if (child.pid !== undefined) {
      const mark = markProcess(child.pid)
      if (mark !== undefined) writePidFile(this.#pidFile, mark)
    }
    this.#ended = new Promise(resolve => {
      child.once('error', error => this.#onEnd(error.message, false, resolve))
      // A JVM that a SIGTERM ends in order reports 128 + 15.
      child.once('exit', (code, signal) => this.#onEnd(signal ?? `exit code ${String(code)}`, code === 0 || code === 143, resolve))
    })
    return this.#ended
  }

  #onEnd(outcome: string, inOrder: boolean, resolve: (outcome: string) => void): void {
    this.#child = undefined
    rmSync(this.#pidFile, { force: true })
    this.#launch?.onEnd?.(inOrder)
    if (!this.#stopping) this.#report(`${this.name} ended unasked (${outcome}); its log is ${this.logFile}`)
    resolve(outcome)
  }

  #logTail(): string {
    return lastLines(readFileSync(this.logFile, 'utf8').slice(-16_384))
  }
}
