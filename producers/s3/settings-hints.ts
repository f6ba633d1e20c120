/** Settings of section `s3` that are allowed, and are often a slip. */
import type { S3Settings, S3Source } from './settings.ts'
import { unlearnable } from './source-faults.ts'

function sourceHints(source: S3Source, index: number, nowMs: number): string[] {
  const { bucket, prefix, keyPattern, startDate } = source
  const at = (key: string, text: string): string => `s3.sources[${index}]${key} (s3://${bucket}/${prefix}): ${text}`
  const hints: string[] = []
  const learnsNothing = unlearnable(source)
  if (learnsNothing !== undefined) hints.push(at('', learnsNothing))
  if (keyPattern !== undefined && !keyPattern.startsWith('^') && !keyPattern.endsWith('$'))
    hints.push(
      at('.keyPattern', `${JSON.stringify(keyPattern)} may stand anywhere in a key; begin it with ^ or end it with $ to say where`),
    )
  if (/[*?]/.test(prefix)) hints.push(at('.prefix', 'a prefix has no wildcards: * and ? stand for themselves'))
  if (startDate !== undefined && Date.parse(startDate) > nowMs)
    hints.push(at('.startDate', `${startDate} is to come: nothing is read before that day`))
  return hints
}

/** Finds them all. */
export const s3Hints = ({ sources }: Pick<S3Settings, 'sources'>, nowMs: number): string[] =>
  sources.flatMap((source, index) => sourceHints(source, index, nowMs))
