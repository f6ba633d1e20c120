/** What is allowed and often a slip is said, and never refused. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it, test } from 'node:test'
import { readConfig } from '../../../config/config.ts'
import { hintsOf } from '../../../config/hints.ts'

const dir = mkdtempSync(join(tmpdir(), 'flowloom-hints-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const path = join(dir, 'flowloom.yaml')

const now = Date.parse('2026-11-30T00:00:00Z')
/** Hints on a file with these settings and, unless they name them, sources of its own. */
function hintsIn(settings: object): string[] {
  writeFileSync(path, JSON.stringify({ s3: { sources: [{ bucket: 'b' }] }, ...settings }))
  return hintsOf(readConfig({ file: path, env: {} }), now)
}
const hints: { name: string; settings: object; expect: RegExp[] }[] = [
  { name: 'the defaults', settings: {}, expect: [] },
  {
    name: 'the native port',
    settings: { clickhouse: { url: 'http://db:9000' } },
    expect: [/^clickhouse\.url: 9000 is the usual port of the native protocol; .*http:\/\/db:8123/],
  },
  {
    name: 'TLS on the port without it',
    settings: { clickhouse: { url: 'https://db:8123' } },
    expect: [/8123 is the usual port without TLS/],
  },
  {
    name: 'a login that is shown',
    settings: { kafka: { saslMechanism: 'plain', username: 'u', password: 'p' } },
    expect: [/without kafka\.tls/],
  },
  {
    name: 'a name of old buckets',
    settings: { s3: { sources: [{ bucket: 'My_Bucket' }] } },
    expect: [/^s3\.sources\[0\]\.bucket: only buckets made in us-east-1 before March 2018 can be called My_Bucket/],
  },
  {
    name: 'a broker at the port of registries',
    settings: { kafka: { brokers: ['a:9092', 'a:8081'] } },
    expect: [/^kafka\.brokers\[1\]: 8081 is the usual port of a schema registry; that of brokers is 9092/],
  },
  {
    name: 'a broker that is the registry',
    settings: { kafka: { brokers: ['localhost:7001'] }, registry: { url: 'http://127.0.0.1:7001' } },
    expect: [/^kafka\.brokers\[0\]: 127\.0\.0\.1:7001 is registry\.url too: one of the two is not a broker/],
  },
  {
    name: 'a broker that is ClickHouse',
    settings: { kafka: { brokers: ['db:8123'] }, clickhouse: { url: 'http://db:8123' } },
    expect: [/^kafka\.brokers\[0\]: db:8123 is clickhouse\.url too/],
  },
  {
    name: 'a registry at the port of brokers',
    settings: { registry: { url: 'http://r:9092' } },
    expect: [/^registry\.url: 9092 is the usual port of Kafka brokers; that of schema registries is 8081/],
  },
  {
    name: 'a registry that is the S3 server',
    settings: { registry: { url: 'http://r' }, s3: { endpoint: 'http://r:80', sources: [{ bucket: 'b' }] } },
    expect: [/^registry\.url: r:80 is s3\.endpoint too: one of the two is not the schema registry/],
  },
  { name: 'usual ports', settings: { kafka: { brokers: ['a:443', 'a:9098'] }, registry: { url: 'https://r' } }, expect: [] },
  {
    name: 'a start to come',
    settings: { s3: { sources: [{ bucket: 'b', startDate: '2027-01-01' }] } },
    expect: [/\.startDate \(s3:\/\/b\/\): 2027-01-01 is to come/],
  },
  {
    name: 'a pattern without an anchor',
    settings: { s3: { sources: [{ bucket: 'b', layout: 'any', scope: 'x', keyPattern: 'gz' }] } },
    expect: [/"gz" may stand anywhere/],
  },
]
for (const { name, settings, expect } of hints)
  test(`a hint, not a fault: ${name}`, () => {
    const found = hintsIn(settings)
    assert.equal(found.length, expect.length, found.join('\n'))
    for (const [i, pattern] of expect.entries()) assert.match(found[i]!, pattern)
  })

