/**
 * Every fault in one run: whatever faults that do not depend on each other a configuration has, each is told, with every hint, and nothing
 * that is right is blamed. The catalogue was written by hand from the reference of the settings; of each fault it says which settings it
 * sets, and which it depends on.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { readConfig } from '../../config/config.ts'
import { hintsOf } from '../../config/hints.ts'
import { fileFaults } from '../../operations/probe/probe.ts'

const dir = mkdtempSync(join(tmpdir(), 'flowloom-all-faults-'))
after(() => rmSync(dir, { recursive: true, force: true }))

interface Slip {
  /** Settings of the file by their path. */
  readonly sets?: Readonly<Record<string, unknown>>
  /** Variables of the environment, with the path of the setting that each stands for. */
  readonly env?: Readonly<Record<string, readonly [path: string, value: string]>>
  /** Settings that it leaves alone and that must be right, or the default, for it to be told. */
  readonly reads?: readonly string[]
  /** Where something else is told for the same reason. */
  readonly also?: string
  /** Where the fault is said to be, or what a fault of a file or a hint has in it. */
  readonly at?: string
  readonly text?: RegExp
  readonly hint?: RegExp
}

/** Entries of `s3.sources` that slips are put into. */
const sourceCount = 3
const sourceSlips: ((at: string) => Slip)[] = [
  at => ({ sets: { [`${at}.bucket`]: 's3://b/x' }, at: `${at}.bucket` }),
  at => ({ sets: { [`${at}.bucket`]: 'a$b' }, at: `${at}.bucket` }),
  at => ({ sets: { [`${at}.region`]: 'eu-central' }, at: `${at}.region` }),
  at => ({ sets: { [`${at}.bucket`]: 7 }, at: `${at}.bucket` }),
  at => ({ sets: { [`${at}.prefix`]: '/network/AWSLogs/' }, reads: [`${at}.layout`], at: `${at}.prefix` }),
  at => ({ sets: { [`${at}.prefix`]: ['x'] }, at: `${at}.prefix` }),
  at => ({ sets: { [`${at}.prefix`]: 'x*' }, hint: /has no wildcards/ }),
  at => ({ sets: { [`${at}.layout`]: 'flat' }, at: `${at}.layout` }),
  at => ({ sets: { [`${at}.unknownKey`]: 1 }, at: `${at}.unknownKey` }),
  at => ({ sets: { [`${at}.keyPattern`]: '\\.gz$' }, reads: [`${at}.layout`], at: `${at}.keyPattern` }),
  at => ({ sets: { [`${at}.keyPattern`]: '(' }, at: `${at}.keyPattern` }),
  at => ({ sets: { [`${at}.account`]: '123456789012' }, reads: [`${at}.layout`], at: `${at}.account` }),
  at => ({ sets: { [`${at}.layout`]: 'any', [`${at}.accounts`]: ['123456789012'], [`${at}.scope`]: 'vpc-1' }, at: `${at}.accounts` }),
  at => ({ sets: { [`${at}.layout`]: 'any', [`${at}.regions`]: ['us-east-1'], [`${at}.scope`]: 'vpc-1' }, at: `${at}.regions` }),
  at => ({ sets: { [`${at}.accounts`]: ['1'] }, reads: [`${at}.layout`], at: `${at}.accounts[0]` }),
  at => ({ sets: { [`${at}.regions`]: ['us-east-1', 'eu-central1'] }, reads: [`${at}.layout`], at: `${at}.regions[1]` }),
  at => ({ sets: { [`${at}.regions`]: [] }, at: `${at}.regions` }),
  at => ({ sets: { [`${at}.flowLogId`]: 'fl-1' }, reads: [`${at}.format`], at: `${at}.flowLogId` }),
  at => ({ sets: { [`${at}.flowLogId`]: 'x' }, at: `${at}.flowLogId` }),
  at => ({
    sets: { [`${at}.describeRoleArn`]: 'arn:aws:iam::123456789012:role/r' },
    reads: [`${at}.format`],
    at: `${at}.describeRoleArn`,
  }),
  // a value that is refused contradicts others all the same, because it is there
  at => ({
    sets: { [`${at}.describeRoleArn`]: 'no ARN' },
    reads: [`${at}.format`],
    at: `${at}.describeRoleArn`,
    text: /has a meaning with format: describe alone\n.*describeRoleArn/,
  }),
  at => ({
    sets: { [`${at}.flowLogId`]: 5 },
    reads: [`${at}.format`],
    at: `${at}.flowLogId`,
    text: /has a meaning with format: describe alone\n.*flowLogId/,
  }),
  at => ({
    sets: { [`${at}.keyPattern`]: '(' },
    reads: [`${at}.layout`],
    at: `${at}.keyPattern`,
    text: /has a meaning with the layouts firehose and any alone\n/,
  }),
  at => ({
    sets: { [`${at}.account`]: 5 },
    reads: [`${at}.layout`],
    at: `${at}.account`,
    text: /to read this one alone write accounts: \["<account id>"\]\n/,
  }),
  at => ({
    sets: { [`${at}.layout`]: 'any', [`${at}.accounts`]: [], [`${at}.scope`]: 'vpc-1' },
    at: `${at}.accounts`,
    text: /the keys of the layout any name none: .*\n/,
  }),
  at => ({
    sets: { [`${at}.bucketRegion`]: 5 },
    reads: [`${at}.region`],
    at: `${at}.bucketRegion`,
    text: /is for records from another region than the bucket: .*\n/,
  }),
  at => ({ sets: { [`${at}.format`]: 5 }, at: `${at}.format` }),
  at => ({ sets: { [`${at}.bucketRegion`]: 'us-east-1' }, reads: [`${at}.region`], at: `${at}.bucketRegion` }),
  at => ({ sets: { [`${at}.roleArn`]: 'r' }, at: `${at}.roleArn` }),
  at => ({ sets: { [`${at}.startDate`]: '2026-02-30' }, at: `${at}.startDate` }),
  at => ({ sets: { [`${at}.startDate`]: '2199-01-01' }, hint: /2199-01-01 is to come/ }),
]

