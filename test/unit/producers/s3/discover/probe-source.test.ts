/** What `check-config --probe` asks S3 for until it has found an object of a source. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { probeSource } from '../../../../../producers/s3/discover/probe-source.ts'
import { checkConfig } from '../../../../../config/config.ts'
import { explained } from '../../../../../operations/probe/probe.ts'
import { FlowError } from '../../../../../runtime/errors.ts'
import { probeText } from '../../../../../cli/print/probe-text.ts'
import type { S3Source } from '../../../../../producers/s3/settings.ts'
import { MemoryObjectStore } from '../../../../../harness/memory-object-store.ts'

const bucket = 'flow-logs'
const of = (source: Partial<S3Source>): S3Source => ({ bucket, prefix: '', layout: 'flow-logs', ...source })
const account = 'AWSLogs/123456789012'

/** A store with these keys. */
function storeOf(keys: Iterable<string>): MemoryObjectStore {
  const store = new MemoryObjectStore()
  for (const key of keys) store.put(bucket, key, 'x')
  return store
}

const others = Array.from(
  { length: 30_000 },
  (_unused, i) => `${account}/CloudTrail/us-east-1/2026/11/24/${String(i).padStart(6, '0')}.json.gz`,
)

test('finds an object of a flow log behind any number of keys of other services, with few requests', async () => {
  const key = `${account}/vpcflowlogs/us-east-1/2026/11/24/x.log.gz`
  const store = storeOf([...others, key])
  const results = await probeSource(of({}), store)
  assert.equal(results.at(-1)?.detail, key)
  assert.deepEqual(
    results.map(({ step, result }) => `${step} ${result}`),
    ['s3:ListBucket ok', 's3:GetObject ok'],
  )
  assert.ok(store.requests.list.length <= 4, store.requests.list.join())
})

test('stops where no object is found among very many keys, and says so', async () => {
  const store = storeOf(others)
  const results = await probeSource(of({ layout: 'any', keyPattern: '\\.log$' }), store)
  assert.ok(store.requests.list.length <= 21, `${store.requests.list.length} requests`)
  assert.match(probeText(results), /^unknown s3:GetObject +s3:\/\/flow-logs\/: no flow log object among what 20 LIST requests show/m)
})

test('stops where there are accounts without end that have none', async () => {
  const store = storeOf(Array.from({ length: 500 }, (_unused, i) => `AWSLogs/${String(i).padStart(12, '0')}/CloudTrail/x.json.gz`))
  const results = await probeSource(of({}), store)
  assert.equal(store.requests.list.length, 20)
  assert.match(probeText(results), /among what 20 LIST requests show/)
})

// was `unknown` and exit code 0: a source that finds nothing is a fault to be told
const silent: { name: string; source: Partial<S3Source>; keys: string[]; why: RegExp }[] = [
  { name: 'an empty bucket', source: {}, keys: [], why: /below s3:\/\/flow-logs\/AWSLogs\/ is nothing: the bucket is empty/ },
  {
    name: 'another prefix',
    source: { prefix: 'nett' },
    keys: [`net/${account}/vpcflowlogs/us-east-1/2026/11/24/x.log.gz`],
    why: /flow logs are below s3:\/\/flow-logs\/net\/AWSLogs\/: set prefix: net$/,
  },
  {
    name: 'a prefix where none is',
    source: { prefix: 'net' },
    keys: [`${account}/vpcflowlogs/us-east-1/2026/11/24/x.log.gz`],
    why: /set prefix: ""$/,
  },
  { name: 'flow logs behind other folders', source: {}, keys: ['a/x', 'net/AWSLogs/123456789012/x'], why: /set prefix: net$/ },
  {
    name: 'a prefix in another way of writing',
    source: { prefix: 'Net', layout: 'any' },
    keys: ['net/x.gz'],
    why: /keys such as net\/x\.gz; did you mean prefix: net\?/,
  },
  {
    name: 'other services alone',
    source: {},
    keys: others.slice(0, 3),
    why: /are the accounts 123456789012, and in none of them a folder vpcflowlogs\//,
  },
  {
    name: 'other accounts',
    source: { accounts: ['111122223333'] },
    keys: [`${account}/vpcflowlogs/us-east-1/2026/11/24/x.log.gz`],
    why: /are the accounts 123456789012, and none of `accounts`/,
  },
  {
    name: 'other regions',
    source: { regions: ['eu-west-1'] },
    keys: [`${account}/vpcflowlogs/us-east-1/2026/11/24/x.log.gz`],
    why: /are the regions us-east-1, and none of `regions`/,
  },
  {
    name: 'Firehose folders under flow-logs',
    source: {},
    keys: ['hose/2026/11/24/10/x'],
    why: /if these are flow logs, set layout: firehose and prefix: hose$/,
  },
  {
    name: 'flow logs under firehose',
    source: { layout: 'firehose' },
    keys: [`${account}/vpcflowlogs/us-east-1/2026/11/24/x.log.gz`],
    why: /none below <yyyy>\/<mm>\/<dd>\/<hh>\/ .*: set layout: flow-logs$/,
  },
  {
    name: 'an export under firehose',
    source: { layout: 'firehose', prefix: 'export' },
    keys: ['export/1/000000.gz'],
    why: /set layout: any$/,
  },
  {
    name: 'a pattern that matches nothing',
    source: { layout: 'any', keyPattern: '^2026/' },
    keys: ['x/2026/a.gz'],
    why: /keys are there, such as x\/2026\/a\.gz, but none matches keyPattern \^2026\/$/,
  },
  {
    name: 'a start to come',
    source: { startDate: '2999-01-01' },
    keys: [`${account}/vpcflowlogs/us-east-1/2026/11/24/x.log.gz`],
    why: /startDate 2999-01-01 is to come/,
  },
]
for (const { name, source, keys, why } of silent)
  test(`a source that finds nothing does not work, and it is said why: ${name}`, async () => {
    const store = storeOf(keys)
    const results = await probeSource(of(source), store)
    const last = results.at(-1)!
    assert.deepEqual([last.step, last.result], ['objects', 'missing'])
    assert.match(last.detail, why)
    assert.ok(store.requests.list.length <= 40)
  })

