// Top talkers of random worlds, beside a model of its own: NAT gateways that the format shows, may be, or does not show, with and without lookup tables.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Random, seedOf } from '../../producers/synthetic/random.ts'
import type { FlowRecord } from '../../schemas/flow-record.ts'
import { recordOwnNetworks } from '../../sinks/clickhouse/own-networks.ts'
import { ask } from '../../sinks/clickhouse/queries.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { run } from '../support/clickhouse/seen-records.ts'
import { setUpSink } from '../support/clickhouse/sink-setup.ts'
import { flow } from '../support/records/flow-records.ts'
import { emptyLedger } from '../support/records/ledger.ts'

const day = 86_400
const firstDay = Date.parse('2026-10-01T00:00:00Z') / 1000
/** Each world has an account and days of its own: the signs of gateways are those of the day before and after, too. */
const worldDays = 4

type Known = Pick<FlowRecord, 'srcCountry' | 'srcAsn' | 'srcAsOrg'>
interface Peer {
  readonly ip: string
  readonly known: Known
}
interface World {
  readonly n: number
  readonly at: number
  readonly account: string
  readonly header: string
  /** What the format has. */
  readonly flags: boolean
  readonly instances: boolean
  readonly types: boolean
  readonly networks: boolean
  readonly records: readonly Seen[]
}
/** A record, and what the model has to know of it. */
interface Seen {
  readonly flow: FlowRecord
  readonly role: 'host' | 'gateway' | 'balancer'
  /** Null: the peer is not outside. */
  readonly peer: Peer | 'nobody can tell' | null
}

const instanceHost = '10.0.0.5'
const gateway = '10.0.0.100'
const balancer = '10.0.0.200'
const unknown: Known = { srcCountry: null, srcAsn: null, srcAsOrg: null }