const missingFile = join(dir, 'not-there')
const slips: Slip[] = [
  ...Array.from({ length: sourceCount }, (_, index) => sourceSlips.map(slip => slip(`s3.sources[${index}]`))).flat(),
  { sets: { 'kafka.brokers': ['a:1', 'b'] }, at: 'kafka.brokers[1]' },
  { sets: { 'kafka.brokers': 'a:1' }, at: 'kafka.brokers' },
  { sets: { 'kafka.partitions': 0 }, at: 'kafka.partitions' },
  { sets: { 'kafka.brokrs': [] }, at: 'kafka.brokrs' },
  { sets: { 'kafka.topicPrefix': 'a b' }, at: 'kafka.topicPrefix' },
  { sets: { 'kafka.saslMechanism': 'none', 'kafka.username': 'u' }, hint: /kafka\.username: nobody logs in/ },
  { sets: { 'kafka.tls': true, 'kafka.saslMechanism': 'plain', 'kafka.username': 'u' }, reads: ['kafka.password'], at: 'kafka.password' },
  { sets: { 'kafka.tls': true, 'kafka.saslMechanism': 'plain', 'kafka.password': 'p' }, reads: ['kafka.username'], at: 'kafka.username' },
  { sets: { 'kafka.saslMechanism': 'plain', 'kafka.username': 'u', 'kafka.password': 'p' }, reads: ['kafka.tls'], hint: /shows the login/ },
  { sets: { 'kafka.saslMechanism': 'aws-iam', 'kafka.awsRegion': 'us-east-1' }, reads: ['kafka.tls'], at: 'kafka.tls' },
  { sets: { 'kafka.saslMechanism': 'word' }, at: 'kafka.saslMechanism' },
  { sets: { 'kafka.password': 5 }, at: 'kafka.password' },
  { sets: { 'kafka.tls': 'yes' }, at: 'kafka.tls' },
  { sets: { 'kafka.tlsCaFile': '/ca.pem' }, reads: ['kafka.tls'], at: 'kafka.tlsCaFile' },
  {
    sets: { 'kafka.tls': true, 'kafka.tlsKeyFile': '/k.pem' },
    reads: ['kafka.tlsCertFile'],
    at: 'kafka.tlsCertFile',
    also: 'kafka.tlsKeyFile',
  },
  { sets: { 'kafka.tls': true, 'kafka.tlsCertFile': 5 }, reads: ['kafka.tlsKeyFile'], at: 'kafka.tlsCertFile', text: /half a client/ },
  { sets: { 'kafka.tls': true, 'kafka.tlsCaFile': '/ca.pem' }, at: 'kafka.tlsCaFile', text: /cannot read \/ca\.pem \(kafka\.tlsCaFile\)/ },
  { sets: { 'kafka.tlsCaFile': '-----BEGIN ' }, reads: ['kafka.tls'], at: 'kafka.tlsCaFile', text: /has no effect without tls: true/ },
  { sets: { 'kafka.heartbeatIntervalMs': 20_000 }, reads: ['kafka.sessionTimeoutMs'], at: 'kafka.heartbeatIntervalMs' },
  { sets: { 'kafka.sessionTimeoutMs': '9s' }, at: 'kafka.sessionTimeoutMs' },
  { env: { FLOWLOOM_KAFKA_PASSWORD_FILE: ['kafka.password', missingFile] }, at: 'kafka.password' },
  { env: { FLOWLOOM_KAFKA_COMMIT_ROWS: ['kafka.commitRows', 'many'] }, at: 'kafka.commitRows' },
  { env: { FLOWLOOM_KAFKA_NOTHING_KNOWN: ['', 'x'] }, text: /FLOWLOOM_KAFKA_NOTHING_KNOWN/ },
  { env: { FLOWLOOM_S3_QUEUES: ['s3.queues', '['] }, at: 's3.queues' },
  { sets: { 's3.accessKeyId': 'x' }, reads: ['s3.secretAccessKey'], at: 's3.accessKeyId' },
  { sets: { 's3.secretAccessKey': 5 }, reads: ['s3.accessKeyId'], at: 's3.secretAccessKey', also: 's3.accessKeyId' },
  { sets: { 's3.region': 'eu-west-1a' }, at: 's3.region' },
  { sets: { 's3.region': 'eu-central' }, at: 's3.region' },
  { sets: { 'kafka.brokers': ['a:8081'] }, hint: /8081 is the usual port of a schema registry/ },
  { sets: { 'registry.url': 'http://r:9092' }, hint: /9092 is the usual port of Kafka brokers/ },
  { sets: { 's3.queues': [{ url: 'x' }] }, at: 's3.queues[0].url' },
  { sets: { 's3.pathStyle': 'on' }, at: 's3.pathStyle' },
  {
    sets: { 's3.blockBytes': 2_000_000 },
    reads: ['kafka.maxRecordBytes'],
    at: 's3.blockBytes',
  },
  {
    sets: { 's3.maxLineBytes': 'long', 's3.blockBytes': 2_000_000 },
    reads: ['kafka.maxRecordBytes'],
    at: 's3.maxLineBytes',
    also: 's3.blockBytes',
  },
  { sets: { 'kafka.maxRecordBytes': 1 }, at: 'kafka.maxRecordBytes' },
  { sets: { 'lookups.country': join(dir, 'country.mmdb') }, text: /lookups\.country: .*country\.mmdb/ },
  { sets: { 'lookups.asn': join(dir, 'asn.csv') }, text: /lookups\.asn: .*asn\.csv/ },
  { sets: { 'lookups.asn': 5 }, at: 'lookups.asn' },
  { sets: { 'lookups.threats': [`a=${join(dir, 'a.txt')}`, 5] }, at: 'lookups.threats[1]', text: /lookups\.threats: .*a\.txt/ },
  { sets: { 'lookups.awsRanges': join(dir, 'ranges.json') }, text: /lookups\.awsRanges: .*ranges\.json/ },
  { sets: { 'lookups.reloadMs': -1 }, at: 'lookups.reloadMs' },
  { sets: { 'networks.own': ['10.0.0.0/8', '10.0.0.0/33'] }, at: 'networks.own[1]' },
  { sets: { 'networks.own': [{ cidrs: ['10.0.0.0/8'], vpcs: ['x'] }] }, at: 'networks.own[0].vpcs[0]' },
  { sets: { 'networks.own': [{ cidr: '10.0.0.0/8', cidrs: ['10.0.0.0/8'] }] }, at: 'networks.own[0].cidr' },
  { sets: { 'clickhouse.cloud': true, 'clickhouse.cluster': 'c' }, at: 'clickhouse.cloud' },
  { sets: { 'clickhouse.cluster': 5 }, reads: ['clickhouse.cloud'], at: 'clickhouse.cluster' },
  { sets: { 'clickhouse.cloud': true, 'clickhouse.cluster': 5 }, at: 'clickhouse.cluster', also: 'clickhouse.cloud' },
  { sets: { 'clickhouse.url': 'http://db:9000' }, hint: /9000 is the usual port/ },
  { sets: { 'clickhouse.url': 'db' }, at: 'clickhouse.url' },
  { sets: { 'clickhouse.ttlDays': 30, 'clickhouse.gapsTtlDays': 3 }, at: 'clickhouse.gapsTtlDays' },
  { sets: { 'clickhouse.objectsTtlDays': 3 }, reads: ['clickhouse.ttlDays'], at: 'clickhouse.objectsTtlDays' },
  { sets: { 'clickhouse.ttlDays': 'long' }, at: 'clickhouse.ttlDays' },
  { sets: { registry: 5 }, at: 'registry' },
  { sets: { 'registry.url': 'r' }, at: 'registry.url' },
  { sets: { 'http.port': 70_000 }, at: 'http.port' },
  { sets: { 'log.level': 'loud' }, at: 'log.level' },
  { sets: { 'run.shutdownGraceMs': null }, at: 'run.shutdownGraceMs' },
  { sets: { sinks: {} }, at: 'sinks' },
]

