/**
 * Generated traffic whose interfaces and addresses are known: what the log then says is asked of enrich, and compared with what was planted.
 * Shares no code with processors/enrich.
 *
 * AWS writes the primary address of an interface on its own side of IPv4 records; of IPv6, the address that the packet has.
 */

/** One record with its truth. */
export interface PlantedRecord {
  readonly values: Readonly<Record<string, string>>
  readonly egress: boolean
}

/** A scenario: what its interfaces are like, and whom they talk to. */
export interface DirectionScenario {
  readonly name: string
  /** True if no direction may be wrong. */
  readonly neverWrong: boolean
  /** The setting `networks.own`; absent: none. */
  readonly networks?: readonly PlantedNetwork[]
  /** The setting leaves out public ranges of VPCs, which it must not: single pairs of addresses are then read the wrong way round. */
  readonly incomplete?: boolean
  plant(next: () => number, few: boolean): PlantedTraffic
}

/** An entry of `networks.own`. */
export interface PlantedNetwork {
  readonly cidrs: readonly string[]
  readonly vpcs?: readonly string[]
}

/** Records of one block, and who holds what. */
export interface PlantedTraffic {
  readonly records: readonly PlantedRecord[]
  /** `interface address` that are true. */
  readonly holds: ReadonlySet<string>
}

interface Interface {
  readonly eni: string
  readonly addresses: readonly string[]
  /** Draws a peer of one record. */
  readonly peer: () => string
}

/** A small seeded generator of numbers in [0, 1) (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const below = (next: () => number, count: number): number => Math.floor(next() * count)
const pick = <T>(next: () => number, list: readonly T[]): T => list[below(next, list.length)]!

type Draw = (next: () => number) => string
const internet: Draw = next =>
  `${pick(next, [8, 9, 23, 52, 104, 151, 198])}.${below(next, 250)}.${below(next, 250)}.${1 + below(next, 250)}`
const rfc1918: Draw = next =>
  pick(next, [
    `10.${below(next, 4)}.${below(next, 8)}.${1 + below(next, 250)}`,
    `172.31.${below(next, 8)}.${1 + below(next, 250)}`,
    `192.168.${below(next, 4)}.${1 + below(next, 250)}`,
  ])
const shared: Draw = next => `100.64.${below(next, 8)}.${1 + below(next, 250)}`
const routable: Draw = next => `172.32.${below(next, 8)}.${1 + below(next, 250)}`
const global6: Draw = next => `2600:1f18:10::${(1 + below(next, 60_000)).toString(16)}`
const unique6: Draw = next => `fd12:3456::${(1 + below(next, 60_000)).toString(16)}`

/** Interfaces with addresses of their own, each with its few or many peers. */
function interfacesOf(next: () => number, own: Draw, peers: readonly Draw[], options: { addresses?: number; few: boolean }): Interface[] {
  const taken = new Set<string>()
  const fresh = (): string => {
    for (;;) {
      const ip = own(next)
      if (taken.has(ip)) continue
      taken.add(ip)
      return ip
    }
  }
  return Array.from({ length: 1 + below(next, 6) }, (_, i) => {
    const known = Array.from({ length: options.few ? 1 + below(next, 2) : 3 + below(next, 20) }, () => pick(next, peers)(next)).filter(
      ip => !taken.has(ip),
    )
    return {
      eni: `eni-${String(i).padStart(17, '0')}`,
      addresses: Array.from({ length: options.addresses ?? 1 }, fresh),
      peer: () => (known.length === 0 ? peers[0]!(next) : pick(next, known)),
    }
  })
}

function traffic(next: () => number, interfaces: readonly Interface[], few: boolean, seesPackets = false): PlantedTraffic {
  const records = interfaces.flatMap(({ eni, addresses, peer }) =>
    Array.from({ length: few ? 1 + below(next, 3) : 10 + below(next, 60) }, (): PlantedRecord => {
      const egress = next() < 0.5
      const packet = pick(next, addresses)
      // an IPv4 record has the primary address of the interface, whichever of its addresses the packet has
      const own = packet.includes(':') ? packet : addresses[0]!
      const far = peer()
      const [src, dst] = egress ? [own, far] : [far, own]
      const [from, to] = egress ? [packet, far] : [far, packet]
      return {
        egress,
        values: { 'interface-id': eni, srcaddr: src, dstaddr: dst, ...(seesPackets ? { 'pkt-srcaddr': from, 'pkt-dstaddr': to } : {}) },
      }
    }),
  )
  return { records, holds: new Set(interfaces.flatMap(({ eni, addresses }) => addresses.map(ip => `${eni} ${ip}`))) }
}

const simple = (
  name: string,
  own: Draw,
  peers: readonly Draw[],
  options: { addresses?: number; neverWrong?: boolean } = {},
): DirectionScenario => ({
  name,
  neverWrong: options.neverWrong === true,
  plant: (next, few) =>
    traffic(
      next,
      interfacesOf(next, own, peers, { few, ...(options.addresses === undefined ? {} : { addresses: options.addresses }) }),
      few,
    ),
})

