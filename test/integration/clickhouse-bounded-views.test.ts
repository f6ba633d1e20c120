// Views that read a bounded time, and the owner of an address where runs lie inside of one another, on a real ClickHouse engine.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { FlowRecord } from '../../schemas/flow-record.ts'
import type { CloudMapRun } from '../../schemas/records.ts'
import { ask } from '../../sinks/clickhouse/queries.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { readViews } from '../../sinks/clickhouse/views.ts'
import { flow } from '../support/records/flow-records.ts'
import { emptyLedger } from '../support/records/ledger.ts'
import { askingTogether } from '../support/clickhouse/asked-together.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { natGatewayFlows, setUpSink, testObjectId } from '../support/clickhouse/sink-setup.ts'
import { run as runOf } from '../support/clickhouse/seen-records.ts'

let server: LiveClickHouse
before(async () => (server = await liveClickHouse()))
afterEach(() => server.giveBack())
after(() => server.stop())

const day = (n: number): number => Date.parse('2026-11-20T00:00:00Z') / 1000 + n * 86_400

/** The views that take a time, with what they need beside it. */
const timed: readonly { readonly view: string; readonly more?: string }[] = [
  { view: 'cloud_map_timeline_between' },
  { view: 'coverage_between' },
  { view: 'exposed_ports_between' },
  { view: 'exposed_ports_unjudged_between' },
  { view: 'exposure_conversations_between' },
  { view: 'flow_log_overlaps' },
  { view: 'flow_log_presence' },
  { view: 'flow_logs_without_observer' },
  { view: 'flow_owners_between' },
  { view: 'flows_once' },
  { view: 'flows_once_by', more: ", repeats = 'compared'" },
  { view: 'nat_evidence_between' },
  { view: 'nat_interfaces_between' },
  { view: 'object_coverage_between' },
  { view: 'outside_peers_between' },
  { view: 'own_addresses_between' },
]

describe('views of a time', () => {
  it('are all known here', () => {
    const found = readViews().files.filter(({ text }) => text.includes('{from:'))
    assert.deepEqual(
      found.map(({ name }) => name).sort(),
      timed.map(({ view }) => view),
    )
  })

  it('do not answer in silence if from and to are swapped, with rows or without', async () => {
    const { store, cluster, role, putFlows } = await setUpSink(server)
    const refused = (): Promise<unknown> =>
      Promise.all(
        timed.map(({ view, more = '' }) =>
          assert.rejects(
            store.query(`SELECT * FROM ${view}(from = '2026-11-23 12:00:00', to = '2026-11-23 11:59:00'${more})`),
            /: from is after to/,
            view,
          ),
        ),
      )
    await refused()
    putFlows([flow({ ...natGatewayFlows()[6]!, start: day(3) + 43_150, end: day(3) + 43_199 })])
    await cluster.runRole(role('clickhouse-flows'))
    await refused()
    for (const { view, more = '' } of timed)
      await store.query(`SELECT * FROM ${view}(from = '2026-11-23 11:59:00', to = '2026-11-23 12:00:00'${more})`)
  })
})

