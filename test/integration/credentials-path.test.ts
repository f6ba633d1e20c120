/** Credentials on the whole way in: roles of flowloom and its commands against a server that checks who asks. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { stringify } from 'yaml'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { registry } from '../../runtime/metrics.ts'
import { AwsAccount, roles } from '../support/s3/aws-account.ts'
import { flowloom } from '../support/processes/command-line.ts'
import { until } from '../support/kafka/kafka-lab.ts'
import { ledgerRecords } from '../support/records/ledger-records.ts'
import { endpoints, freshSettings, noKey, releaseStack } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { s3Event, s3Record } from '../support/s3/test-queue.ts'

const account = await AwsAccount.open((await endpoints()).s3Endpoint)
after(async () => {
  await account.close()
  await releaseStack()
})
const { aws, bucket, farBucket, queueUrl, queuePath, folder } = account

test('check-config --probe says whether the role of the profile in the environment may be assumed', { timeout: 120_000 }, async () => {
  const key = 'AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24/x.log.gz'
  await account.put(bucket, key, Buffer.from('x'))
  const file = join(folder, 'flowloom.yaml')
  writeFileSync(
    file,
    stringify(await freshSettings({ s3: { ...noKey, endpoint: aws.endpoint, sources: [{ bucket }], queues: [{ url: queueUrl }] } })),
  )
  const probed = (profile: string) =>
    flowloom(['check-config', '--probe', '-c', file], { AWS_PROFILE: profile, AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' })
  const allowed = await probed('reading')
  assert.equal(allowed.code, 0, allowed.out + allowed.err)
  const denied = await probed('shut')
  assert.equal(denied.code, 1)
  for (const subject of [`s3://${bucket}/AWSLogs/`, queueUrl])
    assert.match(
      denied.out,
      new RegExp(`^missing sts:AssumeRole +${subject}: .*the default credential chain gives .*resource: ${roles.shut}`, 'm'),
    )
})

test('a denied listing and the end of sessions stop neither polling nor notifications', { timeout: 240_000 }, async () => {
  const near = 'arn:aws:iam::111122223333:role/near'
  const far = 'arn:aws:iam::444455556666:role/far'
  const queue = 'arn:aws:iam::111122223333:role/queue'
  // renewed after a second, ended after five
  const session = { sessionMs: 301_000, endsAfterMs: 5000, trusts: ['team'] }
  aws.addRole({ ...session, arn: near, grants: [`s3:ListBucket ${bucket}/`, `s3:GetObject ${bucket}/AWSLogs/`] })
  aws.addRole({ ...session, arn: far, externalId: 'ours', grants: [`s3:GetObject ${farBucket}/AWSLogs/`] })
  aws.addRole({ ...session, arn: queue, grants: [`sqs:ReceiveMessage ${queuePath}`, `sqs:DeleteMessageBatch ${queuePath}`] })
  const sources = [
    { bucket, roleArn: near },
    { bucket: farBucket, region: 'eu-west-1', roleArn: far, externalId: 'ours' },
  ]
  const queues = [{ url: queueUrl, roleArn: queue }]
  const run = await LocalRun.open(
    await freshSettings({
      s3: { ...noKey, endpoint: aws.endpoint, profile: 'team', sources, queues },
      lookups: { country: 'none', asn: 'none' },
      log: { level: 'silent' },
    }),
  )
  const put = async (to: string, seed: number): Promise<string[]> => {
    const keys: string[] = []
    const startS = Math.floor(Date.now() / 1000) - 3600
    for (const { key, body } of generateObjects({ seed, records: 200, startS, slots: 1 })) {
      await account.put(to, key, body)
      keys.push(key)
    }
    return keys
  }
  /** Brings objects that are listed and objects that are notified, and waits for them. @returns The access key ids of each role that read them. */
  const deliver = async (seed: number): Promise<Map<string, Set<string>>> => {
    const told = await put(farBucket, seed)
    await account.notify(s3Event(...told.map(key => s3Record(farBucket, key))))
    const keys = new Set([...told, ...(await put(bucket, seed + 1))])
    await until(
      async () => {
        const ledger = await ledgerRecords(run.session)
        return [...keys].every(key => ledger.get(key)?.at(-1)?.state === 'done')
      },
      90_000,
      'the objects',
    )
    const readers = new Map([near, far].map(role => [role, new Set<string>()]))
    for (const { who, action, resource, result, accessKeyId } of aws.seen)
      if (action === 's3:GetObject' && result === 'ok' && keys.has(resource.slice(resource.indexOf('/') + 1)))
        readers.get(who)!.add(accessKeyId)
    return readers
  }
  try {
    aws.seen.length = 0
    run.start(['discover', 'notify', 'fetch'])
    const before = await deliver(1)
    await until(() => [...before.values()].every(ids => [...ids].every(id => aws.hasEnded(id))), 30_000, 'the end of the sessions')
    const then = await deliver(3)
    for (const role of [near, far]) {
      assert.ok(before.get(role)!.size > 0 && then.get(role)!.size > 0, `${role} has read`)
      assert.deepEqual(
        [...then.get(role)!].filter(id => before.get(role)!.has(id)),
        [],
      )
    }
    assert.deepEqual(aws.told('AccessDenied'), [`${far} s3:ListBucket`])
    const denied = await registry.getSingleMetric('flowloom_discover_errors_total')!.get()
    assert.ok(denied.values.some(({ labels, value }) => labels['code'] === 'S3_ACCESS_DENIED' && value > 0))
    for (const action of ['sqs:ReceiveMessage', 'sqs:DeleteMessageBatch']) assert.ok(aws.told().includes(`${queue} ${action}`), action)
  } finally {
    await run.close()
  }
})
