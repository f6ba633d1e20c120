/** Waiting for an abort signal. */

/** Resolves when the signal has ended; at once where it has ended already. */
export const whenAborted = (signal: AbortSignal): Promise<void> =>
  signal.aborted ? Promise.resolve() : new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))

/** The result of a call, unless the signal ends first: then its reason is thrown, and the call is left to itself. */
export async function orAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  result.catch(() => undefined)
  signal.throwIfAborted()
  const done = new AbortController()
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { signal: done.signal })
  })
  return Promise.race([result, aborted]).finally(() => done.abort())
}
