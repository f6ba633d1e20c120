/** Conversations of a network, as packets at its interfaces, and what is true of them. Nothing here knows the product. */
import { Random, seedOf } from '../../../producers/synthetic/random.ts'
import { midnightSeeds, type Eni, type Network } from './network.ts'
import { hiddenOpeners, sameSecondAnswers, type Draw } from './hidden-openers.ts'

/** Packets of one direction of a conversation at an interface, within a second or spread over a time. */
export interface Packets {
  readonly eni: Eni
  readonly egress: boolean
  /** Addresses as AWS writes them, and those in the packet. */
  readonly src: string
  readonly dst: string
  readonly pktSrc: string
  readonly pktDst: string
  readonly srcPort: number
  readonly dstPort: number
  readonly protocol: number
  /** TCP flags that AWS logs: FIN 1, SYN 2, RST 4, SYN+ACK 18. */
  readonly flags: number
  readonly action: 'ACCEPT' | 'REJECT'
  readonly at: number
  readonly count: number
  /** AWS service of the far end, or `-`. */
  readonly service: string
}

/** An attempt from outside that was let in. */
export interface Inbound {
  readonly eni: Eni
  readonly protocol: number
  readonly at: number
  /** The address that the packets were for, and the interface's own address that stands in its records. */
  readonly address: string
  readonly own: string
  readonly port: number
  readonly peer: string
  readonly peerPort: number
  /** What went back. */
  readonly back: 'answer' | 'reset' | 'nothing'
}

/** Packets and truth of a network. */
export interface Traffic {
  readonly packets: readonly Packets[]
  readonly inbound: readonly Inbound[]
}

const SYN = 2
const FIN = 1
const RST = 4
const SYN_ACK = 18

const serviceAddress = '52.216.77.9'
const servicePorts = [22, 22, 22, 80, 443, 3389, 3306, 8080, 30080, 50051]
const chosenPorts = [20, 53, 80, 443, 1024, 123]

/** Makes the traffic of a network. */
export function trafficOf(network: Network): Traffic {
  return new TrafficMaker(network).make()
}

/** An address and a port. */
export interface End {
  readonly address: string
  readonly port: number
}

class TrafficMaker {
  readonly #network: Network
  readonly #random: Random
  readonly #packets: Packets[] = []
  readonly #inbound: Inbound[] = []
  #port = 20_000

  constructor(network: Network) {
    this.#network = network
    this.#random = new Random(seedOf('traffic', network.seed))
  }

