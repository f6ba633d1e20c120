/** `check-config --probe` on the real services: says of each thing whether it works, and which permission is missing. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { stringify } from 'yaml'
import { probe } from '../../operations/probe/probe.ts'
import { loadConfig, type RawConfig } from '../../config/config.ts'
import { setBucketFaults } from '../support/s3/bucket-faults.ts'
import { flowloom } from '../support/processes/command-line.ts'
import { endpoints, freshSettings, releaseStack, noTables } from '../../harness/live-stack.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'

after(() => releaseStack())

const key = 'AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24/x.log.gz'

test('says of each thing whether it works, and which permission is missing', { timeout: 120_000 }, async () => {
  const { sqsQueueUrl, s3Endpoint } = await endpoints()
  const settings: RawConfig = await freshSettings({ s3: { queues: [{ url: sqsQueueUrl }] } })
  const [{ bucket }] = settings['s3']!['sources'] as [{ bucket: string }]
  const client = s3Client(s3Endpoint)
  const folder = mkdtempSync(join(tmpdir(), 'flowloom-probe-'))
  const file = join(folder, 'flowloom.yaml')
  writeFileSync(file, stringify(settings))
  const found = async (overrides: RawConfig = settings): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await probe(loadConfig({ env: {}, overrides: { ...overrides, lookups: noTables } }))).map(({ step, result }) => [step, result]),
    )
  const works = {
    'sqs:ReceiveMessage': 'ok',
    'sqs:DeleteMessage': 'ok',
    Kafka: 'ok',
    'Kafka topics': 'unknown',
    'Kafka groups': 'ok',
    'Kafka transactions': 'ok',
    'schema registry': 'ok',
    ClickHouse: 'ok',
    'ClickHouse grants': 'ok',
  }
  try {
    await createBucket(client, bucket)
    // was `unknown`: a source that finds nothing does not work
    assert.deepEqual(await found(), { 's3:ListBucket': 'ok', objects: 'missing', ...works })
    await putObject(client, bucket, key, Buffer.from('x'))
    const all = await flowloom(['check-config', '--probe', '-c', file])
    assert.equal(all.code, 0, all.err)
    assert.deepEqual(
      all.out
        .trimEnd()
        .split('\n')
        .map(line => line.split(/ +/).slice(0, 1)[0]),
      // the last three are the files of the default lookup tables
      [...Array.from({ length: 5 }, () => 'ok'), 'unknown', ...Array.from({ length: 8 }, () => 'ok')],
    )
    await setBucketFaults(s3Endpoint, bucket, [{ prefix: 'AWSLogs/', operations: ['get'], status: 403, code: 'AccessDenied' }])
    const denied = await flowloom(['check-config', '--probe', '-c', file])
    assert.equal(denied.code, 1)
    assert.match(denied.out, new RegExp(`^missing s3:GetObject +s3://${bucket}/AWSLogs/: access to s3://${bucket}/${key} is denied`, 'm'))
    assert.match(denied.err, /of 14 things that were tried, 1 failed/)
    await setBucketFaults(s3Endpoint, bucket, [{ prefix: 'AWSLogs/', operations: ['get'], status: 400, code: 'KMS.DisabledException' }])
    assert.deepEqual(await found(), { 's3:ListBucket': 'ok', 'kms:Decrypt': 'missing', ...works })
    await setBucketFaults(s3Endpoint, bucket, [{ prefix: 'AWSLogs/', operations: ['list'], status: 403, code: 'AccessDenied' }])
    assert.deepEqual(await found(), { 's3:ListBucket': 'missing', ...works })
    await setBucketFaults(s3Endpoint, bucket, [])
    const nowhere = {
      ...settings,
      s3: { ...settings['s3'], queues: [{ url: `${s3Endpoint}/000000000000/none` }] },
      kafka: { ...settings['kafka'], brokers: ['127.0.0.1:9'] },
      registry: { url: 'http://127.0.0.1:9' },
      clickhouse: { ...settings['clickhouse'], url: 'http://127.0.0.1:9' },
    }
    const lost = await found(nowhere)
    assert.deepEqual(
      ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'Kafka', 'schema registry', 'ClickHouse'].map(step => lost[step]),
      Array.from({ length: 5 }, () => 'missing'),
    )
  } finally {
    await setBucketFaults(s3Endpoint, bucket, [])
    client.destroy()
    rmSync(folder, { recursive: true, force: true })
  }
})
