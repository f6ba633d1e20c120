/** Settings of section `s3` that are allowed, and are often a slip. */
import { judged, judgedEach } from '../../runtime/partial-settings.ts'
import { placeHints } from './place-faults.ts'
import type { S3Settings, S3Source } from './settings.ts'
import { unlearnable } from './source-faults.ts'

/** What each finds: the key of a source, and the text. */
const looks: readonly ((source: S3Source, nowMs: number) => (readonly [key: string, text: string | undefined])[])[] = [
  source => [['', unlearnable(source)]],
  ({ keyPattern }) =>
    keyPattern !== undefined && !keyPattern.startsWith('^') && !keyPattern.endsWith('$')
      ? [['.keyPattern', `${JSON.stringify(keyPattern)} may stand anywhere in a key; begin it with ^ or end it with $ to say where`]]
      : [],
  ({ prefix }) => (/[*?]/.test(prefix) ? [['.prefix', 'a prefix has no wildcards: * and ? stand for themselves']] : []),
  ({ startDate }, nowMs) =>
    startDate !== undefined && Date.parse(startDate) > nowMs
      ? [['.startDate', `${startDate} is to come: nothing is read before that day`]]
      : [],
]

function sourceHints(source: S3Source, index: number, nowMs: number): string[] {
  const place = judged(() => ` (s3://${source.bucket}/${source.prefix})`) ?? ''
  return judgedEach(looks, look =>
    look(source, nowMs).flatMap(([key, text]) => (text === undefined ? [] : [`s3.sources[${index}]${key}${place}: ${text}`])),
  )
}

/** Finds them all. */
export const s3Hints = (s3: S3Settings, nowMs: number): string[] => [
  ...(judged(() => placeHints(s3)) ?? []),
  ...(judged(() => judgedEach(s3.sources, (source, index) => sourceHints(source, index, nowMs))) ?? []),
]
