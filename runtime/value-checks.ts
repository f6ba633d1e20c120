/**
 * What is wrong with a value of a setting, in words that say what to write instead. Each function returns undefined for a value that will do.
 * They judge the form alone: whether somebody answers is for `check-config --probe`. Values that only one part knows are judged there.
 */
import { errorText } from './errors.ts'

/** Finds what is wrong with a text. */
export type ValueCheck = (value: string) => string | undefined

/** The text as YAML and JSON both take it. */
export const quoted = (value: string): string => JSON.stringify(value)

/** URL of an HTTP endpoint. */
export const httpUrlFault: ValueCheck = value => {
  const url = URL.parse(value)
  if (url !== null && /^https?:$/.test(url.protocol) && /^https?:\/\//i.test(value)) return undefined
  if (/^(?!https?:)[a-z0-9.-]+(?::\d+)?(?:\/\S*)?$/i.test(value))
    return `not a URL like http://host:port: write http://${value}, or https://`
  const scheme = /^([a-z][a-z0-9+.:-]*):\/\/(?:[^@/]*@)?([^/\s]*)/i.exec(value)
  if (scheme !== null && !/^https?$/i.test(scheme[1]!))
    return `not a URL like http://host:port: ${scheme[1]!}:// is another protocol; write http:// or https:// with the HTTP port`
  return 'not a URL like http://host:port'
}

/** Path of a file that has its content in another place. */
export const pathFault: ValueCheck = value =>
  /-----BEGIN |\n/.test(value) ? 'the path of a file is wanted, not its content' : value.trim() === '' ? 'the path is missing' : undefined

/** Regular expression of keys. */
export const patternFault: ValueCheck = value => {
  try {
    return new RegExp(value) instanceof RegExp ? undefined : 'not a regular expression'
  } catch (error) {
    const why = errorText(error).replace(/^.*: /, '')
    const end = /^[*/]*\*(\.[\w.]+)$/.exec(value)?.[1]
    const instead = end === undefined ? '' : `; for keys that end with ${end} write ${quoted(`${end.replaceAll('.', '\\.')}$`)}`
    return `not a regular expression (${why})${instead}`
  }
}

/** Day. */
export const dayFault: ValueCheck = value => {
  const isDay = (text: string): boolean =>
    /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text)
  if (isDay(value)) return undefined
  const [, year, month, day] = /^\s*(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:$|[T\s])/.exec(value) ?? []
  const plain = year === undefined ? '' : `${year}-${month!.padStart(2, '0')}-${day!.padStart(2, '0')}`
  return `not a day: write ${isDay(plain) ? quoted(plain) : 'one like "2026-11-01"'}`
}

/** What the name of a region of AWS looks like. */
const regionShape = /^[a-z]{2,5}(?:-[a-z]+)+-\d+$/

/** Region, as far as other makers of S3 servers leave it free: slips in the name of one of AWS. */
export const regionFault: ValueCheck = value => {
  const plain = value.trim().toLowerCase().replaceAll('_', '-')
  const zone = /^(.*-\d+)[a-z]$/.exec(plain)?.[1]
  if (zone !== undefined && regionShape.test(zone)) return `an availability zone is not a region: write ${zone}`
  if (plain !== value && regionShape.test(plain)) return `not a region: write ${plain}`
  return value.trim() === '' ? 'the region is missing: write one like us-east-1' : undefined
}

/** Region of AWS. */
export const awsRegionFault: ValueCheck = value =>
  regionFault(value) ?? (regionShape.test(value) ? undefined : 'not a region: write one like us-east-1')

/** True for an endpoint of AWS, or none at all: that is AWS too. */
export const isAwsEndpoint = (url: string | undefined): boolean =>
  url === undefined || /\.amazonaws\.com(?:\.cn)?$/.test(URL.parse(url)?.hostname ?? '')
