/** The whole path in memory: golden logs from the object to the table, every branch for bad input, late data; the clock moves only by hand. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { readPlainly } from '../../audit/plain-reader.ts'
import type { CloudMapEntry } from '../../schemas/map-state.ts'
import type { AddressKey, ObjectLedger } from '../../schemas/records.ts'
import { badObjects, goodLines } from '../support/files/bad-objects.ts'
import { MemoryPath } from '../support/runs/memory-path.ts'

const golden = (file: string): Buffer => readFileSync(join(import.meta.dirname, '../../examples/logs', file))
const expected = (file: string): Record<string, never> => JSON.parse(golden(file).toString()) as Record<string, never>
const header = 'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status'

const cloudMap = (path: MemoryPath): Map<string, CloudMapEntry> => path.cluster.latest('cloudMap', key => `${key.scope} ${key.ip}`)
const ledger = (path: MemoryPath): Map<string, ObjectLedger> => path.cluster.latest('objects', key => key.key)
const inScope = (key: AddressKey | null, scope: string): boolean => key?.scope === scope

/** Every line of every object version is a header, blank, a flow, a gap or a dead letter, in the topics and in the tables. */
function assertConserved(path: MemoryPath): void {
  const { cluster, tables } = path
  for (const record of ledger(path).values()) {
    const mine = (other: { value: { objectId: Buffer } | null }): boolean => other.value?.objectId.equals(record.objectId) === true
    const parts = [cluster.readCommitted('flows'), cluster.readCommitted('flowGaps'), cluster.readCommitted('deadLetters')].map(
      records => (records as { value: { objectId: Buffer } | null }[]).filter(mine).length,
    )
    assert.equal(record.headerLines + record.blankLines + parts.reduce((a, b) => a + b), record.lines)
  }
  assert.equal(tables.rows('flows').length, cluster.readCommitted('flows').length)
  assert.equal(tables.rows('flow_gaps').length, cluster.readCommitted('flowGaps').length)
  assert.equal(tables.rows('dead_letters').length, cluster.readCommitted('deadLetters').length)
}

test('the FloCon log: 31 flows, eight service addresses, one interface address, nine appearances', async () => {
  const path = new MemoryPath()
  const want = expected('flocon-2024/expected.json') as unknown as {
    rows: number
    packets: number
    bytes: number
    service_addresses: Record<string, string>
    interface_addresses: Record<string, Record<string, string | number>>
    must_not_get_an_interface: string[]
  }
  await path.bring({ flocon: gzipSync(golden('flocon-2024/snapshot.log')) }, '904652123456')
  const flows = path.cluster.readCommitted('flows').map(({ value }) => value!)
  const sum = (of: 'packets' | 'bytes'): number => flows.reduce((all, flow) => all + (flow[of] ?? 0), 0)
  assert.deepEqual([flows.length, sum('packets'), sum('bytes')], [want.rows, want.packets, want.bytes])
  assertConserved(path)

  const map = cloudMap(path)
  const [[ip, owner]] = Object.entries(want.interface_addresses) as [[string, Record<string, string | number>]]
  assert.deepEqual(
    [...map.keys()].sort(),
    [...Object.keys(want.service_addresses).map(address => `aws ${address}`), `${owner['vpc-id']!} ${ip}`].sort(),
  )
  for (const [address, service] of Object.entries(want.service_addresses))
    assert.equal(map.get(`aws ${address}`)?.current?.service, service)
  for (const address of want.must_not_get_an_interface) assert.ok(![...map.keys()].some(key => key.endsWith(` ${address}`)), address)
  const entry = map.get(`${owner['vpc-id']!} ${ip}`)!
  assert.deepEqual(
    [
      entry.current?.interfaceId,
      entry.current?.instanceId,
      entry.current?.subnetId,
      entry.current?.azId,
      entry.currentSince,
      entry.lastSeen,
    ],
    [owner['interface-id'], owner['instance-id'], owner['subnet-id'], owner['az-id'], owner['first-seen'], owner['last-seen']],
  )
  const runs = path.cluster.readCommitted('cloudMapRuns')
  assert.equal(runs.length, 9)
  for (const { key, value } of runs) assert.deepEqual([key.first, value?.validTo, value?.conflictS], [value?.validFrom, null, 0])
  assert.deepEqual(
    path.cluster.readCommitted('cloudMapChanges').map(({ value }) => [value?.kind, value?.before]),
    Array.from({ length: 9 }, () => ['appeared', null]),
  )
  assert.equal(path.tables.rows('cloud_map').length, 9)
})