describe('exposed_ports_between', () => {
  const ssh = (start: number, line: number, peer: string, answer = false): ReturnType<typeof flow> =>
    flow({
      ...natGatewayFlows()[6]!,
      interfaceId: 'eni-bastion',
      instanceId: 'i-bastion',
      ...(answer
        ? { srcAddr: '10.0.2.2', dstAddr: peer, pktSrcAddr: '10.0.2.2', pktDstAddr: peer, srcPort: 22, dstPort: 40_000 }
        : { srcAddr: peer, dstAddr: '10.0.2.2', pktSrcAddr: peer, pktDstAddr: '10.0.2.2', srcPort: 40_000, dstPort: 22 }),
      direction: answer ? 'egress' : 'ingress',
      flowDirection: answer ? 'egress' : 'ingress',
      tcpFlags: answer ? 18 : 2,
      start,
      end: start + 59,
      line,
    })
  const found = async (store: Store, from: number, to: number): Promise<unknown[]> =>
    (
      await ask<Record<string, unknown>, 'ssh_from_outside'>(store, 'ssh_from_outside', {
        from: new Date(from * 1000),
        to: new Date(to * 1000),
        limit: 9,
      })
    ).map(row => [row['evidence'], row['remote_address'], Number(row['flows'])])

  it('finds what the time has, and calls answered what was answered in it', async () => {
    const { store, cluster, role, putFlows } = await setUpSink(server)
    putFlows([
      ssh(day(1), 1, '198.51.100.1'),
      ssh(day(3), 2, '198.51.100.1'),
      ssh(day(3), 3, '198.51.100.1', true),
      ssh(day(5), 4, '198.51.100.2'),
    ])
    await cluster.runRole(role('clickhouse-flows'))
    assert.deepEqual(await found(store, day(0), day(2)), [['accepted', '198.51.100.1', 1]])
    assert.deepEqual(await found(store, day(3), day(4)), [['answered', '198.51.100.1', 1]])
    assert.deepEqual(await found(store, day(0), day(9)), [['answered', '198.51.100.1', 2], ['accepted', '198.51.100.2', 1]]) // prettier-ignore
    assert.deepEqual(await found(store, day(6), day(9)), [])
    const all = await store.query<{ flows: string }>('SELECT flows FROM exposed_ports ORDER BY flows')
    assert.deepEqual(all.map(row => row.flows), ['1', '2']) // prettier-ignore
  })

  it('takes what begins at from, and not what begins at to, as every view of a time does', async () => {
    const { store, cluster, role, putFlows } = await setUpSink(server)
    putFlows([ssh(day(1), 1, '198.51.100.1'), ssh(day(2), 2, '198.51.100.2'), ssh(day(3), 3, '198.51.100.3')])
    await cluster.runRole(role('clickhouse-flows'))
    assert.deepEqual(await found(store, day(1), day(3)), [['accepted', '198.51.100.2', 1], ['accepted', '198.51.100.1', 1]]) // prettier-ignore
    for (const view of ['exposed_ports_between', 'outside_peers_between', 'flows_once', 'flow_owners_between'])
      assert.deepEqual(
        await store.query(`SELECT toUInt32(count()) AS n FROM ${view}(from = '2026-11-21 00:00:00', to = '2026-11-23 00:00:00')`),
        [{ n: 2 }],
        view,
      )
  })

  it('reads the days of its time alone', async () => {
    const { store, cluster, role, putFlows } = await setUpSink(server)
    putFlows([1, 3, 5, 7].map(n => ssh(day(n), n, '198.51.100.1')))
    await cluster.runRole(role('clickhouse-flows'))
    const plan = await store.query<{ explain: string }>(
      "EXPLAIN indexes = 1 SELECT * FROM exposed_ports_between(from = '2026-11-23 00:00:00', to = '2026-11-23 12:00:00')",
    )
    const parts = [...plan.map(row => row.explain).join('\n').matchAll(/\.flows\)[^]*?Min-Max[^]*?Parts: (\d+)\/(\d+)/g)] // prettier-ignore
    // what else is read of them is read by scalar subqueries, which the plan has only the results of
    assert.equal(parts.length, 1)
    for (const [, read, all] of parts) assert.ok(Number(read) <= 1 && Number(all) >= 4, `${read!} of ${all!} parts`)
  })

  /** A gateway shows itself by a client that passes it and a connection of its own, in a format with instance-id; then it is tried. */
  async function gatewayThenProbes(): Promise<Store> {
    const { store, cluster, role, putFlows } = await setUpSink(server)
    const [, client, own] = natGatewayFlows()
    const probe = { ...natGatewayFlows()[6]!, bytes: 40, srcCountry: 'DE' }
    putFlows([
      { ...client!, start: day(1) + 80_000, end: day(1) + 80_059 },
      { ...own!, start: day(1) + 80_000, end: day(1) + 80_059 },
      { ...probe, start: day(2) + 3600, end: day(2) + 3659 },
      { ...probe, start: day(4), end: day(4) + 59, line: 90 },
    ])
    cluster.put('objects', { bucket: 'logs', key: 'nat' }, { ...emptyLedger, objectId: testObjectId, header: 'version instance-id' })
    for (const name of ['clickhouse-flows', 'clickhouse-objects']) await cluster.runRole(role(name))
    return store
  }

  it('knows a NAT gateway by the packets of the day before', async () => {
    const store = await gatewayThenProbes()
    assert.deepEqual((await found(store, day(2), day(3))).map(row => (row as unknown[])[0]), ['nat-phantom']) // prettier-ignore
    assert.deepEqual((await found(store, day(4), day(5))).map(row => (row as unknown[])[0]), ['accepted']) // prettier-ignore
  })

  it('knows it so among the top talkers too, where older days are not read', async () => {
    const store = await gatewayThenProbes()
    const talkers = async (from: number, to: number): Promise<unknown> =>
      (await ask<Record<string, string>>(store, 'top_talkers', { from: new Date(from * 1000), to: new Date(to * 1000), limit: 9 })).map(
        row => [row['country'], row['bytes'], row['nat_bytes']],
      )
    assert.deepEqual(await talkers(day(2), day(3)), [['DE', '0', '40']])
    assert.deepEqual(await talkers(day(4), day(5)), [['DE', '40', '0']])
  })
})

