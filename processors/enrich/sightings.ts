/**
 * Who was seen with which address when: the union of seconds-ranges per (scope, address, owner) over one transaction.
 *
 * Rules (docs: the cloud map never guesses):
 * - Only records whose direction is logged or inferred from a private address teach, and only with logged times.
 * - The interface owns the address of its own side (egress: source, ingress: destination), private IPv4 or any IPv6: AWS writes the
 *   interface's own address there even where the packet has another one.
 * - Where the packet address of that side differs, an instance owns it too if it is private (secondary or pod address); an interface without
 *   instance (NAT gateway, transit gateway ...) does not: the packet belongs to someone else.
 * - An AWS service owns the true destination of egress and the true source of ingress, as far as the record names the service.
 */
import type { AddressKey, IpSighting, Owner, SecondsRange } from '../../schemas/records.ts'
import { addressFlag } from './parse/address-text.ts'
import type { ContextValues } from './parse/context-dictionary.ts'
import { direction, directionSource, timeSource, type FlowBatch } from './parse/flow-batch.ts'
import { grow, PairTable } from './parse/pair-table.ts'

/** Scope of the public addresses of AWS services. */
export const awsScope = 'aws'

/** A sighting as it is written. */
export interface Sighting {
  key: AddressKey
  value: IpSighting
}

interface Entry {
  readonly scope: string
  readonly ip: string
  readonly owner: Owner
  /** Scope, address and owner as one text. */
  readonly key: string
  /** Disjoint, ascending, not adjacent; without the newest range while rows are collected. */
  readonly ranges: SecondsRange[]
}

/**
 * Adds a range to a union: what overlaps or touches is joined.
 *
 * @param ranges Disjoint, ascending, not adjacent; stays so.
 */
