/** How AWS is asked: whose credentials, and of which region. Users write these settings below `s3:`, where they have always been. */
import { z } from 'zod'
import { isSet } from '../runtime/partial-settings.ts'
import { checked, httpUrl, secret, settingRules, text } from '../runtime/setting-types.ts'
import { regionFault } from '../runtime/value-checks.ts'

/** Its settings. */
export const awsSection = z.strictObject({
  region: checked('Region of the buckets.', regionFault).default('us-east-1'),
  ec2Endpoint: httpUrl('EC2 endpoint for sources with `format: describe`, for anything but AWS itself.').optional(),
  profile: text('Profile of the shared AWS configuration; else the default credential chain.').optional(),
  accessKeyId: text('Static access key, for local servers.').optional(),
  secretAccessKey: secret('Secret of the static access key.').optional(),
})

/** These settings as checked. */
export type AwsSettings = z.infer<typeof awsSection>

/** A role to assume, and what its trust policy demands. */
export interface AwsRole {
  readonly roleArn?: string | undefined
  readonly externalId?: string | undefined
}

/** Half a static key: the default chain would take its place in silence. */
export const awsRules = settingRules<Pick<AwsSettings, 'accessKeyId' | 'secretAccessKey'>>(settings =>
  isSet(settings, 'accessKeyId') === isSet(settings, 'secretAccessKey')
    ? []
    : [{ key: 'accessKeyId', message: 'half a static key: set accessKeyId and secretAccessKey, or neither' }],
)
