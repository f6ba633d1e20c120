// Who opened a conversation, each case named after its symptom, on a real ClickHouse engine: chosen source ports, ports used both ways, conversations
// older than the time asked, formats without `action`, protocols without ports.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { FlowRecord } from '../../schemas/flow-record.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { ExposureWorlds, sideBySide, type World } from '../support/clickhouse/exposure-worlds.ts'
import { into, outOf, seen, t } from '../support/clickhouse/seen-records.ts'

let server: LiveClickHouse
let worlds: ExposureWorlds
before(async () => {
  server = await liveClickHouse()
  worlds = new ExposureWorlds(server)
})
after(() => server.stop())

type Values = NonNullable<Parameters<typeof seen>[1]>
const listed = (flows: readonly FlowRecord[], from?: string, to?: string): Promise<string[]> => worlds.world(flows).exposures(from, to)
/** Holds that this is listed; several such are waited for at once. */
const lists = async (expected: readonly string[], flows: readonly FlowRecord[], from?: string, to?: string): Promise<void> =>
  assert.deepEqual(await listed(flows, from, to), expected)
const countsOf = async (world: World): Promise<string[]> =>
  (await world.allRows()).map(row => `${row.evidence} ${row.local_port} ${row.flows} ${row.packets} ${row.inferred}`).sort()
const udp: Values = { protocol: 17, tcpFlags: null }
const text = (second: number): string => new Date((t + second) * 1000).toISOString().slice(0, 19)

