/** What the hosts of a site say to each other and to the world, as flow records seen from each interface on the way. */
import { awsServices, clientAddress, clientAddress6, scannerAddress, serviceAddress } from './internet.ts'
import { seedOf, Random } from './random.ts'
import type { Eni, InterfaceRole } from './site.ts'

/** One line of a flow log. */
export interface SyntheticRecord {
  readonly eni: Eni
  readonly status: 'OK' | 'NODATA' | 'SKIPDATA'
  readonly src: string
  readonly dst: string
  readonly pktSrc: string
  readonly pktDst: string
  readonly srcPort: number
  readonly dstPort: number
  readonly protocol: number
  readonly packets: number
  readonly bytes: number
  readonly start: number
  readonly end: number
  readonly action: 'ACCEPT' | 'REJECT'
  readonly flags: number
  readonly egress: boolean
  /** 0: none. */
  readonly path: number
  readonly srcService: string
  readonly dstService: string
}

const tcp = 6
const udp = 17
const icmp = 1
const syn = 2
const synFin = 3
const synAckFin = 19

interface Ends {
  src: string
  dst: string
  srcPort: number
  dstPort: number
  pktSrc?: string
  pktDst?: string
  srcService?: string
  dstService?: string
}

/** Draws conversations of one site and slot, record by record. */
export class Conversations {
  readonly #random: Random
  readonly #hosts: Readonly<Record<InterfaceRole, readonly Eni[]>>
  readonly #all: readonly Eni[]
  readonly #slotS: number
  readonly #clients: readonly string[]
  #records: SyntheticRecord[] = []
  #start = 0
  #end = 0

  /** @param clients Addresses that come again and again; others are drawn freely. */
  constructor(seed: number, hosts: Readonly<Record<InterfaceRole, readonly Eni[]>>, slotS: number, clients: readonly string[]) {
    this.#random = new Random(seedOf(seed, slotS, hosts.web[0]!.id))
    this.#hosts = hosts
    this.#all = Object.values(hosts).flat()
    this.#slotS = slotS
    this.#clients = clients
  }

  /** The records of the next conversation. */
  next(): readonly SyntheticRecord[] {
    const random = this.#random
    this.#records = []
    // the name of an object says in which slot its records end
    this.#end = this.#slotS + random.below(300)
    this.#start = this.#end - random.between(1, 59)
    const kind = random.below(100)
    if (kind < 34) this.#visit()
    else if (kind < 52) this.#inside(random.pick(this.#hosts.web), random.pick(this.#hosts.app), 8080)
    else if (kind < 64) this.#inside(random.pick(this.#hosts.app), random.pick(this.#hosts.db), 5432)
    else if (kind < 74) this.#scan()
    else if (kind < 83) this.#throughNat()
    else if (kind < 90) this.#awsService()
    else if (kind < 93) this.#visit6()
    else if (kind < 95) this.#remoteLogin()
    else if (kind < 97) this.#ping()
    else if (kind < 99) this.#quic()
    else this.#gap(random.below(4) === 0 ? 'SKIPDATA' : 'NODATA')
    return this.#records
  }

