import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { z } from 'zod'
import { checkConfig, environmentName, isSecret, listSettings, loadConfig, settingsFile } from '../../../config/config.ts'
import type { FlowError } from '../../../runtime/errors.ts'

const dir = mkdtempSync(join(tmpdir(), 'flowloom-config-'))
after(() => rmSync(dir, { recursive: true, force: true }))
function file(name: string, content: string): string {
  const path = join(dir, name)
  writeFileSync(path, content)
  return path
}
/** The faults of a configuration that must not be accepted. */
function faultsOf(call: () => unknown): string {
  let faults = ''
  assert.throws(call, (error: FlowError) => {
    assert.equal(error.code, 'CONFIG_INVALID')
    faults = String(error.details['faults'])
    return true
  })
  return faults
}

test('without settings everything has its default', () => {
  const config = loadConfig({ env: {} })
  assert.deepEqual(config, checkConfig({}))
  assert.deepEqual([config.kafka.brokers, config.kafka.commitIntervalMs, config.http.port], [['127.0.0.1:9092'], 500, 9464])
})

for (const [section, key, expect] of [
  ['kafka', 'brokers', 'FLOWLOOM_KAFKA_BROKERS'],
  ['kafka', 'commitIntervalMs', 'FLOWLOOM_KAFKA_COMMIT_INTERVAL_MS'],
  ['s3', 'accessKeyId', 'FLOWLOOM_S3_ACCESS_KEY_ID'],
  ['ipContext', 'horizonS', 'FLOWLOOM_IP_CONTEXT_HORIZON_S'],
  ['clickhouse', 'ttlDays', 'FLOWLOOM_CLICKHOUSE_TTL_DAYS'],
] as const)
  test(`the variable of ${section}.${key} is ${expect}`, () => {
    assert.equal(environmentName(section, key), expect)
  })

test('no two settings share a variable, also not with _FILE', () => {
  const names = listSettings().flatMap(({ env }) => [env, `${env}_FILE`])
  assert.equal(new Set(names).size, names.length)
})

/** The description, which zod keeps inside of what makes a setting optional. */
function describe(schema: unknown): string {
  for (let inner = schema; ; inner = (inner as z.ZodOptional).unwrap()) {
    const { description } = inner as z.ZodType
    if (description !== undefined) return description
    if (!(inner instanceof z.ZodDefault || inner instanceof z.ZodOptional)) return ''
  }
}

test('every setting has a description', () => {
  for (const { section, key, schema } of listSettings()) assert.ok(describe(schema).length > 5, `${section}.${key}`)
})

const values = [
  { name: 'a list', env: { FLOWLOOM_KAFKA_BROKERS: 'a:1,b:2,' }, pick: ['kafka', 'brokers'], expect: ['a:1', 'b:2'] },
  { name: 'a number', env: { FLOWLOOM_KAFKA_PARTITIONS: '7' }, pick: ['kafka', 'partitions'], expect: 7 },
  { name: 'true', env: { FLOWLOOM_KAFKA_TLS: 'true' }, pick: ['kafka', 'tls'], expect: true },
  { name: '0 for false', env: { FLOWLOOM_KAFKA_ENCODED_BATCHES: '0' }, pick: ['kafka', 'encodedBatches'], expect: false },
  { name: 'text that looks like a number', env: { FLOWLOOM_KAFKA_SLOT: '3' }, pick: ['kafka', 'slot'], expect: '3' },
  { name: 'nothing, as unset', env: { FLOWLOOM_KAFKA_SLOT: '' }, pick: ['kafka', 'slot'], expect: undefined },
  {
    name: 'JSON',
    env: { FLOWLOOM_S3_SOURCES: '[{"bucket":"x","prefix":"p","startDate":"2026-11-01"}]' },
    pick: ['s3', 'sources'],
    expect: [{ bucket: 'x', prefix: 'p', layout: 'flow-logs', startDate: '2026-11-01' }],
  },
] as const
for (const { name, env, pick, expect } of values)
  test(`a variable may hold ${name}`, () => {
    const config = loadConfig({ env }) as unknown as Record<string, Record<string, unknown>>
    assert.deepEqual(config[pick[0]]![pick[1]], expect)
  })