test('the NAT gateway log: each address has its own interface, and far addresses have none', async () => {
  const path = new MemoryPath()
  const want = expected('nat-gateway-v5/expected.json') as unknown as {
    rows: number
    scope: string
    owners: Record<string, Record<string, string | number | null>>
    'no-owner': string[]
  }
  await path.bring({ nat: gzipSync(golden('nat-gateway-v5/nat.log')) })
  assert.equal(path.cluster.readCommitted('flows').length, want.rows)
  const map = cloudMap(path)
  assert.deepEqual(
    [...map.keys()].sort(),
    Object.keys(want.owners)
      .map(ip => `${want.scope} ${ip}`)
      .sort(),
  )
  for (const [ip, owner] of Object.entries(want.owners)) {
    const { current, currentSince } = map.get(`${want.scope} ${ip}`)!
    assert.deepEqual(
      [current?.interfaceId, current?.instanceId, current?.subnetId, currentSince],
      [owner['interface-id'], owner['instance-id'], owner['subnet-id'], owner['first-seen']],
    )
  }
  for (const ip of want['no-owner']) assert.ok(![...map.keys()].some(key => key.endsWith(` ${ip}`)), ip)
  assertConserved(path)
})

test('the examples of AWS: every line is a flow or a gap; NODATA and SKIPDATA teach nothing', async () => {
  const path = new MemoryPath()
  const names = [
    'default-v2',
    'nat-gateway-custom',
    'nodata-skipdata-v2',
    'service-path-direction-v5',
    'tcp-flags-v3',
    'transit-gateway-interfaces-v3',
  ]
  const logs = Object.fromEntries(names.map(name => [name, golden(`aws-examples/${name}.log`)]))
  const keys = await path.bring(logs)
  for (const [i, body] of Object.values(logs).entries()) {
    const reading = readPlainly(body, path.config.s3.maxLineBytes)
    assert.ok(reading.ok)
    const record = ledger(path).get(keys[i]!)!
    assert.deepEqual([record.state, record.lines, record.deadLines], ['done', reading.tally.lines, 0])
    assert.equal(
      path.cluster.readCommitted('flows').filter(({ value }) => value!.objectId.equals(record.objectId)).length,
      reading.tally.flows,
    )
  }
  assert.deepEqual(path.cluster.readCommitted('deadLetters'), [])
  const gaps = path.cluster.readCommitted('flowGaps').map(({ value }) => value!)
  assert.deepEqual(
    gaps.map(({ kind, interfaceId, start, end, line }) => [kind, interfaceId, start, end, line]),
    [
      ['NODATA', 'eni-1235b8ca123456789', 1_431_280_876, 1_431_280_934, 2],
      ['SKIPDATA', 'eni-11111111aaaaaaaaa', 1_431_280_876, 1_431_280_934, 3],
    ],
  )
  for (const { value } of path.cluster.readCommitted('ipSightings'))
    assert.ok(
      value!.ranges.every(range => range.first !== 1_431_280_876),
      'a gap is no sighting',
    )
  assertConserved(path)
})

