/** Faults of settings name what is wrong and what to write instead. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { listSettings, loadConfig } from '../../../config/config.ts'
import type { FlowError } from '../../../runtime/errors.ts'
import { nearestName } from '../../../runtime/nearest-name.ts'

const dir = mkdtempSync(join(tmpdir(), 'flowloom-faults-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const path = join(dir, 'flowloom.yaml')

/** What a file is refused with; empty: it is taken. */
function faultsOf(yaml: string, env: NodeJS.ProcessEnv = {}): string {
  writeFileSync(path, yaml)
  try {
    loadConfig({ file: path, env })
    return ''
  } catch (error) {
    assert.equal((error as FlowError).code, 'CONFIG_INVALID')
    return String((error as FlowError).details['faults'])
  }
}

const source = (text: string): string => `s3: { sources: [{ bucket: b, ${text} }] }`
const place = 's3.sources[0]'

const refused: { yaml: string; fault: string; at: string }[] = [
  // what was reported as not named
  {
    yaml: 'kafka: { brokers: ["PLAINTEXT://127.0.0.1:39092"] }',
    fault: 'a broker has no scheme (PLAINTEXT://): write 127.0.0.1:39092',
    at: 'kafka.brokers[0]',
  },
  {
    yaml: 'kafka: { brokers: ["127.0.0.1"] }',
    fault: 'no port: write 127.0.0.1:9092, or the port that the broker has',
    at: 'kafka.brokers[0]',
  },
  {
    yaml: 'kafka: { saslMechanism: plain, username: u }',
    fault: 'kafka.saslMechanism plain needs it; set it here, or FLOWLOOM_KAFKA_PASSWORD',
    at: 'kafka.password',
  },
  {
    yaml: 'clickhouse: { url: "http://127.0.0.1:38123/flowloom" }',
    fault: 'write url: http://127.0.0.1:38123 and set clickhouse.database: flowloom',
    at: 'clickhouse.url',
  },
  { yaml: source('keyPattern: "111122223333"'), fault: 'write accounts: ["111122223333"]', at: `${place}.keyPattern` },
  // brokers
  { yaml: 'kafka: { brokers: ["kafka://a:9092"] }', fault: 'write a:9092', at: 'kafka.brokers[0]' },
  {
    yaml: 'kafka: { brokers: ["SASL_SSL://a:9094"] }',
    fault: 'write a:9094, and set kafka.tls: true, and set kafka.saslMechanism',
    at: 'kafka.brokers[0]',
  },
  { yaml: 'kafka: { brokers: ["https://a:9093/"] }', fault: 'write a:9093, and set kafka.tls: true', at: 'kafka.brokers[0]' },
  { yaml: 'kafka: { brokers: ["a:9092,b:9092"] }', fault: 'write ["a:9092","b:9092"]', at: 'kafka.brokers[0]' },
  { yaml: 'kafka: { brokers: "kafka://a:9092, b:9092" }', fault: 'write a list: ["a:9092","b:9092"]', at: 'kafka.brokers' },
  { yaml: 'kafka: { brokers: ["a:99999"] }', fault: '99999 is not a port', at: 'kafka.brokers[0]' },
  { yaml: 'kafka: { brokers: ["[::1]:9092"] }', fault: 'write a host name', at: 'kafka.brokers[0]' },
  { yaml: 'kafka: { brokers: ["::1"] }', fault: 'write a host name', at: 'kafka.brokers[0]' },
  { yaml: 'kafka: { brokers: [] }', fault: 'the list is empty', at: 'kafka.brokers' },
  { yaml: 'kafka: { bootstrap.servers: a }', fault: 'did you mean "brokers"?', at: 'kafka.bootstrap.servers' },
  { yaml: 'kafka: { saslMechanism: SCRAM_SHA_512, username: u }', fault: 'write scram-sha-512', at: 'kafka.saslMechanism' },
  { yaml: 'kafka: { tls: true, tlsCaFile: "-----BEGIN CERTIFICATE-----" }', fault: 'the path of a file is wanted', at: 'kafka.tlsCaFile' },
  // URLs
  { yaml: 's3: { endpoint: "minio:9000" }', fault: 'write http://minio:9000', at: 's3.endpoint' },
  { yaml: 'registry: { url: "ftp://r:8081" }', fault: 'ftp:// is another protocol', at: 'registry.url' },
  {
    yaml: 'registry: { url: "http://r:8081/apis/ccompat/v7/subjects/" }',
    fault: 'write http://r:8081/apis/ccompat/v7',
    at: 'registry.url',
  },
  { yaml: 'clickhouse: { url: "clickhouse://u:p@db:9000/flows" }', fault: 'write http://db:8123', at: 'clickhouse.url' },
  { yaml: 'clickhouse: { url: "jdbc:clickhouse://db:8123/x" }', fault: 'write http://db:8123', at: 'clickhouse.url' },
  { yaml: 'clickhouse: { url: "http://db:8123/?database=flows" }', fault: 'set clickhouse.database: flows', at: 'clickhouse.url' },
  { yaml: 'clickhouse: { url: "https://proxy/ch/flows" }', fault: 'write url: https://proxy;', at: 'clickhouse.url' },
  {
    yaml: 's3: { queues: [{ url: "arn:aws:sqs:eu-west-1:123456789012:q" }] }',
    fault: 'write https://sqs.eu-west-1.amazonaws.com/123456789012/q',
    at: 's3.queues[0].url',
  },
  { yaml: 'http: { host: "0.0.0.0:9464" }', fault: 'write host: 0.0.0.0 and port: 9464', at: 'http.host' },
  { yaml: 'http: { port: 99999 }', fault: 'write 65535 or less', at: 'http.port' },
  // places in S3
  {
    yaml: 's3: { sources: [{ bucket: "s3://logs/net/AWSLogs/123456789012/vpcflowlogs/eu-west-1/2026/" }] }',
    fault: 'write bucket: logs, prefix: net, accounts: ["123456789012"], regions: [eu-west-1]',
    at: `${place}.bucket`,
  },
  { yaml: 's3: { sources: [{ bucket: "arn:aws:s3:::logs/net/*" }] }', fault: 'write bucket: logs, prefix: net', at: `${place}.bucket` },
  { yaml: 's3: { sources: [{ bucket: logs/net }] }', fault: 'write bucket: logs, prefix: net', at: `${place}.bucket` },
  {
    yaml: 's3: { sources: [{ bucket: "https://logs.s3.eu-west-1.amazonaws.com/net/" }] }',
    fault: 'write bucket: logs, prefix: net',
    at: `${place}.bucket`,
  },
  {
    yaml: 's3: { sources: [{ bucket: "https://eu-west-1.console.aws.amazon.com/s3/buckets/logs?region=eu-west-1&prefix=net/" }] }',
    fault: 'write bucket: logs, prefix: net',
    at: `${place}.bucket`,
  },
  { yaml: source('prefix: "s3://b/net"'), fault: 'write bucket: b, prefix: net', at: `${place}.prefix` },
  { yaml: source('prefix: net/AWSLogs/123456789012'), fault: 'write prefix: net, accounts: ["123456789012"]', at: `${place}.prefix` },
  { yaml: source('prefix: AWSLogs'), fault: 'write prefix: ""', at: `${place}.prefix` },
  { yaml: source('region: us-east-1a'), fault: 'write us-east-1', at: `${place}.region` },
  { yaml: source('region: US_EAST_1'), fault: 'write us-east-1', at: `${place}.region` },
  { yaml: source('roleArn: reader'), fault: 'write arn:aws:iam::<account id>:role/<name>', at: `${place}.roleArn` },
  { yaml: source('startDate: 2026/11/1'), fault: 'write "2026-11-01"', at: `${place}.startDate` },
  { yaml: source('startDate: 2026-02-30'), fault: 'not a day', at: `${place}.startDate` },
  { yaml: source('layout: any, keyPattern: "*.gz"'), fault: 'write "\\\\.gz$"', at: `${place}.keyPattern` },
  { yaml: source('layout: any, prefix: net, keyPattern: "^2026/.*"'), fault: 'write ^net/2026/.*', at: `${place}.keyPattern` },
  { yaml: source('keyPattern: /eu-west-1/'), fault: 'write regions: [eu-west-1]', at: `${place}.keyPattern` },
  // accounts, regions, scope
  { yaml: source('accounts: [123456789012]'), fault: 'write it in quotes: "123456789012"', at: `${place}.accounts[0]` },
  { yaml: source('accounts: ["1234-5678-9012"]'), fault: 'write "123456789012"', at: `${place}.accounts[0]` },
  { yaml: source('accounts: "123456789012"'), fault: 'write a list: ["123456789012"]', at: `${place}.accounts` },
  { yaml: source('accounts: []'), fault: 'the list is empty', at: `${place}.accounts` },
  { yaml: source('regions: [Ireland]'), fault: 'write one like us-east-1', at: `${place}.regions[0]` },
  { yaml: source('account: "123456789012"'), fault: 'write accounts: ["123456789012"]', at: `${place}.account` },
  { yaml: source('layout: any, accounts: ["123456789012"]'), fault: 'the keys of the layout any name none', at: `${place}.accounts` },
  { yaml: source('layout: any, account: "12345"'), fault: 'an account id has 12 digits', at: `${place}.account` },
  { yaml: source('layout: any, account: "123456789012", region: home'), fault: 'write one like us-east-1', at: `${place}.region` },
  { yaml: source('layout: any, bucketRegion: us-east-1'), fault: 'set region too', at: `${place}.bucketRegion` },
  { yaml: source('layout: any, scope: aws'), fault: 'is the scope of public service addresses', at: `${place}.scope` },
  { yaml: source('layout: any, scope: 123456789012/us-east-1'), fault: 'set account and region', at: `${place}.scope` },
  // regions and buckets of AWS
  { yaml: 's3: { region: eu-central }', fault: 'write one like us-east-1', at: 's3.region' },
  { yaml: source('region: eu-central'), fault: 'write one like us-east-1', at: `${place}.region` },
  { yaml: source('region: us-east-1, bucketRegion: eu-central'), fault: 'write one like us-east-1', at: `${place}.bucketRegion` },
  {
    yaml: 's3: { endpoint: "https://s3.eu-west-1.amazonaws.com", region: ireland }',
    fault: 'write one like us-east-1',
    at: 's3.region',
  },
  { yaml: 'kafka: { awsRegion: ireland }', fault: 'write one like us-east-1', at: 'kafka.awsRegion' },
  {
    yaml: 's3: { queues: [{ url: "https://sqs.eu-west-1.amazonaws.com/123456789012/q", region: ireland }] }',
    fault: 'write one like us-east-1',
    at: 's3.queues[0].region',
  },
  ...['My_Bucket', '-logs', 'logs.', 'my..logs', '10.0.0.1', 'l'.repeat(64)].map(bucket => ({
    yaml: `s3: { region: eu-west-1, sources: [{ bucket: "${bucket}" }] }`,
    fault: 'not the name of a bucket: it has small letters',
    at: `${place}.bucket`,
  })),
  { yaml: 's3: { sources: [{ bucket: My_Bucket, region: eu-west-1 }] }', fault: 'not the name of a bucket', at: `${place}.bucket` },
  { yaml: 's3: { sources: [{ bucket: "a$b" }] }', fault: 'not the name of a bucket', at: `${place}.bucket` },
  // kinds of values
  { yaml: 'kafka: { commitIntervalMs: 5s }', fault: '"5s" is not a whole number: write 5000 (milliseconds)', at: 'kafka.commitIntervalMs' },
  {
    yaml: 'kafka: { commitIntervalMs: 0.5 }',
    fault: '0.5 is not a whole number: write a whole number (milliseconds)',
    at: 'kafka.commitIntervalMs',
  },
  { yaml: 'kafka: { maxBytesPerPartition: 1MiB }', fault: 'write 1048576 (bytes)', at: 'kafka.maxBytesPerPartition' },
  { yaml: 'kafka: { commitRows: "200_000" }', fault: 'write 200000', at: 'kafka.commitRows' },
  { yaml: 'kafka: { partitions: 0 }', fault: '0 is too small: write 1 or more', at: 'kafka.partitions' },
  { yaml: 'clickhouse: { ttlDays: 2w }', fault: 'write 14 (days)', at: 'clickhouse.ttlDays' },
  { yaml: 'ipContext: { horizonS: 2d }', fault: 'write 172800 (seconds)', at: 'ipContext.horizonS' },
  { yaml: 'kafka: { tls: "yes" }', fault: '"yes" is not true or false: write true', at: 'kafka.tls' },
  { yaml: 'kafka: { slot: 3 }', fault: 'write it in quotes: "3"', at: 'kafka.slot' },
  { yaml: 'kafka: { topicPrefix: }', fault: 'it has no value', at: 'kafka.topicPrefix' },
  { yaml: 's3: { sources: { bucket: b } }', fault: 'write a list: put a dash before it', at: 's3.sources' },
  { yaml: 's3: { sources: [{ prefix: p }] }', fault: 'it is missing', at: `${place}.bucket` },
  { yaml: 'log: debug', fault: 'write its keys below it', at: 'log' },
  { yaml: 'log: { level: warning }', fault: 'write warn', at: 'log.level' },
  // names
  { yaml: 'kafka: { comit_interval: 5 }', fault: 'did you mean "commitIntervalMs"?', at: 'kafka.comit_interval' },
  { yaml: 'clickhouse: { user: u }', fault: 'did you mean "username"?', at: 'clickhouse.user' },
  { yaml: 'brokers: [a:1]', fault: 'it belongs below `kafka:`', at: 'brokers' },
  { yaml: 'clickhouse: { brokers: [a:1] }', fault: 'it belongs below `kafka:`', at: 'clickhouse.brokers' },
  { yaml: 'kafka.partitions: 3', fault: 'write `kafka:` and below it `partitions:`', at: 'kafka.partitions' },
  { yaml: 'click-house: {}', fault: 'did you mean "clickhouse"?', at: 'click-house' },
  { yaml: source('Startdate: 2026-11-01'), fault: 'did you mean "startDate"?', at: `${place}.Startdate` },
]
for (const { yaml, fault, at } of refused)
  test(`refused with what to write instead: ${yaml}`, () => {
    const faults = faultsOf(yaml)
    assert.ok(
      faults.split('✖ ').some(each => each.includes(fault) && each.trimEnd().endsWith(`→ at ${at}`)),
      faults,
    )
  })

