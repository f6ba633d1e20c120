/** What is wrong with a value of section `s3`: a bucket, a prefix, a queue, a scope. */
import { httpUrlFault, type ValueCheck } from '../../runtime/value-checks.ts'
import { accountsPrefix } from './source-folder.ts'

/** Bucket and key of the ways to write a place in S3; undefined for a plain name. */
function placeOf(value: string): { bucket: string; key: string } | undefined {
  const match =
    /^s3[an]?:\/\/([^/]*)\/*(.*)$/i.exec(value) ??
    /^arn:[^:]*:s3:::([^/]*)\/?(.*)$/.exec(value) ??
    /^https?:\/\/[^/]*console\.aws\.amazon\.com\/s3\/buckets\/([^/?]+)(?:.*[?&]prefix=([^&]*))?/i.exec(value) ??
    /^https?:\/\/([^/]+)\.s3[.-][^/]*\/?(.*)$/i.exec(value) ??
    /^https?:\/\/s3[.-][^/]*\/([^/]+)\/?(.*)$/i.exec(value) ??
    (/^[a-z][a-z0-9+.-]*:/i.test(value) ? null : /^\/*([^/]+)\/+(.*)$/.exec(value))
  return match === null ? undefined : { bucket: match[1]!, key: match[2] ?? '' }
}

/** Settings of a source that choose the place of a key: what stands before `AWSLogs/`, the account, the region. */
function placeText(key: string, bucket?: string): string {
  const path = key.replace(/^\/+|[/*]+$/g, '')
  const parts =
    /^(?:(.*?)\/)?AWSLogs(?:\/o-[0-9a-z]+)?(?:\/(?:aws-account-id=)?(\d{12})(?:\/(?:aws-service=)?vpcflowlogs(?:\/(?:aws-region=)?([a-z0-9-]+))?)?)?(?:\/|$)/.exec(
      path,
    )
  const [prefix, account, region] = parts === null ? [path] : [parts[1] ?? '', parts[2], parts[3]]
  return [
    ...(bucket === undefined ? [] : [`bucket: ${bucket}`]),
    ...(prefix === '' && bucket !== undefined ? [] : [`prefix: ${prefix === '' ? '""' : prefix}`]),
    ...(account === undefined ? [] : [`accounts: ["${account}"]`]),
    ...(region === undefined ? [] : [`regions: [${region}]`]),
  ].join(', ')
}

/** Name of a bucket; the ARN of an access point is one too. */
export const bucketFault: ValueCheck = value => {
  if (value.trim() === '') return 'the name of the bucket is missing'
  if (/^arn:[^:]*:s3[a-z-]*:[^:]*:\d{12}:/.test(value)) return undefined
  const place = placeOf(value)
  if (place !== undefined && place.bucket !== '') return `not the name of a bucket: write ${placeText(place.key, place.bucket)}`
  return /^[^\s/:]+$/.test(value) ? undefined : 'not the name of a bucket: write the name alone, such as my-flow-logs'
}

/** Names that buckets had in us-east-1 until March 2018; they are still there. */
const isOldName = (name: string): boolean => /^[A-Za-z0-9._-]{1,255}$/.test(name)

/**
 * What of a plain name no bucket of AWS has.
 *
 * @returns `old`: such a name was possible in us-east-1 until March 2018.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
 */
export function awsBucketFault(name: string): { readonly message: string; readonly old: boolean } | undefined {
  if (name.startsWith('arn:')) return undefined
  const isName = /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/.test(name) && !/\.\.|^\d+\.\d+\.\d+\.\d+$/.test(name)
  const rule = 'it has small letters, digits, dots and dashes, at most 63, and begins and ends with a letter or digit'
  return isName ? undefined : { message: `not the name of a bucket: ${rule}`, old: isOldName(name) }
}

/** Prefix of a source, as far as it can be told without the layout. */
export const prefixFault: ValueCheck = value => {
  const place = /^(?:s3[an]?:\/\/|arn:|https?:\/\/)/i.test(value) ? placeOf(value) : undefined
  return place === undefined ? undefined : `the bucket is a setting of its own: write ${placeText(place.key, place.bucket)}`
}

/** Prefix of a source of the layout `flow-logs`. */
export const flowLogPrefixFault: ValueCheck = value =>
  value.split('/').includes('AWSLogs')
    ? `prefix is what stands before AWSLogs/: write ${placeText(value)}${/\d{12}/.test(value) ? '' : `; objects are found below ${accountsPrefix({ prefix: '' })} of it`}`
    : undefined

/** Scope of addresses: the id of a VPC, or a name of one's own. */
export const scopeFault: ValueCheck = value => {
  if (value === 'aws') return '"aws" is the scope of public service addresses: write the id of the VPC, vpc-..., or a name of your own'
  if (value === '' || value !== value.trim()) return 'write the id of the VPC, vpc-..., or a name of your own, without spaces around it'
  if (value.includes('/'))
    return 'a slash stands in the scope of an account and region: write the id of the VPC, vpc-..., or set account and region'
  return undefined
}

/** URL of a queue. */
export const queueUrlFault: ValueCheck = value => {
  const arn = /^arn:(aws[a-z-]*):sqs:([^:]+):(\d{12}):(.+)$/.exec(value)
  if (arn === null) return httpUrlFault(value)
  const [, partition, region, account, name] = arn
  return `the URL of the queue is wanted, not its ARN: write https://sqs.${region!}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}/${account!}/${name!}`
}