test('every kind of bad line goes to dead letters with its reason, line and bytes; the rest goes on', async () => {
  const path = new MemoryPath({ s3: { maxLineBytes: 1000 } })
  const good = goodLines(2, path.slotS, 1)
  const [first] = good as [string]
  const with_ = (from: string, to: string): string => first.replace(from, to)
  const cases: [reason: string, line: string | Buffer][] = [
    ['too-few-fields', '2 123456789010'],
    ['too-many-fields', `${first} more`],
    ['bad-number', with_(' 443 ', ' 44x ')],
    ['number-too-large', with_(' 443 ', ' 70000 ')],
    ['bad-address', with_('10.1.0.1', '10.1.0.256')],
    ['bad-action', with_('ACCEPT', 'MAYBE')],
    ['bad-log-status', with_(' OK', ' FINE')],
    ['bad-time', with_(`${path.slotS} ${path.slotS + 60}`, `${path.slotS + 60} ${path.slotS}`)],
    ['time-in-milliseconds', with_(`${path.slotS} ${path.slotS + 60}`, `${path.slotS}000 ${path.slotS + 60}000`)],
    ['invalid-utf8', Buffer.from(with_('eni-01aa', 'eni-\xff'), 'latin1')],
    ['line-too-long', 'x'.repeat(1001)],
  ]
  const newline = Buffer.from('\n')
  const body = Buffer.concat(
    [header, good[0]!, ...cases.map(([, line]) => line), '', '  \r', good[1]!].flatMap(line => [Buffer.from(line), newline]),
  )
  await path.bring({ bad: gzipSync(body) })
  const letters = path.cluster.readCommitted('deadLetters').map(({ value }) => value!)
  assert.deepEqual(
    letters
      .map(({ line, reason, stage, bytes, length }) => [line, reason, stage, bytes.toString('latin1'), length])
      .sort((a, b) => Number(a[0]) - Number(b[0])),
    cases.map(([reason, line], i) => [
      i + 3,
      reason,
      reason === 'line-too-long' ? 'fetch' : 'enrich',
      Buffer.from(line).toString('latin1'),
      line.length,
    ]),
  )
  for (const { detail, header: inForce } of letters) assert.deepEqual([detail === '', inForce], [false, header])
  assert.deepEqual(
    path.cluster.readCommitted('flows').map(({ value }) => value!.line),
    [2, cases.length + 5],
  )
  assert.equal([...ledger(path).values()][0]?.blankLines, 2)
  assertConserved(path)
})

test('objects that are wrong in every way: recorded as in the table of cases, the good one among them complete', async () => {
  const path = new MemoryPath({ s3: { maxAttempts: 3, retryBaseMs: 1000 } })
  const bad = badObjects(path.slotS, 100_000)
  for (const { name, body } of bad) path.objects.put(path.bucket, path.keyOf('x').replace(/[^/]+$/, name), body)
  const [good] = await path.bring({ good: gzipSync([header, ...goodLines(10, path.slotS, 1)].join('\n')) })
  for (let attempt = 0; attempt < 3; attempt++) {
    path.cluster.clockMs += 10_000
    await path.work()
  }
  const known = ledger(path)
  assert.deepEqual([known.get(good!)?.state, known.get(good!)?.lines], ['done', 11])
  for (const { name, state, errorCode, attempts, lines } of bad) {
    const record = known.get(path.keyOf('x').replace(/[^/]+$/, name))
    assert.deepEqual(
      [name, record?.state, record?.errorCode ?? undefined, record?.attempts, record?.lines],
      [name, state, errorCode, attempts ?? (state === 'failed' ? 3 : 0), lines],
    )
  }
  assertConserved(path)
})

test('a cut object waits longer each time, by the clock alone, and comes in when it is whole', async () => {
  const path = new MemoryPath({ s3: { maxAttempts: 4, retryBaseMs: 60_000 } })
  const whole = gzipSync([header, ...goodLines(30, path.slotS, 1)].join('\n'))
  const [key] = await path.bring({ cut: whole.subarray(0, 60) })
  const startMs = path.cluster.clockMs
  const attempts = (): unknown => [ledger(path).get(key!)?.state, ledger(path).get(key!)?.attempts]
  for (const [afterMs, state, tries] of [
    [0, 'retrying', 1],
    [59_999, 'retrying', 1],
    [60_000, 'retrying', 2],
    [179_999, 'retrying', 2],
    [180_000, 'retrying', 3],
    [420_000, 'failed', 4],
    [9_000_000, 'failed', 4],
  ] as const) {
    path.cluster.clockMs = startMs + afterMs
    await path.work()
    assert.deepEqual(attempts(), [state, tries], `after ${afterMs} ms`)
  }
  path.cluster.clockMs = startMs
  await path.bring({ cut: whole })
  assert.deepEqual(
    [...ledger(path).values()].map(({ state, lines }) => [state, lines]),
    [['done', 31]],
  )
  assertConserved(path)
})

