/** What a probe found, as text. */
import type { ProbeResult } from '../../runtime/probe-result.ts'
import { escapeText } from './escape-text.ts'

/** A line for each thing tried. */
export const probeText = (results: readonly ProbeResult[]): string =>
  results
    .map(({ subject, step, result, detail }) =>
      escapeText(`${result.padEnd(8)}${step.padEnd(22)}${subject}${detail === '' ? '' : `: ${detail}`}`),
    )
    .join('\n')
