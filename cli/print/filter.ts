/** The options that narrow what a command looks at, as its answers tell them: no answer reads as if it were about everything. */
import type { S3Place } from '../../operations/s3-place.ts'

/** Value of an option that narrows; undefined or an empty list: it was not given. */
export type FilterValue = string | readonly string[] | S3Place | undefined

/** What narrows an answer. */
export interface Filter {
  /** As on the command line: `--reason bad-number --prefix s3://logs/a`; empty if nothing was given. */
  readonly text: string
  /** One entry for each option in camel case; null if it was not given. */
  readonly json: Readonly<Record<string, string | readonly string[] | null>>
}

/** Nothing narrows the answer. */
export const everything: Filter = { text: '', json: {} }

const isPlace = (value: Exclude<FilterValue, undefined>): value is S3Place => typeof value === 'object' && 'prefix' in value
const camelCase = (name: string): string => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** A place as it can be given again. */
const placeOf = ({ bucket, prefix }: S3Place): string => (bucket === undefined ? prefix : `s3://${bucket}/${prefix}`)

function textOf(value: Exclude<FilterValue, undefined>): string {
  if (!isPlace(value)) return typeof value === 'string' ? value : value.join(',')
  return `${placeOf(value)}${value.bucket === undefined ? ' (keys of any bucket; one bucket is s3://bucket/prefix)' : ''}`
}

/**
 * Describes what was given.
 *
 * @param given Every option of the command that narrows, by its name. Times as ISO 8601.
 */
export function describeFilter(given: Readonly<Record<string, FilterValue>>): Filter {
  const isGiven = (value: FilterValue): value is Exclude<FilterValue, undefined> =>
    value !== undefined && !(Array.isArray(value) && value.length === 0)
  const entries = Object.entries(given)
  return {
    text: entries.flatMap(([name, value]) => (isGiven(value) ? [`--${name} ${textOf(value)}`] : [])).join(' '),
    json: Object.fromEntries(
      entries.map(([name, value]) => [camelCase(name), !isGiven(value) ? null : isPlace(value) ? placeOf(value) : value]),
    ),
  }
}

/** A sentence about what was looked at, with the filter in front of it. */
export const narrowed = ({ text }: Filter, sentence: string): string => (text === '' ? sentence : `with ${text}: ${sentence}`)
