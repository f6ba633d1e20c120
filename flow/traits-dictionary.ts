/** Combinations of traits, each once, with what the rows need of them as columns. */
import { noTraits, type TraitValues } from './traits.ts'

/** Where the service port of a row comes from: the flags say it (destination, source), or it is inferred from the names of ports. */
export const serviceRule = { none: 0, destination: 1, source: 2, inferred: 3, inferredUdp: 4 } as const

/** What the traits make of their row. */
export const rowKind = { flow: 0, noData: 1, skipData: 2 } as const

const udp = 17
/** TCP, UDP, DCCP, SCTP: the protocols that have ports. */
const withPorts: readonly (number | null)[] = [6, udp, 33, 132]
const syn = 2
const ack = 16

/** SYN alone asks for a service, SYN with ACK answers for one. The flags are those of all packets of the record. */
function serviceRuleOf({ protocol, tcpFlags }: TraitValues): number {
  if (!withPorts.includes(protocol)) return serviceRule.none
  if (protocol === 6 && tcpFlags !== null && (tcpFlags & syn) !== 0)
    return (tcpFlags & ack) === 0 ? serviceRule.destination : serviceRule.source
  return protocol === udp ? serviceRule.inferredUdp : serviceRule.inferred
}

/** Entries by id: 1, 2, 3 ... in the order in which they are added; 0: no trait is known. The decoder that fills it finds equal ones, and bounds it. */
export class TraitsDictionary {
  count = 0
  readonly values: TraitValues[] = [noTraits]
  /** `rowKind` by id. */
  kind = new Uint8Array(64)
  /** `serviceRule` by id. */
  serviceRule = new Uint8Array(64)
  /** Protocol number, -1 if absent. */
  protocol = new Int16Array(64).fill(-1, 0, 1)
  /** `direction` that the record says itself: 0 none, 1 ingress, 2 egress. */
  loggedDirection = new Uint8Array(64)
  /** Bits: 1, the packet source is an AWS service; 2, the packet destination is. */
  services = new Uint8Array(64)

  /** Adds an entry. @returns Its id. */
  add(values: TraitValues): number {
    const id = ++this.count
    this.values[id] = values
    if (id >= this.kind.length) this.#grow(2 * id)
    this.kind[id] = values.logStatus === 'NODATA' ? rowKind.noData : values.logStatus === 'SKIPDATA' ? rowKind.skipData : rowKind.flow
    this.protocol[id] = values.protocol ?? -1
    this.serviceRule[id] = serviceRuleOf(values)
    this.services[id] = (values.pktSrcAwsService === null ? 0 : 1) | (values.pktDstAwsService === null ? 0 : 2)
    this.loggedDirection[id] = values.flowDirection === 'ingress' ? 1 : values.flowDirection === 'egress' ? 2 : 0
    return id
  }

  #grow(length: number): void {
    this.kind = widened(this.kind, new Uint8Array(length))
    this.serviceRule = widened(this.serviceRule, new Uint8Array(length))
    this.protocol = widened(this.protocol, new Int16Array(length))
    this.services = widened(this.services, new Uint8Array(length))
    this.loggedDirection = widened(this.loggedDirection, new Uint8Array(length))
  }
}

function widened<T extends Uint8Array | Int16Array>(from: T, to: T): T {
  to.set(from)
  return to
}
