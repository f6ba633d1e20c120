/** What `check-config --probe` asks S3 for until it has found an object of a source. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { probeSource } from '../../../cli/probe-source.ts'
import { probeText } from '../../../cli/probe-result.ts'
import type { S3Source } from '../../../config.ts'
import { MemoryObjectStore } from '../../support/memory-object-store.ts'

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
  const { object, results } = await probeSource(of({}), store)
  assert.equal(object?.key, key)
  assert.deepEqual(
    results.map(({ step, result }) => `${step} ${result}`),
    ['s3:ListBucket ok', 's3:GetObject ok'],
  )
  assert.ok(store.requests.list.length <= 4, store.requests.list.join())
})

test('stops where no object is found among very many keys, and says so', async () => {
  const store = storeOf(others)
  const { object, results } = await probeSource(of({ layout: 'any', keyPattern: '\\.log$' }), store)
  assert.equal(object, undefined)
  assert.ok(store.requests.list.length <= 21, `${store.requests.list.length} requests`)
  assert.match(probeText(results), /^unknown s3:GetObject +s3:\/\/flow-logs\/: no flow log object among what 20 LIST requests show/m)
})

test('stops where there are accounts without end that have none', async () => {
  const store = storeOf(Array.from({ length: 500 }, (_unused, i) => `AWSLogs/${String(i).padStart(12, '0')}/CloudTrail/x.json.gz`))
  const { results } = await probeSource(of({}), store)
  assert.equal(store.requests.list.length, 20)
  assert.match(probeText(results), /among what 20 LIST requests show/)
})

test('says where there is none at all', async () => {
  const { results } = await probeSource(of({}), storeOf([]))
  assert.match(probeText(results), /^unknown s3:GetObject .*: no flow log object is there to try it with$/m)
})

test('names the permission that is missing', async () => {
  const store = storeOf([])
  store.deny(bucket, 'AWSLogs/')
  assert.match(probeText((await probeSource(of({}), store)).results), /^missing s3:ListBucket /)
})
