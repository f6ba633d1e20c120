import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isListed } from '../../../../../audit/plain-listing.ts'
import { checkConfig } from '../../../../../config/config.ts'
import { listObjects } from '../../../../../producers/s3/objects/list-objects.ts'
import { isWanted } from '../../../../../producers/s3/objects/source-layout.ts'
import { registry } from '../../../../../runtime/metrics.ts'
import { Random } from '../../../../../producers/synthetic/random.ts'
import { bucket, DiscoverBench } from '../../../../support/s3/discover-cases.ts'
import { createS3Stores } from '../../../../../producers/s3/objects/s3-object-store.ts'
import { MemoryObjectStore } from '../../../../../harness/memory-object-store.ts'

const plain = (day: string, name: string, account = '123456789012', region = 'us-east-1'): string =>
  `AWSLogs/${account}/vpcflowlogs/${region}/${day}/${name}.log.gz`

const archivedSeen = async (): Promise<number> =>
  (await registry.getSingleMetric('flowloom_discover_objects_archived_total')!.get()).values.reduce((sum, { value }) => sum + value, 0)

const layouts = [
  { name: 'plain', key: 'AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24/x.log.gz' },
  { name: 'hourly', key: 'AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24/11/x.log.gz' },
  {
    name: 'Hive',
    key: 'AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/year=2026/month=11/day=24/x.log.gz',
  },
  {
    name: 'Hive hourly',
    key: 'AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/year=2026/month=11/day=24/hour=11/x.log.gz',
  },
  { name: 'organisation', key: 'AWSLogs/o-abc123def4/123456789012/vpcflowlogs/us-east-1/2026/11/24/x.log.gz' },
  { name: 'zstd', key: 'AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24/x.log.zst' },
  { name: 'Parquet', key: 'AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24/x.log.parquet' },
]
for (const { name, key } of layouts) {
  test(`finds objects of the ${name} layout, with and without a prefix`, async () => {
    for (const prefix of ['', 'some/where']) {
      const bench = new DiscoverBench({ s3: { sources: [{ bucket, prefix }] } })
      const full = prefix === '' ? key : `${prefix}/${key}`
      bench.store.put(bucket, full, 'x')
      bench.store.put(bucket, prefix === '' ? `other/${key}` : key, 'x')
      assert.deepEqual(await bench.once(), [full])
    }
  })
}

test('announces size, time and ETag, once', async () => {
  const bench = new DiscoverBench()
  const etag = bench.store.put(bucket, plain('2026/11/24', 'x'), 'body')
  await bench.once()
  const all = bench.cluster.readCommitted('objectArrivals')
  assert.deepEqual(
    all.map(record => ({ ...record.value })),
    [{ etag, size: 4, lastModifiedMs: bench.store.clockMs, source: 'poll' }],
  )
})

