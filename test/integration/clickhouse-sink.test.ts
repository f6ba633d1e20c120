// Flows in a real ClickHouse engine; Kafka is the in-memory one.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import fc from 'fast-check'
import type { FlowRecord } from '../../schemas/flow-record.ts'
import { ask } from '../../sinks/clickhouse/queries.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { emptyLedger } from '../support/records/ledger.ts'
import { addressHex, anyFlow, expectedRows, flow } from '../support/records/flow-records.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { natGatewayFlows, setUpSink, testObjectId } from '../support/clickhouse/sink-setup.ts'

let server: LiveClickHouse
before(async () => (server = await liveClickHouse()))
afterEach(() => server.giveBack())
after(() => server.stop())

const count = async (store: Store, table: string): Promise<number> =>
  Number((await store.query<{ n: string }>(`SELECT toString(count()) AS n FROM ${table}`))[0]!.n)

describe('flows in ClickHouse', () => {
  it('come back with every value', async () => {
    const { store, cluster, role, putFlows } = await setUpSink(server, 70)
    const records = fc.sample(anyFlow, { numRuns: 200, seed: 42 }).map((record, i) => ({ ...record, objectId: testObjectId, line: i + 1 }))
    putFlows(records)
    await cluster.runRole(role('clickhouse-flows'))
    const rows = await store.query<Record<string, unknown>>(`SELECT
      toUnixTimestamp(start) AS start, dur, toString(interface) AS interface, toInt8(direction) AS direction, toInt8(direction_source) AS direction_source,
      toInt8(time_source) AS time_source, toInt8(service_port_source) AS service_port_source, toInt8(flow_direction) AS flow_direction, toInt8(action) AS action, toInt8(log_status) AS log_status,
      lower(hex(local_addr)) AS local_addr, lower(hex(remote_addr)) AS remote_addr, lower(hex(pkt_local)) AS pkt_local, lower(hex(pkt_remote)) AS pkt_remote,
      toString(packets) AS packets, toString(bytes) AS bytes, toString(object_id) AS object_id,
      * EXCEPT (start, dur, interface, direction, direction_source, time_source, service_port_source, flow_direction, action, log_status, local_addr, remote_addr, pkt_local, pkt_remote, packets, bytes, object_id, stored_at)
      FROM flows ORDER BY line`)
    const expected = expectedRows(records).map(row =>
      Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, typeof cell === 'bigint' ? String(cell) : cell])),
    )
    assert.equal(rows.length, 200)
    rows.forEach((row, i) => assert.deepEqual(row, Object.fromEntries(Object.keys(row).map(name => [name, expected[i]![name]]))))
    assert.deepEqual(Object.keys(rows[0]!).sort(), Object.keys(expected[0]!).sort())
  })

  it("are seen under AWS's names, with NULL for what the log does not have", async () => {
    const { store, cluster, role, putFlows } = await setUpSink(server)
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
      objectId: testObjectId,
      line: 2,
    })
    putFlows([full, flow({ objectId: testObjectId, line: 3, srcAddr: '2001:db8::1', srcThreat: '', start: 5, end: 6, timeSource: 'slot' })])
    await cluster.runRole(role('clickhouse-flows'))
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
      origin: 'vpc',
      direction: 'unknown',
      direction_source: 'none',
      time_source: 'slot',
      service_port_source: 'none',
      src_threat: '',
      extra: {},
      interface: second['interface'],
      object_id: String(BigInt('0x00ab3c4d5e6f7081')),
      line: 3,
    })
    assert.equal(first['dst_aws_service'], null)
    assert.equal(first['src_threat'], null)
  })

  it('say in time_source that only the start or the end is from the record, through flows_once too', async () => {
    const { store, cluster, putFlows, role } = await setUpSink(server)
    putFlows(
      (['start', 'end'] as const).map((timeKept, i) =>
        flow({
          objectId: testObjectId,
          line: i + 2,
          start: 500,
          end: 500,
          timeKept,
          directionSource: 'inferred',
          directionBy: 'own_network',
          servicePort: 443,
          servicePortSource: 'tcp_flags',
        }),
      ),
    )
    await cluster.runRole(role('clickhouse-flows'))
    for (const table of ['flow_log', "flows_once(from = '1970-01-01 00:00:00', to = '1970-01-02 00:00:00')"])
      assert.deepEqual(
        await store.query(
          `SELECT toString(time_source) AS time, toString(direction_source) AS direction, toString(service_port_source) AS service FROM ${table} ORDER BY line`,
        ),
        [
          { time: 'start', direction: 'own_network', service: 'tcp_flags' },
          { time: 'end', direction: 'own_network', service: 'tcp_flags' },
        ],
      )
  })

  it('give the packet address :: back, and the same address where it is the same', async () => {
    const { store, cluster, role, putFlows } = await setUpSink(server)
    putFlows([
      flow({ srcAddr: '10.0.0.1', pktSrcAddr: '::', dstAddr: '::', pktDstAddr: '::', line: 1 }),
      flow({ srcAddr: '10.0.0.1', pktSrcAddr: '10.0.0.1', pktDstAddr: '10.9.9.9', line: 2 }),
    ])
    await cluster.runRole(role('clickhouse-flows'))
    assert.deepEqual(await store.query('SELECT srcaddr, dstaddr, pkt_srcaddr, pkt_dstaddr FROM flow_log ORDER BY line'), [
      { srcaddr: '10.0.0.1', dstaddr: '::', pkt_srcaddr: '::', pkt_dstaddr: '::' },
      { srcaddr: '10.0.0.1', dstaddr: null, pkt_srcaddr: '10.0.0.1', pkt_dstaddr: '10.9.9.9' },
    ])
  })

  it('span more days in one insert than the server allows by default', async () => {
    const { store, cluster, role, putFlows } = await setUpSink(server)
    putFlows(Array.from({ length: 150 }, (_, day) => flow({ start: day * 86_400, end: day * 86_400, line: day + 1 })))
    await cluster.runRole(role('clickhouse-flows'))
    assert.equal(await count(store, 'flows'), 150)
  })

  it('tell a NAT phantom from an open port', async () => {
    const { store, cluster, role, putFlows } = await setUpSink(server)
    const ssh = (values: Partial<FlowRecord>): FlowRecord =>
      flow({
        ...natGatewayFlows()[6]!,
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
    // An instance whose records carry addresses of its pods is not a NAT gateway, and the pod stands for itself.
    const pod = ssh({ line: 24, interfaceId: 'eni-node', dstAddr: '10.0.2.4', pktDstAddr: '10.0.99.4' })
    putFlows([...natGatewayFlows(), open, turned(open, { line: 21, tcpFlags: 18 }), closed, turned(closed, { line: 23, tcpFlags: 4 }), pod])
    // the format had instance-id, so an interface without one has no instance
    cluster.put('objects', { bucket: 'logs', key: 'nat' }, { ...emptyLedger, objectId: testObjectId, header: 'version instance-id' })
    for (const name of ['clickhouse-flows', 'clickhouse-objects']) await cluster.runRole(role(name))
    assert.deepEqual(await store.query('SELECT observer FROM nat_interfaces'), [{ observer: 'eni-1235b8ca123456789' }])
    const findings = await ask<Record<string, unknown>, 'ssh_from_outside'>(store, 'ssh_from_outside', {
      from: new Date(0),
      to: new Date(1_800_000_000_000),
      limit: 10,
    })
    assert.deepEqual(
      findings.map(row => [row['evidence'], row['observer'], row['local_address'], row['remote_address'], Number(row['flows'])]),
      [
        ['answered', 'eni-bastion', '10.0.2.2', '198.51.100.78', 1],
        ['accepted', 'eni-closed', '10.0.2.3', '198.51.100.78', 1],
        ['accepted', 'eni-node', '10.0.99.4', '198.51.100.78', 1],
        ['nat-phantom', 'eni-1235b8ca123456789', '10.0.0.220', '198.51.100.77', 1],
      ],
    )
  })

  it('count what passes a NAT gateway once among the top talkers', async () => {
    const { store, cluster, role, putFlows } = await setUpSink(server)
    putFlows(
      natGatewayFlows().map(record => ({
        ...record,
        ...(record.pktSrcAddr === '203.0.113.5' ? { srcCountry: 'DE', srcAsn: 64_500 } : {}),
        ...(record.pktDstAddr === '203.0.113.5' ? { dstCountry: 'DE', dstAsn: 64_500 } : {}),
      })),
    )
    // the format had instance-id, so an interface without one has no instance
    cluster.put('objects', { bucket: 'logs', key: 'nat' }, { ...emptyLedger, objectId: testObjectId, header: 'version instance-id' })
    for (const name of ['clickhouse-flows', 'clickhouse-objects']) await cluster.runRole(role(name))
    const rows = await ask<Record<string, unknown>, 'top_talkers'>(store, 'top_talkers', {
      from: new Date(1_700_000_000_000),
      to: new Date(1_700_000_100_000),
      limit: 5,
    })
    assert.deepEqual(rows, [
      {
        country: 'DE',
        asn: 64_500,
        as_org: null,
        bytes: '7014',
        packets: '22',
        accepted_flows: '2',
        rejected_flows: '0',
        addresses: '1',
        nat_bytes: '7014',
        maybe_nat_bytes: '0',
      },
      // a probe at the gateway, of whom no country is known
      { country: null, asn: null, as_org: null, bytes: '0', packets: '0', accepted_flows: '0', rejected_flows: '0', addresses: '0', nat_bytes: '40', maybe_nat_bytes: '0' }, // prettier-ignore
    ])
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

  it('takes no own address for a talker outside where nobody can say which side is ours', async () => {
    const { store, cluster, role, putFlows } = await setUpSink(server)
    const start = 1_700_000_000
    const unknown = flow({ start, end: start + 59, direction: 'unknown', directionSource: 'none', flowDirection: null, action: 'ACCEPT' })
    putFlows([
      // dual stack without flow-direction: a client in DE, our own range in US
      { ...unknown, line: 2, srcAddr: '2a00::1', dstAddr: '2600:1f18::10', srcCountry: 'DE', dstCountry: 'US', bytes: 1000 },
      { ...unknown, line: 3, srcAddr: '198.51.100.7', dstAddr: '10.0.0.1', srcCountry: 'FR', dstCountry: null, bytes: 500 },
    ])
    await cluster.runRole(role('clickhouse-flows'))
    const rows = await ask<Record<string, unknown>, 'top_talkers'>(store, 'top_talkers', {
      from: new Date(start * 1000),
      to: new Date((start + 600) * 1000),
      limit: 5,
    })
    assert.deepEqual(
      rows.map(row => [row['country'], row['bytes']]),
      // of the first one neither end is known as ours, so nobody can say whose country counts
      [
        [null, '1000'],
        ['FR', '500'],
      ],
    )
  })
})