for (const yaml of [
  'kafka: { brokers: ["b-1.msk.eu-west-1.amazonaws.com:9098", "kafka_1:9092", "10.0.0.1:1"] }',
  'registry: { url: http://r:8081 }',
  'registry: { url: "https://u:p@r/apis/ccompat/v7/" }',
  'clickhouse: { url: "http://u:p@db:8123/" }',
  's3: { region: garage, endpoint: "http://s3:3900/storage/v1", sources: [{ bucket: "arn:aws:s3:us-east-1:123456789012:accesspoint/logs" }] }',
  's3: { region: eu, endpoint: "http://s3:3900", sources: [{ bucket: My_Bucket, region: home }] }',
  's3: { queues: [{ url: "http://127.0.0.1:9324/000000000000/q", region: elasticmq }] }',
  's3: { region: eu-west-1, sources: [{ bucket: my.logs-1 }, { bucket: l-s3alias }] }',
  source('accounts: ["111122223333"]'),
  source('accounts: ["111122223333", "012345678901"], regions: [us-gov-west-1, eusc-de-east-1, cn-north-1]'),
  source('region: eu-west-1, roleArn: "arn:aws-cn:iam::123456789012:role/path/reader"'),
  source('layout: any, account: "111122223333", region: us-east-1, scope: vpc-0a1'),
  source('layout: any, scope: our data centre'),
  source('layout: any, prefix: net, keyPattern: "^net/.*\\\\.gz$"'),
  source('layout: any, prefix: net, keyPattern: "^ne?t?/x"'),
  source('layout: any, prefix: net, keyPattern: "^(a|net)/x"'),
  source('scope: vpc-0a1'),
])
  test(`taken: ${yaml}`, () => {
    assert.equal(faultsOf(yaml), '')
  })