function worldOf(n: number): World {
  const random = new Random(seedOf('talkers', n))
  const bit = (i: number): boolean => Math.floor(n / 2 ** i) % 2 === 1
  const [flags, instances, types, tables] = [bit(0), bit(1), bit(2), bit(3)]
  const networks = random.below(2) === 0
  const counted = random.below(4) !== 0
  const account = String(300_000_000_000 + n)
  const at = firstDay + n * worldDays * day + 36_000
  const peers = Array.from({ length: 5 }, (_unused, i): Peer => {
    const known = { srcCountry: random.pick(['DE', 'US', null]), srcAsn: random.pick([64_500, 64_501, null]), srcAsOrg: null }
    return { ip: i === 0 ? '2a00::7' : `203.0.113.${i}`, known: tables ? known : unknown }
  })
  // held by us in the map, and in a network of ours
  const mapped: Peer = { ip: '44.1.0.1', known: tables ? { srcCountry: 'SE', srcAsn: null, srcAsOrg: null } : unknown }
  const own: Peer = { ip: '44.2.0.1', known: tables ? { srcCountry: 'SE', srcAsn: 64_502, srcAsOrg: null } : unknown }
  const records: Seen[] = []

  /** Puts a record; ends are own side and far side. */
  const put = (
    role: Seen['role'],
    egress: boolean,
    near: string,
    far: string,
    peer: Seen['peer'],
    more: Partial<FlowRecord> = {},
  ): void => {
    const known = peer === null || peer === 'nobody can tell' ? unknown : peer.known
    const side = egress ? 'dst' : 'src'
    const [src, dst] = egress ? [near, far] : [far, near]
    records.push({
      role,
      peer,
      flow: flow({
        accountId: account,
        interfaceId: `eni-${role}-${n}`,
        instanceId: instances && role === 'host' ? `i-${n}` : null,
        interfaceType: types ? { host: 'interface', gateway: 'nat_gateway', balancer: 'network_load_balancer' }[role] : null,
        vpcId: `vpc-${n}`,
        srcAddr: src,
        dstAddr: dst,
        pktSrcAddr: src,
        pktDstAddr: dst,
        srcPort: egress ? 40_000 : 443,
        dstPort: egress ? 443 : 40_000,
        protocol: 6,
        action: random.below(5) === 0 ? 'REJECT' : 'ACCEPT',
        direction: egress ? 'egress' : 'ingress',
        flowDirection: egress ? 'egress' : 'ingress',
        directionSource: 'logged',
        timeSource: 'logged',
        bytes: counted && random.below(5) !== 0 ? random.below(5000) : null,
        packets: counted && random.below(5) !== 0 ? random.below(20) : null,
        start: at + random.below(3000),
        [`${side}Country`]: known.srcCountry,
        [`${side}Asn`]: known.srcAsn,
        ...more,
        ...(flags ? {} : { tcpFlags: null }),
      }),
    })
  }

  for (let i = 0; i < 12; i++) {
    const peer = random.pick(peers)
    // through the gateway: the host, and both sides of the gateway
    put('host', true, instanceHost, peer.ip, peer, { tcpFlags: 2 })
    put('host', false, instanceHost, peer.ip, peer, { tcpFlags: 18 })
    put('gateway', false, gateway, instanceHost, null, { tcpFlags: 2, pktDstAddr: peer.ip })
    put('gateway', true, gateway, peer.ip, peer, { tcpFlags: 2 })
    put('gateway', false, gateway, peer.ip, peer, { tcpFlags: 18 })
    put('gateway', true, gateway, instanceHost, null, { tcpFlags: 18, pktSrcAddr: peer.ip })
  }
  for (let i = 0; i < 5; i++) {
    const client = random.pick(peers)
    // a load balancer that keeps the addresses of clients
    put('balancer', false, balancer, client.ip, client, { tcpFlags: 2 })
    put('balancer', true, balancer, client.ip, client, { tcpFlags: 18 })
    put('balancer', true, balancer, instanceHost, null, { tcpFlags: 2, pktSrcAddr: client.ip })
    put('balancer', false, balancer, instanceHost, null, { tcpFlags: 18, pktDstAddr: client.ip })
  }
  put('host', true, instanceHost, mapped.ip, null, { dstCountry: mapped.known.srcCountry })
  put('host', true, instanceHost, own.ip, networks ? null : own)
  put('host', true, instanceHost, '192.168.7.7', null)
  put('host', true, instanceHost, '::', 'nobody can tell', { dstAddr: null, pktDstAddr: null })
  // of unknown direction the source stands as local
  const undirected = { direction: 'unknown', flowDirection: null, directionSource: 'none' } as const
  for (let i = 0; i < 4; i++) {
    const peer = random.pick(peers)
    const countries = { srcCountry: peer.known.srcCountry, srcAsn: peer.known.srcAsn, dstCountry: null, dstAsn: null }
    put('host', true, instanceHost, peer.ip, peer, undirected)
    put('host', true, peer.ip, instanceHost, peer, { ...undirected, ...countries })
    put('host', true, peer.ip, mapped.ip, peer, { ...undirected, ...countries })
    put('host', true, peer.ip, '2a00::99', 'nobody can tell', { ...undirected, ...countries, dstCountry: tables ? 'FR' : null })
    put('host', true, instanceHost, mapped.ip, null, undirected)
    put('host', true, instanceHost, '::', 'nobody can tell', { ...undirected, dstAddr: null, pktDstAddr: null })
  }
  const header = ['version', 'pkt-srcaddr', 'pkt-dstaddr', 'flow-direction', ...(flags ? ['tcp-flags'] : []), ...(instances ? ['instance-id'] : []), ...(types ? ['interface-type'] : [])].join(' ') // prettier-ignore
  return { n, at, account, header, flags, instances, types, networks, records }
}

/** What the format shows of an interface: `double` if it is a gateway for certain. */
function sighted({ flags, instances, types }: World, role: Seen['role']): 'once' | 'double' | 'maybe' {
  if (role === 'host' || types) return role === 'gateway' ? 'double' : 'once'
  if (role === 'gateway') return flags && instances ? 'double' : 'maybe'
  // by flags it answers its clients, as no gateway does
  return flags ? 'once' : 'maybe'
}

const sum = (values: readonly (number | null)[]): number | null => {
  const known = values.filter(value => value !== null)
  return values.length === 0 ? 0 : known.length === 0 ? null : known.reduce((a, b) => a + b, 0)
}

