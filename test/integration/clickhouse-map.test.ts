// The cloud map and the small tables in a real ClickHouse engine; Kafka is the in-memory one.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { checkConfig } from '../../config/config.ts'
import { createIpContextRole } from '../../processors/ip-context/ip-context-processor.ts'
import type { CloudMapRun, ObjectLedger, Owner } from '../../schemas/records.ts'
import { ask } from '../../sinks/clickhouse/queries.ts'
import { flow } from '../support/records/flow-records.ts'
import { emptyLedger } from '../support/records/ledger.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { natGatewayFlows, setUpSink, testObjectId } from '../support/clickhouse/sink-setup.ts'

const nobody: Owner = {
  interfaceId: null,
  instanceId: null,
  interfaceType: null,
  subnetId: null,
  vpcId: null,
  accountId: null,
  region: null,
  azId: null,
  service: null,
}

let server: LiveClickHouse
before(async () => (server = await liveClickHouse()))
afterEach(() => server.giveBack())
after(() => server.stop())

const ledger = (values: Partial<ObjectLedger>): ObjectLedger => ({
  ...emptyLedger,
  objectId: testObjectId,
  etag: 'etag',
  size: 100,
  lastModifiedMs: 1_700_000_000_123,
  accountId: '123456789010',
  region: 'us-east-1',
  flowLogId: 'fl-1',
  slotStart: 1_700_000_000,
  state: 'reading',
  header: 'version account-id',
  nextLine: 1,
  ...values,
})

