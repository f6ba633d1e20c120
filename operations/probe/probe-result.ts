/** What became of one thing that `check-config --probe` tried. */
import { isCredentialTrouble } from '../../aws/credentials.ts'
import { causesOf, errorText } from '../../runtime/errors.ts'

/** One thing that was tried. */
export interface ProbeResult {
  /** What it is about: a bucket, a queue, a service. */
  readonly subject: string
  /** The permission or step. */
  readonly step: string
  readonly result: 'ok' | 'missing' | 'unknown'
  readonly detail: string
}

/** It works. */
export const ok = (subject: string, step: string, detail = ''): ProbeResult => ({ subject, step, result: 'ok', detail })

/** It cannot be told. */
export const unknown = (subject: string, step: string, detail: string): ProbeResult => ({ subject, step, result: 'unknown', detail })

/** It does not work. */
export const missing = (subject: string, step: string, error: unknown): ProbeResult => ({
  subject,
  step: credentialStep(error) ?? step,
  result: 'missing',
  detail: errorText(error).split('\n')[0]!,
})

/** What stands before the permission that was asked for: credentials, or the role that they may not assume. */
function credentialStep(error: unknown): string | undefined {
  const causes = [...causesOf(error)]
  const trouble = causes.findIndex(isCredentialTrouble)
  if (trouble < 0) return undefined
  return (causes[trouble + 1] as { name?: string } | undefined)?.name === 'AccessDenied' ? 'sts:AssumeRole' : 'credentials'
}

/** Says whether a call works. */
export async function attempt(subject: string, step: string, action: () => Promise<unknown>): Promise<ProbeResult> {
  try {
    await action()
    return ok(subject, step)
  } catch (error) {
    return missing(subject, step, error)
  }
}