function rowsOf(world: World): Record<string, unknown>[] {
  const outside = world.records.filter(({ peer }) => peer !== null)
  const knownOf = ({ peer }: Seen): Known => (peer === null || peer === 'nobody can tell' ? unknown : peer.known)
  const key = (seen: Seen): string => `${knownOf(seen).srcCountry} ${knownOf(seen).srcAsn}`
  return [...Map.groupBy(outside, key).values()].map(all => {
    const half = all.filter(({ role }) => sighted(world, role) === 'double')
    const rest = all.filter(each => !half.includes(each))
    const bytes = (of: readonly Seen[]): number | null => sum(of.map(each => each.flow.bytes))
    return {
      country: knownOf(all[0]!).srcCountry,
      asn: knownOf(all[0]!).srcAsn,
      as_org: null,
      bytes: bytes(rest),
      packets: sum(rest.map(each => each.flow.packets)),
      accepted_flows: rest.filter(each => each.flow.action === 'ACCEPT').length,
      rejected_flows: rest.filter(each => each.flow.action === 'REJECT').length,
      addresses: new Set(rest.flatMap(({ peer }) => (peer === null || peer === 'nobody can tell' ? [] : [peer.ip]))).size,
      nat_bytes: bytes(half),
      maybe_nat_bytes: bytes(rest.filter(({ role }) => sighted(world, role) === 'maybe')),
    }
  })
}

const texts = (rows: readonly Record<string, unknown>[]): string[] =>
  rows.map(row => Object.entries(row).map(([name, cell]) => `${name} ${String(cell)}`).join(', ')).sort() // prettier-ignore

let server: LiveClickHouse
let store: Store
const worlds = Array.from({ length: 16 }, (_unused, n) => worldOf(n))
before(async () => {
  server = await liveClickHouse()
  const setup = await setUpSink(server)
  store = setup.store
  for (const { n, at, header, records } of worlds) {
    const objectId = Buffer.from((n + 1).toString(16).padStart(16, '0'), 'hex')
    setup.putFlows(records.map((each, i) => ({ ...each.flow, end: each.flow.start + 59, objectId, line: i + 2 })))
    setup.cluster.put('objects', { bucket: 'logs', key: `world-${n}` }, { ...emptyLedger, objectId, header })
    setup.cluster.put(
      'cloudMapRuns',
      { scope: `vpc-${n}`, ip: '44.1.0.1', first: at },
      run(`eni-other-${n}`, at, at + 60, 0, { vpcId: `vpc-${n}` }),
    )
  }
  for (const name of ['clickhouse-flows', 'clickhouse-objects', 'clickhouse-runs']) await setup.cluster.runRole(setup.role(name))
  await recordOwnNetworks(store, [
    { cidrs: ['44.2.0.0/16'], accounts: worlds.filter(({ networks }) => networks).map(world => world.account) },
  ])
})
after(() => server.stop())

describe('top talkers', () => {
  for (const world of worlds)
    it(`have all bytes with peers outside, and say what may count twice (${world.n}: ${world.header})`, async () => {
      const wanted = rowsOf(world)
      const rows = await ask<Record<string, unknown>, 'top_talkers'>(store, 'top_talkers', { from: new Date((world.at - 60) * 1000), to: new Date((world.at + 7200) * 1000), limit: 999 }) // prettier-ignore
      assert.deepEqual(texts(rows), texts(wanted))
      const all = rows.reduce((total, row) => total + Number(row['bytes']) + Number(row['nat_bytes']), 0)
      assert.equal(all, sum(world.records.filter(({ peer }) => peer !== null).map(each => each.flow.bytes ?? 0)))
    })

  it('are asked about worlds of each kind', () => {
    const rows = worlds.flatMap(rowsOf)
    for (const name of ['bytes', 'nat_bytes', 'maybe_nat_bytes'])
      assert.ok(rows.some(row => row[name] === null) && rows.some(row => Number(row[name]) > 0), name)
    assert.ok(worlds.some(({ networks }) => networks) && worlds.some(({ networks }) => !networks))
    assert.ok(worlds.some(world => rowsOf(world).every(row => row['country'] === null && row['asn'] === null)))
  })
})
