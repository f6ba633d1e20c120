/** Section `kafka`: the cluster, its topics, and how to log in. */
import { z } from 'zod'
import { awsRegionFault } from '../value-checks.ts'
import { checked, checkedText, httpUrl, pemFile, secret, text, whole, withRules } from '../setting-types.ts'
import { brokerFault } from './broker-fault.ts'
import { kafkaRules } from './settings-faults.ts'

const kafkaFields = z.strictObject({
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
  sideTableStaleMs: whole(
    'A side table (a compacted topic that a role keeps in memory) that lags behind its topic for longer makes `/readyz` name it. It goes on saying what it last knew.',
    1000,
  ).default(60_000),
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
  awsRegion: checked('Region for aws-iam.', awsRegionFault).optional(),
})

/** Section `kafka` as checked. */
export type KafkaSettings = z.infer<typeof kafkaFields>

/** Its settings. */
export const kafkaSection = withRules(kafkaFields, kafkaRules)