/** An object in which an interface holds 10.9.0.1 in some seconds: with two peers, because one pair of addresses alone proves nothing. */
const heldBy = (eni: string, fromS: number, toS: number): Buffer => {
  const record = (peer: string): string => `2 123456789010 ${eni} 10.9.0.1 ${peer} 1234 443 6 1 40 ${fromS} ${toS} ACCEPT OK\n`
  return gzipSync(`${header}\n${record('198.51.100.9')}${record('203.0.113.9')}`)
}

test('late data corrects history: the run is cut, the old one withdrawn, in any order the same map', async () => {
  const scope = '123456789010/us-east-1'
  const day = new MemoryPath().slotS - 40_000
  const objects = {
    a: heldBy('eni-a', day, day + 59),
    b: heldBy('eni-b', day + 1000, day + 1059),
    late: heldBy('eni-c', day + 500, day + 559),
    again: heldBy('eni-a', day + 60, day + 119),
  }
  const results = []
  for (const order of [
    ['a', 'b', 'late', 'again'],
    ['late', 'again', 'b', 'a'],
    ['b', 'late', 'a', 'again'],
  ] as const) {
    const path = new MemoryPath()
    for (const name of order) await path.bring({ [name]: objects[name] })
    const runs = path.cluster.latest('cloudMapRuns', key => String(key.first))
    results.push({
      owners: cloudMap(path)
        .get(`${scope} 10.9.0.1`)
        ?.days.map(({ claims }) => claims.map(claim => [claim.owner, claim.stays])),
      runs: [...runs].sort(),
    })
    const kinds = path.cluster.readCommitted('cloudMapChanges').map(({ key, value }) => (inScope(key, scope) ? value?.kind : undefined))
    assert.equal(kinds[0], 'appeared')
    assert.ok(kinds.includes('corrected'), `${order.join()}: ${kinds.join()}`)
    if (order[0] === 'late') {
      // the run of c began first; then a came before it
      assert.ok(path.tables.rows('cloud_map').length > runs.size, 'the table hears of every version of a run')
    }
  }
  assert.deepEqual(
    results[0]!.runs.map(([, run]) => [
      run.owner.interfaceId,
      run.validFrom - day,
      run.validTo === null ? null : run.validTo - day,
      run.lastSeen - day,
    ]),
    [
      ['eni-a', 0, 500, 119],
      ['eni-c', 500, 1000, 559],
      ['eni-b', 1000, null, 1059],
    ],
  )
  // decoded records of different paths have different classes
  const [one, two, three] = results.map(result => JSON.stringify(result))
  assert.deepEqual([two, three], [one, one])
})

test('an earlier sighting moves the beginning of a run: the old key gets a tombstone, the table a deleting row', async () => {
  const path = new MemoryPath()
  const day = path.slotS - 40_000
  await path.bring({ a: heldBy('eni-a', day + 100, day + 159) })
  await path.bring({ b: heldBy('eni-a', day, day + 59) })
  assert.deepEqual(
    path.cluster
      .readCommitted('cloudMapRuns')
      .map(({ key, value }) => [key.first - day, value === null])
      .sort(),
    [
      [0, false],
      [100, false],
      [100, true],
    ],
  )
  assert.deepEqual(
    path.tables
      .rows('cloud_map')
      .map(row => Number(row['deleted']))
      .sort(),
    [0, 0, 1],
  )
})

test('the same objects again add nothing; an overwritten object is a new version beside the old one', async () => {
  const path = new MemoryPath()
  const objects = { one: gzipSync([header, ...goodLines(50, path.slotS, 1)].join('\n')) }
  const [key] = await path.bring(objects)
  const count = (): number[] => [
    path.cluster.readCommitted('flows').length,
    path.tables.rows('flows').length,
    path.cluster.readCommitted('ipSightings').length,
  ]
  const before = count()
  const first = ledger(path).get(key!)!
  await path.bring(objects)
  assert.deepEqual(count(), before)
  await path.bring({ one: gzipSync([header, ...goodLines(20, path.slotS, 2)].join('\n')) })
  const second = ledger(path).get(key!)!
  assert.ok(!second.objectId.equals(first.objectId))
  assert.deepEqual([second.lines, path.cluster.readCommitted('flows').length, path.tables.rows('flows').length], [21, 70, 70])
})
