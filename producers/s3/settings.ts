/** Section `s3`: where flow logs are, who tells of new ones, and how they are read. */
import { z } from 'zod'
import { accountFault, roleArnFault } from '../../aws/identities.ts'
import { awsRegionFault, regionFault, dayFault, isAwsEndpoint, patternFault } from '../../runtime/value-checks.ts'
import { awsRules, awsSection } from '../../aws/settings.ts'
import { checked, checkedText, httpUrl, text, whole, withRules } from '../../runtime/setting-types.ts'
import { placeRules } from './place-faults.ts'
import { sourceRules } from './source-faults.ts'
import { formatFault } from './text/log-format.ts'
import { bucketFault, prefixFault, queueUrlFault, scopeFault } from './value-checks.ts'

const sourceFields = z.strictObject({
  bucket: checked('Bucket that flow logs are delivered to: its name, or the ARN of an access point.', bucketFault),
  prefix: checked(
    'Prefix in front of `AWSLogs/`, or of what the layout has in its place; empty for none. Slashes before and behind it do not matter.',
    prefixFault,
  ).default(''),
  layout: z
    .enum(['flow-logs', 'firehose', 'any'])
    .default('flow-logs')
    .describe(
      'What is below the prefix: `flow-logs`, the folders of AWS from `AWSLogs/` on; `firehose`, date folders `yyyy/mm/dd/hh/` (UTC); `any`, objects with any keys, found by listing all of them.',
    ),
  keyPattern: checked(
    'With the layouts `firehose` and `any`: regular expression that the whole keys of objects to read match, such as `\\.gz$`.',
    patternFault,
  ).optional(),
  accounts: z
    .array(checkedText(accountFault))
    .min(1)
    .optional()
    .describe('With the layout `flow-logs`: read the flow logs of these accounts alone, 12 digits each. Default: all that are there.'),
  regions: z
    .array(checkedText(awsRegionFault))
    .min(1)
    .optional()
    .describe('With the layout `flow-logs`: read the flow logs of these regions alone. Default: all that are there.'),
  account: checked(
    'With the layouts `firehose` and `any`: account that the records are from, 12 digits, for lines and keys that name none.',
    accountFault,
  ).optional(),
  region: checked(
    'Region of the bucket, if it differs from `s3.region`; with `account` or `scope` also the region that the records are from, for lines and keys that name none.',
    regionFault,
  ).optional(),
  bucketRegion: checked('Region of the bucket, if the records are from another `region`.', regionFault).optional(),
  scope: checked(
    'With the layouts `firehose` and `any`: scope of the addresses in records that name no VPC: the id of their VPC, `vpc-...`, or a name of your own. Default: account and region.',
    scopeFault,
  ).optional(),
  roleArn: checked('Role to assume for this source.', roleArnFault).optional(),
  externalId: text('External id that the trust policies of these roles demand.').optional(),
  format: z
    .string()
    .superRefine((format, context) => {
      const fault = formatFault(format)
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
    })
    .optional()
    .describe(
      'Format of objects whose lines come without a header line, as AWS writes it: `${version} ${srcaddr} ...`; or `describe`: ask EC2 (`DescribeFlowLogs`) for the format of the flow log that the key or `flowLogId` names; names of your own before it (`exported describe`) are columns before those of the flow log. A header line in the object wins.',
    ),
  flowLogId: z
    .string()
    .regex(/^fl-[0-9a-z]+$/, 'not the id of a flow log: fl-...')
    .optional()
    .describe('With `format: describe`: the flow log of objects whose keys name none.'),
  describeRoleArn: checked(
    'With `format: describe`: role to assume to ask EC2, if it is not `roleArn`; `{account}` in it stands for the account id in the key.',
    roleArnFault,
  ).optional(),
  startDate: checked(
    'Ignore objects of days before this one (UTC); the day is that of the key, with the layout `any` that of storing.',
    dayFault,
  ).optional(),
})

const source = withRules(sourceFields, sourceRules)

const queueFields = z.strictObject({
  url: checked('URL of an SQS queue that gets S3 events, directly, through SNS or from EventBridge.', queueUrlFault),
  region: checked('Region of the queue, if its URL does not say it.', regionFault).optional(),
  roleArn: checked('Role to assume for this queue.', roleArnFault).optional(),
  externalId: text('External id that the trust policy of the role demands.').optional(),
})

const queue = withRules(queueFields, [
  ({ url, region }) => {
    const message = region !== undefined && isAwsEndpoint(url) ? awsRegionFault(region) : undefined
    return message === undefined ? [] : [{ key: 'region', message }]
  },
])

const s3Fields = z.strictObject({
  sources: z
    .array(source)
    .default([{ bucket: 'flow-logs', prefix: '', layout: 'flow-logs' }])
    .describe('Where flow logs are: a list in the file, or JSON in the environment.'),
  queues: z
    .array(queue)
    .default([])
    .describe(
      'SQS queues with notifications of new objects in the buckets of `s3.sources`: a list in the file, or JSON in the environment.',
    ),
  queueVisibilityMs: whole('Time after which a message that was received and not deleted comes again.', 1000).default(60_000),
  ...awsSection.shape,
  endpoint: httpUrl('S3 endpoint, for anything but AWS itself.').optional(),
  pathStyle: z.boolean().default(false).describe('Put the bucket in the path, not in the host name.'),
  requesterPays: z.boolean().default(false).describe('Pay for requests to buckets of others.'),
  pollIntervalMs: whole('Time between two rounds of listing.', 100).default(30_000),
  lookBackMs: whole('How far back every round looks again for late objects; the day before is always included.', 0).default(86_400_000),
  maxAttempts: whole('Attempts to read an object before it is recorded as failed.', 1).default(6),
  retryBaseMs: whole('Wait before the second attempt; doubles with each further one, to at most 5 minutes.', 10).default(1000),
  blockBytes: whole('Most bytes of text in one raw-lines record.', 1024).default(262_144),
  linesPerRecord: whole('Most lines in one raw-lines record; 1 gives a record per line.', 1).default(5000),
  maxLineBytes: whole('A longer line goes to dead letters.', 256).default(65_536),
  chunkBytes: whole('Bytes of text after which the progress of a large object is committed.', 65_536).default(16_777_216),
  readAhead: whole('Objects that a task reads ahead.', 1).default(4),
})

/** Section `s3` as checked. */
export type S3Settings = z.infer<typeof s3Fields>

/** Its settings. */
export const s3Section = withRules(s3Fields, [...awsRules, ...placeRules])
/** One place that flow logs are read from. */
export type S3Source = S3Settings['sources'][number]
/** One queue that notifications are taken from. */
export type S3Queue = S3Settings['queues'][number]
/** One entry of `s3.sources`, before its settings were compared with each other. */
export type SourceSettings = z.infer<typeof sourceFields>
