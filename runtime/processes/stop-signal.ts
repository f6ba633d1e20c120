/** Why a command that runs on should end: a signal, or nobody is there any more that it works for. */
import { whenParentIsGone } from './parent.ts'

/** A second signal within this time is an echo of the first: npm passes Ctrl-C on. */
const echoMs = 1000

/**
 * Aborted by SIGINT or SIGTERM, or when the process that watches this one, or npm, is gone. A second signal, which is not an echo of the
 * first, ends the process at once.
 */
export function stopSignal(): AbortSignal {
  const stop = new AbortController()
  let firstMs = 0
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (!stop.signal.aborted) firstMs = performance.now()
      else if (performance.now() - firstMs > echoMs) process.exit(130)
      stop.abort()
    })
  whenParentIsGone(() => {
    firstMs = performance.now()
    stop.abort()
  })
  return stop.signal
}

/** The same of a command that ends by itself: without its parent it dies, as it does of a signal. */
export function endWithParent(): AbortSignal {
  whenParentIsGone(() => process.exit(1))
  return new AbortController().signal
}
