// Answers that were wrong once, each named after its symptom, on a real ClickHouse engine.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { findHolders, type Holder } from '../../operations/holders.ts'
import type { FlowRecord } from '../../schemas/flow-record.ts'
import type { CloudMapRun } from '../../schemas/records.ts'
import { withAddressRanges } from '../../sinks/clickhouse/address-ranges.ts'
import { recordOwnNetworks } from '../../sinks/clickhouse/own-networks.ts'
import { ask } from '../../sinks/clickhouse/queries.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { ExposureWorlds, sideBySide } from '../support/clickhouse/exposure-worlds.ts'
import { exposures, into, outOf, run, seen, t, tablesOf, wide, type TableArguments } from '../support/clickhouse/seen-records.ts'

let server: LiveClickHouse
let worlds: ExposureWorlds
before(async () => {
  server = await liveClickHouse()
  worlds = new ExposureWorlds(server)
})
after(() => server.stop())

const tables = (...args: TableArguments): Promise<Store> => tablesOf(server, ...args)

// packets of a public address on its own side, as a gateway and a load balancer that keeps client addresses have them
const inner = [
  seen(true, {
    tcpFlags: 2,
    pktSrcAddr: '198.51.100.7',
    own: '10.0.0.5',
    ownPort: 40_000,
    far: '10.0.0.9',
    farPort: 22,
    instanceId: null,
  }),
  seen(false, { tcpFlags: 18, pktDstAddr: '198.51.100.7', own: '10.0.0.5', ownPort: 40_000, far: '10.0.0.9', farPort: 22, instanceId: null }), // prettier-ignore
]
const passing = (more: Partial<FlowRecord> = {}): FlowRecord[] => [
  seen(false, { tcpFlags: 2, pktDstAddr: '203.0.113.5', ownPort: 443, far: '10.0.0.9', instanceId: null, ...more }),
  seen(true, { tcpFlags: 2, ownPort: 2000, far: '203.0.113.5', farPort: 443, instanceId: null, ...more }),
]