describe('the cloud map in ClickHouse', () => {
  const scope = 'vpc-abcdefab012345678'
  const run = (interfaceId: string, from: number, last: number, values: Partial<CloudMapRun> = {}): CloudMapRun => ({
    owner: { ...nobody, interfaceId, vpcId: scope },
    validFrom: from,
    validTo: null,
    firstSeen: from,
    lastSeen: last,
    conflictS: 0,
    doubtTo: null,
    others: [],
    ...values,
  })

  it('says who held an address when, and forgets a run by its tombstone', async () => {
    const { store, cluster, role } = await setUpSink(server)
    cluster.put('cloudMapRuns', { scope, ip: '10.0.1.5', first: 1000 }, run('eni-old', 1000, 1500, { validTo: 5000 }))
    cluster.put('cloudMapRuns', { scope, ip: '10.0.1.5', first: 5000 }, run('eni-new', 5000, 6000))
    cluster.put('cloudMapRuns', { scope, ip: '10.0.1.5', first: 3000 }, run('eni-wrong', 3000, 3100))
    cluster.put(
      'cloudMapRuns',
      { scope: 'aws', ip: '2001:db8::5', first: 1000 },
      run('', 1000, 1500, { owner: { ...nobody, service: 'S3' } }),
    )
    await cluster.runRole(role('clickhouse-runs'))
    const holds = async (ip: string, at: number): Promise<unknown[]> =>
      (await ask<Record<string, unknown>, 'who_holds'>(store, 'who_holds', { ip, at: new Date(1000 * at), owner: '' })).map(row => [
        row['scope'],
        row['state'],
        row['interface_id'],
        row['service'],
      ])
    assert.deepEqual(await holds('10.0.1.5', 3000), [[scope, 'held', 'eni-wrong', '']])
    cluster.put('cloudMapRuns', { scope, ip: '10.0.1.5', first: 3000 }, null)
    await cluster.runRole(role('clickhouse-runs'))
    assert.deepEqual(await holds('10.0.1.5', 999), [])
    assert.deepEqual(await holds('10.0.1.5', 1000), [[scope, 'held', 'eni-old', '']])
    assert.deepEqual(await holds('10.0.1.5', 3000), [[scope, 'last-known', 'eni-old', '']])
    assert.deepEqual(await holds('10.0.1.5', 9999), [[scope, 'last-known', 'eni-new', '']])
    assert.deepEqual(await holds('2001:db8::5', 1200), [['aws', 'held', '', 'S3']])
    for (const [at, known] of [
      [1000, true],
      [5000, false],
      [9_999_999, false],
    ] as const) {
      // prettier-ignore
      const [row] = await ask<Record<string, unknown>, 'who_holds'>(store, 'who_holds', { ip: '10.0.1.5', at: new Date(1000 * at), owner: '' })
      assert.deepEqual([row!['end_known'], row!['valid_to'] !== null], [known, known])
    }
  })

  it('does not hold an address in the middle of a gap of days, whatever order its sightings came in', async () => {
    const { store, cluster, role } = await setUpSink(server)
    const day = 20_400 * 86_400
    const seen = (interfaceId: string, first: number, last: number): void => {
      cluster.put(
        'ipSightings',
        { scope, ip: '10.0.1.6' },
        { kind: 'own', owner: { ...nobody, interfaceId, vpcId: scope }, ranges: [{ first, last }] },
      )
    }
    const { ipContext, kafka } = checkConfig({})
    const map = createIpContextRole({ ...ipContext, ...kafka })
    seen('eni-a', day + 10 * 86_400, day + 10 * 86_400 + 59)
    await cluster.runRole(map)
    seen('eni-a', day - 100, day + 100)
    seen('eni-b', day + 50, day + 60)
    await cluster.runRole(map)
    await cluster.runRole(role('clickhouse-runs'))
    const holder = async (at: number): Promise<string> => {
      const [row] = await store.query<{ id: string; held: number }>(
        'SELECT interface_id AS id, {at:UInt32} <= toUnixTimestamp(last_seen) + 600 AS held FROM cloud_map FINAL WHERE scope = {scope:String} AND ip = toIPv6({ip:String}) AND toUnixTimestamp(valid_from) <= {at:UInt32} ORDER BY valid_from DESC LIMIT 1',
        { at, scope, ip: '::ffff:10.0.1.6' },
      )
      return row === undefined ? '' : `${row.id}${row.held === 1 ? '' : ' last seen before'}`
    }
    const times = [-101, -100, 0, 50, 60, 61, 700, 701, 3 * 86_400, 10 * 86_400 + 300]
    assert.deepEqual(await Promise.all(times.map(s => holder(day + s))), [
      '',
      'eni-a',
      'eni-a',
      'eni-b',
      'eni-b',
      'eni-a',
      'eni-a',
      'eni-a last seen before',
      'eni-a last seen before',
      'eni-a',
    ])
  })

  it('joins each flow with the owners of its addresses at its own time', async () => {
    const { store, cluster, role, putFlows } = await setUpSink(server)
    putFlows(natGatewayFlows())
    const host = run('eni-1111aaaa2222bbbb3', 1_700_000_000, 1_700_000_057)
    const gateway = run('eni-1235b8ca123456789', 1_700_000_001, 1_700_000_057)
    cluster.put(
      'cloudMapRuns',
      { scope, ip: '10.0.1.5', first: 1_700_000_000 },
      { ...host, owner: { ...host.owner, instanceId: 'i-01234567890123456' } },
    )
    cluster.put('cloudMapRuns', { scope, ip: '10.0.0.220', first: 1_690_000_000 }, run('eni-before', 1_690_000_000, 1_690_000_100))
    cluster.put('cloudMapRuns', { scope, ip: '10.0.0.220', first: 1_700_000_001 }, gateway)
    cluster.put('cloudMapRuns', { scope, ip: '10.0.0.220', first: 1_800_000_000 }, run('eni-after', 1_800_000_000, 1_800_000_100))
    // The same address in another scope is another address.
    cluster.put(
      'cloudMapRuns',
      { scope: 'vpc-other', ip: '203.0.113.5', first: 1_600_000_000 },
      run('eni-other', 1_600_000_000, 1_800_000_000),
    )
    cluster.put(
      'cloudMapRuns',
      { scope: 'aws', ip: '198.51.100.77', first: 1_600_000_000 },
      run('', 1_600_000_000, 1_600_000_001, { owner: { ...nobody, service: 'EC2' } }),
    )
    putFlows([
      // without a direction the map answers for both sides
      flow({
        ...natGatewayFlows()[0]!,
        srcAddr: '10.0.0.220',
        dstAddr: '10.0.1.5',
        start: 1_695_000_000,
        end: 1_695_000_001,
        line: 99,
        direction: 'unknown',
        flowDirection: null,
      }),
    ])
    await cluster.runRole(role('clickhouse-flows'))
    await cluster.runRole(role('clickhouse-runs'))
    const rows = await store.query<Record<string, unknown>>(
      'SELECT line, local_interface_id, local_state, remote_interface_id, remote_service, remote_state FROM flow_owners ORDER BY line',
    )
    assert.deepEqual(
      rows.map(row => Object.values(row)),
      [
        [2, 'eni-1111aaaa2222bbbb3', 'held', null, null, null],
        [3, 'eni-1235b8ca123456789', 'held', 'eni-1111aaaa2222bbbb3', null, 'held'],
        [4, 'eni-1235b8ca123456789', 'held', null, null, null],
        [5, 'eni-1235b8ca123456789', 'held', null, null, null],
        [6, 'eni-1235b8ca123456789', 'held', 'eni-1111aaaa2222bbbb3', null, 'held'],
        [7, 'eni-1111aaaa2222bbbb3', 'held', null, null, null],
        [8, 'eni-1235b8ca123456789', 'held', null, 'EC2', 'last-known'],
        [99, 'eni-before', 'last-known', null, null, null],
      ],
    )
  })
})

