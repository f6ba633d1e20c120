/** Which objects a backfill lists, and with whose permissions. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkConfig } from '../../../../config/config.ts'
import { MemoryObjectStore } from '../../../../harness/memory-object-store.ts'
import { listingsOf, objectsOf, scopeOf } from '../../../../operations/backfill/range-objects.ts'
import type { StoreOf } from '../../../../producers/s3/objects/object-store.ts'
import type { S3Source } from '../../../../producers/s3/settings.ts'

const [one, two, three] = ['111111111111', '222222222222', '333333333333']
const regions = ['eu-west-1', 'us-east-1']
const folder = (account: string, region: string): string => `AWSLogs/${account}/vpcflowlogs/${region}/`
const key = (account: string, region: string): string =>
  `${folder(account, region)}2026/11/24/${account}_vpcflowlogs_${region}_fl-1_20261124T1000Z_0.log.gz`
const everyKey = [one, two, three].flatMap(account => regions.map(region => key(account, region)))

/** A bucket as each role sees it. */
async function listed(sources: readonly object[], denied: Readonly<Record<string, readonly string[]>>) {
  const { s3 } = checkConfig({ s3: { sources: sources.map(source => ({ bucket: 'b', ...source })) } })
  const stores = new Map<string, MemoryObjectStore>()
  const storeOf: StoreOf = (_bucket, _key, source?: S3Source) => {
    const role = source?.roleArn?.split('/')[1] ?? ''
    let store = stores.get(role)
    if (store === undefined) {
      stores.set(role, (store = new MemoryObjectStore()))
      for (const each of everyKey) store.put('b', each, 'x')
      for (const prefix of denied[role] ?? []) store.deny('b', prefix)
    }
    return store
  }
  const range = { bucket: 'b', path: '', prefix: '', below: 'AWSLogs/', fromMs: Date.parse('2026-11-24'), toMs: Date.parse('2026-11-25') }
  const scope = scopeOf(s3.sources, range)
  const found: string[] = []
  const faults: string[] = []
  const leftOut: string[] = []
  const signal = new AbortController().signal
  const onFault = (_error: unknown, prefix: string): void => void faults.push(prefix)
  for await (const object of objectsOf(listingsOf(storeOf, scope), scope, onFault, signal, prefix => leftOut.push(prefix)))
    found.push(object.key)
  return { found: found.sort(), faults, leftOut: leftOut.sort(), stores }
}

const role = (name: string): string => `arn:aws:iam::123456789012:role/${name}`

test('sources of one folder are listed each with its own role: all were listed with one, which may see only its accounts', async () => {
  const { found, faults, leftOut } = await listed(
    [
      { accounts: [one], roleArn: role('a') },
      { accounts: [two], roleArn: role('b') },
    ],
    { a: [folder(two, '').slice(0, -1)], b: [folder(one, '').slice(0, -1)] },
  )
  assert.deepEqual(
    found,
    [one, two].flatMap(account => regions.map(region => key(account, region))),
  )
  assert.deepEqual(faults, [])
  assert.deepEqual(leftOut, [`AWSLogs/${three}/vpcflowlogs/`], 'what one source chooses is not left out')
})

test('a folder is left out if each source leaves out it or a folder that it is in', async () => {
  const { found, leftOut } = await listed(
    [
      { accounts: [one], roleArn: role('a') },
      { accounts: [one, two], regions: ['eu-west-1'], roleArn: role('b') },
    ],
    {},
  )
  assert.deepEqual([...new Set(found)], [key(one, 'eu-west-1'), key(one, 'us-east-1'), key(two, 'eu-west-1')])
  assert.deepEqual(leftOut, [folder(two, 'us-east-1'), `AWSLogs/${three}/vpcflowlogs/`])
})

test('sources with one role are listed once', async () => {
  const { found, stores } = await listed([{ accounts: [one] }, { accounts: [two] }], {})
  assert.equal(found.length, 4)
  assert.equal(stores.get('')!.requests.list.filter(prefix => prefix === 'AWSLogs/').length, 1)
})

test('a folder that no source names is listed as a whole', async () => {
  const { found, leftOut } = await listed([{ prefix: 'elsewhere' }], {})
  assert.deepEqual([found, leftOut], [everyKey, []])
})