describe('exposure', sideBySide, () => {
  describe('an open service behind a chosen source port', () => {
    const cases = [
      [443, 3389],
      [20, 22],
      [53, 3306],
      [80, 8080],
      [1024, 30_080],
    ] as const

    it('is listed as answered, whatever the ports', async () => {
      const world = worlds.world(
        cases.flatMap(([farPort, ownPort]) => [into({ farPort, ownPort }), outOf({ farPort, ownPort }), seen(true, { farPort, ownPort, tcpFlags: 0, at: 90 })]), // prettier-ignore
      )
      assert.deepEqual(await world.exposures(), [22, 30_080, 3306, 3389, 8080].map(port => `answered 10.0.0.5 ${port} 198.51.100.7`)) // prettier-ignore
    })

    it('is so if the SYN came in another window, or was not seen at all', async () => {
      const ports = { farPort: 443, ownPort: 3389 }
      const world = worlds.world([
        seen(false, { ...ports, tcpFlags: 0, at: 70 }),
        outOf({ ...ports, at: 130, tcpFlags: 19 }),
        outOf({ ...ports, far: '198.51.100.8' }),
      ])
      assert.deepEqual(await world.exposures(), ['answered 10.0.0.5 3389 198.51.100.7', 'answered 10.0.0.5 3389 198.51.100.8'])
    })

    it('is not our own connection to a higher port', async () => {
      const ports = { ownPort: 40_000, farPort: 50_051 }
      const world = worlds.world([
        seen(true, { ...ports, tcpFlags: 2 }),
        seen(false, { ...ports, tcpFlags: 18 }),
        seen(false, { ...ports, tcpFlags: 0, at: 90 }),
        seen(true, { ...ports, tcpFlags: 0, at: 90 }),
      ])
      assert.deepEqual(await world.exposures(), [])
    })

    it('is inferred where flags say nothing', async () => {
      // the opening is not there, so the traffic back may be of a connection of our own: replied, not answered
      const world = worlds.world([seen(false, { tcpFlags: 0 }), seen(true, { tcpFlags: 0 })])
      assert.deepEqual(await world.exposures(), ['replied 10.0.0.5 22 198.51.100.7 inferred'])
    })
  })

  describe('answered without ground', () => {
    it('is a closed port whose reset has no flags in the log: it replied', async () => {
      const world = worlds.world([seen(false), seen(true)], { header: 'version start end' })
      assert.deepEqual(await world.exposures(), ['replied 10.0.0.5 22 198.51.100.7 inferred'])
    })

    it('is a closed port whose reset is logged: accepted', async () => {
      assert.deepEqual(await worlds.world([into({}), seen(true, { tcpFlags: 4 })]).exposures(), ['accepted 10.0.0.5 22 198.51.100.7'])
    })

    it('is the echo reply to our own ping: it is not listed', async () => {
      const ping = { protocol: 1, ownPort: 0, farPort: 0, servicePort: null, tcpFlags: 0 }
      const world = worlds.world([
        seen(true, { ...ping, at: 0 }),
        seen(false, { ...ping, at: 1 }),
        seen(false, { ...ping, far: '198.51.100.8' }),
        seen(true, { ...ping, far: '198.51.100.8', at: 1 }),
        seen(false, { ...ping, far: '198.51.100.9' }),
      ])
      assert.deepEqual(await world.exposures(), ['accepted 10.0.0.5 icmp 198.51.100.9', 'replied 10.0.0.5 icmp 198.51.100.8'])
    })
  })

  describe('a phantom that is an open host', () => {
    const secondary = { pktDstAddr: '10.0.0.77' }
    it('is an instance with a secondary address, where the format has no instance-id', async () => {
      const none = { instanceId: null }
      const world = worlds.world(
        [into({ ...secondary, ...none }), outOf({ ...none, pktSrcAddr: '10.0.0.77' }), into({ ...none, far: '198.51.100.8' })],
        { header: 'version tcp-flags pkt-srcaddr pkt-dstaddr flow-direction' },
      )
      assert.deepEqual(await world.exposures(), ['accepted 10.0.0.5 22 198.51.100.8', 'answered 10.0.0.77 22 198.51.100.7'])
    })

    it('is a load balancer that keeps client addresses, even if the log names its type', async () => {
      const front = (interfaceType: string | null): FlowRecord[] =>
        [into({ ownPort: 443, far: '203.0.113.9' }), ...inner].map(record => ({ ...record, instanceId: null, interfaceType }))
      assert.deepEqual(await worlds.world(front('network_load_balancer')).exposures(), ['accepted 10.0.0.5 443 203.0.113.9'])
      assert.deepEqual(await worlds.world(front(null)).exposures(), ['accepted 10.0.0.5 443 203.0.113.9 maybe_nat'])
    })

    it('is still a gateway if the log shows one', async () => {
      const probe = into({ instanceId: null })
      assert.deepEqual(await worlds.world([probe, ...passing()]).exposures(), ['nat-phantom 10.0.0.5 22 198.51.100.7'])
      const named = { ...probe, interfaceType: 'nat_gateway' }
      assert.deepEqual(await worlds.world([named], { header: 'version' }).exposures(), ['nat-phantom 10.0.0.5 22 198.51.100.7'])
      const vague = 'version tcp-flags pkt-srcaddr pkt-dstaddr flow-direction'
      assert.deepEqual(await worlds.world([probe, ...passing()], { header: vague }).exposures(), ['accepted 10.0.0.5 22 198.51.100.7 maybe_nat']) // prettier-ignore
    })
  })

  describe('a peer that is not outside', () => {
    it('is one of the VPC over IPv6, or in a range that is not private, that the map knows in the same scope', async () => {
      const peers = ['2600:1f18::9', '44.1.2.3']
      const flows = peers.flatMap(far => [into({ far }), outOf({ far })])
      const runs = peers.map((ip): [string, CloudMapRun] => [ip, run('eni-2', t - 9000, t - 8000)])
      assert.equal((await worlds.world(flows).exposures()).length, 2)
      assert.deepEqual(await worlds.world(flows, { runs }).exposures(), [])
      const elsewhere = flows.map(record => ({ ...record, vpcId: 'vpc-2' }))
      assert.equal((await worlds.world(elsewhere, { runs }).exposures()).length, 2)
    })
  })

  describe('a pod', () => {
    it('is reported with its own address, also where the format has one packet address only', async () => {
      const pod = { own: '10.0.0.5', ownPort: 443 }
      assert.deepEqual(
        await worlds.world([into({ ...pod, pktDstAddr: '100.64.3.4' }), outOf({ ...pod, pktSrcAddr: '100.64.3.4' })]).exposures(),
        ['answered 100.64.3.4 443 198.51.100.7'],
      )
      const half = [into({ ...pod, pktSrcAddr: null, pktDstAddr: '100.64.3.4' }), outOf({ ...pod, pktSrcAddr: null })]
      assert.deepEqual(await worlds.world(half).exposures(), ['answered 100.64.3.4 443 198.51.100.7'])
    })
  })
})

