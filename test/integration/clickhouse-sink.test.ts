// The sink on a real ClickHouse engine; Kafka is the in-memory one.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import type { FlowRecord } from '../../schemas/flow-types.ts'
import type { CloudMapRun, ObjectLedger, Owner } from '../../schemas/records.ts'
import { createClickHouseRoles } from '../../sinks/clickhouse/clickhouse-sink.ts'
import { migrate } from '../../sinks/clickhouse/migrate.ts'
import { ask } from '../../sinks/clickhouse/queries.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { addressHex, anyFlow, expectedRow, flow, flowsOfLog } from '../support/flow-records.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/live-clickhouse.ts'
import { MemoryCluster } from '../support/memory-context.ts'

const flowKey = { lowAddr: null, lowPort: null, highAddr: null, highPort: null, protocol: null }
const objectId = Buffer.from('00ab3c4d5e6f7081', 'hex')
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
after(() => server.stop())

interface Setup {
  store: Store
  cluster: MemoryCluster
  role(name: string): ReturnType<typeof createClickHouseRoles>[number]
  putFlows(records: readonly FlowRecord[]): void
}

async function setUp(insertRows = 1000): Promise<Setup> {
  const { store, settings } = server.fresh()
  await migrate(store, settings)
  const cluster = new MemoryCluster()
  const roles = createClickHouseRoles({ store, topicPrefix: 'test.', insertRows, insertIntervalMs: 1000 })
  return {
    store,
    cluster,
    role: name => roles.find(role => role.name === name)!,
    putFlows: records => records.forEach(record => cluster.put('flows', flowKey, record)),
  }
}

const count = async (store: Store, table: string): Promise<number> =>
  Number((await store.query<{ n: string }>(`SELECT toString(count()) AS n FROM ${table}`))[0]!.n)

const ledger = (values: Partial<ObjectLedger>): ObjectLedger => ({
  objectId,
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
  lines: 0,
  headerLines: 0,
  blankLines: 0,
  deadLines: 0,
  textBytes: 0,
  attempts: 0,
  retryAtMs: null,
  errorCode: null,
  errorDetail: null,
  ...values,
})

const golden = (): FlowRecord[] => flowsOfLog(readFileSync(new URL('../golden/nat-gateway-v5/nat.log', import.meta.url), 'utf8'), objectId)