describe('answers, where two flow logs wrote the same traffic and an object was overwritten', () => {
  const object = (n: number): Buffer => Buffer.from([0, 0, 0, 0, 0, 0, 0, n])
  const t = day(3) + 600
  // as the wide format has it, and as a narrow one does
  const wideFlow = (values: Partial<FlowRecord>): FlowRecord =>
    flow({
      ...natGatewayFlows()[6]!,
      interfaceId: 'eni-bastion',
      instanceId: 'i-1',
      srcAddr: '198.51.100.1',
      dstAddr: '10.0.2.2',
      pktSrcAddr: null,
      pktDstAddr: null,
      bytes: 40,
      srcCountry: 'DE',
      start: t,
      end: t + 59,
      ...values,
    })
  const narrowFlow = (values: Partial<FlowRecord>): FlowRecord =>
    wideFlow({ vpcId: null, subnetId: null, instanceId: null, region: null, azId: null, ...values })

  /** Objects 1 (narrow) and 2 (wide) of the slot, an object that only the narrow flow log has, and two versions of one key. */
  async function overlapping(): Promise<Store> {
    const { store, cluster, role, putFlows } = await setUpSink(server)
    const known = (n: number, key: string, flowLogId: string, header: string, slotStart: number): number =>
      cluster.put('objects', { bucket: 'logs', key }, { ...emptyLedger, objectId: object(n), flowLogId, header, slotStart })
    known(1, 'a-1', 'fl-a', 'version start end', t)
    known(2, 'b-1', 'fl-b', 'version start end vpc-id', t)
    known(3, 'a-2', 'fl-a', 'version start end', t + 300)
    known(4, 'a-3', 'fl-a', 'version start end', t + 600)
    known(5, 'a-3', 'fl-a', 'version start end', t + 600)
    const peer = '198.51.100.3'
    putFlows([
      ...[1, 2].map(line => narrowFlow({ objectId: object(1), line })),
      ...[1, 2].map(line => wideFlow({ objectId: object(2), line })),
      narrowFlow({ objectId: object(3), start: t + 300, end: t + 359 }),
      narrowFlow({ objectId: object(4), start: t + 600, end: t + 659, srcAddr: peer }),
      ...[1, 2].map(line => narrowFlow({ objectId: object(5), start: t + 600, end: t + 659, srcAddr: peer, line })),
    ])
    await cluster.runRole(role('clickhouse-objects'))
    await cluster.runRole(role('clickhouse-flows'))
    return store
  }

  it('count it once, and give one row for one exposure', async () => {
    const store = await overlapping()
    const rows = await ask<Record<string, unknown>, 'ssh_from_outside'>(store, 'ssh_from_outside', {
      from: new Date(t * 1000),
      to: new Date((t + 601) * 1000),
      limit: 9,
    })
    assert.deepEqual(
      rows.map(row => [row['remote_address'], row['instance_id'], row['vpc_id'], Number(row['flows']), Number(row['bytes'])]),
      [
        ['198.51.100.3', null, null, 2, 80],
        ['198.51.100.1', 'i-1', 'vpc-abcdefab012345678', 3, 120],
      ],
    )
    const [all] = await store.query<{ flows: number }>('SELECT toUInt8(sum(flows)) AS flows FROM exposed_ports')
    assert.equal(all!.flows, 5)
  })

  it('count it once among the top talkers', async () => {
    const store = await overlapping()
    const rows = await ask<Record<string, string>>(store, 'top_talkers', {
      from: new Date(day(3) * 1000),
      to: new Date(day(4) * 1000),
      limit: 9,
    })
    assert.deepEqual(rows.map(row => [row['country'], row['bytes'], row['accepted_flows']]), [['DE', '200', '5']]) // prettier-ignore
  })

  it('keep two instances apart that had the interface one after the other, and an unknown one from both', async () => {
    const { store, cluster, role, putFlows } = await setUpSink(server)
    putFlows([wideFlow({ line: 1 }), wideFlow({ line: 2, instanceId: 'i-2', start: t + 900, end: t + 959 }), narrowFlow({ line: 3 })])
    await cluster.runRole(role('clickhouse-flows'))
    const rows = await store.query<Record<string, unknown>>(
      'SELECT instance_id, subnet_id, toUInt8(flows) AS flows FROM exposed_ports ORDER BY instance_id NULLS FIRST',
    )
    const subnet_id = 'subnet-22222222bbbbbbbbb'
    assert.deepEqual(
      rows,
      [null, 'i-1', 'i-2'].map(instance_id => ({ instance_id, subnet_id, flows: 1 })),
    )
  })
})

