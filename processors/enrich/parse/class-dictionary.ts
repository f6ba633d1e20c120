/**
 * Class fields (protocol, action, flags, direction ...): rows have few distinct combinations, so each is parsed once. Adjacent class columns of a
 * line form a run; the bytes of all runs of a line are the key.
 */
import type { ColumnPlan } from './column-plan.ts'
import { faultNumber, type LineFaultReason } from './line-faults.ts'
import { SpanDictionary } from './span-dictionary.ts'
import { isText, tokensOf } from './tokens.ts'

/** Values of the class fields of a row; null where absent. */
export interface ClassValues {
  version: number | null
  logStatus: 'OK' | 'NODATA' | 'SKIPDATA' | null
  action: 'ACCEPT' | 'REJECT' | null
  flowDirection: 'ingress' | 'egress' | null
  protocol: number | null
  tcpFlags: number | null
  type: string | null
  trafficPath: number | null
  pktSrcAwsService: string | null
  pktDstAwsService: string | null
  rejectReason: string | null
  encryptionStatus: number | null
}

const absent: ClassValues = {
  version: null,
  logStatus: null,
  action: null,
  flowDirection: null,
  protocol: null,
  tcpFlags: null,
  type: null,
  trafficPath: null,
  pktSrcAwsService: null,
  pktDstAwsService: null,
  rejectReason: null,
  encryptionStatus: null,
}

/** Where the service port of a row comes from: the flags say it (destination, source), or it is inferred from the names of ports. */
export const serviceRule = { none: 0, destination: 1, source: 2, inferred: 3, inferredUdp: 4 } as const

const udp = 17
/** TCP, UDP, DCCP, SCTP: the protocols that have ports. */
const withPorts: readonly (number | null)[] = [6, udp, 33, 132]
const syn = 2
const ack = 16

/** SYN alone asks for a service, SYN with ACK answers for one. The flags are those of all packets of the record. */
function serviceRuleOf({ protocol, tcpFlags }: ClassValues): number {
  if (!withPorts.includes(protocol)) return serviceRule.none
  if (protocol === 6 && tcpFlags !== null && (tcpFlags & syn) !== 0)
    return (tcpFlags & ack) === 0 ? serviceRule.destination : serviceRule.source
  return protocol === udp ? serviceRule.inferredUdp : serviceRule.inferred
}

/** What a class makes of its row. */
export const rowKind = { flow: 0, noData: 1, skipData: 2 } as const

const limits: Partial<Record<keyof ClassValues, number>> = {
  protocol: 255,
  tcpFlags: 65535,
  version: 255,
  trafficPath: 255,
  encryptionStatus: 255,
}
const choices: Partial<Record<keyof ClassValues, { values: readonly string[]; reason: LineFaultReason }>> = {
  action: { values: ['ACCEPT', 'REJECT'], reason: 'bad-action' },
  logStatus: { values: ['OK', 'NODATA', 'SKIPDATA'], reason: 'bad-log-status' },
  flowDirection: { values: ['ingress', 'egress'], reason: 'bad-direction' },
}

function valueOf(name: keyof ClassValues, token: string): string | number | null | { reason: LineFaultReason } {
  if (token === '-') return null
  const limit = limits[name]
  if (limit !== undefined) {
    if (!/^[0-9]+$/.test(token)) return { reason: 'bad-number' }
    return Number(token) > limit ? { reason: 'number-too-large' } : Number(token)
  }
  const choice = choices[name]
  return choice === undefined || choice.values.includes(token) ? token : { reason: choice.reason }
}

/** The classes of one column plan. Ids are 1, 2, 3 ... in the order of appearance (0 where the plan has no class column). Bounded by its owner. */
export class ClassDictionary {
  readonly spans: SpanDictionary
  readonly values: ClassValues[] = [absent]
  /** `rowKind` by class id. */
  kind = new Uint8Array(64)
  /** Fault number by class id, 0 for none, and the column that has it. */
  fault = new Uint8Array(64)
  faultColumn = new Int32Array(64)
  /** `serviceRule` by class id. */
  serviceRule = new Uint8Array(64)
  /** Protocol number, -1 where absent. */
  protocol = new Int16Array(64).fill(-1, 0, 1)
  /** `direction` that the line says itself: 0 none, 1 ingress, 2 egress. */
  loggedDirection = new Uint8Array(64)
  /** Bits: 1, the packet source is an AWS service; 2, the packet destination is. */
  services = new Uint8Array(64)
  readonly #plan: ColumnPlan

  constructor(plan: ColumnPlan) {
    this.#plan = plan
    this.spans = new SpanDictionary(plan.classRuns.length)
  }

  get count(): number {
    return this.spans.count
  }

  /** Parses the bytes of a new entry; called with ids in the order of their appearance. */
  add(id: number): void {
    const values: ClassValues = { ...absent }
    let fault = 0
    let faultColumn = -1
    const refuse = (reason: LineFaultReason, column: number): void => {
      if (fault === 0) [fault, faultColumn] = [faultNumber(reason), column]
    }
    this.#plan.classRuns.forEach((columns, run) => {
      const bytes = this.spans.bytesOf(id, run)
      if (!isText(bytes)) {
        refuse('invalid-utf8', columns[0]!)
        return
      }
      tokensOf(bytes).forEach((token, i) => {
        const name = this.#plan.fields[columns[i]!]!.record as keyof ClassValues
        const value = valueOf(name, token)
        if (typeof value === 'object' && value !== null) refuse(value.reason, columns[i]!)
        else Object.assign(values, { [name]: value })
      })
    })
    this.values[id] = values
    if (id >= this.kind.length) this.#grow(2 * id)
    this.kind[id] = values.logStatus === 'NODATA' ? rowKind.noData : values.logStatus === 'SKIPDATA' ? rowKind.skipData : rowKind.flow
    this.fault[id] = fault
    this.faultColumn[id] = faultColumn
    this.protocol[id] = values.protocol ?? -1
    this.serviceRule[id] = serviceRuleOf(values)
    this.services[id] = (values.pktSrcAwsService === null ? 0 : 1) | (values.pktDstAwsService === null ? 0 : 2)
    this.loggedDirection[id] = values.flowDirection === 'ingress' ? 1 : values.flowDirection === 'egress' ? 2 : 0
  }

  #grow(length: number): void {
    this.kind = widened(this.kind, new Uint8Array(length))
    this.fault = widened(this.fault, new Uint8Array(length))
    this.faultColumn = widened(this.faultColumn, new Int32Array(length))
    this.serviceRule = widened(this.serviceRule, new Uint8Array(length))
    this.protocol = widened(this.protocol, new Int16Array(length))
    this.services = widened(this.services, new Uint8Array(length))
    this.loggedDirection = widened(this.loggedDirection, new Uint8Array(length))
  }
}

function widened<T extends Uint8Array | Int16Array | Int32Array>(from: T, to: T): T {
  to.set(from)
  return to
}
