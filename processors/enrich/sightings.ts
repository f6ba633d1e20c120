/**
 * Who was seen with which address when: the union of seconds-ranges per (scope, address, owner) over one transaction.
 *
 * Rules (docs: the cloud map never guesses):
 * - Only records whose direction is logged or inferred from a private address teach, and only with logged times.
 * - The interface owns the address of its own side (egress: source, ingress: destination), private IPv4 or any IPv6, where the packet address
 *   of that side is absent or the same. Where they differ, an instance owns a private packet address (secondary or pod address); an interface
 *   without instance (NAT gateway ...) learns nothing from such a record: the packet belongs to someone else.
 * - An AWS service owns the true destination of egress and the true source of ingress, as far as the record names the service.
 */
import type { AddressKey, IpSighting, Owner, SecondsRange } from '../../schemas/records.ts'
import { addressFlag } from './parse/address-text.ts'
import type { ContextValues } from './parse/context-dictionary.ts'
import { direction, directionSource, timeSource, type FlowBatch } from './parse/flow-batch.ts'
import { PairTable } from './parse/pair-table.ts'

/** Scope of the public addresses of AWS services. */
export const awsScope = 'aws'
/** Ranges of an entry after which they are joined; a bound for disordered input. */
const maxLooseRanges = 64

/** A sighting as it is written. */
export interface Sighting {
  key: AddressKey
  value: IpSighting
}

interface Entry {
  readonly scope: string
  readonly ip: string
  readonly owner: Owner
  /** Joined or not; the last one is the one that grows. */
  readonly ranges: SecondsRange[]
}

/** Sorts and joins overlapping and adjacent ranges. */
export function joinRanges(ranges: readonly SecondsRange[]): SecondsRange[] {
  const joined: SecondsRange[] = []
  for (const { first, last } of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = joined.at(-1)
    if (before !== undefined && first <= before.last + 1) before.last = Math.max(before.last, last)
    else joined.push({ first, last })
  }
  return joined
}

/** Scope of a context: VPC, else account and region, else none. */
function scopeOf(context: ContextValues): string | null {
  if (context.vpcId !== null) return context.vpcId
  return context.accountId === null || context.region === null ? null : `${context.accountId}/${context.region}`
}

const interfaceOwner = (context: ContextValues): Owner => ({
  interfaceId: context.interfaceId,
  instanceId: context.instanceId,
  interfaceType: context.interfaceType,
  subnetId: context.subnetId,
  vpcId: context.vpcId,
  accountId: context.accountId,
  region: context.region,
  azId: context.azId,
  service: null,
})

const serviceOwner = (service: string): Owner => ({
  interfaceId: null,
  instanceId: null,
  interfaceType: null,
  subnetId: null,
  vpcId: null,
  accountId: null,
  region: null,
  azId: null,
  service,
})

/**
 * Collects the sightings of a transaction. Bounded by its rows: one entry per distinct (context, address), so a few for each interface.
 * Numbers find an entry in the row loop; texts are made once per entry and keep it valid when dictionaries change.
 */
export class SightingCollector {
  #entries: Entry[] = []
  /** (context of any dictionary, or service; address) to a place in `#places`. */
  readonly #index = new PairTable()
  #places: number[] = []
  #epoch = 0
  /** Services by text, as negative numbers of the index. */
  readonly #services = new Map<string, number>()

  /** Entries collected. */
  get size(): number {
    return this.#entries.length
  }

  /** Takes in the rows of a batch whose times and directions are resolved. */
  collect(batch: FlowBatch): void {
    const { contexts, classes, addresses } = batch.dictionaries
    if (addresses.epoch !== this.#epoch) {
      this.#index.clear()
      this.#places = []
      this.#epoch = addresses.epoch
    }
    const { flags, family } = addresses.current
    const [src, dst, pktSrc, pktDst] = batch.addressIds as [Int32Array, Int32Array, Int32Array, Int32Array]
    const start = batch.numbers[2]!
    const end = batch.numbers[3]!
    for (let row = 0; row < batch.rows; row++) {
      const source = batch.directionSource[row]
      if (batch.timeSource[row] !== timeSource.logged || (source !== directionSource.logged && source !== directionSource.inferred))
        continue
      const egress = batch.direction[row] === direction.egress
      const contextId = batch.contextId[row]!
      const local = egress ? src[row]! : dst[row]!
      const packet = egress ? pktSrc[row]! : pktDst[row]!
      let owned = local
      if (packet !== 0 && packet !== local)
        owned = contexts.values[contextId]!.instanceId !== null && (flags[packet]! & addressFlag.private) !== 0 ? packet : 0
      if (owned !== 0 && ((flags[owned]! & addressFlag.private) !== 0 || family[owned] === 6))
        this.#see(contextId, owned, batch, start[row]!, end[row]!)
      const values = classes.values[batch.classId[row]!]!
      const service = egress ? values.pktDstAwsService : values.pktSrcAwsService
      if (service !== null) {
        const far = egress ? batch.trueDestination(row) : batch.trueSource(row)
        if (far !== 0) this.#seeService(service, far, batch, start[row]!, end[row]!)
      }
    }
  }

  /**
   * Takes everything out.
   *
   * @returns One sighting per scope, address and owner, ordered by them; ranges disjoint, ascending, not adjacent.
   */
  take(): Sighting[] {
    const merged = new Map<string, Entry>()
    for (const entry of this.#entries) {
      const key = `${entry.scope} ${entry.ip} ${JSON.stringify(entry.owner)}`
      const known = merged.get(key)
      if (known === undefined) merged.set(key, entry)
      else known.ranges.push(...entry.ranges)
    }
    this.#entries = []
    this.#index.clear()
    this.#places = []
    this.#services.clear()
    return [...merged]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { scope, ip, owner, ranges }]) => ({ key: { scope, ip }, value: { owner, ranges: joinRanges(ranges) } }))
  }

  #see(contextId: number, address: number, batch: FlowBatch, first: number, last: number): void {
    const id = this.#index.idOf(batch.dictionaries.contexts.uids[contextId]!, address)
    let place = this.#places[id]
    if (place === undefined) {
      const context = batch.dictionaries.contexts.values[contextId]!
      const scope = context.interfaceId === null ? null : scopeOf(context)
      place = scope === null ? -1 : this.#add(scope, address, interfaceOwner(context), batch)
      this.#places[id] = place
    }
    if (place >= 0) this.#extend(this.#entries[place]!.ranges, first, last)
  }

  #seeService(service: string, address: number, batch: FlowBatch, first: number, last: number): void {
    let number = this.#services.get(service)
    if (number === undefined) this.#services.set(service, (number = -1 - this.#services.size))
    const id = this.#index.idOf(number, address)
    const place = (this.#places[id] ??= this.#add(awsScope, address, serviceOwner(service), batch))
    this.#extend(this.#entries[place]!.ranges, first, last)
  }

  #add(scope: string, address: number, owner: Owner, batch: FlowBatch): number {
    return this.#entries.push({ scope, ip: batch.dictionaries.addresses.current.textOf(address)!, owner, ranges: [] }) - 1
  }

  #extend(ranges: SecondsRange[], first: number, last: number): void {
    const open = ranges.at(-1)
    if (open !== undefined && first <= open.last + 1 && last >= open.first - 1) {
      if (first < open.first) open.first = first
      if (last > open.last) open.last = last
      return
    }
    ranges.push({ first, last })
    if (ranges.length % maxLooseRanges === 0) ranges.splice(0, ranges.length, ...joinRanges(ranges))
  }
}