test('a secret comes from a file, without the newline at its end; the variable itself wins', () => {
  const path = file('password', 'pass word\n')
  assert.equal(loadConfig({ env: { FLOWLOOM_KAFKA_PASSWORD_FILE: path } }).kafka.password, 'pass word')
  assert.equal(loadConfig({ env: { FLOWLOOM_KAFKA_PASSWORD_FILE: path, FLOWLOOM_KAFKA_PASSWORD: 'direct' } }).kafka.password, 'direct')
  assert.equal(settingsFile(undefined, { FLOWLOOM_CONFIG: '' }), undefined)
  const emptied = { FLOWLOOM_KAFKA_PASSWORD_FILE: path, FLOWLOOM_KAFKA_PASSWORD: '' }
  assert.equal(loadConfig({ env: emptied }).kafka.password, 'pass word', 'an empty variable hides no file')
  assert.equal(loadConfig({ env: { FLOWLOOM_KAFKA_PASSWORD_FILE: '', FLOWLOOM_KAFKA_PASSWORD: 'direct' } }).kafka.password, 'direct')
  assert.equal(loadConfig({ env: { FLOWLOOM_KAFKA_PASSWORD_FILE: '' } }).kafka.password, undefined)
  assert.throws(() => loadConfig({ env: { FLOWLOOM_KAFKA_PASSWORD_FILE: join(dir, 'none') } }), {
    code: 'CONFIG_INVALID',
    message: /cannot read .*FLOWLOOM_KAFKA_PASSWORD_FILE.*\n.*→ at kafka\.password/,
  })
})

test('environment wins over file, file over default, and settings beside them stay', () => {
  const path = file('flowloom.yaml', 'kafka:\n  partitions: 3\n  slot: "5"\nlog: { level: warn }\n')
  const { kafka, log } = loadConfig({ env: { FLOWLOOM_CONFIG: path, FLOWLOOM_KAFKA_PARTITIONS: '4' } })
  assert.deepEqual([kafka.partitions, kafka.slot, log.level], [4, '5', 'warn'])
  assert.equal(loadConfig({ file: path, env: {}, overrides: { kafka: { partitions: 9 } } }).kafka.partitions, 9)
})

test('JSON files and empty files are read', () => {
  assert.equal(loadConfig({ file: file('c.json', '{"http":{"port":1}}'), env: {} }).http.port, 1)
  assert.equal(loadConfig({ file: file('empty.yaml', '\n'), env: {} }).http.port, 9464)
})

test('all faults are told at once, of file and environment, unknown names included', () => {
  const path = file('wrong.yaml', 'kafka:\n  brokrs: [x]\n  partitions: 0\nsinks: {}\nlog: { level: loud }\n')
  const env = {
    FLOWLOOM_CONFIG: path,
    FLOWLOOM_KAFKA_TLS: 'yes',
    FLOWLOOM_KAFKA_COMIT_ROWS: '1',
    FLOWLOOM_S3_SOURCES: '[{"bucket"',
    FLOWLOOM_TEST_LOG: 'x',
    OTHER: 'x',
  }
  const faults = faultsOf(() => loadConfig({ env }))
  for (const part of [
    'brokrs',
    'kafka.partitions',
    'sinks',
    'log.level',
    'kafka.tls',
    'FLOWLOOM_KAFKA_COMIT_ROWS',
    'FLOWLOOM_S3_SOURCES is not JSON',
    's3.sources',
  ])
    assert.ok(faults.includes(part), `${part} in:\n${faults}`)
  assert.ok(!faults.includes('FLOWLOOM_TEST_LOG') && !faults.includes('OTHER'))
})

test('half a static key is refused: the default chain would take its place in silence', () => {
  assert.match(
    faultsOf(() => loadConfig({ env: { FLOWLOOM_S3_ACCESS_KEY_ID: 'x' } })),
    /half a static key.*\n.*s3\.accessKeyId/,
  )
})

