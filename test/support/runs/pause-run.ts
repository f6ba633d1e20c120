/**
 * The pause run: a process with all roles stops again and again for longer than its session, each time at another point, and goes on
 * beside the one that took over; then the books are checked.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { withDeliveryRun, type RunObject } from './delivery-run.ts'

/** How long, and where. */
export interface PauseRunOptions {
  /** `<point>#<n>`: at the n-th time after the stop before. */
  readonly stops: readonly string[]
  readonly sessionTimeoutMs: number
  /** From a stop to the continuation. */
  readonly pauseMs: number
  /** As many are uploaded as the stops take. */
  readonly objects: readonly RunObject[]
  readonly note: (text: string) => void
}

/** What happened. */
export interface PauseRunReport {
  readonly stops: number
  readonly objects: number
  /** Tasks that ended with an error: most of them found that they were replaced. */
  readonly failedTasks: number
  readonly repeatedRanges: number
  readonly seconds: number
}

const allRoles = 'discover,fetch,enrich,ip-context,clickhouse'

/** Runs, stops, continues, checks. */
export async function pauseRun(options: PauseRunOptions): Promise<PauseRunReport> {
  const startMs = Date.now()
  const { stops, objects, sessionTimeoutMs, pauseMs, note } = options
  return withDeliveryRun('pause', { sessionTimeoutMs, rebalanceTimeoutMs: 3000 }, note, async ({ fleet, put, checkBooks }) => {
    for (const name of ['a', 'b']) fleet.add(allRoles, name, name === 'a' ? stops.join(',') : undefined)
    let uploaded = 0
    let resumed = 0
    let stoppedMs: number | undefined
    for (const endMs = Date.now() + 180_000; resumed < stops.length && uploaded < objects.length && Date.now() < endMs;) {
      // before, during and after the stops
      await put(objects[uploaded++]!)
      await sleep(150)
      if (!fleet.isStopped('a')) continue
      stoppedMs ??= Date.now()
      if (Date.now() - stoppedMs < pauseMs) continue
      note(`${((Date.now() - startMs) / 1000).toFixed(1)} s: goes on after ${stops[resumed]!}`)
      fleet.resume('a')
      stoppedMs = undefined
      resumed++
    }
    await checkBooks(objects.slice(0, uploaded), { tablesMs: 60_000, mapMs: 30_000 })
    return {
      stops: resumed,
      objects: uploaded,
      failedTasks: fleet.said('task failed; starting again from what is committed'),
      repeatedRanges: fleet.said('pending range is inserted again'),
      seconds: (Date.now() - startMs) / 1000,
    }
  })
}