test('names the permission that is missing', async () => {
  const store = storeOf([])
  store.deny(bucket, 'AWSLogs/')
  assert.match(probeText(await probeSource(of({}), store)), /^missing s3:ListBucket /)
})

test('an S3 that nobody serves is not a missing permission', async () => {
  const { s3 } = checkConfig({ s3: { endpoint: 'http://127.0.0.1:1', sources: [{ bucket }] } })
  const away = new FlowError('S3_UNAVAILABLE', { bucket, key: '', detail: 'connect ECONNREFUSED 127.0.0.1:1' })
  const store = { listPrefixes: () => assert.fail(), list: () => assert.fail(), open: () => assert.fail() } as unknown as MemoryObjectStore
  Object.assign(store, { listPrefixes: () => { throw away }, list: () => { throw away } }) // prettier-ignore
  const endpoint = { setting: 's3.endpoint', url: s3.endpoint! }
  const results = await probeSource(of({}), store, { endpoint })
  const shown = probeText(await Promise.all(results.map(explained)))
  assert.match(shown, /^missing S3 +s3:\/\/flow-logs\/.*: nobody listens at 127\.0\.0\.1:1: check s3\.endpoint/)
})

const regions: { name: string; cause: object; endpoint?: string; expect: RegExp }[] = [
  {
    name: 'a host of a region that is not known',
    cause: { code: 'ENOTFOUND' },
    expect: /: check s3\.region, which is eu-central-9 \(S3 does not give/,
  },
  { name: 'S3 that says so', cause: { name: 'PermanentRedirect' }, endpoint: 'http://s3:1', expect: /: check s3\.region, which is/ },
  { name: 'a host of the endpoint that is not known', cause: { code: 'ENOTFOUND' }, endpoint: 'http://s3:1', expect: /: S3 does not give/ },
  { name: 'another failure', cause: { code: 'ECONNRESET' }, expect: /: S3 does not give/ },
]
for (const { name, cause, endpoint, expect } of regions)
  test(`the region is named where it may be wrong, and nowhere else: ${name}`, async () => {
    const store = storeOf([])
    store.listPrefixes = () => {
      throw new FlowError('S3_UNAVAILABLE', { bucket, key: '', detail: 'x' }, { cause: Object.assign(new Error('x'), cause) })
    }
    const reach = endpoint === undefined ? undefined : { setting: 's3.endpoint', url: endpoint }
    const region = { setting: 's3.region', value: 'eu-central-9' }
    assert.match(probeText(await probeSource(of({}), store, { endpoint: reach, region })), expect)
  })

test('a bucket that does not exist is said to be missing, and no right', async () => {
  const store = storeOf([])
  store.deny(bucket, '', 'S3_NO_BUCKET')
  assert.match(probeText(await probeSource(of({}), store)), /^missing bucket +s3:\/\/flow-logs\/AWSLogs\/: the bucket flow-logs does not exist; check bucket of its source in s3\.sources/) // prettier-ignore
})
