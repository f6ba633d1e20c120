/** Regions and names of buckets, if they are those of AWS. Other makers of S3 servers have their own. Pure. */
import { judgedEach } from '../../runtime/partial-settings.ts'
import { settingRules, type SettingFault } from '../../runtime/setting-types.ts'
import { awsRegionFault, isAwsEndpoint } from '../../runtime/value-checks.ts'
import type { S3Settings, S3Source } from './settings.ts'
import { awsBucketFault } from './value-checks.ts'

const faultAt = (key: readonly PropertyKey[], message: string | undefined): SettingFault[] =>
  message === undefined ? [] : [{ key, message }]

/** Region of the bucket of a source. */
export const bucketRegionOf = (s3: Pick<S3Settings, 'region'>, source: Pick<S3Source, 'bucketRegion' | 'region'>): string =>
  source.bucketRegion ?? source.region ?? s3.region

/** The only region with buckets whose names follow other rules. */
const oldRegion = 'us-east-1'

/** The rules, each with what it reads alone. */
export const placeRules = settingRules<S3Settings>(
  ({ endpoint, region }) => (isAwsEndpoint(endpoint) ? faultAt(['region'], awsRegionFault(region)) : []),
  ...(['region', 'bucketRegion'] as const).map(
    key =>
      ({ endpoint, sources }: S3Settings) =>
        isAwsEndpoint(endpoint)
          ? judgedEach(sources, (source, index) => {
              const region = source[key]
              return region === undefined ? [] : faultAt(['sources', index, key], awsRegionFault(region))
            })
          : [],
  ),
  s3 =>
    isAwsEndpoint(s3.endpoint)
      ? judgedEach(s3.sources, (source, index) => {
          const fault = awsBucketFault(source.bucket)
          if (fault === undefined || (fault.old && bucketRegionOf(s3, source) === oldRegion)) return []
          return faultAt(['sources', index, 'bucket'], fault.message)
        })
      : [],
)

/** What is allowed and often a slip: a name that only old buckets have. */
export const placeHints = (s3: Pick<S3Settings, 'endpoint' | 'region' | 'sources'>): string[] =>
  isAwsEndpoint(s3.endpoint)
    ? judgedEach(s3.sources, (source, index) => {
        const fault = awsBucketFault(source.bucket)
        if (fault?.old !== true || bucketRegionOf(s3, source) !== oldRegion) return []
        return [`s3.sources[${index}].bucket: only buckets made in ${oldRegion} before March 2018 can be called ${source.bucket}`]
      })
    : []
