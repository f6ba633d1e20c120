/** Sources whose keys do not lie in the folders of flow logs: which keys are theirs, and how few requests find their objects. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isListed, listingRoot } from '../../../../../audit/plain-listing.ts'
import { parseRange } from '../../../../../cli/backfill.ts'
import { scopeOf } from '../../../../../operations/backfill/range-objects.ts'
import { checkConfig } from '../../../../../config/config.ts'
import type { S3Source } from '../../../../../producers/s3/settings.ts'
import { sourceOf } from '../../../../../producers/s3/objects/object-store.ts'
import { listLayout } from '../../../../../producers/s3/objects/list-objects.ts'
import { folderHour, hoursOf, isWanted, rootOf } from '../../../../../producers/s3/objects/source-layout.ts'
import { MemoryObjectStore } from '../../../../../harness/memory-object-store.ts'
import { bucket, DiscoverBench, roundsEnded } from '../../../../support/s3/discover-cases.ts'

const source = (layout: S3Source['layout'], prefix = '', keyPattern?: string): S3Source => ({
  bucket,
  prefix,
  layout,
  ...(keyPattern === undefined ? {} : { keyPattern }),
})

const stream = 'flow-logs-1-2026-11-24-10-05-00-0a1b2c3d'
const keys: { of: S3Source; key: string; is: boolean }[] = [
  { of: source('firehose'), key: `2026/11/24/10/${stream}`, is: true },
  { of: source('firehose'), key: `2026/11/24/10/${stream}.gz`, is: true },
  { of: source('firehose'), key: `2026/11/24/10/deeper/${stream}`, is: true },
  { of: source('firehose', 'hose'), key: `hose/2026/11/24/10/${stream}`, is: true },
  { of: source('firehose', 'hose/'), key: `hose/2026/11/24/10/${stream}`, is: true },
  { of: source('firehose', 'hose'), key: `2026/11/24/10/${stream}`, is: false },
  { of: source('firehose'), key: `processing-failed/2026/11/24/10/${stream}`, is: false },
  { of: source('firehose'), key: '2026/11/24/10/', is: false },
  { of: source('firehose'), key: '2026/11/24/x.gz', is: false },
  { of: source('firehose'), key: `2026/11/24/24/${stream}`, is: false },
  { of: source('firehose'), key: `2026/13/24/10/${stream}`, is: false },
  { of: source('firehose'), key: `2026/1/24/10/${stream}`, is: false },
  { of: source('firehose', '', '\\.gz$'), key: `2026/11/24/10/${stream}`, is: false },
  { of: source('firehose', '', '\\.gz$'), key: `2026/11/24/10/${stream}.gz`, is: true },
  { of: source('any', 'export'), key: 'export/0a1b2c3d-export-id/eni-0a1b-all/000000.gz', is: true },
  { of: source('any', 'export'), key: 'export/aws-logs-write-test', is: false },
  { of: source('any', 'export'), key: 'exported/x.gz', is: false },
  { of: source('any'), key: 'x', is: true },
  { of: source('any'), key: 'folder/', is: false },
  { of: source('any', 'export', '^export/[^/]+/eni-'), key: 'export/id/eni-0a1b-all/000000.gz', is: true },
  { of: source('any', 'export', '^export/[^/]+/eni-'), key: 'export/id/other/000000.gz', is: false },
  { of: source('flow-logs'), key: 'AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24/x.log.gz', is: true },
  { of: source('flow-logs'), key: 'AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24/x.json', is: false },
]
for (const { of, key, is } of keys)
  test(`${key} is ${is ? 'an' : 'no'} object of ${of.layout} below "${of.prefix}"${of.keyPattern ?? ''}, for the audit too`, () => {
    assert.equal(isWanted(of, key), is)
    assert.equal(isListed(of, key), is)
  })

for (const layout of ['flow-logs', 'firehose', 'any'] as const)
  for (const prefix of ['logs', '/logs', 'logs/', '//logs//'])
    test(`the prefix "${prefix}" of the layout ${layout} is a folder, for whoever looks at it`, () => {
      const now = Date.parse('2026-11-25')
      const [of, plain] = [source(layout, prefix), source(layout, 'logs')]
      const below = layout === 'flow-logs' ? 'AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24/x.log.gz' : '2026/11/24/10/x'
      assert.equal(rootOf(of), rootOf(plain))
      assert.equal(listingRoot(of), rootOf(plain))
      const all = [source('any', ''), of]
      assert.deepEqual([isWanted(of, `logs/${below}`), sourceOf(all, bucket, `logs/${below}`)], [true, of])
      assert.deepEqual([isWanted(of, `logs-old/${below}`), sourceOf(all, bucket, `logs-old/${below}`)], [false, all[0]])
      assert.equal(sourceOf(all, bucket, rootOf(of)), of)
      const range = parseRange({ values: { from: '2026-11-24' }, positionals: [`s3://${bucket}/logs/`] }, now)
      assert.equal(scopeOf([of], range).source, layout === 'flow-logs' ? undefined : of)
      assert.deepEqual(parseRange({ values: { from: '2026-11-24' }, positionals: [`s3://${bucket}//logs/`] }, now), range)
    })

test('the hour of an object of Firehose is that of its folder', () => {
  assert.equal(folderHour(source('firehose', 'hose'), `hose/2026/11/24/10/${stream}`), Date.parse('2026-11-24T10:00:00Z'))
  assert.equal(folderHour(source('firehose'), '2026/13/24/10/x'), undefined)
  assert.equal(folderHour(source('firehose'), '2026/11/24/24/x'), undefined)
})

test('an hour is listed where the time has a part of it', () => {
  const hours = (from: string, to: string): string => hoursOf('2026-11-24', Date.parse(from), Date.parse(to)).join(' ')
  assert.equal(hours('2026-11-24T10:30:00Z', '2026-11-24T12:00:00Z'), '10 11')
  assert.equal(hours('2026-11-24T10:00:00Z', '2026-11-24T12:00:00.001Z'), '10 11 12')
  assert.equal(hours('2026-11-23T10:00:00Z', '2026-11-24T01:00:00Z'), '00')
  assert.equal(hours('2026-11-23T10:00:00Z', '2026-11-25T01:00:00Z').split(' ').length, 24)
})

for (const [entry, fault] of [
  [{ layout: 'any', keyPattern: '\\.gz$' }, undefined],
  [{ layout: 'any', keyPattern: '(' }, /not a regular expression/],
  [{ keyPattern: '\\.gz$' }, /layouts firehose and any alone/],
  [{ layout: 'hive' }, /layout/],
] as const)
  test(`a source with ${JSON.stringify(entry)} is ${fault === undefined ? 'taken' : 'refused'}`, () => {
    const check = (): unknown => checkConfig({ s3: { sources: [{ bucket, ...entry }] } })
    if (fault === undefined) check()
    else assert.throws(check, fault)
  })

const hour = (text: string): string => `hose/2026/11/${text.replace(' ', '/')}/`

test('Firehose: late objects are found; a round lists the last hours, each tenth one the hours of the window', async () => {
  const bench = new DiscoverBench({ s3: { sources: [source('firehose', 'hose')] }, now: '2026-11-24T12:30:00Z', quietDayRounds: 10 })
  bench.store.put(bucket, `${hour('24 12')}a`, 'a')
  bench.store.put(bucket, `${hour('23 11')}b`, 'b')
  bench.store.put(bucket, `${hour('23 10')}too-old`, 'x')
  bench.store.put(bucket, 'hose/other/x', 'x')
  const before = await roundsEnded()
  bench.start()
  await bench.ended(1)
  assert.deepEqual(bench.keys().sort(), [`${hour('23 11')}b`, `${hour('24 12')}a`])
  for (const late of [`${hour('24 10')}late`, `${hour('23 20')}very-late`, `${hour('24 00')}early-today`]) {
    bench.store.put(bucket, late, late)
    await bench.found(late)
  }
  await bench.stop()
  const rounds = (await roundsEnded()) - before
  const wide = Math.ceil(rounds / 10)
  const expected = [
    ['hose/2026/11/24/', wide],
    ...Array.from({ length: 13 }, (_unused, i) => [hour(`23 ${11 + i}`), wide]),
    ...['24 10', '24 11', '24 12'].map(each => [hour(each), rounds - wide]),
  ]
  assert.ok(wide > 1)
  const requests = Map.groupBy(bench.store.requests.list, prefix => prefix)
  assert.deepEqual([...requests].map(([prefix, all]) => [prefix, all.length]).sort(), expected.sort())
  assert.equal(bench.keys().length, 5, 'each once')
})

test('Firehose: around midnight nothing is missed and nothing announced twice', async () => {
  const bench = new DiscoverBench({ s3: { sources: [source('firehose', 'hose')], lookBackMs: 0 }, now: '2026-11-24T23:59:00Z' })
  const all: string[] = []
  const put = async (key: string): Promise<void> => {
    all.push(key)
    bench.store.put(bucket, key, key)
    await bench.found(key)
  }
  bench.start()
  await put(`${hour('24 23')}a`)
  bench.cluster.clockMs = Date.parse('2026-11-25T00:00:00Z')
  await put(`${hour('24 23')}b`)
  await put(`${hour('25 00')}c`)
  bench.cluster.clockMs = Date.parse('2026-11-25T00:59:00Z')
  await put(`${hour('24 23')}d`)
  await bench.ended(4)
  await bench.stop()
  assert.deepEqual(bench.keys(), all)
})

test('any keys: what was stored in the window is found once, wherever it lies; the start date holds', async () => {
  const sources = [{ ...source('any', 'export', '\\.gz$'), startDate: '2026-11-24' }]
  const bench = new DiscoverBench({ s3: { sources }, now: '2026-11-24T12:00:00Z', quietDayRounds: 10 })
  const put = (key: string, time: string): void => {
    bench.store.clockMs = Date.parse(time)
    bench.store.put(bucket, key, key)
  }
  put('export/z/000000.gz', '2026-11-24T11:00:00Z')
  put('export/old/000000.gz', '2026-11-23T23:59:00Z')
  put('export/aws-logs-write-test', '2026-11-24T11:00:00Z')
  put('elsewhere/000000.gz', '2026-11-24T11:00:00Z')
  bench.start()
  await bench.ended(2)
  put('export/a/000000.gz', '2026-11-24T12:00:01Z')
  put('export/skewed/000000.gz', '2026-11-25T00:00:01Z')
  await bench.ended(3)
  assert.deepEqual(bench.keys(), ['export/z/000000.gz', 'export/a/000000.gz', 'export/skewed/000000.gz'])
  put('export/z/000000.gz', '2026-11-24T12:10:00Z')
  bench.store.put(bucket, 'export/z/000000.gz', 'overwritten')
  await bench.ended(2)
  await bench.stop()
  assert.deepEqual(bench.keys().slice(3), ['export/z/000000.gz'])
  assert.deepEqual([...new Set(bench.store.requests.list)], ['export/'])
})

test('any keys: the more objects there are, the rarer they are listed', async () => {
  const bench = new DiscoverBench({ s3: { sources: [source('any')] }, now: '2026-11-24T12:00:00Z' })
  const before = await roundsEnded()
  bench.store.clockMs = Date.parse('2026-11-20T12:00:00Z')
  for (let i = 0; i < 25_000; i++) bench.store.put(bucket, `x${i}`, 'x')
  bench.start()
  await bench.ended(7)
  await bench.stop()
  const rounds = (await roundsEnded()) - before
  // and once two requests more, to say why the source finds nothing
  assert.equal(bench.store.requests.list.length, 25 * Math.ceil(rounds / 3) + 2)
  assert.deepEqual(bench.keys(), [])
})

test('shards share sources of every layout without overlap', async () => {
  const sources = [source('any', 'a'), source('any', 'b'), source('firehose', 'c'), source('flow-logs')]
  const bench = new DiscoverBench({ s3: { sources }, shards: 3, now: '2026-11-24T12:00:00Z' })
  const expected = ['a/x', 'b/x', 'c/2026/11/24/12/x', 'AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24/x.log.gz']
  for (const key of expected) bench.store.put(bucket, key, key)
  assert.deepEqual((await bench.once([0, 1, 2])).sort(), [...expected].sort())
})

test('a prefix that is denied is reported and stops no other source', async () => {
  const sources = [source('any', 'a'), source('firehose', 'c'), source('any', 'b')]
  const bench = new DiscoverBench({ s3: { sources }, now: '2026-11-24T12:00:00Z' })
  for (const key of ['a/x', 'b/x', 'c/2026/11/24/12/x']) bench.store.put(bucket, key, key)
  bench.store.deny(bucket, 'a/')
  bench.store.deny(bucket, 'c/2026/11/23/')
  bench.start()
  await bench.ended(2)
  assert.deepEqual(bench.keys().sort(), ['b/x', 'c/2026/11/24/12/x'])
  assert.equal(bench.source.ready(), false)
  bench.store.allow()
  await bench.ended(2)
  await bench.stop()
  assert.deepEqual(bench.keys().sort(), ['a/x', 'b/x', 'c/2026/11/24/12/x'])
})

const sources = [source('flow-logs', 'net'), source('firehose', 'hose'), source('any', 'hose/copies')]
for (const [path, layout, below] of [
  ['hose', 'firehose', 'hose/'],
  ['hose/2026/11', 'firehose', 'hose/2026/11'],
  ['hose/copies/one', 'any', 'hose/copies/one'],
  ['hoses', undefined, 'hoses/AWSLogs/'],
  ['net/AWSLogs/', undefined, 'net/AWSLogs/'],
] as const)
  test(`a backfill of ${path} is ${layout ?? 'one of flow logs'}`, () => {
    const range = parseRange({ positionals: [`s3://${bucket}/${path}`], values: { from: '2026-11-24' } }, Date.parse('2026-11-25'))
    const scope = scopeOf(sources, range)
    assert.deepEqual([scope.source?.layout, scope.below], [layout, below])
  })

test('a backfill takes what any source of its folder chooses, and no other accounts and regions', () => {
  const choosing = [
    { ...source('flow-logs', 'net'), accounts: ['111122223333'] },
    { ...source('flow-logs', 'net/'), regions: ['eu-west-1'] },
    { ...source('flow-logs', 'other'), accounts: ['222233334444'] },
  ]
  const scope = (path: string): readonly unknown[] =>
    scopeOf(choosing, parseRange({ positionals: [`s3://${bucket}/${path}`], values: { from: '2026-11-24' } }, Date.parse('2026-11-25')))
      .chosen
  assert.deepEqual(scope('net'), choosing.slice(0, 2))
  assert.deepEqual(scope('net/AWSLogs/333344445555/'), choosing.slice(0, 2))
  assert.deepEqual(scope('nowhere'), [])
})

test('a backfill lists the hours or the times it is asked for', async () => {
  const store = new MemoryObjectStore()
  for (const [day, h] of [
    ['22', '23'],
    ['23', '00'],
    ['23', '12'],
    ['24', '09'],
    ['24', '10'],
  ] as const)
    store.put(bucket, `${hour(`${day} ${h}`)}x`, 'x')
  const listed = async (of: S3Source, fromMs: number, toMs: number, below = rootOf(of)): Promise<string[]> => {
    const found: string[] = []
    store.requests.list.length = 0
    for await (const { key } of listLayout(store, of, { below, fromMs, toMs })) found.push(key.slice('hose/2026/11/'.length))
    return found
  }
  const [from, to] = [Date.parse('2026-11-23'), Date.parse('2026-11-24T10:00:00Z')]
  assert.deepEqual((await listed(source('firehose', 'hose'), from, to)).sort(), ['23/00/x', '23/12/x', '24/09/x'])
  assert.equal(store.requests.list.length, 1 + 10)
  assert.deepEqual(await listed(source('firehose', 'hose'), from, to, 'hose/2026/11/23/1'), ['23/12/x'])
  assert.deepEqual(store.requests.list, ['hose/2026/11/23/1'])
  store.clockMs = Date.parse('2026-11-25T00:00:00Z')
  store.put(bucket, 'hose/2026/11/new', 'x')
  assert.deepEqual(await listed(source('any', 'hose'), store.clockMs, store.clockMs + 1), ['new'])
  assert.deepEqual(await listed(source('any', 'hose'), store.clockMs + 1, store.clockMs + 2), [])
})