describe('the owners of an address over days', () => {
  const scope = 'vpc-abcdefab012345678'
  const run = (interfaceId: string, from: number, to: number | null, last: number, conflictS = 0): CloudMapRun =>
    runOf(interfaceId, from, last, conflictS, { validTo: to, vpcId: scope })
  /** A flow whose direction is not known, so that the map answers for both sides. */
  const silent = (values: Partial<FlowRecord>): FlowRecord =>
    flow({
      ...natGatewayFlows()[0]!,
      pktSrcAddr: null,
      pktDstAddr: null,
      vpcId: scope,
      direction: 'unknown',
      flowDirection: null,
      ...values,
    })

  it('are the same in flow_owners, flow_owners_between and lookup, at every second', async () => {
    const { store, cluster, role, putFlows } = await setUpSink(server)
    const t = 1_700_000_000
    const runs = [
      run('eni-a', t, null, t + 990),
      run('eni-a', t + 5000, t + 5300, t + 5300),
      run('eni-b', t + 5301, null, t + 5900, 200),
      run('eni-b', t + 9000, null, t + 9000),
    ]
    for (const each of runs) cluster.put('cloudMapRuns', { scope, ip: '10.0.1.5', first: each.validFrom }, each)
    await cluster.runRole(role('clickhouse-runs'))
    const times = [-1, 0, 990, 1590, 1591, 4999, 5000, 5300, 5301, 5900, 6500, 6501, 8999, 9000, 9600, 9601].map(offset => t + offset)
    putFlows(times.map((start, i) => silent({ srcAddr: '10.0.1.5', start, end: start, line: i + 1 })))
    await cluster.runRole(role('clickhouse-flows'))
    const owners = (view: string): Promise<Record<string, string | null>[]> =>
      store.query(`SELECT local_interface_id AS id, local_state AS state FROM ${view} ORDER BY line`)
    const together = askingTogether(store)
    const looked = await Promise.all(
      times.map(async at => {
        const [row] = await ask<Record<string, string>, 'who_holds'>(together, 'who_holds', {
          ip: '10.0.1.5',
          at: new Date(at * 1000),
          owner: '',
        })
        return { id: row?.['interface_id'] ?? null, state: row?.['state'] ?? null }
      }),
    )
    assert.deepEqual(await owners('flow_owners'), looked)
    assert.deepEqual(await owners(`flow_owners_between(from = ${t - 1}, to = ${t + 9602})`), looked)
    assert.deepEqual(await owners(`flow_owners_between(from = ${t + 990}, to = ${t + 5301})`), looked.slice(2, 8))
    assert.deepEqual(
      looked.map(row => `${row.id ?? ''} ${row.state ?? ''}`),
      [
        ' ',
        ...['held', 'held', 'held', 'last-known', 'last-known', 'held', 'held'].map(state => `eni-a ${state}`),
        ...['ambiguous', 'ambiguous', 'ambiguous', 'last-known', 'last-known', 'held', 'held', 'last-known'].map(state => `eni-b ${state}`),
      ],
    )
  })

  it('are found among the runs of the addresses in the flows alone', async () => {
    const { store, cluster, role, putFlows } = await setUpSink(server)
    const t = 1_700_000_000
    for (let n = 0; n < 3000; n++)
      cluster.put('cloudMapRuns', { scope, ip: `10.1.${n >> 8}.${n & 255}`, first: t }, run(`eni-${n}`, t, null, t))
    await cluster.runRole(role('clickhouse-runs'))
    putFlows([silent({ srcAddr: '10.1.3.7', start: t, end: t })])
    await cluster.runRole(role('clickhouse-flows'))
    const question = `FROM flow_owners_between(from = ${t}, to = ${t + 600})`
    assert.deepEqual(await store.query(`SELECT local_interface_id AS id ${question}`), [{ id: 'eni-775' }])
    await store.command(`OPTIMIZE TABLE ${store.database}.cloud_map FINAL`)
    const plan = (await store.query<{ explain: string }>(`EXPLAIN indexes = 1 SELECT * ${question}`)).map(row => row.explain).join('\n')
    const granules = [...plan.matchAll(/\.cloud_map\)[^]*?PrimaryKey[^]*?Granules: (\d+)\/(\d+)/g)]
    assert.equal(granules.length, 3)
    for (const [, read, all] of granules) assert.ok(Number(read) <= 3 && Number(all) >= 10, `${read!} of ${all!} granules`)
  })
})
