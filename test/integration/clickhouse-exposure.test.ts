// Exposure that was not what it seemed, each named after its symptom, on a real ClickHouse engine: addresses of another time, guessed and unknown directions.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { FlowRecord } from '../../schemas/flow-record.ts'
import type { CloudMapRun } from '../../schemas/records.ts'
import { ask } from '../../sinks/clickhouse/queries.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { ExposureWorlds, sideBySide } from '../support/clickhouse/exposure-worlds.ts'
import { into, outOf, run, seen, t, tablesOf, type TableArguments } from '../support/clickhouse/seen-records.ts'

let server: LiveClickHouse
let worlds: ExposureWorlds
before(async () => {
  server = await liveClickHouse()
  worlds = new ExposureWorlds(server)
})
after(() => server.stop())

const tables = (...args: TableArguments): Promise<Store> => tablesOf(server, ...args)

describe('exposure that was not what it seemed', sideBySide, () => {
  describe('an address that was ours once', () => {
    const hour = 3600
    const text = (second: number): string => new Date(second * 1000).toISOString().slice(0, 19)
    // held in the morning, by somebody else in the afternoon, and again at night
    const runs: [string, CloudMapRun][] = [
      ['44.1.2.3', run('eni-2', t - 4 * hour, t - 3 * hour)],
      ['44.1.2.3', run('eni-2', t + 6 * hour, t + 7 * hour)],
    ]

    it('is outside at another time, and not while it was ours', async () => {
      const world = worlds.world([into({ far: '44.1.2.3' }), outOf({ far: '44.1.2.3' })], { runs })
      const lists = async (from: number, to: number, expected: string[]): Promise<void> =>
        assert.deepEqual(await world.exposures(text(from), text(to)), expected)
      const listed = ['answered 10.0.0.5 22 44.1.2.3']
      await Promise.all([
        lists(t - hour, t + hour, listed),
        // a run holds for ten minutes after its last second, and counts as many before its first one
        lists(t - 3 * hour + 601, t + 6 * hour - 600, listed),
        lists(t - 3 * hour + 600, t + hour, []),
        lists(t - hour, t + 6 * hour - 599, []),
        lists(0, 2 ** 32 - 1, []),
      ])
    })

    it('has a country among the top talkers of that other time', async () => {
      const store = await tables([into({ far: '44.1.2.3', srcCountry: 'US' })], { runs })
      const talkers = async (from: number, to: number): Promise<unknown[]> =>
      (await ask<Record<string, string>, 'top_talkers'>(store, 'top_talkers', { from: new Date(from * 1000), to: new Date(to * 1000), limit: 9 })).map(row => row['country']) // prettier-ignore
      assert.deepEqual(await talkers(t, t + hour), ['US'])
      assert.deepEqual(await talkers(t - 4 * hour, t + hour), [])
    })
  })

  describe('a format with pkt-srcaddr and pkt-dstaddr, and without srcaddr and dstaddr', () => {
    const none = { srcAddr: null, dstAddr: null }

    it('listed nothing: the address in the packet is the one that counts', async () => {
      const world = worlds.world([into(none), outOf(none)], { header: 'pkt-srcaddr pkt-dstaddr' })
      assert.deepEqual(await world.exposures(), ['answered 10.0.0.5 22 198.51.100.7'])
    })

    it('listed nothing of unknown direction either', async () => {
      const unknown = { ...none, direction: 'unknown', flowDirection: null, directionSource: 'none' } as const
      const world = worlds.world([into(unknown)], { header: 'pkt-srcaddr pkt-dstaddr' })
      assert.deepEqual(await world.exposures(), ['undecided 10.0.0.5 22 198.51.100.7 inferred'])
    })
  })

  describe('what a record does not say', () => {
    it('stood as an end of its own: port 0 of TCP, and the address ::', async () => {
      const noPacket = { pktSrcAddr: null, pktDstAddr: null }
      const portless = { srcPort: null, dstPort: null, servicePort: null }
      const world = worlds.world([
        into({ ...portless, far: '198.51.100.1' }),
        outOf({ ...portless, far: '198.51.100.1' }),
        seen(true, { ...portless, far: '198.51.100.1', tcpFlags: 2 }),
        into({ srcPort: null, far: '198.51.100.2' }),
        into({ dstPort: null, far: '198.51.100.3', servicePort: null }),
        into({ ...noPacket, dstAddr: null, far: '198.51.100.4' }),
        into({ ...noPacket, srcAddr: null, far: '198.51.100.5' }),
        into({ protocol: null, far: '198.51.100.6' }),
        // protocols without ports need none
        into({ ...portless, protocol: 1, tcpFlags: null, far: '198.51.100.7' }),
        into({ ...noPacket, far: '198.51.100.8' }),
      ])
      const peers = (await world.exposures()).map(said => said.split(' ').at(-1))
      assert.deepEqual(peers.sort(), ['198.51.100.7', '198.51.100.8'])
    })
  })

  describe('a direction that is a guess', () => {
    it('reads as known: what rests on it is inferred, whatever the flags say', async () => {
      const by = (directionSource: FlowRecord['directionSource'], far: string, directionBy: string | null = null): FlowRecord[] =>
        [into({ far }), outOf({ far })].map(record => ({ ...record, flowDirection: null, directionSource, directionBy }))
      const world = worlds.world([
        ...by('logged', '198.51.100.1'),
        ...by('inferred', '198.51.100.2', 'own_network'),
        ...by('inferred', '198.51.100.3'),
        ...by('inferred_count', '198.51.100.4'),
        // one guess among records that are known
        into({ far: '198.51.100.5' }),
        outOf({ far: '198.51.100.5', flowDirection: null, directionSource: 'inferred_count' }),
      ])
      assert.deepEqual(await world.exposures(), [1, 2, 3, 4, 5].map(i => `answered 10.0.0.5 22 198.51.100.${i}${i > 3 ? ' inferred' : ''}`)) // prettier-ignore
    })

    it('makes no NAT gateway', async () => {
      const guess = { flowDirection: null, directionSource: 'inferred_count' as const, instanceId: null }
      const world = worlds.world([
        into({ instanceId: null }),
        seen(false, { tcpFlags: 2, pktDstAddr: '203.0.113.5', ownPort: 443, far: '10.0.0.9', ...guess }),
        seen(true, { tcpFlags: 2, ownPort: 2000, far: '203.0.113.5', farPort: 443, ...guess }),
      ])
      assert.deepEqual(await world.exposures(), ['accepted 10.0.0.5 22 198.51.100.7 maybe_nat'])
    })
  })

  describe('a flow of unknown direction', () => {
    /** As the sink stores it: the source stands as local. */
    const unknown = (record: FlowRecord): FlowRecord => ({ ...record, direction: 'unknown', flowDirection: null, directionSource: 'none' })
    const six = { own: '2600:1f18::5', far: '2a00:1450::7' }

    it('is left out in silence: it is undecided, at the end of the service', async () => {
      const flows = [
        // by flags, whatever the ports
        into({ ...six, farPort: 20 }),
        outOf({ ...six, far: '2a00:1450::8' }),
        // by ports
        into({ ...six, far: '2a00:1450::9', tcpFlags: null }),
        seen(true, { ...six, far: '2a00:1450::a', tcpFlags: null }),
        // ICMP has no ports: the destination
        into({ ...six, far: '2a00:1450::b', protocol: 58, ownPort: 0, farPort: 0, servicePort: null, tcpFlags: null }),
        // rejected: let in nowhere
        into({ ...six, far: '2a00:1450::c', action: 'REJECT' }),
        // the middle of a connection between two high ports: its opening says which is the service
        seen(true, { ...six, ownPort: 40_000, far: '2a00:1450::d', farPort: 50_051, tcpFlags: 0 }),
        // not outside
        into({ ...six, far: 'fd12::1' }),
      ]
      const world = worlds.world(flows.map(unknown))
      assert.deepEqual(await world.exposures(), [
        ...['7', '8', '9', 'a'].map(end => `undecided 2600:1f18::5 22 2a00:1450::${end} inferred`),
        'undecided 2600:1f18::5 icmpv6 2a00:1450::b inferred',
      ])
      const store = await tables(flows.map(unknown))
      const ssh = await ask<Record<string, string>, 'ssh_from_outside'>(store, 'ssh_from_outside', { from: new Date(t * 1000 - 1000), to: new Date(t * 1000 + 1000), limit: 9 }) // prettier-ignore
      assert.deepEqual(new Set(ssh.map(row => row['evidence'])), new Set(['undecided']))
      assert.equal(ssh.length, 4)
    })

    it('counts the records towards the service, with the country of the other end', async () => {
      const world = worlds.world(
        [into({ ...six, srcCountry: 'DE', bytes: 7 }), outOf({ ...six, dstCountry: 'DE', bytes: 1000 })].map(unknown),
      )
      const rows = (await world.allRows()).map(({ evidence, country, flows, bytes }) => ({ evidence, country, flows, bytes }))
      assert.deepEqual(rows, [{ evidence: 'undecided', country: 'DE', flows: 1, bytes: 7 }])
    })

    it('between two ports of 32768 or more is listed at each end: the peer that takes the lower one does not hide ours', async () => {
      const plain = { ...six, tcpFlags: null, ownPort: 50_051 }
      const flows = [33_000, 53_000].flatMap(farPort =>
        [false, true].map(egress => seen(egress, { ...plain, farPort, far: `2a00:1450::${Math.floor(farPort / 10_000)}` })),
      )
      const world = worlds.world(flows.map(unknown))
      assert.deepEqual(await world.exposures(), [
        'undecided 2600:1f18::5 50051 2a00:1450::3 inferred',
        'undecided 2600:1f18::5 50051 2a00:1450::5 inferred',
        'undecided 2a00:1450::3 33000 2600:1f18::5 inferred',
        'undecided 2a00:1450::5 53000 2600:1f18::5 inferred',
      ])
    })

    it('gives way to what other records of the same ends say', async () => {
      const world = worlds.world([unknown(into({})), into({ at: 90 }), unknown(outOf({ at: 90 }))])
      assert.deepEqual(await world.exposures(), ['accepted 10.0.0.5 22 198.51.100.7'])
    })

    it('is nothing of ours if the map knows the other end as ours', async () => {
      const world = worlds.world([unknown(into(six))], { runs: [[six.far, run('eni-2', t, t)]] })
      assert.deepEqual(await world.exposures(), [])
    })
  })
})
