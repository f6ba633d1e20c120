/** How far the demo is: asked of the table and of the processes. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Store } from '../../sinks/clickhouse/store.ts'
import type { RoleProcesses } from '../role-processes.ts'

interface Progress {
  readonly objects: number
  readonly lines: number
  readonly rows: number
  readonly settled: boolean
}

/** How far the table is: settled where every line that was read stands in it. */
async function progressOf(store: Store): Promise<Progress> {
  const [row] = await store.query<Record<string, string>>(
    `SELECT (SELECT count() FROM objects FINAL WHERE state = 'done') AS objects, (SELECT sum(lines - header_lines - blank_lines) FROM objects FINAL WHERE state = 'done') AS lines,
       (SELECT count() FROM flows) + (SELECT count() FROM flow_gaps) + (SELECT count() FROM dead_letters) AS rows`,
  )
  const [objects, lines, rows] = [Number(row?.['objects']), Number(row?.['lines']), Number(row?.['rows'])]
  return { objects, lines, rows, settled: rows >= lines }
}

/** How far the demo is. */
export interface DemoProgress {
  readonly seconds: number
  /** Objects read to their end, and how many there are; more come if it is not complete. */
  readonly objects: number
  readonly expected: number
  readonly complete: boolean
  readonly lines: number
  readonly rows: number
  readonly rowsPerSecond: number
  readonly lag: number
}

/**
 * Tells how far the path is, once a second, until all of it is in the table.
 *
 * @param broken Rejects where the rest will never come: a process or a service has ended, an object could not be put.
 */
export async function followProgress(
  store: Store,
  roles: Pick<RoleProcesses, 'metrics'>,
  broken: Promise<never>,
  objects: () => { expected: number; complete: boolean },
  tell: (progress: DemoProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const startMs = performance.now()
  let previous = { rows: 0, ms: startMs }
  for (let idle = 0; idle < 3 && !signal.aborted;) {
    await Promise.race([sleep(1000, undefined, { signal }).catch(() => undefined), broken])
    const [now, metrics] = await Promise.all([progressOf(store), roles.metrics()])
    const ms = performance.now()
    const rate = Math.round((now.rows - previous.rows) / ((ms - previous.ms) / 1000))
    const { expected, complete } = objects()
    const lag = metrics.get('flowloom_lag_records') ?? 0
    const { objects: read, lines, rows } = now
    tell({ seconds: (ms - startMs) / 1000, objects: read, expected, complete, lines, rows, rowsPerSecond: rate, lag })
    const quiet = complete && now.objects >= expected && now.settled && now.rows === previous.rows
    idle = quiet ? idle + 1 : 0
    previous = { rows: now.rows, ms }
  }
}