describe('flows in ClickHouse', () => {
  it('come back with every value', async () => {
    const { store, cluster, role, putFlows } = await setUp(70)
    const records = fc.sample(anyFlow, { numRuns: 200, seed: 42 }).map((record, i) => ({ ...record, objectId, line: i + 1 }))
    putFlows(records)
    await cluster.runRole(role('sink-flows'))
    const rows = await store.query<Record<string, unknown>>(`SELECT
      toUnixTimestamp(start) AS start, dur, toString(interface) AS interface, toInt8(direction) AS direction, toInt8(direction_source) AS direction_source,
      toInt8(time_source) AS time_source, toInt8(flow_direction) AS flow_direction, toInt8(action) AS action, toInt8(log_status) AS log_status,
      lower(hex(local_addr)) AS local_addr, lower(hex(remote_addr)) AS remote_addr, lower(hex(pkt_local)) AS pkt_local, lower(hex(pkt_remote)) AS pkt_remote,
      toString(packets) AS packets, toString(bytes) AS bytes, toString(object_id) AS object_id,
      * EXCEPT (start, dur, interface, direction, direction_source, time_source, flow_direction, action, log_status, local_addr, remote_addr, pkt_local, pkt_remote, packets, bytes, object_id)
      FROM flows ORDER BY line`)
    const expected = records
      .map(expectedRow)
      .map(row => Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, typeof cell === 'bigint' ? String(cell) : cell])))
    assert.equal(rows.length, 200)
    rows.forEach((row, i) => assert.deepEqual(row, Object.fromEntries(Object.keys(row).map(name => [name, expected[i]![name]]))))
    assert.deepEqual(Object.keys(rows[0]!).sort(), Object.keys(expected[0]!).sort())
  })

  it("are seen under AWS's names, with NULL for what the log does not have", async () => {
    const { store, cluster, role, putFlows } = await setUp()
    const full = flow({
      version: 5,
      accountId: '012345678901',
      interfaceId: 'eni-1',
      srcAddr: '203.0.113.5',
      dstAddr: '10.0.0.220',
      srcPort: 443,
      dstPort: 21_044,
      protocol: 6,
      packets: 10,
      bytes: 5210,
      start: 1_700_000_002,
      end: 1_700_000_056,
      timeSource: 'logged',
      action: 'ACCEPT',
      logStatus: 'OK',
      vpcId: 'vpc-1',
      subnetId: 'subnet-1',
      instanceId: 'i-1',
      tcpFlags: 0,
      type: 'IPv4',
      pktSrcAddr: '203.0.113.5',
      pktDstAddr: '10.0.1.5',
      region: 'us-east-1',
      azId: 'use1-az1',
      sublocationType: 'outpost',
      sublocationId: 'op-1',
      pktSrcAwsService: 'S3',
      srcAwsService: 'AMAZON',
      flowDirection: 'ingress',
      direction: 'ingress',
      directionSource: 'logged',
      trafficPath: 8,
      objectId,
      line: 2,
    })
    putFlows([full, flow({ objectId, line: 3, srcAddr: '2001:db8::1', srcThreat: '', start: 5, end: 6, timeSource: 'slot' })])
    await cluster.runRole(role('sink-flows'))
    const rows = await store.query<Record<string, unknown>>('SELECT * FROM flow_log ORDER BY line')
    const [first, second] = rows as [Record<string, unknown>, Record<string, unknown>]
    assert.deepEqual(
      Object.keys(first).slice(0, 29).join(' '),
      'version account_id interface_id srcaddr dstaddr srcport dstport protocol packets bytes start end action log_status vpc_id subnet_id instance_id tcp_flags type pkt_srcaddr pkt_dstaddr region az_id sublocation_type sublocation_id pkt_src_aws_service pkt_dst_aws_service flow_direction traffic_path',
    )
    assert.deepEqual(Object.values(first).slice(0, 29), [
      5,
      '012345678901',
      'eni-1',
      '203.0.113.5',
      '10.0.0.220',
      443,
      21_044,
      6,
      '10',
      '5210',
      '2023-11-14 22:13:22',
      '2023-11-14 22:14:16',
      'ACCEPT',
      'OK',
      'vpc-1',
      'subnet-1',
      'i-1',
      0,
      'IPv4',
      '203.0.113.5',
      '10.0.1.5',
      'us-east-1',
      'use1-az1',
      'outpost',
      'op-1',
      'S3',
      null,
      'ingress',
      8,
    ])
    const known = Object.entries(second).filter(([, value]) => value !== null)
    assert.deepEqual(Object.fromEntries(known), {
      srcaddr: '2001:db8::1',
      start: '1970-01-01 00:00:05',
      end: '1970-01-01 00:00:06',
      direction: 'unknown',
      direction_source: 'none',
      time_source: 'slot',
      src_threat: '',
      extra: {},
      interface: second['interface'],
      object_id: String(BigInt('0x00ab3c4d5e6f7081')),
      line: 3,
    })
    assert.equal(first['dst_aws_service'], null)
    assert.equal(first['src_threat'], null)
  })

  it('give the packet address :: back, and the same address where it is the same', async () => {
    const { store, cluster, role, putFlows } = await setUp()
    putFlows([
      flow({ srcAddr: '10.0.0.1', pktSrcAddr: '::', dstAddr: '::', pktDstAddr: '::', line: 1 }),
      flow({ srcAddr: '10.0.0.1', pktSrcAddr: '10.0.0.1', pktDstAddr: '10.9.9.9', line: 2 }),
    ])
    await cluster.runRole(role('sink-flows'))
    assert.deepEqual(await store.query('SELECT srcaddr, dstaddr, pkt_srcaddr, pkt_dstaddr FROM flow_log ORDER BY line'), [
      { srcaddr: '10.0.0.1', dstaddr: '::', pkt_srcaddr: '::', pkt_dstaddr: '::' },
      { srcaddr: '10.0.0.1', dstaddr: null, pkt_srcaddr: '10.0.0.1', pkt_dstaddr: '10.9.9.9' },
    ])
  })

  it('span more days in one insert than the server allows by default', async () => {
    const { store, cluster, role, putFlows } = await setUp()
    putFlows(Array.from({ length: 150 }, (_, day) => flow({ start: day * 86_400, end: day * 86_400, line: day + 1 })))
    await cluster.runRole(role('sink-flows'))
    assert.equal(await count(store, 'flows'), 150)
  })

  it('tell a NAT phantom from an open port', async () => {
    const { store, cluster, role, putFlows } = await setUp()
    const ssh = (values: Partial<FlowRecord>): FlowRecord =>
      flow({
        ...golden()[6]!,
        interfaceId: 'eni-bastion',
        instanceId: 'i-bastion',
        dstAddr: '10.0.2.2',
        pktDstAddr: '10.0.2.2',
        pktSrcAddr: '198.51.100.78',
        srcAddr: '198.51.100.78',
        ...values,
      })
    const turned = (record: FlowRecord, values: Partial<FlowRecord>): FlowRecord => ({
      ...record,
      srcAddr: record.dstAddr,
      dstAddr: record.srcAddr,
      pktSrcAddr: record.pktDstAddr,
      pktDstAddr: record.pktSrcAddr,
      srcPort: record.dstPort,
      dstPort: record.srcPort,
      direction: 'egress',
      flowDirection: 'egress',
      ...values,
    })
    const open = ssh({ line: 20 })
    const closed = ssh({ line: 22, interfaceId: 'eni-closed', dstAddr: '10.0.2.3', pktDstAddr: '10.0.2.3' })
    // An instance whose records carry addresses of its pods is no NAT gateway.
    const pod = ssh({ line: 24, interfaceId: 'eni-node', dstAddr: '10.0.2.4', pktDstAddr: '10.0.99.4' })
    putFlows([...golden(), open, turned(open, { line: 21, tcpFlags: 18 }), closed, turned(closed, { line: 23, tcpFlags: 4 }), pod])
    await cluster.runRole(role('sink-flows'))
    assert.deepEqual(await store.query('SELECT observer FROM nat_interfaces'), [{ observer: 'eni-1235b8ca123456789' }])
    const findings = await ask<Record<string, unknown>, 'ssh_from_outside'>(store, 'ssh_from_outside', { limit: 10 })
    assert.deepEqual(
      findings.map(row => [row['evidence'], row['observer'], row['local_address'], row['remote_address'], Number(row['flows'])]),
      [
        ['answered', 'eni-bastion', '10.0.2.2', '198.51.100.78', 1],
        ['accepted', 'eni-closed', '10.0.2.3', '198.51.100.78', 1],
        ['accepted', 'eni-node', '10.0.2.4', '198.51.100.78', 1],
        ['nat-phantom', 'eni-1235b8ca123456789', '10.0.0.220', '198.51.100.77', 1],
      ],
    )
  })

  it('count what passes a NAT gateway once among the top talkers', async () => {
    const { store, cluster, role, putFlows } = await setUp()
    putFlows(
      golden().map(record => ({
        ...record,
        ...(record.pktSrcAddr === '203.0.113.5' ? { srcCountry: 'DE', srcAsn: 64_500 } : {}),
        ...(record.pktDstAddr === '203.0.113.5' ? { dstCountry: 'DE', dstAsn: 64_500 } : {}),
      })),
    )
    await cluster.runRole(role('sink-flows'))
    const rows = await ask<Record<string, unknown>, 'top_talkers'>(store, 'top_talkers', {
      from: new Date(1_700_000_000_000),
      to: new Date(1_700_000_100_000),
      limit: 5,
    })
    assert.deepEqual(rows, [
      {
        country: 'DE',
        asn: 64_500,
        as_org: '',
        bytes: '7014',
        packets: '22',
        accepted_flows: '2',
        rejected_flows: '0',
        addresses: '1',
        nat_bytes: '7014',
      },
    ])
  })
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
    ...values,
  })

  it('says who held an address when, and forgets a run by its tombstone', async () => {
    const { store, cluster, role } = await setUp()
    cluster.put('cloudMapRuns', { scope, ip: '10.0.1.5', first: 1000 }, run('eni-old', 1000, 1500, { validTo: 5000 }))
    cluster.put('cloudMapRuns', { scope, ip: '10.0.1.5', first: 5000 }, run('eni-new', 5000, 6000))
    cluster.put('cloudMapRuns', { scope, ip: '10.0.1.5', first: 3000 }, run('eni-wrong', 3000, 3100))
    cluster.put(
      'cloudMapRuns',
      { scope: 'aws', ip: '2001:db8::5', first: 1000 },
      run('', 1000, 1500, { owner: { ...nobody, service: 'S3' } }),
    )
    await cluster.runRole(role('sink-runs'))
    const holds = async (ip: string, at: number): Promise<unknown[]> =>
      (await ask<Record<string, unknown>, 'who_holds'>(store, 'who_holds', { ip, at: new Date(1000 * at) })).map(row => [
        row['scope'],
        row['state'],
        row['interface_id'],
        row['service'],
      ])
    assert.deepEqual(await holds('10.0.1.5', 3000), [[scope, 'held', 'eni-wrong', '']])
    cluster.put('cloudMapRuns', { scope, ip: '10.0.1.5', first: 3000 }, null)
    await cluster.runRole(role('sink-runs'))
    assert.deepEqual(await holds('10.0.1.5', 999), [])
    assert.deepEqual(await holds('10.0.1.5', 1000), [[scope, 'held', 'eni-old', '']])
    assert.deepEqual(await holds('10.0.1.5', 3000), [[scope, 'last-known', 'eni-old', '']])
    assert.deepEqual(await holds('10.0.1.5', 9999), [[scope, 'last-known', 'eni-new', '']])
    assert.deepEqual(await holds('2001:db8::5', 1200), [['aws', 'held', '', 'S3']])
  })

  it('joins each flow with the owners of its addresses at its own time', async () => {
    const { store, cluster, role, putFlows } = await setUp()
    putFlows(golden())
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
    putFlows([flow({ ...golden()[0]!, srcAddr: '10.0.0.220', dstAddr: '10.0.1.5', start: 1_695_000_000, end: 1_695_000_001, line: 99 })])
    await cluster.runRole(role('sink-flows'))
    await cluster.runRole(role('sink-runs'))
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
    const { store, cluster, role, putFlows } = await setUp()
    const key = { bucket: 'logs', key: 'AWSLogs/ü.log.gz' }
    cluster.put('objects', key, ledger({ lines: 5, nextLine: 6 }))
    cluster.put('objects', { bucket: '__barrier', key: '0' }, null)
    cluster.put('objects', key, ledger({ lines: 13, headerLines: 1, blankLines: 1, deadLines: 1, state: 'done', nextLine: 14 }))
    putFlows(golden())
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
      objectId,
    } as const
    cluster.put('flowGaps', { accountId: '1', region: null, interfaceId: 'eni-1' }, { ...gap, kind: 'NODATA', line: 9 })
    cluster.put('flowGaps', { accountId: '1', region: null, interfaceId: 'eni-1' }, { ...gap, kind: 'SKIPDATA', line: 10 })
    const bytes = Buffer.from([0, 255, 10, 39, 92, 195, 40])
    const letter = { etag: 'etag', objectId, detail: 'bad "x"', header: null, bytes, length: 7, sha256: null } as const
    cluster.put('deadLetters', key, { ...letter, line: 11, stage: 'fetch', reason: 'line-too-long' })
    cluster.put('deadLetters', key, {
      ...letter,
      line: 12,
      stage: 'enrich',
      reason: 'bad-address',
      sha256: Buffer.alloc(32, 200),
      header: 'version',
    })
    for (const name of ['sink-flows', 'sink-gaps', 'sink-dead-letters', 'sink-objects']) await cluster.runRole(role(name))
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
    assert.deepEqual(await store.query("SELECT start, end, kind, region, interface_id FROM flow_gaps WHERE kind = 'NODATA'"), [
      { start: '1970-01-01 00:01:00', end: '1970-01-01 00:02:00', kind: 'NODATA', region: '', interface_id: 'eni-1' },
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
      object: objectId.toString('hex'),
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

describe('addresses in ClickHouse', () => {
  it('are the bytes that the sink makes of them', async () => {
    const { store } = server.fresh()
    await store.command(`CREATE DATABASE ${store.database}`)
    for (const text of ['10.0.1.5', '::', '2001:db8::1', '::ffff:10.0.1.5']) {
      const [row] = await store.query<{ bytes: string }>('SELECT lower(hex(toIPv6({ip:String}))) AS bytes', { ip: text })
      assert.equal(row!.bytes, addressHex(text))
    }
  })
})
