/** One of several equal processes: started, started again when it ends, stopped. */
import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Log } from '../log.ts'
import { counter, gauge } from '../metrics.ts'
import type { RunningMessage } from './parent.ts'

const running = gauge('flowloom_processes_running', 'Processes of `run --processes` whose roles have started', ['process'])
const restarts = counter('flowloom_processes_restarts_total', 'Processes of `run --processes` that ended unasked and were started again', [
  'process',
])

/** How a process is started. */
export interface Launch {
  /** Number among its equals, from 1. */
  readonly number: number
  readonly script: URL
  readonly args: readonly string[]
  /** Variables beside those of this process. */
  readonly env: Readonly<Record<string, string>>
}

/** Waits before a start: the first, then twice the one before up to the longest; a process that ran for long begins anew. */
export interface BackOff {
  readonly firstMs: number
  readonly longestMs: number
  readonly ranLongMs: number
}

/** How a process ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** True if its roles had started. */
  readonly hadStarted: boolean
}

/** How a process ends that was asked to: a signal that comes before it listens finds nothing to stop. */
const isCleanEnd = ({ code, signal, hadStarted }: Ended): boolean => code === 0 || (signal === 'SIGTERM' && !hadStarted)

/** The wait after the given one. */
export const nextWaitMs = (waitMs: number, ranMs: number, { firstMs, longestMs, ranLongMs }: BackOff): number =>
  ranMs >= ranLongMs ? firstMs : Math.min(waitMs * 2, longestMs)

/** Keeps one process running. */
export class WatchedProcess {
  readonly number: number
  /** Port of its page on 127.0.0.1, while its roles run. */
  port: number | undefined
  readonly #launch: Launch
  readonly #log: Log
  #child: ChildProcess | undefined
  #stopping = false
  /** Ends a wait before the next start. */
  readonly #stop = new AbortController()
  #ended: Promise<unknown> = Promise.resolve()
  /** How it ended after it was asked to. */
  #last: Ended | undefined
  readonly #started: Promise<Ended | undefined>
  #tellStarted!: (ended: Ended | undefined) => void

  constructor(launch: Launch, log: Log) {
    this.#launch = launch
    this.number = launch.number
    this.#log = log
    this.#started = new Promise(resolve => {
      this.#tellStarted = resolve
    })
    running.set({ process: String(launch.number) }, 0)
    restarts.inc({ process: String(launch.number) }, 0)
  }

  /**
   * Starts the process and keeps it running until `stop`.
   *
   * @returns When its roles have started for the first time: undefined. If it refuses to start: how it ended; it is not started again.
   */
  start(backOff: BackOff): Promise<Ended | undefined> {
    this.#ended = this.#keep(backOff)
    return this.#started
  }

  /**
   * Asks the process to end, and ends it by force after the given time.
   *
   * @throws Error if it did not stop cleanly: it was killed, or says so by its exit code.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true
    this.#stop.abort()
    this.#child?.kill('SIGTERM')
    const late = setTimeout(() => {
      this.#log.warn({ process: this.number, graceMs }, 'a process did not stop in time and is killed')
      this.#child?.kill('SIGKILL')
    }, graceMs)
    await this.#ended
    clearTimeout(late)
    this.#tellStarted(undefined)
    if (this.#last !== undefined && !isCleanEnd(this.#last))
      throw new Error(`process ${this.number} ended with ${this.#last.signal ?? `code ${this.#last.code}`}`)
  }

  async #keep(backOff: BackOff): Promise<void> {
    let hasStarted = false
    for (let waitMs = backOff.firstMs; !this.#stopping;) {
      const startMs = performance.now()
      const ended = await this.#run()
      const ranMs = performance.now() - startMs
      hasStarted ||= ended.hadStarted
      if (this.#isStopping()) {
        this.#last = ended
        return
      }
      const { code, signal } = ended
      // what it said on its error output is the reason, and the same would come again
      if (!hasStarted && code !== null && code !== 0) {
        this.#tellStarted(ended)
        return
      }
      const process = String(this.number)
      restarts.inc({ process })
      this.#log.warn({ process: this.number, code, signal, waitMs }, 'a process ended unasked and is started again')
      await sleep(waitMs, undefined, { signal: this.#stop.signal }).catch(() => undefined)
      waitMs = nextWaitMs(waitMs, ranMs, backOff)
    }
  }

  /** Runs the process once, to its end. */
  #run(): Promise<Ended> {
    const { script, args, env } = this.#launch
    const process = String(this.number)
    // A group of its own: Ctrl-C reaches this process alone, which stops them in order. The channel ends with this process, however it ends.
    const child = spawn(globalThis.process.execPath, [...globalThis.process.execArgv, fileURLToPath(script), ...args], {
      env: { ...globalThis.process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true,
    })
    this.#child = child
    if (this.#stopping) child.kill('SIGTERM')
    this.#log.info({ process: this.number, pid: child.pid }, 'process started')
    let hadStarted = false
    child.on('message', (message: RunningMessage) => {
      hadStarted = true
      this.port = message.port
      running.set({ process }, 1)
      this.#tellStarted(undefined)
    })
    return new Promise(resolve => {
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.#child = undefined
        this.port = undefined
        running.set({ process }, 0)
        resolve({ code, signal, hadStarted })
      }
      child.once('exit', end)
      // it could not be started at all, as if memory is short: like a kill
      child.once('error', () => end(null, null))
    })
  }

  #isStopping(): boolean {
    return this.#stopping
  }
}
