/** What became of one thing that `check-config --probe` tried. */
import { errorText } from './errors.ts'

/** Where a service is asked: its port may tell what is to be changed. */
export interface ProbedUrl {
  readonly setting: string
  readonly url: string
}

/** One thing that was tried. */
export interface ProbeResult {
  /** What it is about: a bucket, a queue, a service. */
  readonly subject: string
  /** The permission or step. */
  readonly step: string
  readonly result: 'ok' | 'missing' | 'unknown'
  readonly detail: string
  /** Of a step that failed: what stands before it may be the fault. */
  readonly error?: unknown
  /** Of a service that did not answer. */
  readonly reach?: ProbedUrl | undefined
}

/** It works. */
export const ok = (subject: string, step: string, detail = ''): ProbeResult => ({ subject, step, result: 'ok', detail })

/** It cannot be told. */
export const unknown = (subject: string, step: string, detail: string): ProbeResult => ({ subject, step, result: 'unknown', detail })

/** It does not work. @param reach Where the service is, if it did not answer. */
export const missing = (subject: string, step: string, error: unknown, reach?: ProbedUrl): ProbeResult => ({
  ...{ subject, step, result: 'missing', detail: errorText(error).split('\n')[0]!, error },
  ...(reach === undefined ? {} : { reach }),
})

/** Says whether a call works. */
export async function attempt(subject: string, step: string, action: () => Promise<unknown>, reach?: ProbedUrl): Promise<ProbeResult> {
  try {
    await action()
    return ok(subject, step)
  } catch (error) {
    return missing(subject, step, error, reach)
  }
}