describe('who opened a conversation', sideBySide, () => {
  describe('a source port that looks like a service', () => {
    it('hides UDP ports that never answered', async () => {
      const ports = Array.from({ length: 20 }, (_unused, i) => 11_211 + i)
      const scans = ports.map(ownPort => seen(false, { ...udp, ownPort, farPort: 53 }))
      assert.deepEqual(await listed(scans), ports.map(port => `accepted 10.0.0.5 ${port} 198.51.100.7 inferred`)) // prettier-ignore
    })

    it('hides UDP ports and TCP ports without flags that answered, though the first packet came in', async () => {
      const pairs = [[53, 161], [443, 1900], [123, 389], [443, 27_015], [53, 5353], [500, 1434]] as const // prettier-ignore
      const flows = pairs.flatMap(([farPort, ownPort]) => [
        seen(false, { ...udp, farPort, ownPort }),
        seen(true, { ...udp, farPort, ownPort, at: 1 }),
      ])
      const tcp = [seen(false, { tcpFlags: null, farPort: 443, ownPort: 3389 }), seen(true, { tcpFlags: null, farPort: 443, ownPort: 3389, at: 2 })] // prettier-ignore
      const expected = [...pairs.map(pair => pair[1]), 3389].map(port => `replied 10.0.0.5 ${port} 198.51.100.7 inferred`)
      assert.deepEqual(await listed([...flows, ...tcp]), expected.sort())
    })

    it('of a reset of ours alone is nothing that was let in: it is not listed', async () => {
      assert.deepEqual(await listed([seen(true, { tcpFlags: 4, ownPort: 40_000, farPort: 443 }), seen(true, { tcpFlags: 4, far: '198.51.100.8' })]), []) // prettier-ignore
    })

    it('hides a FIN alone', async () => {
      assert.deepEqual(await listed([seen(false, { tcpFlags: 1, farPort: 2001, ownPort: 2222 })]), ['accepted 10.0.0.5 2222 198.51.100.7 inferred']) // prettier-ignore
    })

    it('of one second with the answer: ports decide, and two ports that no client takes decide nothing', async () => {
      const both = (farPort: number, ownPort: number): FlowRecord[] =>
        [false, true].map(egress => seen(egress, { ...udp, farPort, ownPort }))
      assert.deepEqual(await listed([...both(53, 161), ...both(53, 40_000), ...both(40_000, 123)]), [
        'replied 10.0.0.5 123 198.51.100.7 inferred',
        'replied 10.0.0.5 161 198.51.100.7 inferred',
      ])
    })

    it('of one second with the answer hides a port of 1024 or more: nothing decides, so it is undecided', async () => {
      const both = (values: Values): FlowRecord[] => [false, true].map(egress => seen(egress, values))
      const flows = [
        ...both({ ...udp, farPort: 53, ownPort: 11_211 }),
        ...both({ ...udp, farPort: 1024, ownPort: 27_015 }),
        ...both({ tcpFlags: null, farPort: 443, ownPort: 8080 }),
        // a client of ours has such a port, or asked a second before
        ...both({ ...udp, farPort: 53, ownPort: 32_768 }),
        seen(true, { ...udp, farPort: 53, ownPort: 20_000 }),
        seen(false, { ...udp, farPort: 53, ownPort: 20_000, at: 1 }),
        // flags decide
        ...both({ tcpFlags: 18, farPort: 443, ownPort: 3306 }).slice(1),
      ]
      assert.deepEqual(await listed(flows), [
        'answered 10.0.0.5 3306 198.51.100.7',
        ...[11_211, 27_015, 8080].map(port => `undecided 10.0.0.5 ${port} 198.51.100.7 inferred`),
      ])
    })

    it('of 32768 or more, of one second with the answer, hides a port of ours above it: undecided, whichever port is lower', async () => {
      const both = (values: Values): FlowRecord[] => [false, true].map(egress => seen(egress, values))
      const peers = [33_000, 36_000, 39_000, 42_000, 45_000, 52_000, 52_500, 53_000, 53_500, 54_000]
      const asked = peers.flatMap((farPort, i) => both({ tcpFlags: null, ownPort: 50_051, farPort, far: `198.51.100.${i}` }))
      // a client of ours by the same ports, of UDP, and its service here
      const others = [...both({ ...udp, ownPort: 40_000, farPort: 50_051 }), ...both({ ...udp, ownPort: 50_051, farPort: 32_768 })]
      const still = [
        // the peer's port is none of a client: ours is one
        ...both({ ...udp, ownPort: 32_768, farPort: 32_767 }),
        ...both({ tcpFlags: null, ownPort: 60_999, farPort: 8080 }),
        // ours is none of a client
        ...both({ ...udp, ownPort: 32_767, farPort: 32_768 }),
        // time says it, or flags do
        seen(false, { ...udp, ownPort: 50_001, farPort: 33_000 }),
        seen(true, { ...udp, ownPort: 50_001, farPort: 33_000, at: 1 }),
        seen(true, { ...udp, ownPort: 50_002, farPort: 33_000 }),
        seen(false, { ...udp, ownPort: 50_002, farPort: 33_000, at: 1 }),
        into({ ownPort: 50_003, farPort: 33_000 }),
        outOf({ ownPort: 50_003, farPort: 33_000 }),
        seen(true, { ownPort: 50_004, farPort: 33_000, tcpFlags: 2 }),
        seen(false, { ownPort: 50_004, farPort: 33_000, tcpFlags: 18 }),
      ]
      const world = worlds.world([...asked, ...others, ...still])
      assert.deepEqual(
        new Set(await world.exposures()),
        new Set([
          ...peers.map((_port, i) => `undecided 10.0.0.5 50051 198.51.100.${i} inferred`),
          'undecided 10.0.0.5 40000 198.51.100.7 inferred',
          'replied 10.0.0.5 32767 198.51.100.7 inferred',
          'replied 10.0.0.5 50001 198.51.100.7 inferred',
          'answered 10.0.0.5 50003 198.51.100.7',
        ]),
      )
    })

    it('is the same as ours, of one second with the answer: our own NTP client is not listed as open, and nothing decides at any height', async () => {
      const both = (port: number): FlowRecord[] => [false, true].map(egress => seen(egress, { ...udp, ownPort: port, farPort: port }))
      const tcp = [false, true].map(egress => seen(egress, { tcpFlags: null, ownPort: 22, farPort: 22 }))
      assert.deepEqual(await listed([...tcp, ...[123, 500, 1023, 1024, 4500, 32_767, 32_768, 50_000].flatMap(both)]), [
        ...[1023, 1024, 123, 22, 32_767, 32_768, 4500, 500, 50_000].map(port => `undecided 10.0.0.5 ${port} 198.51.100.7 inferred`),
      ])
    })

    it('is no exposure if our request went out before', async () => {
      const request = (ownPort: number): FlowRecord[] => [seen(true, { ...udp, farPort: 53, ownPort }), seen(false, { ...udp, farPort: 53, ownPort, at: 1 })] // prettier-ignore
      assert.deepEqual(await listed([...request(40_000), ...request(161), ...request(53)]), [])
      const ntp = [seen(true, { ...udp, farPort: 123, ownPort: 123 }), seen(false, { ...udp, farPort: 123, ownPort: 123, at: 1 })]
      assert.deepEqual(await listed(ntp), [])
    })

    it('is the same as ours, and came in alone or first: that is inbound', async () => {
      const alone = [seen(false, { ...udp, farPort: 123, ownPort: 123 })]
      const first = [seen(false, { ...udp, farPort: 500, ownPort: 500 }), seen(true, { ...udp, farPort: 500, ownPort: 500, at: 1 })]
      assert.deepEqual(await listed([...alone, ...first]), [
        'accepted 10.0.0.5 123 198.51.100.7 inferred',
        'replied 10.0.0.5 500 198.51.100.7 inferred',
      ])
    })
  })

  describe('a port that was used both ways', () => {
    const ends: Values = { far: '62.7.7.8', farPort: 443, ownPort: 50_001 }
    const ownConnection = (at: number): FlowRecord[] => [
      seen(true, { ...ends, tcpFlags: 2, at }),
      seen(false, { ...ends, tcpFlags: 18, at }),
      ...[60, 120].flatMap(later => [false, true].map(egress => seen(egress, { ...ends, tcpFlags: 0, at: at + later }))),
    ]

    it('was answered, says a scan that was reset before we connected', async () => {
      const world = worlds.world([into(ends), seen(true, { ...ends, tcpFlags: 4 }), ...ownConnection(120)])
      assert.deepEqual(await countsOf(world), ['accepted 50001 1 1 0'])
    })

    it('was answered, says one SYN of the peer within our own connection', async () => {
      const world = worlds.world([...ownConnection(0), into({ ...ends, at: 90 })])
      // nor if the opening of ours was long before
      const middle = worlds.world([...ownConnection(0).slice(2), into({ ...ends, at: 90 })])
      const [whole, late] = await Promise.all([countsOf(world), countsOf(middle)])
      assert.deepEqual(whole, ['accepted 50001 1 1 0'])
      assert.match(late[0]!, /^accepted 50001 /)
    })

    it('keeps the records of the connection that came in, before or after ours', async () => {
      const inbound = (at: number): FlowRecord[] => [
        into({ ...ends, at }),
        outOf({ ...ends, at }),
        ...[60, 120].map(later => seen(false, { ...ends, tcpFlags: 0, at: at + later })),
      ]
      const before = worlds.world([...inbound(0), seen(true, { ...ends, tcpFlags: 2, at: 600 })])
      const after = worlds.world([seen(true, { ...ends, tcpFlags: 2 }), ...inbound(600)])
      const counts = await Promise.all([countsOf(before), countsOf(after)])
      assert.deepEqual(counts, [['answered 50001 3 3 0'], ['answered 50001 3 3 0']])
    })

    it('was not answered, though data went out after the SYN and before we connected', async () => {
      const flows = [into(ends), seen(true, { ...ends, tcpFlags: 0, at: 60 }), ...ownConnection(300)]
      assert.deepEqual(await countsOf(worlds.world(flows)), ['answered 50001 1 1 0'])
    })
  })

  describe('what began before the time asked', () => {
    it('is an echo request that came in, if the request of ours is a second before', async () => {
      const minutes = Array.from({ length: 40 }, (_unused, i) => 60 * i)
      const icmp: Values = { protocol: 1, tcpFlags: null, ownPort: 0, farPort: 0, servicePort: null }
      const pings = minutes.flatMap(at => [seen(true, { ...icmp, at: at - 1 }), seen(false, { ...icmp, at })])
      const pinged = minutes.flatMap(at => [seen(false, { ...icmp, at: at - 1 }), seen(true, { ...icmp, at })])
      await Promise.all([
        lists([], pings, text(0), text(3600)),
        lists([], pings, text(1200), text(3600)),
        lists(['replied 10.0.0.5 icmp 198.51.100.7 inferred'], pinged, text(1200), text(3600)),
        lists(['replied 10.0.0.5 icmp 198.51.100.7'], pinged.slice(0, 2), text(-1), text(3600)),
        lists([], pinged.slice(0, 2), text(0), text(3600)),
      ])
    })

    const windows = (ends: Values, from: number): FlowRecord[] =>
      Array.from({ length: 6 }, (_unused, i) => from + 60 * i).flatMap(at =>
        [false, true].map(egress => seen(egress, { ...ends, tcpFlags: 0, packets: 60, at })),
      )

    it('is lost, though its SYN came in five minutes before', async () => {
      const ends: Values = { far: '81.2.69.142', farPort: 40_001, ownPort: 50_051 }
      const world = worlds.world([into({ ...ends, at: -300 }), outOf({ ...ends, at: -300 }), ...windows(ends, 0)])
      const [[row], old] = await Promise.all([
        world.rows(text(0), text(3600)),
        // older than what is read
        world.exposures(text(-200), text(-100)),
        lists(['undecided 10.0.0.5 50051 81.2.69.142 inferred'], windows(ends, 0), text(60), text(3600)),
      ])
      assert.deepEqual(old, [])
      assert.deepEqual(
        [row?.evidence, row?.flows, row?.packets, row?.inferred, row?.first_seen],
        ['answered', 6, 360, 0, text(0).replace('T', ' ')],
      )
    })

    it('is an open port of ours, though we opened it', async () => {
      const ends: Values = { far: '20.30.40.50', farPort: 50_051, ownPort: 40_000 }
      const opening = [seen(true, { ...ends, tcpFlags: 2, at: -600 }), seen(false, { ...ends, tcpFlags: 18, at: -600 })]
      await Promise.all([
        lists([], [...opening, ...windows(ends, 0)], text(0), text(3600)),
        // nothing says who opened it
        lists(['undecided 10.0.0.5 40000 20.30.40.50 inferred'], windows(ends, 0), text(60), text(3600)),
        // a client's port here and a service's there
        lists([], windows({ ...ends, farPort: 443 }, 0), text(60), text(3600)),
        lists(
          ['undecided 10.0.0.5 3389 20.30.40.50 inferred'],
          windows({ ...ends, farPort: 443, ownPort: 3389, servicePort: 443 }, 0),
          text(60),
          text(3600),
        ),
        // no client takes the port here, or it is the lower one: a guess, and answered by nothing
        lists(['replied 10.0.0.5 700 20.30.40.50 inferred'], windows({ ...ends, farPort: 443, ownPort: 700 }, 0), text(60), text(3600)),
        lists(
          ['replied 10.0.0.5 3389 20.30.40.50 inferred'],
          windows({ ...ends, farPort: 40_000, ownPort: 3389 }, 0),
          text(60),
          text(3600),
        ),
      ])
    })

    it('has as much evidence as what began within it: a later question does not turn undecided into replied', async () => {
      const ends: Values = { far: '81.2.69.142', farPort: 33_001, ownPort: 50_051, tcpFlags: null }
      const talk = Array.from({ length: 30 }, (_unused, i) => 60 * i).flatMap(at =>
        [false, true].map(egress => seen(egress, { ...ends, at })),
      )
      const expected = ['undecided 10.0.0.5 50051 81.2.69.142 inferred']
      await Promise.all([0, 90, 300, 1200].map(from => lists(expected, talk, text(from), text(3600))))
      // only replies are in the time asked: nothing came in there
      await lists([], [...[false, true].map(egress => seen(egress, ends)), seen(true, { ...ends, at: 60 })], text(30), text(3600))
    })
  })

  describe('a format without action', () => {
    it('shows nothing, though a SYN+ACK went out', async () => {
      const none = { action: null }
      const flows = [
        into({ ...none, far: '198.51.100.1' }),
        outOf({ ...none, far: '198.51.100.1' }),
        into({ ...none, far: '198.51.100.2' }),
        into({ ...none, far: '198.51.100.3' }),
        seen(true, { ...none, far: '198.51.100.3', tcpFlags: 4 }),
        seen(false, { ...none, ...udp, far: '198.51.100.4', ownPort: 161 }),
        seen(true, { ...none, ...udp, far: '198.51.100.4', ownPort: 161, at: 1 }),
      ]
      assert.deepEqual(await listed(flows), ['answered 10.0.0.5 22 198.51.100.1', 'replied 10.0.0.5 161 198.51.100.4 inferred'])
    })
  })

  describe('a protocol without ports', () => {
    it('is never listed', async () => {
      const protocols = [4, 41, 47, 50, 51, 2, 115]
      const plain: Values = { tcpFlags: null, ownPort: 0, farPort: 0, servicePort: null }
      const flows = protocols.map((protocol, i) => seen(false, { ...plain, protocol, far: `198.51.100.${i + 1}` }))
      const answered = [47, 50].flatMap((protocol, i) => [
        seen(false, { ...plain, protocol, far: `198.51.100.${i + 8}` }),
        seen(true, { ...plain, protocol, far: `198.51.100.${i + 8}`, at: 1 }),
      ])
      const ours = [seen(true, { ...plain, protocol: 50, far: '203.0.113.1' }), seen(false, { ...plain, protocol: 50, far: '203.0.113.1', at: 1 })] // prettier-ignore
      const names = ['protocol 4', 'protocol 41', 'gre', 'esp', 'ah', 'protocol 2', 'protocol 115']
      assert.deepEqual(
        new Set(await listed([...flows, ...answered, ...ours])),
        new Set([
          ...names.map((name, i) => `accepted 10.0.0.5 ${name} 198.51.100.${i + 1}`),
          'replied 10.0.0.5 gre 198.51.100.8',
          'replied 10.0.0.5 esp 198.51.100.9',
        ]),
      )
    })
  })
})