/** Both ends of every conversation are interfaces of the log. */
const bothSides = (name: string, own: readonly [Draw, Draw], neverWrong: boolean): DirectionScenario => ({
  name,
  neverWrong,
  plant(next, few) {
    const [near, far] = own
    const left = [...new Set(Array.from({ length: 1 + below(next, 4) }, () => near(next)))]
    const right = [...new Set(Array.from({ length: 1 + below(next, 4) }, () => far(next)))].filter(ip => !left.includes(ip))
    const servers = right.length === 0 ? [rfc1918(next)] : right
    const interfaces = [...left, ...servers].map((ip, i): Interface => {
      const others = i < left.length ? servers : left
      const known = few ? [pick(next, others)] : others
      return { eni: `eni-${String(i).padStart(17, '0')}`, addresses: [ip], peer: () => pick(next, known) }
    })
    return traffic(next, interfaces, few)
  },
})

/** A NAT gateway: clients on one side, the internet on the other; its own address is on its side of all its records. */
const natGateway = (name: string, own: Draw, clients: Draw, neverWrong: boolean): DirectionScenario => ({
  name,
  neverWrong,
  plant: (next, few) => traffic(next, interfacesOf(next, own, [clients, internet], { few }), few),
})

/** What direction is measured on. */
export const directionScenarios: readonly DirectionScenario[] = [
  simple('RFC 1918, peers in the internet', rfc1918, [internet], { neverWrong: true }),
  simple('RFC 1918, peers inside', rfc1918, [rfc1918], { neverWrong: true }),
  simple('RFC 1918, peers of both kinds', rfc1918, [rfc1918, internet], { neverWrong: true }),
  simple('RFC 1918, several addresses', rfc1918, [rfc1918, internet], { addresses: 4, neverWrong: true }),
  bothSides('RFC 1918, both sides in the log', [rfc1918, rfc1918], true),
  simple('routable, peers in the internet', routable, [internet]),
  simple('routable, peers inside', routable, [routable]),
  simple('routable, private peers', routable, [rfc1918]),
  simple('routable, peers of all kinds', routable, [rfc1918, internet, routable]),
  bothSides('routable and private, both sides in the log', [routable, rfc1918], false),
  bothSides('routable, both sides in the log', [routable, routable], false),
  simple('100.64/10 pods', shared, [rfc1918, internet, shared], { neverWrong: true }),
  natGateway('NAT gateway, RFC 1918', rfc1918, rfc1918, true),
  natGateway('NAT gateway, routable', routable, routable, false),
  natGateway('NAT gateway, routable with private clients', routable, rfc1918, false),
  simple('IPv6, global peers', global6, [global6]),
  simple('IPv6, unique local peers', global6, [unique6]),
  simple('IPv6, several addresses, peers of both kinds', global6, [global6, unique6], { addresses: 4 }),
]

const named: Draw = next => `10.50.${below(next, 8)}.${1 + below(next, 250)}`
const unnamed: Draw = next => `10.60.${below(next, 8)}.${1 + below(next, 250)}`
const otherRoutable: Draw = next => `172.33.${below(next, 8)}.${1 + below(next, 250)}`
const namedV6: Draw = next => `2600:1f18:50::${(1 + below(next, 60_000)).toString(16)}`
/** The VPC of records in scenarios with networks. */
export const plantedVpc = 'vpc-0c18000000000001'
const withNetworks = (scenario: DirectionScenario, networks: readonly PlantedNetwork[], incomplete = false): DirectionScenario => ({
  ...scenario,
  networks,
  incomplete,
})
const general = [{ cidrs: ['10.50.0.0/16', '172.32.0.0/16', '2600:1f18:50::/56'] }]
const ofVpc = [{ cidrs: ['10.50.0.0/16', '172.32.0.0/16'], vpcs: [plantedVpc] }]

/** What the setting `networks.own` is measured on: VPCs that it names, and VPCs that are peered with these. */
export const networkScenarios: readonly DirectionScenario[] = [
  withNetworks(simple('named, peered with a private VPC', named, [unnamed, internet], { neverWrong: true }), general),
  withNetworks(simple('private, peered with a named VPC', unnamed, [named, internet], { neverWrong: true }), general),
  withNetworks(bothSides('named and private, both sides in the log', [named, unnamed], true), general),
  withNetworks(simple('both of a peering named', named, [routable, internet], { neverWrong: true }), general),
  withNetworks(bothSides('both of a peering named, both sides in the log', [named, routable], true), general),
  withNetworks(simple('named routable, private peers', routable, [unnamed], { neverWrong: true }), general),
  withNetworks(simple('named routable, peers of all kinds', routable, [unnamed, internet, routable], { neverWrong: true }), general),
  withNetworks(simple('private, peered with a named routable VPC', unnamed, [routable, internet], { neverWrong: true }), general),
  withNetworks(bothSides('named routable and private, both sides in the log', [routable, unnamed], true), general),
  withNetworks(natGateway('NAT gateway, named routable with private clients', routable, unnamed, true), general),
  withNetworks(simple('named routable, pods on 100.64/10', routable, [shared], { neverWrong: true }), general),
  withNetworks(simple('IPv6, named, peers of both kinds', namedV6, [global6, unique6], { addresses: 4, neverWrong: true }), general),
  withNetworks(simple('named by its VPC, private peers', named, [unnamed], { neverWrong: true }), ofVpc),
  withNetworks(simple('named by its VPC, routable, peers of all kinds', routable, [unnamed, internet, named], { neverWrong: true }), ofVpc),
  withNetworks(simple('routable that is not named, peered with a named one', otherRoutable, [routable]), general, true),
]