test('finds late objects whatever their place in the order of keys', async () => {
  const bench = new DiscoverBench()
  bench.store.put(bucket, plain('2026/11/24', 'm'), 'x')
  bench.start()
  await bench.rounds()
  for (const name of ['z', 'a', 'n']) bench.store.put(bucket, plain('2026/11/24', name), 'x')
  bench.store.put(bucket, plain('2026/11/23', 'late'), 'x')
  bench.store.put(bucket, plain('2026/11/24', 'new-account', '999999999999', 'eu-west-1'), 'x')
  await bench.rounds()
  await bench.stop()
  assert.deepEqual(
    bench
      .keys()
      .map(key => key.replace(/.*\//, ''))
      .sort(),
    ['a.log.gz', 'late.log.gz', 'm.log.gz', 'n.log.gz', 'new-account.log.gz', 'z.log.gz'],
  )
})

test('announces an object again when its ETag changes', async () => {
  const bench = new DiscoverBench()
  const key = plain('2026/11/24', 'x')
  const first = bench.store.put(bucket, key, 'one')
  bench.start()
  await bench.rounds()
  const second = bench.store.put(bucket, key, 'two')
  await bench.rounds()
  await bench.stop()
  assert.deepEqual(
    bench.cluster.readCommitted('objectArrivals').map(record => record.value?.etag),
    [first, second],
  )
})

test('around midnight the day before is listed too, and days beyond the window are not', async () => {
  const bench = new DiscoverBench({ now: '2026-11-24T00:01:00Z', s3: { lookBackMs: 3_600_000 } })
  for (const day of ['2026/11/24', '2026/11/23', '2026/11/22', '2026/11/21']) bench.store.put(bucket, plain(day, 'x'), day)
  assert.deepEqual(await bench.once(), [plain('2026/11/24', 'x'), plain('2026/11/23', 'x'), plain('2026/11/22', 'x')])
})

test('nothing before the start date is announced', async () => {
  const bench = new DiscoverBench({ s3: { lookBackMs: 30 * 86_400_000, sources: [{ bucket, startDate: '2026-11-10' }] } })
  for (const day of ['2026/11/24', '2026/11/10', '2026/11/09', '2026/10/31']) bench.store.put(bucket, plain(day, 'x'), day)
  assert.deepEqual(await bench.once(), [plain('2026/11/24', 'x'), plain('2026/11/10', 'x')])
})

test('a long window looks up the days that exist instead of asking for every one', async () => {
  const bench = new DiscoverBench({ s3: { lookBackMs: 700 * 86_400_000 } })
  for (const day of ['2026/11/24', '2025/03/02']) bench.store.put(bucket, plain(day, 'x'), day)
  bench.start()
  await bench.rounds()
  await bench.stop()
  assert.deepEqual(bench.keys(), [plain('2026/11/24', 'x'), plain('2025/03/02', 'x')])
  assert.ok(!bench.store.requests.list.includes('AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/23/'))
})

test('an archived object is announced as others are, and counted', async () => {
  const bench = new DiscoverBench()
  const list = bench.store.list.bind(bench.store)
  bench.store.list = async function* (...args) {
    for await (const object of list(...args)) yield { ...object, storageClass: 'DEEP_ARCHIVE' }
  }
  const before = await archivedSeen()
  const key = plain('2026/11/24', 'cold')
  bench.store.put(bucket, key, 'x')
  assert.deepEqual(await bench.once(), [key])
  assert.equal((await archivedSeen()) - before, 1)
})

test('listing does not stop at a page', async () => {
  const bench = new DiscoverBench()
  for (let i = 0; i < 2500; i++) bench.store.put(bucket, plain('2026/11/24', `x${i}`), String(i))
  assert.equal((await bench.once()).length, 2500)
})

test('a prefix that is denied is reported and the rest goes on', async () => {
  const bench = new DiscoverBench()
  bench.store.put(bucket, plain('2026/11/24', 'x', '111111111111'), 'x')
  bench.store.put(bucket, plain('2026/11/24', 'x', '222222222222'), 'x')
  bench.store.deny(bucket, 'AWSLogs/111111111111/')
  bench.start()
  await bench.ended(2)
  assert.deepEqual(bench.keys(), [plain('2026/11/24', 'x', '222222222222')])
  assert.equal(bench.source.ready(), false)
  bench.store.allow()
  await bench.ended(2)
  assert.equal(bench.source.ready(), true)
  await bench.stop()
  assert.deepEqual(bench.keys(), [plain('2026/11/24', 'x', '222222222222'), plain('2026/11/24', 'x', '111111111111')])
})

test('shards share accounts and regions without overlap', async () => {
  const bench = new DiscoverBench({ shards: 3 })
  const keys = Array.from({ length: 20 }, (_unused, i) => plain('2026/11/24', 'x', `1234567890${10 + (i % 5)}`, `us-east-${i % 4}`))
  for (const key of keys) bench.store.put(bucket, key, key)
  assert.deepEqual((await bench.once([0, 1, 2])).sort(), [...new Set(keys)].sort())
})

test('what was seen is forgotten when its day leaves the window', async () => {
  const bench = new DiscoverBench({ s3: { lookBackMs: 0 } })
  const key = plain('2026/11/24', 'x')
  bench.store.put(bucket, key, 'x')
  bench.start()
  await bench.rounds()
  bench.cluster.clockMs += 3 * 86_400_000
  await bench.rounds()
  // back in the window it is unknown again: the proof that it was dropped
  bench.cluster.clockMs -= 3 * 86_400_000
  await bench.rounds()
  await bench.stop()
  assert.deepEqual(bench.keys(), [key, key])
})

test('names that are no flow logs and other services are left alone', async () => {
  const bench = new DiscoverBench()
  bench.store.put(bucket, 'AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24/manifest.json', 'x')
  bench.store.put(bucket, 'AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24/', '')
  bench.store.put(bucket, 'AWSLogs/123456789012/CloudTrail/us-east-1/2026/11/24/x.log.gz', 'x')
  bench.store.put(bucket, 'AWSLogs/readme/x.log.gz', 'x')
  assert.deepEqual(await bench.once(), [])
})

test('a backfill lists the days it is asked for, across layouts', async () => {
  const bench = new DiscoverBench()
  const hive = 'AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/year=2025/month=12/day=31/x.log.gz'
  for (const key of [hive, plain('2025/12/31', 'x'), plain('2026/01/01', 'x'), plain('2026/01/02', 'x')]) bench.store.put(bucket, key, key)
  const listed: string[] = []
  for await (const object of listObjects(bench.store, { bucket, prefix: '', fromDay: '2025-12-20', toDay: '2026-01-01' }))
    listed.push(object.key)
  assert.deepEqual(listed.sort(), [plain('2025/12/31', 'x'), plain('2026/01/01', 'x'), hive].sort())
})

test('two days of objects that come up to a day late, in any order and across midnights, are each announced once', async () => {
  const startMs = Date.parse('2026-11-23T00:00:00Z')
  const hourMs = 3_600_000
  const random = new Random(20261123)
  const bench = new DiscoverBench({ now: '2026-11-23T00:00:00Z', shards: 2, quietDayRounds: 3 })
  const pending: { key: string; atMs: number }[] = []
  for (let slot = 0; slot < 48; slot++)
    for (let log = 0; log < 6; log++) {
      const slotMs = startMs + slot * hourMs
      const stamp = new Date(slotMs).toISOString().replaceAll(/[-:]/g, '')
      const day = new Date(slotMs).toISOString().slice(0, 10).replaceAll('-', '/')
      const name = `123456789012_vpcflowlogs_us-east-1_fl-${log}_${stamp.slice(0, 13)}Z_${random.hex(8)}`
      pending.push({
        key: plain(day, name, '123456789012', log % 2 === 0 ? 'us-east-1' : 'eu-west-1'),
        atMs: slotMs + random.share() ** 3 * 24 * hourMs,
      })
    }
  const expected = pending.map(({ key }) => key).sort()
  bench.start([0, 1])
  for (let ms = startMs; ms <= startMs + 73 * hourMs; ms += hourMs) {
    bench.cluster.clockMs = ms
    for (const due of pending.filter(({ atMs }) => atMs <= ms)) {
      pending.splice(pending.indexOf(due), 1)
      bench.store.put(bucket, due.key, due.key)
    }
    await bench.ended(4)
  }
  await bench.ended(8)
  await bench.stop()
  assert.deepEqual([pending.length, bench.keys().sort()], [0, expected])
})

/** What a source logs while it runs some rounds, and how many sources are silent after them. */
async function saidOf(
  bench: DiscoverBench,
  shards: number[],
  later: () => void = () => undefined,
): Promise<{ said: string[]; silent: number[] }> {
  const said: string[] = []
  const note = (fields: { reason?: string }, text: string): void => void said.push(`${text}: ${fields.reason ?? ''}`)
  Object.assign(bench.cluster.log, { warn: note, info: note })
  const silent = async (): Promise<number> =>
    (await registry.getSingleMetric('flowloom_discover_silent_sources')!.get()).values[0]?.value ?? 0
  bench.start(shards)
  await bench.ended(3 * shards.length)
  const before = await silent()
  later()
  await bench.ended(3 * shards.length)
  const after = await silent()
  await bench.stop()
  return { said, silent: [before, after, await silent()] }
}

const day = 'AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24/'
const silences: { name: string; source: Record<string, unknown>; keys: string[]; why: RegExp }[] = [
  { name: 'a wrong prefix', source: { prefix: 'nett' }, keys: [`net/${day}x.log.gz`], why: /set prefix: net$/ },
  {
    name: 'old objects alone',
    source: {},
    keys: ['AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/10/01/x.log.gz'],
    why: /objects are there, such as .*2026\/10\/01.*, but none since 2026-11-22 .*flowloom backfill/,
  },
  {
    name: 'a pattern that matches nothing',
    source: { layout: 'any', keyPattern: 'zip$' },
    keys: ['a.gz'],
    why: /none matches keyPattern zip\$$/,
  },
  { name: 'a start to come', source: { startDate: '2026-12-01' }, keys: [`${day}x.log.gz`], why: /startDate 2026-12-01 is to come/ },
  {
    name: 'accounts that are not there',
    source: { accounts: ['111122223333'] },
    keys: [`${day}x.log.gz`],
    why: /are the accounts 123456789012/,
  },
]
for (const { name, source, keys, why } of silences)
  test(`a source that finds nothing is said once, by one shard of all: ${name}`, async () => {
    const bench = new DiscoverBench({ s3: { sources: [{ bucket, ...source }] }, shards: 3 })
    for (const key of keys) bench.store.put(bucket, key, 'x')
    const { said, silent } = await saidOf(bench, [0, 1, 2])
    assert.equal(said.length, 1, said.join('\n'))
    assert.match(said[0]!, why)
    assert.deepEqual(silent, [1, 1, 0])
  })

test('a source that found nothing is heard again when an object comes, whichever shard lists it; a good one is never said', async () => {
  const bench = new DiscoverBench({ s3: { sources: [{ bucket, prefix: 'late' }, { bucket }] }, shards: 3 })
  bench.store.put(bucket, `${day}x.log.gz`, 'x')
  const { said, silent } = await saidOf(bench, [0, 1, 2], () => bench.store.put(bucket, `late/${day}y.log.gz`, 'y'))
  assert.deepEqual(
    said.map(text => text.replace(/:.*/, '')),
    ['a source finds nothing to read', 'a source has something to read now'],
  )
  assert.deepEqual(silent, [1, 0, 0])
})

test('two sources of one bucket and prefix: each is listed, and looked at, with its own role', async () => {
  const [a, b] = ['111111111111', '222222222222'] as const
  const sources = [a, b].map(account => ({ bucket, accounts: [account], roleArn: `arn:aws:iam::${account}:role/logs` }))
  const bench = new DiscoverBench({ s3: { sources } })
  for (const account of [a, b]) {
    bench.ownStores.set(account, new MemoryObjectStore())
    // each role sees the objects of its account alone
    bench.ownStores.get(account)!.put(bucket, plain('2026/11/24', 'x', account), 'x')
  }
  assert.deepEqual((await bench.once()).sort(), [plain('2026/11/24', 'x', a), plain('2026/11/24', 'x', b)])
  const { s3 } = checkConfig({ s3: { sources } })
  const stores = createS3Stores(s3)
  const root = 'AWSLogs/'
  assert.notEqual(stores(bucket, root, s3.sources[0]), stores(bucket, root, s3.sources[1]))
  assert.equal(stores(bucket, plain('2026/11/24', 'x', b)), stores(bucket, root, s3.sources[1]))
})

test('a large source of the layout any is not called silent in the rounds that do not list it', async () => {
  const bench = new DiscoverBench({ s3: { sources: [{ bucket, prefix: 'many', layout: 'any' }] } })
  for (let i = 0; i < 10_001; i++) bench.store.put(bucket, `many/${i}.log`, 'x')
  const { said, silent } = await saidOf(bench, [0])
  assert.deepEqual([said, silent], [[], [0, 0, 0]])
})

test('a source of the layout any is judged whenever it is listed, in rounds that list busy days alone too; a fault elsewhere does not matter', async () => {
  const sources = [{ bucket, prefix: 'gone', layout: 'any' }, { bucket: 'denied' }]
  const bench = new DiscoverBench({ s3: { sources }, quietDayRounds: 1000 })
  bench.store.deny('denied', '')
  bench.store.put(bucket, 'gone/x.log', 'x')
  const { said } = await saidOf(bench, [0], () => undefined)
  assert.deepEqual(
    said.filter(text => text.startsWith('a source')),
    [],
  )
  const other = new DiscoverBench({ s3: { sources }, quietDayRounds: 1000 })
  other.store.deny('denied', '')
  assert.equal((await saidOf(other, [0])).said.filter(text => text.startsWith('a source finds nothing')).length, 1)
})

test('accounts and regions of a source: discover and backfill list only these', async () => {
  const key = (account: string, region: string): string => `AWSLogs/${account}/vpcflowlogs/${region}/2026/11/24/x.log.gz`
  const [one, two, three] = ['111122223333', '222233334444', '333344445555']
  const all = [one, two, three].flatMap(account => ['us-east-1', 'eu-west-1'].map(region => key(account, region)))
  const hive = `AWSLogs/aws-account-id=${one}/aws-service=vpcflowlogs/aws-region=us-east-1/year=2026/month=11/day=24/x.log.gz`
  for (const { sources, expect } of [
    { sources: [{ bucket, accounts: [one] }], expect: [key(one, 'us-east-1'), key(one, 'eu-west-1'), hive] },
    { sources: [{ bucket, regions: ['eu-west-1'] }], expect: [one, two, three].map(account => key(account, 'eu-west-1')) },
    {
      sources: [
        { bucket, accounts: [one], regions: ['us-east-1'] },
        { bucket, accounts: [two], regions: ['eu-west-1'] },
      ],
      expect: [key(one, 'us-east-1'), key(two, 'eu-west-1'), hive],
    },
  ]) {
    const bench = new DiscoverBench({ s3: { sources } })
    for (const each of [...all, hive]) bench.store.put(bucket, each, 'x')
    assert.deepEqual((await bench.once()).sort(), [...expect].sort())
    const listed: string[] = []
    const leftOut = new Set<string>()
    const [first, ...others] = checkConfig({ s3: { sources } }).s3.sources
    const scope = { ...first!, others, onLeftOut: (prefix: string) => leftOut.add(prefix), fromDay: '2026-11-24', toDay: '2026-11-24' }
    for await (const object of listObjects(bench.store, scope)) listed.push(object.key)
    assert.deepEqual(listed.sort(), [...expect].sort())
    assert.ok(leftOut.size > 0 && ![...leftOut].some(prefix => expect.some(each => each.startsWith(prefix))))
    // whatever lists, one predicate says the same of every key
    const { sources: checked } = checkConfig({ s3: { sources } }).s3
    assert.deepEqual([...all, hive].filter(each => checked.some(source => isWanted(source, each))).sort(), [...expect].sort())
    assert.deepEqual([...all, hive].filter(each => checked.some(source => isListed(source, each))).sort(), [...expect].sort())
  }
})

test('missing credentials are told once for all shards and prefixes, tried again ever less often, and found when they come', async () => {
  const bench = new DiscoverBench({ shards: 2, s3: { sources: [{ bucket }, { bucket, prefix: 'other' }] } })
  const warned: unknown[] = []
  const log = { debug: () => undefined, info: () => undefined, warn: (told: object, text: string) => void warned.push([told, text]) }
  Object.assign(bench.cluster, { log: { ...log, child: () => log } })
  const key = plain('2026/11/24', 'x')
  bench.store.put(bucket, key, 'x')
  bench.store.deny(bucket, '', 'S3_CREDENTIALS')
  const beginMs = performance.now()
  bench.start([0, 1])
  await bench.ended(10)
  // each of the two shards waited 2, 4, 8 and 16 ms between its five rounds
  assert.ok(performance.now() - beginMs >= 25)
  assert.equal(warned.length, 1, JSON.stringify(warned))
  assert.match(JSON.stringify(warned[0]), /S3_CREDENTIALS.*there are no credentials for S3; it is tried again, less often each time/)
  bench.store.allow()
  await bench.found(key)
  await bench.stop()
})

test('a prefix that cannot be listed: others are spoken of only if there are others', async () => {
  for (const [sources, text] of [
    [[{ bucket }], 'a prefix could not be listed; it is tried again'],
    [[{ bucket }, { bucket, prefix: 'other' }], 'a prefix could not be listed; the others go on'],
  ] as const) {
    const bench = new DiscoverBench({ s3: { sources } })
    const warned = new Set<string>()
    const log = { debug: () => undefined, info: () => undefined, warn: (_told: object, said: string) => void warned.add(said) }
    Object.assign(bench.cluster, { log: { ...log, child: () => log } })
    bench.store.deny(bucket, '')
    bench.start()
    await bench.ended(1)
    await bench.stop()
    assert.deepEqual([...warned], [text])
  }
})
