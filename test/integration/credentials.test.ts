/**
 * Whose credentials requests are signed with, against a server that verifies signatures, session tokens, regions, grants, external ids and who
 * pays, before it hands on to the local S3 and SQS server.
 */
import assert from 'node:assert/strict'
import { after, mock, test } from 'node:test'
import { probe } from '../../operations/probe/probe.ts'
import { loadConfig, type Config } from '../../config/config.ts'
import { openQueue } from '../../producers/s3/notify/notify-queue.ts'
import type { ObjectStore } from '../../producers/s3/objects/object-store.ts'
import { createS3Stores } from '../../producers/s3/objects/s3-object-store.ts'
import { FlowError } from '../../runtime/errors.ts'
import { AwsAccount, roles } from '../support/s3/aws-account.ts'
import { endpoints, freshSettings, noKey, releaseStack, noTables } from '../../harness/live-stack.ts'

const account = await AwsAccount.open((await endpoints()).s3Endpoint)
after(async () => {
  await account.close()
  await releaseStack()
})
const { aws, bucket, farBucket, paidBucket, keys } = account
const key = 'AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24/x.log.gz'
for (const each of [bucket, farBucket, paidBucket]) await account.put(each, key, Buffer.from('x'))

/** Settings of the section `s3`, and the role that both sources and the queue name. */
interface Case {
  readonly name: string
  readonly s3?: Record<string, unknown>
  readonly role?: { roleArn: string; externalId?: string }
}

const s3Settings = (s3: Record<string, unknown>): Config['s3'] =>
  loadConfig({ env: {}, overrides: { s3: { endpoint: aws.endpoint, pathStyle: true, ...s3 } } }).s3

const settingsOf = ({ s3, role }: Case): Config['s3'] =>
  s3Settings({
    sources: [
      { bucket, ...role },
      { bucket: farBucket, region: 'eu-west-1', ...role },
    ],
    queues: [{ url: account.queueUrl, ...role }],
    ...s3,
  })

async function keysOf(store: ObjectStore, of: string): Promise<string[]> {
  const found: string[] = []
  for await (const listed of store.list(of, 'AWSLogs/')) found.push(listed.key)
  return found
}

async function read(store: ObjectStore, from: string, at = key): Promise<void> {
  const { body } = await store.open(from, at)
  body.destroy()
}

/** Lists, reads and receives, as the roles do. */
async function useAll(settings: Config['s3']): Promise<void> {
  const stores = createS3Stores(settings)
  for (const source of settings.sources) {
    const store = stores(source.bucket, key)
    assert.deepEqual(await keysOf(store, source.bucket), [key])
    await read(store, source.bucket)
  }
  for (const each of settings.queues) {
    const queue = openQueue(settings, each)
    await queue.tryReceive()
    await queue.tryDelete()
    queue.close()
  }
}