test('a variable that there is not says which is near, and a list may be JSON', () => {
  const faults = faultsOf('', {
    FLOWLOOM_CLICKHOUSE_USER: 'u',
    FLOWLOOM_BROKERS: 'a:1',
    FLOWLOOM_KAFKA_PASWORD_FILE: 'x',
    FLOWLOOM_S3_SOURCES: 'logs',
  })
  for (const part of [
    'FLOWLOOM_CLICKHOUSE_USER: did you mean FLOWLOOM_CLICKHOUSE_USERNAME?',
    'FLOWLOOM_BROKERS: did you mean FLOWLOOM_KAFKA_BROKERS?',
    'FLOWLOOM_KAFKA_PASWORD_FILE: did you mean FLOWLOOM_KAFKA_PASSWORD_FILE?',
    'FLOWLOOM_S3_SOURCES is not JSON',
    'write a list like [{"key":"value"}]',
  ])
    assert.ok(faults.includes(part), `${part} in:\n${faults}`)
  assert.deepEqual(loadConfig({ env: { FLOWLOOM_KAFKA_BROKERS: '["a:1", "b:2"]' } }).kafka.brokers, ['a:1', 'b:2'])
  assert.deepEqual(loadConfig({ env: { FLOWLOOM_KAFKA_BROKERS: 'a:1, b:2' } }).kafka.brokers, ['a:1', 'b:2'])
})