  #client(): string {
    return this.#random.below(20) === 0 ? clientAddress(this.#random) : this.#clients[this.#random.skewed(this.#clients.length)]!
  }

  #port(): number {
    return this.#random.between(32_768, 60_999)
  }

  #see(
    eni: Eni,
    egress: boolean,
    ends: Ends,
    more: { packets: number; bytes: number; protocol?: number; flags?: number; action?: 'ACCEPT' | 'REJECT'; path?: number },
  ): void {
    this.#records.push({
      eni,
      status: 'OK',
      src: ends.src,
      dst: ends.dst,
      pktSrc: ends.pktSrc ?? ends.src,
      pktDst: ends.pktDst ?? ends.dst,
      srcPort: ends.srcPort,
      dstPort: ends.dstPort,
      protocol: more.protocol ?? tcp,
      packets: more.packets,
      bytes: more.bytes,
      start: this.#start,
      end: this.#end,
      action: more.action ?? 'ACCEPT',
      flags: more.flags ?? 0,
      egress,
      path: egress ? (more.path ?? 0) : 0,
      srcService: ends.srcService ?? '-',
      dstService: ends.dstService ?? '-',
    })
  }

  /** Request and answer between the world and one interface. */
  #both(
    eni: Eni,
    far: string,
    ports: { far: number; near: number },
    opened: 'far' | 'near',
    more: { protocol?: number; path: number; service?: string; near?: string },
  ): void {
    const random = this.#random
    const near = more.near ?? eni.address
    const service = more.service ?? '-'
    const protocol = more.protocol ?? tcp
    const small = { packets: random.size(12), bytes: 0 }
    small.bytes = small.packets * random.between(44, 180)
    const large = { packets: random.size(20), bytes: 0 }
    large.bytes = large.packets * random.between(200, 1400)
    const request = { ...small, protocol, flags: protocol === tcp ? synFin : 0 }
    const answer = { ...large, protocol, flags: protocol === tcp ? synAckFin : 0 }
    const [incoming, outgoing] = opened === 'far' ? [request, answer] : [answer, request]
    this.#see(eni, false, { src: far, dst: near, srcPort: ports.far, dstPort: ports.near, srcService: service }, incoming)
    this.#see(
      eni,
      true,
      { src: near, dst: far, srcPort: ports.near, dstPort: ports.far, dstService: service },
      { ...outgoing, path: more.path },
    )
  }

  #visit(): void {
    this.#both(this.#random.pick(this.#hosts.web), this.#client(), { far: this.#port(), near: 443 }, 'far', { path: 8 })
  }

  #visit6(): void {
    const web = this.#random.pick(this.#hosts.web)
    this.#both(web, clientAddress6(this.#random), { far: this.#port(), near: 443 }, 'far', { path: 8, near: web.address6 })
  }

  #quic(): void {
    this.#both(this.#random.pick(this.#hosts.web), this.#client(), { far: this.#port(), near: 443 }, 'far', { protocol: udp, path: 8 })
  }

  #ping(): void {
    this.#both(this.#random.pick(this.#hosts.web), this.#client(), { far: 0, near: 0 }, 'far', { protocol: icmp, path: 8 })
  }

  /** Remote login from outside to the bastion, and from there to an app server. */
  #remoteLogin(): void {
    const bastion = this.#hosts.bastion[0]!
    this.#both(bastion, this.#client(), { far: this.#port(), near: 22 }, 'far', { path: 8 })
    this.#inside(bastion, this.#random.pick(this.#hosts.app), 22)
  }

  /** Two hosts of the VPC: both interfaces see both directions. */
  #inside(client: Eni, server: Eni, port: number): void {
    const random = this.#random
    const clientPort = this.#port()
    const request = { packets: random.size(10), bytes: 0, flags: synFin }
    request.bytes = request.packets * random.between(60, 300)
    const answer = { packets: random.size(14), bytes: 0, flags: synAckFin }
    answer.bytes = answer.packets * random.between(100, 1400)
    const there = { src: client.address, dst: server.address, srcPort: clientPort, dstPort: port }
    const back = { src: server.address, dst: client.address, srcPort: port, dstPort: clientPort }
    this.#see(client, true, there, { ...request, path: 1 })
    this.#see(server, false, there, request)
    this.#see(server, true, back, { ...answer, path: 1 })
    this.#see(client, false, back, answer)
  }

  /** One scanner knocks at some ports of some hosts. A NAT gateway has no security group: its log says ACCEPT, and it drops the packet. */
  #scan(): void {
    const random = this.#random
    const scanner = scannerAddress(random)
    const srcPort = this.#port()
    for (let knocks = random.between(2, 12); knocks > 0; knocks--) {
      const role: InterfaceRole = (['bastion', 'bastion', 'nat'] as const)[random.below(10)] ?? 'web'
      const target = random.pick(this.#hosts[role])
      const packets = random.between(1, 2)
      const dstPort = random.pick([
        22,
        23,
        25,
        80,
        445,
        1433,
        3306,
        3389,
        5900,
        6379,
        8080,
        8443,
        9200,
        27_017,
        random.between(1024, 65_535),
      ])
      this.#see(
        target,
        false,
        { src: scanner, dst: target.address, srcPort, dstPort },
        { packets, bytes: packets * random.pick([40, 44, 60]), flags: syn, action: role === 'nat' ? 'ACCEPT' : 'REJECT' },
      )
    }
  }

  /** An app server talks to the world through the NAT gateway: the packet addresses tell the true ends. */
  #throughNat(): void {
    const random = this.#random
    const app = random.pick(this.#hosts.app)
    const nat = this.#hosts.nat[0]!
    const far = this.#client()
    const appPort = this.#port()
    const natPort = random.between(1024, 65_535)
    const request = { packets: random.size(10), bytes: 0, flags: synFin }
    request.bytes = request.packets * random.between(60, 400)
    const answer = { packets: random.size(16), bytes: 0, flags: synAckFin }
    answer.bytes = answer.packets * random.between(100, 1400)
    this.#see(app, true, { src: app.address, dst: far, srcPort: appPort, dstPort: 443 }, { ...request, path: 1 })
    this.#see(nat, false, { src: app.address, dst: nat.address, srcPort: appPort, dstPort: 443, pktDst: far }, request)
    this.#see(nat, true, { src: nat.address, dst: far, srcPort: natPort, dstPort: 443 }, { ...request, path: 8 })
    this.#see(nat, false, { src: far, dst: nat.address, srcPort: 443, dstPort: natPort }, answer)
    this.#see(nat, true, { src: nat.address, dst: app.address, srcPort: 443, dstPort: appPort, pktSrc: far }, { ...answer, path: 1 })
    this.#see(app, false, { src: far, dst: app.address, srcPort: 443, dstPort: appPort }, answer)
  }

  /** An app server uses an AWS service, S3 and DynamoDB through a gateway endpoint. */
  #awsService(): void {
    const random = this.#random
    const service = random.pick(awsServices)
    const path = service.name === 'S3' || service.name === 'DYNAMODB' ? 7 : 8
    this.#both(random.pick(this.#hosts.app), serviceAddress(service, random), { far: 443, near: this.#port() }, 'near', {
      path,
      service: service.name,
    })
  }

  #gap(status: 'NODATA' | 'SKIPDATA'): void {
    const none = {
      src: '-',
      dst: '-',
      pktSrc: '-',
      pktDst: '-',
      srcPort: 0,
      dstPort: 0,
      protocol: 0,
      packets: 0,
      bytes: 0,
      flags: 0,
      path: 0,
      srcService: '-',
      dstService: '-',
    }
    this.#records.push({
      ...none,
      eni: this.#random.pick(this.#all),
      status,
      start: this.#start,
      end: this.#end,
      action: 'ACCEPT',
      egress: false,
    })
  }
}