export function addRange(ranges: SecondsRange[], first: number, last: number): void {
  const newestRange = ranges.at(-1)
  if (newestRange !== undefined && first >= newestRange.first && first <= newestRange.last + 1) {
    if (last > newestRange.last) newestRange.last = last
    return
  }
  // most rows extend the newest range, so the search goes from the end
  let behind = ranges.length
  while (behind > 0 && ranges[behind - 1]!.first > last + 1) behind--
  let from = behind
  while (from > 0 && ranges[from - 1]!.last >= first - 1) from--
  if (from === behind) {
    ranges.splice(from, 0, { first, last })
    return
  }
  const range = ranges[from]!
  const newest = ranges[behind - 1]!.last
  if (first < range.first) range.first = first
  range.last = last > newest ? last : newest
  if (behind - from > 1) ranges.splice(from + 1, behind - from - 1)
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

/** Places of an index entry that is not known yet, and of one that is nobody's. */
const unknownPlace = -2
const noPlace = -1

/**
 * Collects the sightings of a transaction. Bounded by its rows: one entry per distinct (context, address), so a few for each interface.
 * Numbers find an entry in the row loop; texts are made once per entry and keep it valid when dictionaries change.
 */
export class SightingCollector {
  #entries: Entry[] = []
  /** The newest range of each entry, which most rows only extend; it stands behind those of the entry, disjoint and not adjacent. */
  #first = new Float64Array(1024)
  #last = new Float64Array(1024)
  /** (context of any dictionary, or service; address) to a place in `#places`. */
  readonly #index = new PairTable()
  #places: Int32Array<ArrayBuffer> = new Int32Array(1024).fill(unknownPlace)
  #epoch = 0
  /** Services by text, as negative numbers of the index. */
  readonly #services = new Map<string, number>()

  /** Entries collected. */
  get size(): number {
    return this.#entries.length
  }

  /** Takes in the rows of a batch whose times and directions are resolved: see the rules at the head of this file. */
  collect(batch: FlowBatch): void {
    const { rows, timeSource: times, directionSource: sources, direction: directions, contextId, classId } = batch
    const { contexts, classes, addresses } = batch.dictionaries
    const { flags, family } = addresses.current
    const [source, destination, packetSource, packetDestination] = batch.addressIds as [Int32Array, Int32Array, Int32Array, Int32Array]
    const starts = batch.numbers[2]!
    const ends = batch.numbers[3]!
    if (addresses.epoch !== this.#epoch) {
      this.#forgetPlaces()
      this.#epoch = addresses.epoch
    }
    for (let row = 0; row < rows; row++) {
      if (times[row] !== timeSource.logged) continue
      if (sources[row] !== directionSource.logged && sources[row] !== directionSource.inferred) continue
      const egress = directions[row] === direction.egress
      const context = contextId[row]!
      const local = egress ? source[row]! : destination[row]!
      const packet = egress ? packetSource[row]! : packetDestination[row]!
      if (local !== 0 && ((flags[local]! & addressFlag.private) !== 0 || family[local] === 6))
        this.#see(batch, context, local, starts[row]!, ends[row]!)
      if (packet !== local && packet !== 0 && (flags[packet]! & addressFlag.private) !== 0 && contexts.values[context]!.instanceId !== null)
        this.#see(batch, context, packet, starts[row]!, ends[row]!)
      if ((classes.services[classId[row]!]! & (egress ? 2 : 1)) === 0) continue
      const { pktDstAwsService, pktSrcAwsService } = classes.values[classId[row]!]!
      const service = egress ? pktDstAwsService : pktSrcAwsService
      const far = egress ? batch.trueDestination(row) : batch.trueSource(row)
      if (far !== 0 && service !== null) this.#seeService(batch, service, far, starts[row]!, ends[row]!)
    }
  }

  /**
   * Takes everything out.
   *
   * @returns One sighting per scope, address and owner, in the order of their first row.
   */
  take(): Sighting[] {
    const merged = new Map<string, Entry>()
    this.#entries.forEach((entry, place) => {
      entry.ranges.push({ first: this.#first[place]!, last: this.#last[place]! })
      const known = merged.get(entry.key)
      if (known === undefined) merged.set(entry.key, entry)
      else for (const { first, last } of entry.ranges) addRange(known.ranges, first, last)
    })
    this.#entries = []
    this.#forgetPlaces()
    this.#services.clear()
    return [...merged.values()].map(({ scope, ip, owner, ranges }) => ({ key: { scope, ip }, value: { kind: 'own', owner, ranges } }))
  }

  #see(batch: FlowBatch, contextId: number, address: number, first: number, last: number): void {
    const { contexts } = batch.dictionaries
    const id = this.#index.idOf(contexts.uids[contextId]!, address)
    const place = this.#places[id] ?? unknownPlace
    if (place >= 0) this.#extend(place, first, last)
    else if (place === unknownPlace) {
      const context = contexts.values[contextId]!
      const scope = context.interfaceId === null ? null : scopeOf(context)
      this.#setPlace(id, scope === null ? noPlace : this.#add(batch, scope, address, interfaceOwner(context), first, last))
    }
  }

  #seeService(batch: FlowBatch, service: string, address: number, first: number, last: number): void {
    let number = this.#services.get(service)
    if (number === undefined) this.#services.set(service, (number = -1 - this.#services.size))
    const id = this.#index.idOf(number, address)
    const place = this.#places[id] ?? unknownPlace
    if (place >= 0) this.#extend(place, first, last)
    else this.#setPlace(id, this.#add(batch, awsScope, address, serviceOwner(service), first, last))
  }

  /** Adds a range to an entry. */
  #extend(place: number, first: number, last: number): void {
    const newestLast = this.#last[place]!
    if (first < this.#first[place]! || first > newestLast + 1) this.#join(place, first, last)
    else if (last > newestLast) this.#last[place] = last
  }

  #join(place: number, first: number, last: number): void {
    const { ranges } = this.#entries[place]!
    addRange(ranges, this.#first[place]!, this.#last[place]!)
    addRange(ranges, first, last)
    const newest = ranges.pop()!
    this.#first[place] = newest.first
    this.#last[place] = newest.last
  }

  #add(batch: FlowBatch, scope: string, address: number, owner: Owner, first: number, last: number): number {
    const ip = batch.dictionaries.addresses.current.textOf(address)!
    const key = `${scope} ${ip} ${owner.service ?? Object.values(owner).join(' ')}`
    const place = this.#entries.push({ scope, ip, owner, key, ranges: [] }) - 1
    if (place === this.#first.length) {
      this.#first = lengthened(this.#first)
      this.#last = lengthened(this.#last)
    }
    this.#first[place] = first
    this.#last[place] = last
    return place
  }

  #setPlace(id: number, place: number): void {
    const { length } = this.#places
    if (id >= length) this.#places = grow(this.#places, 2 * id).fill(unknownPlace, length)
    this.#places[id] = place
  }

  #forgetPlaces(): void {
    this.#index.clear()
    this.#places.fill(unknownPlace)
  }
}

function lengthened(array: Float64Array): Float64Array<ArrayBuffer> {
  const longer = new Float64Array(2 * array.length)
  longer.set(array)
  return longer
}