test('unknown names hide no contradiction: all faults at once', () => {
  const faults = faultsOf(
    'kafka: { saslMechanism: plain, usrname: u }\ns3: { accessKeyId: x, rgion: y, sources: [{ bucket: b, keyPattern: x, fromat: y }] }',
  )
  for (const at of [
    'kafka.usrname',
    'kafka.username',
    'kafka.password',
    's3.rgion',
    `${place}.fromat`,
    `${place}.keyPattern`,
    's3.accessKeyId',
  ])
    assert.ok(faults.includes(`→ at ${at}`), `${at} in:\n${faults}`)
})

test('no fault shows a secret or the password of a URL', () => {
  for (const yaml of [
    'kafka: { password: 12345678, oauthClientSecret: [hidden-1] }',
    'clickhouse: { url: "clickhouse://me:hidden-2@db:9000/x", pasword: hidden-3 }',
    'kafka: { brokers: ["me:hidden-4@a:9092"] }',
    'registry: { url: ["http://me:hidden-5@r"] }',
    's3: { secretAccessKey: true }',
  ])
    assert.doesNotMatch(faultsOf(yaml), /hidden-|12345678/)
})

test('every name of a setting is found again when a letter is left out, doubled or swapped, or in another way of writing', () => {
  const names = listSettings().map(({ section, key }) => `${section}.${key}`)
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.nat(), fc.nat(3), (name, at, kind) => {
      const i = name.indexOf('.') + 1 + (at % (name.length - name.indexOf('.') - 1))
      const word = [
        name.slice(0, i) + name.slice(i + 1),
        name.slice(0, i) + name[i]! + name.slice(i),
        name.slice(0, i) + (name[i + 1] ?? '') + name[i]! + name.slice(i + 2),
        name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`),
      ][kind]!
      const found = nearestName(word, names)
      // another name may be as near: profile, and the like
      assert.ok(found !== undefined && (found === name || Math.abs(found.length - name.length) <= 2), `${word}: ${found ?? 'none'}`)
    }),
    { numRuns: 2000, seed: 32 },
  )
})