const paths = (slip: Slip): string[] => [...Object.keys(slip.sets ?? {}), ...Object.values(slip.env ?? {}).map(([path]) => path)]
const touches = (a: string, b: string): boolean => a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`)
const disturbs = (one: Slip, other: Slip): boolean =>
  paths(one).some(path => [...paths(other), ...(other.reads ?? [])].some(each => touches(path, each)))

/** Those that do not depend on one before them, and none before on them. */
function independent(chosen: readonly Slip[]): Slip[] {
  const kept: Slip[] = []
  for (const slip of chosen) if (!kept.some(each => disturbs(each, slip) || disturbs(slip, each))) kept.push(slip)
  return kept
}

function put(root: Record<string, unknown>, path: string, value: unknown): void {
  const parts = path.split(/\.|\[(?=\d)/).map(part => part.replace(']', ''))
  const last = parts.pop()!
  let place = root
  for (const part of parts) place = (place[part] ??= {}) as Record<string, unknown>
  place[last] = value
}

const file = join(dir, 'flowloom.json')

/** What is told of a configuration with these slips and otherwise nothing to blame. */
async function tellAll(chosen: readonly Slip[]): Promise<{ faults: string[]; hints: string[] }> {
  const sources = Array.from({ length: sourceCount }, (_, i) => ({ bucket: `bucket-${i}` }))
  const settings: Record<string, unknown> = { s3: { sources }, lookups: { country: 'none', asn: 'none' } }
  for (const { sets = {} } of chosen) for (const [path, value] of Object.entries(sets)) put(settings, path, value)
  writeFileSync(file, JSON.stringify(settings))
  const env = Object.fromEntries(chosen.flatMap(slip => Object.entries(slip.env ?? {}).map(([name, [, value]]) => [name, value])))
  const read = readConfig({ file, env })
  return { faults: [...read.faults, ...(await fileFaults(read.settings))], hints: hintsOf(read, Date.parse('2026-11-30')) }
}

const isOf = (fault: string, { at, also, text }: Slip): boolean =>
  [at, also].some(place => place !== undefined && fault.endsWith(`→ at ${place}`)) || text?.test(fault) === true

for (const slip of slips)
  test(`told: ${JSON.stringify(slip.sets ?? slip.env).replaceAll(dir, '')}`, async () => {
    const { faults, hints } = await tellAll([slip])
    for (const at of [slip.at, slip.also])
      assert.ok(at === undefined || faults.some(each => each.endsWith(`→ at ${at}`)), faults.join('\n'))
    if (slip.text !== undefined)
      assert.ok(
        faults.some(each => slip.text!.test(each)),
        faults.join('\n'),
      )
    if (slip.hint !== undefined)
      assert.ok(
        hints.some(each => slip.hint!.test(each)),
        hints.join('\n'),
      )
    assert.ok(
      faults.every(fault => isOf(fault, slip)),
      faults.join('\n'),
    )
  })

test('any faults that do not depend on each other are all told in one run, with all hints, and nothing else is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(slips, { minLength: 2, maxLength: 40 }), async chosen => {
      const kept = independent(chosen)
      const { faults, hints } = await tellAll(kept)
      const report = [...faults, ...hints].join('\n')
      for (const slip of kept) {
        for (const at of [slip.at, slip.also])
          assert.ok(at === undefined || faults.some(each => each.endsWith(`→ at ${at}`)), `${at!} in:\n${report}`)
        if (slip.text !== undefined)
          assert.ok(
            faults.some(each => slip.text!.test(each)),
            `${String(slip.text)} in:\n${report}`,
          )
        if (slip.hint !== undefined)
          assert.ok(
            hints.some(each => slip.hint!.test(each)),
            `${String(slip.hint)} in:\n${report}`,
          )
      }
      for (const fault of faults)
        assert.ok(
          kept.some(slip => isOf(fault, slip)),
          `nobody made this: ${fault}`,
        )
      for (const hint of hints)
        assert.ok(
          kept.some(slip => slip.hint?.test(hint) === true),
          `nobody made this: ${hint}`,
        )
    }),
    { numRuns: 150 },
  )
})

test('a file that is not there or not YAML, or a section that is not a group, hides no fault of the environment', async () => {
  const env = { FLOWLOOM_KAFKA_COMMIT_ROWS: 'many', FLOWLOOM_KAFKA_NOTHING_KNOWN: 'x', FLOWLOOM_LOOKUPS_ASN: missingFile }
  for (const [text, own] of [
    ['kafka: [', /flowloom\.json/],
    ['- a', /not a mapping/],
    ['kafka: 5', /→ at kafka$/],
    [undefined, /✖ cannot read .*flowloom\.json \(configuration\); check the path/],
  ] as const) {
    if (text === undefined) rmSync(file)
    else writeFileSync(file, text)
    const read = readConfig({ file, env })
    const faults = [...read.faults, ...(await fileFaults(read.settings))]
    for (const part of [own, /→ at kafka\.commitRows$/, /NOTHING_KNOWN/, /lookups\.asn: .*not-there/])
      assert.ok(
        faults.some(fault => part.test(fault)),
        `${String(part)} in:\n${faults.join('\n')}`,
      )
    assert.equal(faults.length, 4, faults.join('\n'))
  }
})