describe('the small tables in ClickHouse', () => {
  it('hold gaps, dead letters with any bytes, and the newest ledger; together every line is accounted for', async () => {
    const { store, cluster, role, putFlows } = await setUpSink(server)
    const key = { bucket: 'logs', key: 'AWSLogs/ü.log.gz' }
    cluster.put('objects', key, ledger({ lines: 5, nextLine: 6 }))
    cluster.put('objects', { bucket: '__barrier', key: '0' }, null)
    cluster.put('objects', key, ledger({ lines: 13, headerLines: 1, blankLines: 1, deadLines: 1, state: 'done', nextLine: 14 }))
    putFlows(natGatewayFlows())
    const gap = {
      accountId: '1',
      region: null,
      interfaceId: 'eni-1',
      vpcId: null,
      subnetId: null,
      instanceId: null,
      azId: null,
      start: 60,
      end: 120,
      timeSource: 'logged',
      timeKept: null,
      objectId: testObjectId,
      extra: { version: '2' },
    } as const
    cluster.put('flowGaps', { accountId: '1', region: null, interfaceId: 'eni-1' }, { ...gap, kind: 'NODATA', line: 9 })
    cluster.put('flowGaps', { accountId: '1', region: null, interfaceId: 'eni-1' }, { ...gap, kind: 'SKIPDATA', line: 10 })
    const bytes = Buffer.from([0, 255, 10, 39, 92, 195, 40])
    const letter = {
      etag: 'etag',
      objectId: testObjectId,
      detail: 'bad "x"',
      header: null,
      bytes,
      length: 7,
      sha256: null,
      attempt: 0,
    } as const
    cluster.put('deadLetters', key, { ...letter, line: 11, stage: 'fetch', reason: 'line-too-long' })
    cluster.put('deadLetters', key, {
      ...letter,
      line: 12,
      stage: 'enrich',
      reason: 'bad-address',
      sha256: Buffer.alloc(32, 200),
      header: 'version',
    })
    for (const name of ['clickhouse-flows', 'clickhouse-gaps', 'clickhouse-dead-letters', 'clickhouse-objects'])
      await cluster.runRole(role(name))
    const letters = await store.query<Record<string, unknown>>(
      'SELECT line, hex(bytes) AS bytes, hex(sha256) AS sha256, header, toString(stage) AS stage, reason, detail FROM dead_letters ORDER BY line',
    )
    assert.deepEqual(letters, [
      {
        line: 11,
        bytes: bytes.toString('hex').toUpperCase(),
        sha256: '',
        header: null,
        stage: 'fetch',
        reason: 'line-too-long',
        detail: 'bad "x"',
      },
      {
        line: 12,
        bytes: bytes.toString('hex').toUpperCase(),
        sha256: 'C8'.repeat(32),
        header: 'version',
        stage: 'enrich',
        reason: 'bad-address',
        detail: 'bad "x"',
      },
    ])
    assert.deepEqual(await store.query("SELECT start, end, kind, region, interface_id, extra FROM flow_gaps WHERE kind = 'NODATA'"), [
      {
        ...{ start: '1970-01-01 00:01:00', end: '1970-01-01 00:02:00', kind: 'NODATA', region: '', interface_id: 'eni-1' },
        extra: { version: '2' },
      },
    ])
    const objects = await store.query<Record<string, unknown>>(
      'SELECT key, state, last_modified, slot_start, retry_at, version FROM objects FINAL',
    )
    assert.deepEqual(objects, [
      {
        key: key.key,
        state: 'done',
        last_modified: '2023-11-14 22:13:20.123',
        slot_start: '2023-11-14 22:13:20',
        retry_at: null,
        version: '2',
      },
    ])
    const [conserved] = await ask<Record<string, unknown>, 'conservation'>(store, 'conservation', {})
    assert.deepEqual(conserved, {
      bucket: 'logs',
      key: key.key,
      object: testObjectId.toString('hex'),
      state: 'done',
      lines: '13',
      header_lines: '1',
      blank_lines: '1',
      flows: '7',
      nodata: '1',
      skipdata: '1',
      dead_letters: '2',
      missing: '0',
      repeated: '0',
      bytes: '21082',
      packets: '67',
    })
  })
})
