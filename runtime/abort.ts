/** Waiting for an abort signal. */

/** Resolves when the signal has ended; at once where it has ended already. */
export const whenAborted = (signal: AbortSignal): Promise<void> =>
  signal.aborted ? Promise.resolve() : new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