/** A scenario of forwarding: what an interface with a logged direction sees, and which packet addresses it really holds. */
export interface ForwardScenario {
  readonly name: string
  plant(next: () => number, few: boolean): PlantedTraffic
}

interface Leg {
  readonly eni: string
  readonly own: string
  readonly instance: string
}

/** A record at a leg: the own side has the address of the leg, the packet its own ends. */
const at = ({ eni, own, instance }: Leg, egress: boolean, from: string, to: string, far: string): PlantedRecord => {
  const [src, dst] = egress ? [own, far] : [far, own]
  return {
    egress,
    values: {
      ...{ 'interface-id': eni, 'instance-id': instance, srcaddr: src, dstaddr: dst, 'pkt-srcaddr': from, 'pkt-dstaddr': to },
      'flow-direction': egress ? 'egress' : 'ingress',
    },
  }
}

/** Conversations of clients with servers that pass the legs: in by the one, out by the other, and back. */
function passing(next: () => number, legs: readonly [Leg, Leg], count: number, client: Draw, server: Draw): PlantedRecord[] {
  const clients = Array.from({ length: 3 }, () => client(next))
  const servers = Array.from({ length: 3 }, () => server(next))
  return Array.from({ length: count }, () => {
    const [c, s] = [pick(next, clients), pick(next, servers)]
    return [at(legs[0], false, c, s, c), at(legs[1], true, c, s, s), at(legs[1], false, s, c, s), at(legs[0], true, s, c, c)]
  }).flat()
}

const leg = (eni: string, own: string, instance = 'i-1'): Leg => ({ eni, own, instance })
const holdsOf = (...legs: readonly Leg[]): Set<string> => new Set(legs.map(({ eni, own }) => `${eni} ${own}`))

/** A part of the records, as where a block is cut between them. */
function cut(next: () => number, records: readonly PlantedRecord[], few: boolean): PlantedRecord[] {
  if (!few) return [...records]
  const first = below(next, records.length)
  return records.slice(first, first + 1 + below(next, 4))
}

const client: Draw = next => `10.2.${below(next, 8)}.${1 + below(next, 250)}`
const server: Draw = next => `10.3.${below(next, 8)}.${1 + below(next, 250)}`

/** What packet addresses are measured on. */
export const forwardScenarios: readonly ForwardScenario[] = [
  {
    name: 'firewall with one interface',
    plant(next: () => number, few: boolean): PlantedTraffic {
      const fw = leg('eni-f', '10.0.0.9')
      return { records: cut(next, passing(next, [fw, fw], 6, client, server), few), holds: holdsOf(fw) }
    },
  },
  {
    name: 'router with two interfaces',
    plant(next: () => number, few: boolean): PlantedTraffic {
      const [a, b] = [leg('eni-a', '10.0.0.9'), leg('eni-b', '10.1.0.9')]
      return { records: cut(next, passing(next, [a, b], 6, client, server), few), holds: holdsOf(a, b) }
    },
  },
  {
    name: 'NAT instance',
    plant(next: () => number, few: boolean): PlantedTraffic {
      const nat = leg('eni-n', '10.0.0.9')
      const clients = Array.from({ length: 3 }, () => client(next))
      const records = Array.from({ length: 6 }, () => {
        const [c, s] = [pick(next, clients), internet(next)]
        return [at(nat, false, c, s, c), at(nat, true, nat.own, s, s), at(nat, false, s, nat.own, s), at(nat, true, s, c, c)]
      }).flat()
      return { records: cut(next, records, few), holds: holdsOf(nat) }
    },
  },
  ...(['pods', 'secondary addresses'] as const).map((name): ForwardScenario => ({
    name,
    plant(next: () => number, few: boolean): PlantedTraffic {
      const node = leg('eni-p', '10.0.0.9')
      const held = Array.from({ length: name === 'pods' ? 20 : 3 }, () => `10.0.${below(next, 8)}.${10 + below(next, 240)}`)
      const records = Array.from({ length: 24 }, () => {
        const [ip, peer] = [pick(next, held), pick(next, [client, server, internet])(next)]
        return next() < 0.5 ? at(node, true, ip, peer, peer) : at(node, false, peer, ip, peer)
      })
      return { records: cut(next, records, few), holds: new Set([...holdsOf(node), ...held.map(ip => `${node.eni} ${ip}`)]) }
    },
  })),
]