for (const { name, content, parts } of [
  {
    name: 'end points that are no URLs',
    content:
      'kafka: { oauthTokenUrl: x }\nregistry: { url: foo }\ns3: { endpoint: "127.0.0.1:9000", ec2Endpoint: x }\nclickhouse: { url: not a url }',
    parts: ['kafka.oauthTokenUrl', 'registry.url', 's3.endpoint', 's3.ec2Endpoint', 'clickhouse.url'],
  },
  { name: 'a broker without a port', content: 'kafka: { brokers: [a:1, localhost] }', parts: ['kafka.brokers[1]'] },
  { name: 'a prefix that no topic name can have', content: 'kafka: { topicPrefix: "a b!" }', parts: ['kafka.topicPrefix'] },
  { name: 'SASL without a login', content: 'kafka: { saslMechanism: plain }', parts: ['kafka.username', 'kafka.password'] },
  {
    name: 'OAuth without its end point',
    content: 'kafka: { saslMechanism: oauthbearer }',
    parts: ['kafka.oauthTokenUrl', 'kafka.oauthClientId', 'kafka.oauthClientSecret'],
  },
  { name: 'MSK without a region and without TLS', content: 'kafka: { saslMechanism: aws-iam }', parts: ['kafka.awsRegion', 'kafka.tls'] },
  { name: 'certificates without TLS', content: 'kafka: { tlsCaFile: /ca.pem }', parts: ['kafka.tlsCaFile'] },
  { name: 'half a client certificate', content: 'kafka: { tls: true, tlsKeyFile: /k.pem }', parts: ['kafka.tlsCertFile'] },
  {
    name: 'heartbeats that come after the session',
    content: 'kafka: { heartbeatIntervalMs: 5000, sessionTimeoutMs: 5000 }',
    parts: ['kafka.heartbeatIntervalMs'],
  },
  { name: 'AWSLogs in a prefix', content: 's3: { sources: [{ bucket: b, prefix: net/AWSLogs/1 }] }', parts: ['s3.sources[0]'] },
])
  test(`a file with ${name} is refused before anything is opened`, () => {
    const faults = faultsOf(() => loadConfig({ file: file('refused.yaml', content), env: {} }))
    for (const part of parts) assert.ok(faults.includes(`at ${part}`), `${part} in:\n${faults}`)
  })

test('a section with nothing below it has its defaults', () => {
  assert.deepEqual(loadConfig({ file: file('sections.yaml', 'kafka:\n  # partitions: 3\ns3:\n'), env: {} }), checkConfig({}))
})

for (const { name, content, part } of [
  { name: 'not a mapping', content: '- a\n- b\n', part: 'not a mapping' },
  { name: 'not YAML', content: 'kafka: [a\n', part: 'broken.yaml' },
  { name: 'a section that is not a mapping', content: 'kafka: 5\n', part: 'kafka' },
])
  test(`a file that is ${name} is refused, also where the environment has settings`, () => {
    const path = file('broken.yaml', content)
    assert.ok(faultsOf(() => loadConfig({ file: path, env: { FLOWLOOM_KAFKA_PARTITIONS: '2' } })).includes(part))
  })

test('no fault and no error tells a secret', () => {
  const env = { FLOWLOOM_KAFKA_PASSWORD: 'hidden-1', FLOWLOOM_CLICKHOUSE_PASSWORD: 'hidden-2', FLOWLOOM_KAFKA_PARTITIONS: 'x' }
  const secrets = listSettings().filter(isSecret)
  assert.deepEqual(
    secrets.map(({ section, key }) => `${section}.${key}`),
    ['kafka.password', 'kafka.oauthClientSecret', 'registry.password', 's3.secretAccessKey', 'clickhouse.password'],
  )
  const faults = faultsOf(() => loadConfig({ env }))
  assert.ok(!faults.includes('hidden'))
  const wrongKind = faultsOf(() => checkConfig({ kafka: { password: ['hidden-3'], oauthClientSecret: '' } }))
  assert.ok(!wrongKind.includes('hidden') && wrongKind.includes('kafka.password') && wrongKind.includes('kafka.oauthClientSecret'))
})

test('user and password of a URL become settings: no message that names the end point tells them', () => {
  const url = 'http://me:s%40crt@registry:8081/apis'
  const { registry, clickhouse } = checkConfig({ registry: { url }, clickhouse: { url: 'http://:50%@db:8123', username: 'me' } })
  assert.deepEqual(registry, { url: 'http://registry:8081/apis', username: 'me', password: 's@crt' })
  assert.deepEqual([clickhouse.url, clickhouse.username, clickhouse.password], ['http://db:8123', 'me', '50%'])
  assert.equal(checkConfig({ clickhouse: { url: 'http://db:8123/' } }).clickhouse.url, 'http://db:8123/')
})
