/** Conversations of which it is hard to say who opened them. Nothing here knows the product. */
import type { Random } from '../../../producers/synthetic/random.ts'
import type { Eni } from './network.ts'
import type { End, Inbound, Packets } from './traffic.ts'

/** How conversations become packets and truth. */
export interface Draw {
  readonly see: (eni: Eni, egress: boolean, own: string, near: End, far: End, at: number, flags: number, more?: Partial<Packets>) => void
  readonly connection: (eni: Eni, own: string, near: End, far: End, opener: 'near' | 'far', at: number, back: Inbound['back']) => void
  /** An address outside. */
  readonly peer: () => string
  readonly inbound: Inbound[]
}

const syn = 2

/** One for each interface: chosen source ports of datagrams, ports used both ways, protocols without ports, pings of ours by the minute. */
export function hiddenOpeners(random: Random, enis: readonly Eni[], draw: Draw): void {
  for (const eni of enis) {
    if (eni.to - 400 <= eni.from) continue
    const at = random.between(eni.from, eni.to - 400)
    const peer = draw.peer()
    const own = eni.v4
    const came = (protocol: number, port: number, peerPort: number, back: Inbound['back']): void =>
      void draw.inbound.push({ at, eni, protocol, address: own, own, port, peer, peerPort, back })
    switch (random.below(5)) {
      case 0: {
        const near = { address: own, port: random.pick([161, 389, 1434, 1900, 5353, 11_211, 27_015]) }
        const far = { address: peer, port: random.pick([53, 123, 443, 500, 1024]) }
        const answered = random.below(2) === 0
        draw.see(eni, false, own, near, far, at, 0, { protocol: 17 })
        if (answered) draw.see(eni, true, own, near, far, at + random.pick([1, 2, 61]), 0, { protocol: 17 })
        came(17, near.port, far.port, answered ? 'answer' : 'nothing')
        break
      }
      case 1: {
        // a scan that is reset, then our own client takes the port that was scanned
        const near = { address: own, port: 50_000 + random.below(900) }
        const far = { address: peer, port: 443 }
        draw.connection(eni, own, near, far, 'far', at, 'reset')
        draw.connection(eni, own, near, far, 'near', at + 90 + random.below(60), 'answer')
        came(6, near.port, far.port, 'reset')
        break
      }
      case 2: {
        // our own connection, and within it a SYN of the peer that nobody answers
        const near = { address: own, port: 50_000 + random.below(900) }
        const far = { address: peer, port: 443 }
        draw.connection(eni, own, near, far, 'near', at, 'answer')
        draw.see(eni, false, own, near, far, at + 200 + random.below(60), syn)
        came(6, near.port, far.port, 'nothing')
        break
      }
      case 3: {
        const protocol = random.pick([4, 41, 47, 50, 51, 115])
        const end = { address: own, port: 0 }
        const answered = random.below(2) === 0
        draw.see(eni, false, own, end, { address: peer, port: 0 }, at, 0, { protocol })
        if (answered) draw.see(eni, true, own, end, { address: peer, port: 0 }, at + random.pick([0, 1, 61]), 0, { protocol })
        came(protocol, 0, 0, answered ? 'answer' : 'nothing')
        break
      }
      default: {
        // a ping of ours by the minute, the reply in the next second
        const end = { address: own, port: 0 }
        for (let minute = 0; minute < 5; minute++) {
          draw.see(eni, true, own, end, { address: peer, port: 0 }, at + 60 * minute, 0, { protocol: 1, count: 1 })
          draw.see(eni, false, own, end, { address: peer, port: 0 }, at + 60 * minute + 1, 0, { protocol: 1, count: 1 })
        }
      }
    }
  }
}

/**
 * Conversations that are answered in the same second, of a service of ours and of a client of ours: by ports that a client takes at both ends, by the
 * same port at both ends, and from a port that looks like a service. At times they go on later.
 */
export function sameSecondAnswers(random: Random, enis: readonly Eni[], draw: Draw): void {
  for (const eni of enis) {
    if (eni.to - 400 <= eni.from) continue
    const at = random.between(eni.from, eni.to - 400)
    const isOurs = random.below(3) === 0
    const protocol = random.pick([6, 17])
    const high = (): number => random.between(32_768, 65_535)
    const service = random.pick([1434, 1900, 5353, 11_211, 27_015])
    const symmetric = random.pick([22, 123, 500, 1023])
    const [ownPort, peerPorts] = random.pick([
      (): [number, number[]] => [high(), [high(), high(), high()]],
      (): [number, number[]] => [random.pick([32_768, 50_051, 65_535]), [32_768, 65_535, high()]],
      (): [number, number[]] => [service, [service]],
      (): [number, number[]] => [symmetric, [symmetric]],
      (): [number, number[]] => [isOurs ? 40_000 + random.below(900) : service, [random.pick([53, 123, 443, 1024])]],
    ])()
    for (const peerPort of peerPorts) {
      const peer = draw.peer()
      const near = { address: eni.v4, port: ownPort }
      const far = { address: peer, port: peerPort }
      const flags = (answers: boolean): number => (protocol === 6 ? (answers ? syn | 16 : syn) : 0)
      draw.see(eni, isOurs, eni.v4, near, far, at, flags(false), { protocol })
      draw.see(eni, !isOurs, eni.v4, near, far, at, flags(true), { protocol })
      if (random.below(3) === 0)
        for (const egress of [false, true]) draw.see(eni, egress, eni.v4, near, far, at + 70 + random.below(60), 0, { protocol })
      if (!isOurs) draw.inbound.push({ at, eni, protocol, address: eni.v4, own: eni.v4, port: near.port, peer, peerPort, back: 'answer' })
    }
  }
}