/** Code and text of what is thrown. */
async function fault(action: Promise<unknown>): Promise<string> {
  const error = await action.then(
    () => assert.fail('nothing was thrown'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof FlowError, String(error))
  return `${error.code}: ${error.message}`
}

for (const { who, assumed, ...each } of [
  { name: 'the default chain: environment variables', who: 'chain', assumed: [] },
  { name: 'a profile, whose region decides nothing', s3: { profile: 'team' }, who: 'team', assumed: [] },
  { name: 'a static key, before a profile', s3: { ...keys.fixed, profile: 'team' }, who: 'fixed', assumed: [] },
  { name: 'a profile with a role', s3: { profile: 'reading' }, who: roles.reader, assumed: ['team of-the-profile'] },
  { name: 'a role, by the default chain', role: { roleArn: roles.reader }, who: roles.reader, assumed: ['chain flowloom'] },
  {
    name: 'a role, by a static key',
    s3: { ...keys.fixed },
    role: { roleArn: roles.reader },
    who: roles.reader,
    assumed: ['fixed flowloom'],
  },
  {
    name: 'a role with an external id, by a profile',
    s3: { profile: 'team' },
    role: { roleArn: roles.partner, externalId: 'ours' },
    who: roles.partner,
    assumed: ['team flowloom'],
  },
  {
    name: 'a role with an external id, by a profile with a role',
    s3: { profile: 'reading' },
    role: { roleArn: roles.partner, externalId: 'ours' },
    who: roles.partner,
    assumed: ['team of-the-profile', `${roles.reader} flowloom`],
  },
] satisfies (Case & { who: string; assumed: string[] })[])
  test(`S3 and SQS are asked with ${each.name}`, async () => {
    aws.seen.length = 0
    await useAll(settingsOf(each))
    const others = aws.seen.filter(({ action }) => action !== 'sts:AssumeRole')
    assert.deepEqual(
      aws.seen.filter(({ result }) => result !== 'ok'),
      [],
    )
    assert.deepEqual(
      [...new Set(aws.seen.flatMap(({ who: by, sessionName }) => (sessionName === null ? [] : `${by} ${sessionName}`)))],
      assumed,
    )
    assert.deepEqual(
      others.map(({ who: by, action, region }) => [by, action, region]),
      [
        [who, 's3:ListBucket', 'us-east-1'],
        [who, 's3:GetObject', 'us-east-1'],
        [who, 's3:ListBucket', 'eu-west-1'],
        [who, 's3:GetObject', 'eu-west-1'],
        [who, 'sqs:ReceiveMessage', 'us-east-1'],
        [who, 'sqs:DeleteMessage', 'us-east-1'],
      ],
    )
  })

test('sources with different credentials in one process', async () => {
  const sources = [
    { bucket, roleArn: roles.reader },
    { bucket: farBucket, region: 'eu-west-1', roleArn: roles.partner, externalId: 'ours' },
    { bucket: farBucket, prefix: 'own', region: 'eu-west-1' },
  ]
  await account.put(farBucket, `own/${key}`, Buffer.from('x'))
  const stores = createS3Stores(s3Settings({ profile: 'team', sources }))
  aws.seen.length = 0
  for (const [from, at] of [
    [bucket, key],
    [farBucket, key],
    [farBucket, `own/${key}`],
  ] as const)
    await read(stores(from, at), from, at)
  assert.deepEqual(
    aws.seen.filter(({ action }) => action === 's3:GetObject').map(({ who, resource }) => [who, resource]),
    [
      [roles.reader, `${bucket}/${key}`],
      [roles.partner, `${farBucket}/${key}`],
      ['team', `${farBucket}/own/${key}`],
    ],
  )
})

test('requester pays: said in every request where it is set, else denied', async () => {
  const sources = [{ bucket: paidBucket }]
  await useAll(s3Settings({ sources, requesterPays: true }))
  const store = createS3Stores(s3Settings({ sources }))(paidBucket, key)
  assert.match(await fault(keysOf(store, paidBucket)), /^S3_ACCESS_DENIED/)
  assert.match(await fault(read(store, paidBucket)), /^S3_ACCESS_DENIED/)
})

test('a session is renewed before it expires, and a key in a file is replaced when the file has another', async () => {
  const hourMs = 3_600_000
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  try {
    const store = createS3Stores(settingsOf({ name: '', s3: { profile: 'team' }, role: { roleArn: roles.reader } }))(bucket, key)
    const asked = async (): Promise<string[]> => {
      aws.seen.length = 0
      await read(store, bucket)
      return aws.seen.map(({ action, accessKeyId }) => `${action} ${accessKeyId}`)
    }
    const assumes = `sts:AssumeRole ${keys.team.accessKeyId}`
    const first = await asked()
    assert.equal(first[0], assumes)
    const gets = first[1]!
    assert.match(gets, /^s3:GetObject ASIA/)
    assert.deepEqual(await asked(), [gets])
    mock.timers.tick(hourMs - 301_000)
    assert.deepEqual(await asked(), [gets])
    mock.timers.tick(2000)
    const renewed = await asked()
    assert.equal(renewed[0], assumes)
    assert.match(renewed[1]!, /^s3:GetObject ASIA/)
    assert.notEqual(renewed[1], gets)

    const next = aws.addKey('team', ['s3:', 'sqs:'])
    account.writeTeamKey(next)
    aws.removeKey(keys.team.accessKeyId)
    mock.timers.tick(hourMs)
    assert.equal((await asked())[0], `sts:AssumeRole ${next.accessKeyId}`)
  } finally {
    mock.timers.reset()
  }
})

const nobody = { accessKeyId: 'AKIANOBODY', secretAccessKey: 'x' }
const mayNot = (owner: string, role: string): string =>
  `${owner} gives no credentials: .* not authorized to perform: sts:AssumeRole on resource: ${role}`

for (const { says, step = 'credentials', ...each } of [
  { name: 'a key that AWS does not know', s3: nobody, says: '(InvalidAccessKeyId|UnrecognizedClientException)' },
  { name: 'a wrong secret', s3: { ...keys.fixed, secretAccessKey: 'x' }, says: 'SignatureDoesNotMatch' },
  { name: 'a profile that is not there', s3: { profile: 'nobody' }, says: 'the profile "nobody" gives no credentials: ' },
  {
    name: 'a profile that is not there, to assume a role with',
    s3: { profile: 'nobody' },
    role: { roleArn: roles.reader },
    says: 'the profile "nobody" gives no credentials: ',
  },
  {
    name: 'a key that AWS does not know, to assume a role with',
    s3: nobody,
    role: { roleArn: roles.reader },
    says: `the role ${roles.reader} gives no credentials: InvalidClientTokenId`,
  },
  {
    name: 'a role that trusts others',
    role: { roleArn: roles.shut },
    says: mayNot(`the role ${roles.shut}`, roles.shut),
    step: 'sts:AssumeRole',
  },
  {
    name: 'a profile whose role trusts others',
    s3: { profile: 'shut' },
    says: mayNot('the profile "shut"', roles.shut),
    step: 'sts:AssumeRole',
  },
  {
    name: 'a role without its external id',
    s3: { profile: 'team' },
    role: { roleArn: roles.partner },
    says: mayNot(`the role ${roles.partner}`, roles.partner),
    step: 'sts:AssumeRole',
  },
  {
    name: 'a role with another external id',
    s3: { profile: 'team' },
    role: { roleArn: roles.partner, externalId: 'theirs' },
    says: mayNot(`the role ${roles.partner}`, roles.partner),
    step: 'sts:AssumeRole',
  },
] satisfies (Case & { says: string; step?: string })[])
  test(`${each.name} is told as such, is no fault of an object or a queue, and is named by the probe`, async () => {
    const settings = settingsOf(each)
    const queue = openQueue(settings, settings.queues[0]!)
    const found = await fault(read(createS3Stores(settings)(bucket, key), bucket))
    const kind = says.includes('gives no credentials') ? 'CREDENTIALS' : 'UNAVAILABLE'
    assert.match(found, new RegExp(`^S3_${kind}: .*${says}`))
    assert.match(await fault(queue.tryReceive()), new RegExp(`^SQS_${kind}: .*${says}`))
    queue.close()
    const results = await probe(
      loadConfig({ env: {}, overrides: await freshSettings({ s3: { ...noKey, ...settings }, lookups: noTables }) }),
    )
    assert.deepEqual(
      results.slice(0, 4).map(result => `${result.result} ${result.step}`),
      // two sources and the queue, which tells it once
      [...Array.from({ length: 3 }, () => `missing ${step}`), 'ok Kafka'],
    )
  })