  make(): Traffic {
    const random = this.#random
    const count = 6 + random.below(8)
    for (let i = 0; i < count; i++)
      random.pick([
        () => this.#fromOutside(),
        () => this.#fromOutside(),
        () => this.#fromOutside(),
        () => this.#ownClient(),
        () => this.#ownClient(),
        () => this.#within(),
        () => this.#within(),
        () => this.#throughNat(),
        () => this.#scanOfGateway(),
        () => this.#throughBalancer(),
        () => this.#throughForwarder(),
        () => this.#ping(),
        () => this.#datagrams(),
        () => this.#toService(),
      ])()
    // the halves of a hand-over talk, so that the map can know them
    for (const eni of this.#network.enis)
      if (eni.from > this.#network.startS || eni.to < this.#network.startS + this.#network.lengthS) this.#ownClient(eni)
    // around midnight they talk often, so that both are seen near it
    if (this.#network.seed >= midnightSeeds) for (const eni of this.#enis('instance')) for (let i = 0; i < 4; i++) this.#ownClient(eni)
    this.#fromFormerAddress()
    this.#hairpins(new Random(seedOf('hairpin', this.#network.seed)))
    const draw: Draw = {
      see: this.#see.bind(this),
      connection: this.#connection.bind(this),
      peer: () => this.#peer(false),
      inbound: this.#inbound,
    }
    hiddenOpeners(new Random(seedOf('openers', this.#network.seed)), this.#enis('instance'), draw)
    sameSecondAnswers(new Random(seedOf('same second', this.#network.seed)), this.#enis('instance').slice(0, 1), draw)
    return { packets: this.#packets, inbound: this.#inbound }
  }

  /** Two addresses behind one instance talk to each other by way of the network: out at its interface, and in again. */
  #hairpins(random: Random): void {
    for (const eni of this.#enis('instance')) {
      const [client, server] = [...eni.pods, ...eni.secondary]
      if (client === undefined || server === undefined || eni.to - 200 <= eni.from) continue
      const at = random.between(eni.from, eni.to - 200)
      const near = { address: client, port: 30_000 + random.below(900) }
      const far = { address: server, port: 8080 }
      this.#see(eni, true, eni.v4, near, far, at, SYN)
      this.#see(eni, false, eni.v4, far, near, at, SYN)
      this.#see(eni, true, eni.v4, far, near, at, SYN_ACK)
      this.#see(eni, false, eni.v4, near, far, at, SYN_ACK)
    }
  }

  #enis(...roles: Eni['role'][]): Eni[] {
    return this.#network.enis.filter(eni => roles.includes(eni.role))
  }

  /** A second at which an interface exists, with room behind it. */
  #timeOf(...enis: readonly Eni[]): number | undefined {
    const from = Math.max(...enis.map(eni => eni.from))
    const to = Math.min(...enis.map(eni => eni.to)) - 200
    return to <= from ? undefined : this.#random.between(from, to)
  }

  #peer(v6: boolean): string {
    const random = this.#random
    return v6
      ? `2a00:1450:${(0x4000 + random.below(0x1000)).toString(16)}::${1 + random.below(4000)}`
      : `${random.pick([81, 92, 145, 193])}.${1 + random.below(250)}.${1 + random.below(250)}.${1 + random.below(250)}`
  }

  #ephemeral(): number {
    this.#port += 1 + this.#random.below(40)
    return this.#port
  }

  /** A port that a client takes: mostly a high one, at times one that looks like a service. */
  #clientPort(): number {
    return this.#random.below(4) === 0 ? this.#random.pick(chosenPorts) : this.#ephemeral()
  }

  /** Own address, and the one that packets are for. */
  #addressOf(eni: Eni, v6: boolean): { own: string; address: string } {
    if (v6) return { own: eni.v6!, address: eni.v6! }
    const address = this.#random.pick([eni.v4, eni.v4, ...eni.secondary, ...eni.pods])
    return { own: eni.v4, address }
  }

  /** One direction at an interface. */
  #see(eni: Eni, egress: boolean, own: string, near: End, far: End, at: number, flags: number, more: Partial<Packets> = {}): void {
    const [src, dst] = egress ? [own, far.address] : [far.address, own]
    const [pktSrc, pktDst] = egress ? [near.address, far.address] : [far.address, near.address]
    const [srcPort, dstPort] = egress ? [near.port, far.port] : [far.port, near.port]
    this.#packets.push({ eni, egress, src, dst, pktSrc, pktDst, srcPort, dstPort, protocol: 6, flags, action: 'ACCEPT', at, count: 1 + this.#random.below(9), service: '-', ...more }) // prettier-ignore
  }

  /** A TCP connection between an address of ours and a far end, seen at one interface. */
  #connection(eni: Eni, own: string, near: End, far: End, opener: 'near' | 'far', at: number, back: Inbound['back'], service = '-'): void {
    const random = this.#random
    const openerEgress = opener === 'near'
    const long = random.below(3) === 0
    const gap = random.pick([0, 0, 1, 70, 130])
    this.#see(eni, openerEgress, own, near, far, at, SYN | (back === 'answer' && !long ? FIN : 0), { service })
    if (back === 'reset') this.#see(eni, !openerEgress, own, near, far, at + random.pick([0, 1]), RST, { service })
    if (back !== 'answer') return
    this.#see(eni, !openerEgress, own, near, far, at + gap, SYN_ACK | (long ? 0 : FIN), { service })
    if (!long) return
    // later windows of the connection carry neither SYN nor SYN+ACK
    const next = at + 61 + random.below(60)
    this.#see(eni, true, own, near, far, next, random.pick([0, 0, FIN]), { service })
    this.#see(eni, false, own, near, far, next + random.pick([0, 1, 61]), 0, { service })
  }

  #fromOutside(): void {
    const random = this.#random
    const eni = random.pick(this.#enis('instance'))
    const at = this.#timeOf(eni)
    if (at === undefined) return
    const v6 = eni.v6 !== undefined && random.below(3) === 0
    const { own, address } = this.#addressOf(eni, v6)
    const near = { address, port: random.pick(servicePorts) }
    const far = { address: this.#peer(v6), port: this.#clientPort() }
    if (near.port === far.port) return
    if (random.below(6) === 0) {
      this.#see(eni, false, own, near, far, at, SYN, { action: 'REJECT' })
      return
    }
    const back = random.pick(['answer', 'answer', 'answer', 'reset', 'nothing'] as const)
    this.#connection(eni, own, near, far, 'far', at, back)
    this.#inbound.push({ at, eni, protocol: 6, address, own, port: near.port, peer: far.address, peerPort: far.port, back })
  }

  /** Somebody outside has an address that an interface of ours gave up long before. */
  #fromFormerAddress(): void {
    const [former] = this.#enis('former')
    if (former === undefined) return
    const from = former.to + 1300
    const to = this.#network.startS + this.#network.lengthS - 200
    const eni = this.#enis('instance').find(each => each.from <= from && each.to >= to + 200)
    if (eni === undefined || to <= from) return
    const at = this.#random.between(from, to)
    const near = { address: eni.v4, port: 22 }
    const far = { address: former.v4, port: this.#ephemeral() }
    this.#connection(eni, eni.v4, near, far, 'far', at, 'answer')
    this.#inbound.push({ at, eni, protocol: 6, address: eni.v4, own: eni.v4, port: near.port, peer: far.address, peerPort: far.port, back: 'answer' }) // prettier-ignore
  }

  #ownClient(given?: Eni): void {
    const random = this.#random
    const eni = given ?? random.pick(this.#enis('instance'))
    const at = this.#timeOf(eni)
    if (at === undefined) return
    const v6 = eni.v6 !== undefined && given === undefined && random.below(3) === 0
    const { own, address } = given === undefined ? this.#addressOf(eni, v6) : { own: eni.v4, address: eni.v4 }
    const near = { address, port: this.#ephemeral() }
    const far = { address: this.#peer(v6), port: random.pick([443, 443, 22, 50_051, 61_000]) }
    this.#connection(eni, own, near, far, 'near', at, random.pick(['answer', 'answer', 'reset', 'nothing'] as const))
  }

  /** Between two instances of the VPC: both interfaces see it. */
  #within(): void {
    const random = this.#random
    const client = random.pick(this.#enis('instance'))
    const server = random.pick(this.#enis('instance').filter(eni => eni !== client && eni.v4 !== client.v4))
    const at = this.#timeOf(client, server)
    if (at === undefined) return
    const v6 = client.v6 !== undefined && server.v6 !== undefined && random.below(2) === 0
    const clientEnd = this.#addressOf(client, v6)
    const serverEnd = this.#addressOf(server, v6)
    const near = { address: clientEnd.address, port: this.#clientPort() }
    const far = { address: serverEnd.address, port: random.pick(servicePorts) }
    if (near.port === far.port) return
    const back = random.pick(['answer', 'answer', 'reset'] as const)
    this.#connection(client, clientEnd.own, near, far, 'near', at, back)
    this.#connection(server, serverEnd.own, far, near, 'far', at, back)
  }

  /** An instance reaches the internet through a NAT gateway. */
  #throughNat(): void {
    const random = this.#random
    const nats = this.#enis('nat', 'regional-nat')
    if (nats.length === 0) return
    const nat = random.pick(nats)
    const client = random.pick(this.#enis('instance'))
    const at = this.#timeOf(nat, client)
    if (at === undefined) return
    const near = { address: client.v4, port: this.#ephemeral() }
    const far = { address: this.#peer(false), port: 443 }
    const natPort = this.#ephemeral()
    const outer = { address: nat.v4, port: natPort }
    this.#see(client, true, client.v4, near, far, at, SYN)
    this.#see(client, false, client.v4, near, far, at, SYN_ACK)
    // the inner half: the interface's own address where the packet has the peer's; a regional gateway writes the peer's
    const inside = nat.role === 'nat' ? nat.v4 : far.address
    this.#see(nat, false, inside, far, near, at, SYN)
    this.#see(nat, true, nat.v4, outer, far, at, SYN)
    this.#see(nat, false, nat.v4, outer, far, at, SYN_ACK)
    this.#see(nat, true, inside, far, near, at, SYN_ACK)
  }

  /** Someone outside tries a NAT gateway: let in by its security group, dropped by the gateway. */
  #scanOfGateway(): void {
    const nats = this.#enis('nat', 'regional-nat')
    if (nats.length === 0) return
    const nat = this.#random.pick(nats)
    const at = this.#timeOf(nat)
    if (at === undefined) return
    const far = { address: this.#peer(false), port: this.#clientPort() }
    const near = { address: nat.v4, port: this.#random.pick([22, 3389]) }
    this.#see(nat, false, nat.v4, near, far, at, SYN)
    this.#inbound.push({ at, eni: nat, protocol: 6, address: nat.v4, own: nat.v4, port: near.port, peer: far.address, peerPort: far.port, back: 'nothing' }) // prettier-ignore
  }

  #throughBalancer(): void {
    const random = this.#random
    const balancers = this.#enis('keeping-balancer', 'replacing-balancer')
    if (balancers.length === 0) return
    const balancer = random.pick(balancers)
    const target = random.pick(this.#enis('instance'))
    const at = this.#timeOf(balancer, target)
    if (at === undefined) return
    const outside = { address: this.#peer(false), port: this.#clientPort() }
    const front = { address: balancer.v4, port: random.pick([443, 22, 8443]) }
    const service = { address: target.v4, port: random.pick([8443, 22, 30_080]) }
    if (outside.port === front.port || outside.port === service.port) return
    this.#see(balancer, false, balancer.v4, front, outside, at, SYN)
    this.#see(balancer, true, balancer.v4, front, outside, at, SYN_ACK)
    this.#inbound.push({ at, eni: balancer, protocol: 6, address: balancer.v4, own: balancer.v4, port: front.port, peer: outside.address, peerPort: outside.port, back: 'answer' }) // prettier-ignore
    const keeps = balancer.role === 'keeping-balancer'
    // the inner half: the balancer's address, and in the packet the client's if it is kept
    const inner = keeps ? outside : { address: balancer.v4, port: this.#ephemeral() }
    this.#see(balancer, true, balancer.v4, inner, service, at, SYN)
    this.#see(balancer, false, balancer.v4, inner, service, at, SYN_ACK)
    this.#see(target, false, target.v4, service, inner, at, SYN)
    this.#see(target, true, target.v4, service, inner, at, SYN_ACK)
    if (keeps)
      this.#inbound.push({ at, eni: target, protocol: 6, address: target.v4, own: target.v4, port: service.port, peer: outside.address, peerPort: outside.port, back: 'answer' }) // prettier-ignore
  }

  /** A firewall or router between two instances, or between one and a peer outside. */
  #throughForwarder(): void {
    const random = this.#random
    const forwarders = this.#enis('forwarder')
    if (forwarders.length === 0) return
    const forwarder = forwarders[0]!
    const client = random.pick(this.#enis('instance'))
    const at = this.#timeOf(forwarder, client)
    if (at === undefined) return
    const near = { address: client.v4, port: this.#ephemeral() }
    const far = { address: this.#peer(false), port: 443 }
    this.#see(client, true, client.v4, near, far, at, SYN)
    this.#see(client, false, client.v4, near, far, at, SYN_ACK)
    // its records have its own address for the foreign one on its own side
    this.#see(forwarder, false, forwarder.v4, far, near, at, SYN)
    this.#see(forwarder, true, forwarder.v4, near, far, at, SYN)
    this.#see(forwarder, false, forwarder.v4, near, far, at, SYN_ACK)
    this.#see(forwarder, true, forwarder.v4, far, near, at, SYN_ACK)
  }

  #ping(): void {
    const random = this.#random
    const eni = random.pick(this.#enis('instance'))
    const at = this.#timeOf(eni)
    if (at === undefined) return
    const v6 = eni.v6 !== undefined && random.below(3) === 0
    const own = v6 ? eni.v6 : eni.v4
    const near = { address: own, port: 0 }
    const far = { address: this.#peer(v6), port: 0 }
    const ours = random.below(2) === 0
    const answered = random.below(3) !== 0
    const icmp = { protocol: v6 ? 58 : 1 }
    this.#see(eni, ours, own, near, far, at, 0, icmp)
    if (answered) this.#see(eni, !ours, own, near, far, at + random.pick([0, 0, 1]), 0, icmp)
    if (!ours)
      this.#inbound.push({ at, eni, protocol: icmp.protocol, address: own, own, port: 0, peer: far.address, peerPort: 0, back: answered ? 'answer' : 'nothing' }) // prettier-ignore
  }

  #datagrams(): void {
    const random = this.#random
    const eni = random.pick(this.#enis('instance'))
    const at = this.#timeOf(eni)
    if (at === undefined) return
    const { own, address } = this.#addressOf(eni, false)
    const udp = { protocol: 17 }
    if (random.below(2) === 0) {
      const near = { address, port: random.pick([53, 123, 500]) }
      const far = { address: this.#peer(false), port: this.#ephemeral() }
      const answered = random.below(2) === 0
      this.#see(eni, false, own, near, far, at, 0, udp)
      if (answered) this.#see(eni, true, own, near, far, at, 0, udp)
      this.#inbound.push({ at, eni, protocol: 17, address, own, port: near.port, peer: far.address, peerPort: far.port, back: answered ? 'answer' : 'nothing' }) // prettier-ignore
    } else {
      const port = random.pick([53, 123])
      const near = { address, port: port === 123 && random.below(2) === 0 ? 123 : this.#ephemeral() }
      const far = { address: this.#peer(false), port }
      this.#see(eni, true, own, near, far, at, 0, udp)
      this.#see(eni, false, own, near, far, at + 1, 0, udp)
    }
  }

  #toService(): void {
    const eni = this.#random.pick(this.#enis('instance'))
    const at = this.#timeOf(eni)
    if (at === undefined) return
    this.#connection(eni, eni.v4, { address: eni.v4, port: this.#ephemeral() }, { address: serviceAddress, port: 443 }, 'near', at, 'answer', 'S3') // prettier-ignore
  }
}
