/** Ordered start, reverse stop, one signal to end, a bound on how long that may take. */
import { setTimeout as sleep } from 'node:timers/promises'
import { whenAborted } from './abort.ts'
import type { Log } from './log.ts'

/** Something that is started once and stopped once. */
export interface Startable {
  readonly name: string
  start(): Promise<void>
  /** Takes on nothing new: called of all parts before the first one is stopped. */
  prepareStop?(): void
  stop(): Promise<void>
  /** Rejects when the part cannot go on. */
  readonly failed?: Promise<never>
}

/**
 * Runs parts until the signal ends or one fails; then stops what was started, last first.
 *
 * @param graceMs Time that stopping may take; after it the rest is left as it is.
 * @returns Whether every part stopped, in time and without an error.
 * @throws What the failed part rejected with.
 */
export async function runParts(
  parts: readonly Startable[],
  signal: AbortSignal,
  graceMs: number,
  log: Log,
  started?: () => void,
): Promise<boolean> {
  const running: Startable[] = []
  const ended = whenAborted(signal)
  const failed = (): Promise<never>[] => running.flatMap(part => (part.failed === undefined ? [] : [part.failed]))
  let stopping = ''
  let unclean = 0
  let isClean = false
  try {
    for (const part of parts) {
      if (signal.aborted) break
      running.push(part)
      // a start that hangs (a broker that does not answer) must not keep a signal or a failure waiting
      await Promise.race([part.start(), ended, ...failed()])
    }
    if (!signal.aborted) started?.()
    await Promise.race([ended, ...failed()])
  } finally {
    const begunMs = performance.now()
    const count = running.length
    log.info({ parts: count, asked: signal.aborted }, 'stopping')
    for (const part of running) part.prepareStop?.()
    const stopAll = async (): Promise<string> => {
      for (const part of running.reverse()) {
        stopping = part.name
        await part.stop().catch((error: unknown) => {
          unclean++
          log.warn({ part: part.name, error: String(error) }, 'part did not stop cleanly')
        })
      }
      return 'stopped'
    }
    const timer = new AbortController()
    const outcome = await Promise.race([stopAll(), sleep(graceMs, 'late', { signal: timer.signal }).catch(() => 'stopped')])
    timer.abort()
    isClean = outcome === 'stopped' && unclean === 0
    if (isClean) log.info({ parts: count, tookMs: Math.round(performance.now() - begunMs) }, 'stopped cleanly')
    if (outcome === 'late') log.warn({ graceMs, part: stopping }, 'did not stop within the grace time')
  }
  return isClean
}
