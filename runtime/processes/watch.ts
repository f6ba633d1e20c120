/** `run --processes N`: N equal processes on one machine, watched by this one, which shows them as one. */
import { errorText } from '../errors.ts'
import { HealthServer } from '../http.ts'
import { runParts, type Startable } from '../lifecycle.ts'
import type { Log } from '../log.ts'
import { registry } from '../metrics.ts'
import { joinPages, type ProcessPage } from './metrics-page.ts'
import { WatchedProcess, type BackOff, type Ended, type Launch } from './watched-process.ts'

/** What is watched, and how. */
export interface WatchOptions {
  readonly launches: readonly Launch[]
  readonly http: { readonly host: string; readonly port: number }
  /** Time that a process has to stop in order. */
  readonly graceMs: number
  readonly log: Log
  readonly signal: AbortSignal
  readonly backOff?: BackOff
  /** Starts the page. @throws What a user can do about it. */
  readonly serve: (page: HealthServer) => Promise<void>
}

/** A process that ends at once is started after half a second, and after ever longer waits up to half a minute. */
const usualBackOff: BackOff = { firstMs: 500, longestMs: 30_000, ranLongMs: 60_000 }
/** A process that does not say how it is within this time is not ready. */
const answerMs = 2000
/** After this time beyond their own a stop has failed. */
const beyondMs = 3000

const ask = async (port: number, path: string): Promise<{ ok: boolean; text: string }> => {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(answerMs) })
    return { ok: response.ok, text: await response.text() }
  } catch {
    return { ok: false, text: '' }
  }
}

/** What is not ready, of all processes. */
async function notReady(processes: readonly WatchedProcess[]): Promise<string[]> {
  const states = await Promise.all(
    processes.map(async ({ number, port }) => {
      if (port === undefined) return `process ${number}`
      const { ok, text } = await ask(port, '/readyz')
      return ok ? undefined : `${text.trim().replace('waiting for ', '') || 'the answer'} of process ${number}`
    }),
  )
  return states.filter(state => state !== undefined)
}

/** The metrics of all processes, and of the watching itself. */
async function metricsOf(processes: readonly WatchedProcess[]): Promise<string> {
  const pages = await Promise.all(
    processes.map(async ({ number, port }): Promise<ProcessPage> => {
      const { ok, text } = port === undefined ? { ok: false, text: '' } : await ask(port, '/metrics')
      return { process: String(number), text: ok ? text : '' }
    }),
  )
  const own = await Promise.all(
    ['flowloom_processes_running', 'flowloom_processes_restarts_total'].map(name => registry.getSingleMetricAsString(name)),
  )
  return `${own.join('\n\n')}\n\n${joinPages(pages)}`
}

/**
 * Runs the processes until the signal ends. The first starts alone, so that a fault that none of them can pass is told once.
 *
 * @returns The exit code: 0, that of a process that refused to start, or 1 if one did not stop cleanly.
 */
export async function watchProcesses(options: WatchOptions): Promise<number> {
  const { launches, http, graceMs, log, signal, serve, backOff = usualBackOff } = options
  const processes = launches.map(launch => new WatchedProcess(launch, log))
  const page = new HealthServer(http, { notReady: () => notReady(processes), metrics: () => metricsOf(processes) })
  const refused = new AbortController()
  let refusal: Ended | undefined
  const start = async (one: WatchedProcess): Promise<void> => {
    const ended = await one.start(backOff)
    // others may have refused while this one started
    refusal ??= ended
    if (refusal !== undefined) refused.abort()
  }
  const all: Startable = {
    name: 'processes',
    async start() {
      const [first, ...others] = processes
      await start(first!)
      if (refusal === undefined && !signal.aborted) await Promise.all(others.map(start))
    },
    async stop() {
      const stops = await Promise.allSettled(processes.map(one => one.stop(graceMs + beyondMs)))
      const faults = stops.flatMap(each => (each.status === 'rejected' ? [errorText(each.reason)] : []))
      if (faults.length > 0) throw new Error(faults.join('; '))
    },
  }
  const pagePart: Startable = { name: page.name, start: () => serve(page), stop: () => page.stop() }
  const ends = AbortSignal.any([signal, refused.signal])
  const isClean = await runParts([pagePart, all], ends, graceMs + 2 * beyondMs, log, () =>
    log.info({ processes: processes.length, port: page.port }, 'running'),
  )
  return refusal?.code ?? (isClean ? 0 : 1)
}