const v2 = 'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status'
const silence: { name: string; source: object; expect: RegExp | undefined }[] = [
  {
    name: 'an export in the default format',
    source: { format: `timestamp ${v2}` },
    expect:
      /no vpc-id, and not both account-id and region: the cloud map learns nothing from it; set account and region of the source.* or scope/,
  },
  {
    name: 'one whose format has no account',
    source: { format: 'srcaddr dstaddr interface-id' },
    expect: /not both account-id and region.*set account and region/,
  },
  {
    name: 'one whose format is in its objects',
    source: {},
    expect: /if its lines name no vpc-id, and not both account-id and region.*set account and region/,
  },
  {
    name: 'one whose format EC2 is asked for',
    source: { format: 'exported describe', account: '111122223333' },
    expect: /set region of the source/,
  },
  {
    name: 'one that names account and region',
    source: { format: `timestamp ${v2}`, account: '111122223333', region: 'us-east-1' },
    expect: undefined,
  },
  {
    name: 'one that names the region of its bucket, and whose lines name the account',
    source: { format: `timestamp ${v2}`, region: 'us-east-1' },
    expect: /set account of the source/,
  },
  { name: 'one that names the scope', source: { scope: 'vpc-0a1' }, expect: undefined },
  { name: 'one whose lines name the VPC', source: { format: `${v2} vpc_id` }, expect: undefined },
  { name: 'Security Lake, whose keys name account and region', source: { prefix: 'lake/aws/VPC_FLOW' }, expect: undefined },
  { name: 'a part of Security Lake', source: { prefix: '/aws/VPC_FLOW/2.0/region=us-east-1/' }, expect: undefined },
  { name: 'a copy of the folders of AWS', source: { prefix: 'copy/AWSLogs' }, expect: undefined },
  { name: 'a prefix that has such a name within another', source: { prefix: 'laws/VPC_FLOWS' }, expect: /its keys name no account/ },
  { name: 'the folders of AWS', source: { layout: 'flow-logs' }, expect: undefined },
]
for (const { name, source: settings, expect } of silence)
  test(`exports and Firehose in the default format teach the map nothing, in silence: ${name}`, () => {
    const found = hintsIn({ s3: { sources: [{ bucket: 'b', layout: 'any', ...settings }] } })
    assert.equal(found.length, expect === undefined ? 0 : 1, found.join('\n'))
    if (expect !== undefined) assert.match(found[0]!, expect)
  })

describe('settings without a file, or with nothing in it', () => {
  const none = 'no settings file was read (name one with --config or FLOWLOOM_CONFIG)'
  const bucket = 's3.sources is the default bucket flow-logs'
  const sources = { FLOWLOOM_S3_SOURCES: '[{"bucket":"b"}]' }
  const table: { name: string; text?: string; env?: NodeJS.ProcessEnv; expect: string[] }[] = [
    { name: 'no file', expect: [`${none}; ${bucket}`] },
    { name: 'no file, sources from the environment', env: sources, expect: [none] },
    { name: 'an empty file', text: '', expect: [`no setting is in ${path}; ${bucket}`] },
    { name: 'a file of comments', text: '# kafka:\n', expect: [`no setting is in ${path}; ${bucket}`] },
    { name: 'a file of empty sections', text: 'kafka:\ns3:\n', expect: [`no setting is in ${path}; ${bucket}`] },
    { name: 'an empty file, sources from the environment', text: '', env: sources, expect: [`no setting is in ${path}`] },
    { name: 'a file that names no source', text: 'log: { level: warn }', expect: [bucket] },
    { name: 'a file that names the default bucket', text: 's3: { sources: [{ bucket: flow-logs }] }', expect: [] },
    { name: 'a file whose sources are refused', text: 's3: { sources: 5 }', expect: [] },
    { name: 'a file that is not YAML', text: 'kafka: [', expect: [] },
  ]
  for (const { name, text, env = {}, expect } of table)
    it(`are said to be so: ${name}`, () => {
      if (text !== undefined) writeFileSync(path, text)
      assert.deepEqual(hintsOf(readConfig({ file: text === undefined ? undefined : path, env }), now), expect)
    })
})
