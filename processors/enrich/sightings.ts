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
import { PairTable } from './parse/pair-table.ts'

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
  /** Disjoint, ascending, not adjacent. */
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
    const { epoch } = batch.dictionaries.addresses
    if (epoch !== this.#epoch) {
      this.#index.clear()
      this.#places = []
      this.#epoch = epoch
    }
    for (let row = 0; row < batch.rows; row++) {
      const source = batch.directionSource[row]!
      if (batch.timeSource[row] === timeSource.logged && (source === directionSource.logged || source === directionSource.inferred))
        this.#learn(batch, row, batch.direction[row] === direction.egress)
    }
  }

  /** Learns from one record: see the rules at the head of this file. */
  #learn(batch: FlowBatch, row: number, egress: boolean): void {
    const { contexts, classes, addresses } = batch.dictionaries
    const { flags, family } = addresses.current
    const first = batch.numbers[2]![row]!
    const last = batch.numbers[3]![row]!
    const contextId = batch.contextId[row]!
    const local = batch.addressIds[egress ? 0 : 1]![row]!
    const packet = batch.addressIds[egress ? 2 : 3]![row]!
    if (local !== 0 && ((flags[local]! & addressFlag.private) !== 0 || family[local] === 6)) this.#see(contextId, local, batch, first, last)
    if (packet !== 0 && packet !== local && (flags[packet]! & addressFlag.private) !== 0 && contexts.values[contextId]!.instanceId !== null)
      this.#see(contextId, packet, batch, first, last)
    const classId = batch.classId[row]!
    if ((classes.services[classId]! & (egress ? 2 : 1)) === 0) return
    const { pktDstAwsService, pktSrcAwsService } = classes.values[classId]!
    const service = egress ? pktDstAwsService : pktSrcAwsService
    const far = egress ? batch.trueDestination(row) : batch.trueSource(row)
    if (far !== 0 && service !== null) this.#seeService(service, far, batch, first, last)
  }

  /**
   * Takes everything out.
   *
   * @returns One sighting per scope, address and owner, in the order of their first row.
   */
  take(): Sighting[] {
    const merged = new Map<string, Entry>()
    for (const entry of this.#entries) {
      const known = merged.get(entry.key)
      if (known === undefined) merged.set(entry.key, entry)
      else for (const { first, last } of entry.ranges) addRange(known.ranges, first, last)
    }
    this.#entries = []
    this.#index.clear()
    this.#places = []
    this.#services.clear()
    return [...merged.values()].map(({ scope, ip, owner, ranges }) => ({ key: { scope, ip }, value: { owner, ranges } }))
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
    if (place >= 0) addRange(this.#entries[place]!.ranges, first, last)
  }

  #seeService(service: string, address: number, batch: FlowBatch, first: number, last: number): void {
    let number = this.#services.get(service)
    if (number === undefined) this.#services.set(service, (number = -1 - this.#services.size))
    const id = this.#index.idOf(number, address)
    const place = (this.#places[id] ??= this.#add(awsScope, address, serviceOwner(service), batch))
    addRange(this.#entries[place]!.ranges, first, last)
  }

  #add(scope: string, address: number, owner: Owner, batch: FlowBatch): number {
    const ip = batch.dictionaries.addresses.current.textOf(address)!
    const key = `${scope} ${ip} ${owner.service ?? Object.values(owner).join(' ')}`
    return this.#entries.push({ scope, ip, owner, key, ranges: [] }) - 1
  }
}