describe('answers', () => {
  afterEach(() => server.giveBack())

  describe('a phantom that is an open host', () => {
    it('is the same for top talkers', async () => {
      const probe = { srcCountry: 'DE', instanceId: null }
      const talkers = async (header: string): Promise<unknown[]> =>
        (
          await ask<Record<string, string>, 'top_talkers'>(await tables([into(probe), ...passing()], { header }), 'top_talkers', {
            from: new Date(t * 1000),
            to: new Date((t + 3600) * 1000),
            limit: 9,
          })
        ).map(row => [row['country'], row['bytes'], row['nat_bytes'], row['maybe_nat_bytes']])
      assert.deepEqual(await talkers(wide), [
        ['DE', '0', '60', '0'],
        [null, '0', '60', '0'],
      ])
      assert.deepEqual(await talkers('version pkt-srcaddr pkt-dstaddr'), [
        ['DE', '60', '0', '60'],
        [null, '60', '0', '60'],
      ])
    })
  })

  describe('a peer that is not outside', () => {
    it('is one in networks.own, for its account', async () => {
      const store = await tables([into({ far: '44.1.2.3' }), into({ far: '2600:1f18::9' }), into({ far: '44.9.2.3' })])
      await recordOwnNetworks(store, ['44.1.0.0/16', { cidrs: ['2600:1f18::/32'], accounts: ['123456789012'] }])
      assert.deepEqual(await exposures(store), ['accepted 10.0.0.5 22 44.9.2.3'])
      await recordOwnNetworks(store, [{ cidrs: ['44.0.0.0/8'], accounts: ['999999999999'] }])
      assert.equal((await exposures(store)).length, 3)
      await recordOwnNetworks(store, ['44.0.0.0/8'])
      await recordOwnNetworks(store, ['44.0.0.0/8'])
      assert.deepEqual(await exposures(store), ['accepted 10.0.0.5 22 2600:1f18::9'])
      await recordOwnNetworks(store, [])
      assert.equal((await exposures(store)).length, 3)
    })

    it('carries no country among the top talkers', async () => {
      const flows = [into({ far: '44.1.2.3', srcCountry: 'US', srcAsn: 7377 }), into({ far: '44.9.2.3', srcCountry: 'US' })]
      const store = await tables(flows, { runs: [['44.1.2.3', run('eni-2', t, t)]] })
      const rows = await ask<Record<string, string>, 'top_talkers'>(store, 'top_talkers', {
        from: new Date(t * 1000),
        to: new Date((t + 3600) * 1000),
        limit: 9,
      })
      assert.deepEqual(rows.map(row => [row['country'], row['asn'], row['addresses']]), [['US', null, '1']]) // prettier-ignore
    })

    it('nor has the own side of an interface a country in flow_log', async () => {
      const store = await tables([into({ own: '44.1.2.3', dstCountry: 'US', dstAsn: 7377, srcCountry: 'DE' })])
      assert.deepEqual(await store.query('SELECT src_country, dst_country, dst_asn, dst_as_org FROM flow_log'), [
        { src_country: 'DE', dst_country: null, dst_asn: null, dst_as_org: null },
      ])
    })
  })

  describe('an address in a private range', () => {
    it('is told from its neighbours outside, at both ends of each range', async () => {
      const inside = ['10.0.0.0', '10.255.255.255', '172.16.0.0', '172.31.255.255', '192.168.0.0', '192.168.255.255', '100.64.0.0', '100.127.255.255', '169.254.0.0', '169.254.255.255', '127.0.0.0', '127.255.255.255', 'fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '::1'] // prettier-ignore
      const outside = ['9.255.255.255', '11.0.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0', '100.63.255.255', '100.128.0.0', '169.253.255.255', '169.255.0.0', '126.255.255.255', '128.0.0.0', 'fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fe00::', 'fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fec0::', '::2', '::', '::fffe:10.0.0.1', 'ffff:10::'] // prettier-ignore
      const { store } = server.fresh()
      await store.command(`CREATE DATABASE IF NOT EXISTS ${store.database}`)
      const texts = [...inside, ...outside]
      const rows = await store.query<{ ip: string }>(
        withAddressRanges("SELECT text AS ip FROM (SELECT arrayJoin({texts:Array(String)}) AS text, toIPv6(text) AS address) WHERE {private:address}"), // prettier-ignore
        { texts },
      )
      assert.deepEqual(rows.map(row => row.ip), inside) // prettier-ignore
    })
  })

  describe('the holder of an address', () => {
    const holder = async (store: Store, atS: number): Promise<Holder> => (await findHolders(store, '10.0.0.5', atS))[0]!

    it('is not held in the middle of three days without a sighting', async () => {
      const runs = [run('eni-1', t, t + 600), run('eni-1', t + 1000, t + 2000), run('eni-1', t + 4000, t + 5000), run('eni-2', t + 260_000, t + 260_100)] // prettier-ignore
      const store = await tables([], { runs: runs.map(each => ['10.0.0.5', each]) })
      const at = await holder(store, t + 100_000)
      assert.deepEqual(
        [at.state, at.interface_id, at.last_seen, at.next_seen, at.next_owner, at.valid_to],
        ['last-known', 'eni-1', '2026-11-20 11:23:20', '2026-11-23 10:13:20', 'eni-2', '2026-11-23 10:13:20'],
      )
      const inside = await holder(store, t + 4500)
      assert.deepEqual([inside.state, inside.held_since, inside.gaps], ['held', '2026-11-20 10:00:00', 1])
      assert.equal((await holder(store, t + 1500)).gaps, 0)
      assert.deepEqual([(await holder(store, t + 2601)).state, (await holder(store, t + 2600)).state], ['last-known', 'held'])
      assert.equal((await holder(store, t + 2700)).next_owner, 'eni-1')
    })

    it('is held until the last second of DateTime: nothing wraps near 2106', async () => {
      const end = 2 ** 32 - 1
      const store = await tables([seen(true, { direction: 'unknown', start: end, end })], { runs: [['10.0.0.5', run('eni-9', end - 700, end - 5)]] }) // prettier-ignore
      assert.deepEqual([(await holder(store, end)).state, (await holder(store, end - 6)).state], ['held', 'held'])
      assert.deepEqual(await store.query('SELECT local_interface_id AS id, local_state AS state FROM flow_owners'), [
        { id: 'eni-9', state: 'held' },
      ])
    })

    it('is ambiguous while another owner was seen with it, and both are named', async () => {
      const store = await tables([], { runs: [['10.0.0.5', run('eni-1', t, t + 900, 500)], ['10.0.0.5', run('eni-2', t + 400, t + 900, 500)]] }) // prettier-ignore
      const at = await holder(store, t + 500)
      assert.deepEqual([at.state, at.interface_id, at.others], ['ambiguous', 'eni-2', ['eni-1']])
    })
  })

  describe('the local owner', () => {
    it('is the interface that the record names, even if the map names another one: ranges overlap in the default format', async () => {
      const flows = [
        seen(true, { instanceId: null }),
        seen(true, { direction: 'unknown' }),
        seen(true, { instanceId: null, directionSource: 'inferred' }),
      ]
      const store = await tables(flows, { runs: [['10.0.0.5', run('eni-other', t - 100, t + 100, 300)]] })
      const sql = (view: string): string =>
        `SELECT local_interface_id AS id, local_instance_id AS instance, local_state AS state, local_conflict_s AS conflict FROM ${view} ORDER BY line`
      for (const view of ['flow_owners', `flow_owners_between(from = ${t}, to = ${t + 60})`])
        assert.deepEqual(await store.query(sql(view)), [
          { id: 'eni-1', instance: null, state: 'held', conflict: '300' },
          { id: 'eni-other', instance: null, state: 'ambiguous', conflict: '300' },
          { id: 'eni-1', instance: null, state: 'ambiguous', conflict: '300' },
        ])
    })

    it('has the instance that the map knows of the same interface', async () => {
      const known = run('eni-1', t - 100, t + 100)
      const runs: [string, CloudMapRun][] = [['10.0.0.5', { ...known, owner: { ...known.owner, instanceId: 'i-7' } }]]
      const store = await tables([seen(true, { instanceId: null })], { runs })
      assert.deepEqual(await store.query('SELECT local_instance_id AS instance FROM flow_owners'), [{ instance: 'i-7' }])
    })
  })
})

describe('a flow of which nothing says the time', () => {
  it('has no start and no end in the views, instead of 1970; a condition on start reads its days alone', async () => {
    const store = await tables([])
    const day = 86_400
    const base = 20_400 * day
    const rows = Array.from({ length: 5 }, (_unused, i) => `(${base + i * day + 60}, 5, 'logged', 7, ${i + 2})`)
    await store.command(
      `INSERT INTO \`${store.database}\`.flows (start, dur, time_source, object_id, line) VALUES (0, 0, 'none', 7, 1), ${rows.join(', ')}`,
    )
    const asked = (columns: string, from: string): Promise<Record<string, unknown>[]> => store.query(`SELECT ${columns} FROM ${from}`)
    for (const view of ['flow_log', 'flow_owners', "flow_owners_between(from = '1970-01-01 00:00:00', to = '2106-02-07 06:28:15')"]) {
      assert.deepEqual(await asked('line, start', `${view} WHERE start IS NULL`), [{ line: 1, start: null }], view)
      assert.deepEqual(await asked('line', `${view} WHERE start < ${base + day} ORDER BY line`), [{ line: 2 }], view)
    }
    assert.deepEqual(await asked('start, end, time_source', 'flow_log WHERE line <= 2 ORDER BY line'), [
      { start: null, end: null, time_source: 'none' },
      { start: '2025-11-08 00:01:00', end: '2025-11-08 00:01:05', time_source: 'logged' },
    ])
    const plan = (await store.query<{ explain: string }>(`EXPLAIN indexes = 1 SELECT bytes FROM flow_log WHERE start >= ${base} AND start < ${base + day}`)).map(row => row.explain).join('\n') // prettier-ignore
    const parts = [...plan.matchAll(/\.flows\)[^]*?Parts: (\d+)/g)].map(([, count]) => Number(count))
    assert.ok(parts.length > 0 && parts.reduce((sum, count) => sum + count, 0) === 1, plan)
  })
})
