/**
 * Who was seen with which address when: the union of seconds-ranges per (scope, address, owner, kind) over one transaction.
 *
 * What a record says is decided within its block, which is a fixed piece of an object, so that the result does not depend on timing. Rules
 * (docs/decisions/0024: the cloud map never guesses):
 * - A record teaches only if its direction is believed (believed.ts), and if its times are logged and can be: it lasts at most 660 seconds, and
 *   ends at most an hour after its object was stored.
 * - `own`: the interface owns the address of its own side (egress: source, ingress: destination), whatever its range: AWS writes the interface's
 *   own address there even where the packet has another one.
 * - `packet`: where the packet address of that side differs, an instance owns it too if it can be a secondary or pod address: private, in own
 *   networks (of the VPC, or of those that name its own address, too), or of the same 16 bits as the interface's own public one (a subnet is a /16 at most). An interface without instance (NAT gateway,
 *   transit gateway ...) does not: the packet belongs to someone else.
 * - `passed`: an address that an instance has as its own packet address and as a far one is passed on, and written so. What else such an instance
 *   has as packet address in this block is not taught: the other half of its records may be in another block.
 * - An AWS service owns the true destination of egress and the true source of ingress, as far as the record names the service.
 */
import type { AddressKey, IpSighting, Owner, SecondsRange, SightingKind } from '../../schemas/records.ts'
import { addRange } from './add-range.ts'
import { isBelieved } from './believed.ts'
import { Forwarders, packetAddress } from './forwarders.ts'
import type { OwnNetworks } from './own-networks.ts'
import { addressFlag } from '../../flow/address-text.ts'
import { numberPlace } from '../../flow/numbers.ts'
import type { ObserverDictionary } from '../../flow/observer-dictionary.ts'
import { scopeOf, type ObserverValues } from '../../flow/observers.ts'
import { direction, timeSource, type FlowBatch } from '../../flow/flow-batch.ts'
import { PairTable } from '../../flow/pair-table.ts'
import { grow } from '../../flow/typed-arrays.ts'

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
  readonly kind: SightingKind
  /** Kind, scope, address and owner as one text. */
  readonly key: string
  /** Disjoint, ascending, not adjacent; without the newest range while rows are collected. */
  readonly ranges: SecondsRange[]
}

const interfaceOwner = (context: ObserverValues): Owner => ({
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

/** The longest record: a window of ten minutes, and a minute. */
const longestS = 660
/** Most ranges of a record in the topic: with the longest owner that a line can name it stays far below 1 MiB. */
const maxRanges = 10_000
const kinds: readonly SightingKind[] = ['own', 'packet', 'passed']
const own = 0
const packetKind = 1
const passed = 2

/**
 * Collects the sightings of a transaction. Bounded by its rows: one entry per distinct (context, address), so a few for each interface.
 * Numbers find an entry in the row loop; texts are made once per entry and keep it valid when dictionaries change.
 */
export class SightingCollector {
  #entries: Entry[] = []
  /** The newest range of each entry, which most rows only extend; it stands behind those of the entry, disjoint and not adjacent. */
  #first = new Float64Array(1024)
  #last = new Float64Array(1024)
  /** (kind and number of a context, or service; address) to a place in `#places`. */
  readonly #index = new PairTable()
  #places: Int32Array<ArrayBuffer> = new Int32Array(1024).fill(unknownPlace)
  #epoch = 0
  /** By dictionary: the number of each of its observers within this transaction, 0 for none yet. They begin anew each time, so they stay small. */
  #numbers = new WeakMap<ObserverDictionary, Int32Array<ArrayBuffer>>()
  #lastNumber = 0
  /** Those of the dictionary of the batch. */
  #batchNumbers: Int32Array<ArrayBuffer> = new Int32Array(0)
  readonly #forwarders = new Forwarders()
  /** Services by text, as negative numbers of the index. */
  readonly #services = new Map<string, number>()

  /** Entries collected. */
  get size(): number {
    return this.#entries.length
  }

  /**
   * Takes in the rows of a batch whose times and directions are resolved, by the rules of docs/decisions/0024.
   *
   * @param latestS Unix seconds after which no record of the block can end.
   * @returns Rows whose times are logged and cannot be: they teach nothing.
   */
  collect(batch: FlowBatch, latestS = Infinity, networks?: OwnNetworks): number {
    const { rows, timeSource: times, direction: directions, observerId, traitsId } = batch
    const { traits, addresses } = batch.dictionaries
    const { flags } = addresses.current
    const [source, destination, packetSource, packetDestination] = batch.addressIds as [Int32Array, Int32Array, Int32Array, Int32Array]
    const starts = batch.numbers[numberPlace.start]!
    const ends = batch.numbers[numberPlace.end]!
    const forwarders = this.#forwarders
    let implausible = 0
    if (addresses.epoch !== this.#epoch) {
      this.#forgetPlaces()
      this.#epoch = addresses.epoch
    }
    this.#batchNumbers = this.#numbersOf(batch.dictionaries.observers)
    forwarders.begin()
    for (let row = 0; row < rows; row++) {
      if (times[row] !== timeSource.logged) continue
      const start = starts[row]!
      const end = ends[row]!
      if (end - start > longestS || end > latestS) {
        implausible++
        continue
      }
      if (!isBelieved(batch, row, networks)) continue
      const context = observerId[row]!
      const egress = directions[row] === direction.egress
      const local = egress ? source[row]! : destination[row]!
      const packet = egress ? packetSource[row]! : packetDestination[row]!
      if (local !== 0 && (flags[local]! & addressFlag.nobody) === 0) this.#see(batch, own, context, local, start, end)
      if (packet !== local && packet !== 0 && forwarders.canHold(batch, row, local, packet, networks)) forwarders.note(batch, row, packet)
      if ((traits.services[traitsId[row]!]! & (egress ? 2 : 1)) === 0) continue
      const { pktDstAwsService, pktSrcAwsService } = traits.values[traitsId[row]!]!
      const service = egress ? pktDstAwsService : pktSrcAwsService
      const far = egress ? batch.trueDestination(row) : batch.trueSource(row)
      if (far !== 0 && service !== null) this.#seeService(batch, service, far, start, end)
    }
    if (forwarders.count > 0) this.#collectPackets(batch, networks)
    return implausible
  }

  #collectPackets(batch: FlowBatch, networks: OwnNetworks | undefined): void {
    const forwarders = this.#forwarders
    forwarders.findFar(batch, networks)
    for (let i = 0; i < forwarders.count; i++) {
      const row = forwarders.rows[i]!
      const packet = forwarders.packets[i]!
      const found = forwarders.kindOf(batch, row, packet)
      if (found === packetAddress.unclear) continue
      const kind = found === packetAddress.passed ? passed : packetKind
      this.#see(batch, kind, batch.observerId[row]!, packet, batch.numbers[numberPlace.start]![row]!, batch.numbers[numberPlace.end]![row]!)
    }
  }

  /**
   * Takes everything out.
   *
   * @returns One sighting per kind, scope, address and owner, in the order of their first row; of one with very many ranges some, one after the other.
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
    return [...merged.values()].flatMap(({ scope, ip, owner, kind, ranges }) =>
      Array.from({ length: Math.ceil(ranges.length / maxRanges) }, (_, part) => ({
        key: { scope, ip },
        value: { kind, owner, ranges: ranges.slice(part * maxRanges, (part + 1) * maxRanges) },
      })),
    )
  }

  #see(batch: FlowBatch, kind: number, observerId: number, address: number, first: number, last: number): void {
    const { observers } = batch.dictionaries
    const number = (this.#batchNumbers[observerId] ||= ++this.#lastNumber)
    const id = this.#index.idOf(kinds.length * number + kind, address)
    const place = this.#places[id] ?? unknownPlace
    if (place >= 0) this.#extend(place, first, last)
    else if (place === unknownPlace) {
      const context = observers.values[observerId]!
      const scope = context.interfaceId === null ? null : scopeOf(context)
      this.#setPlace(id, scope === null ? noPlace : this.#add(batch, kind, scope, address, interfaceOwner(context), first, last))
    }
  }

  #numbersOf(observers: ObserverDictionary): Int32Array<ArrayBuffer> {
    const known = this.#numbers.get(observers)
    if (known !== undefined && known.length > observers.count) return known
    const numbers = grow(known ?? new Int32Array(0), Math.max(64, 2 * observers.count))
    this.#numbers.set(observers, numbers)
    return numbers
  }

  #seeService(batch: FlowBatch, service: string, address: number, first: number, last: number): void {
    let number = this.#services.get(service)
    if (number === undefined) this.#services.set(service, (number = -1 - this.#services.size))
    const id = this.#index.idOf(number, address)
    const place = this.#places[id] ?? unknownPlace
    if (place >= 0) this.#extend(place, first, last)
    else this.#setPlace(id, this.#add(batch, own, awsScope, address, serviceOwner(service), first, last))
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

  #add(batch: FlowBatch, kindNumber: number, scope: string, address: number, owner: Owner, first: number, last: number): number {
    const ip = batch.dictionaries.addresses.current.textOf(address)!
    const kind = kinds[kindNumber]!
    const key = `${kind} ${scope} ${ip} ${owner.service ?? Object.values(owner).join(' ')}`
    const place = this.#entries.push({ scope, ip, owner, kind, key, ranges: [] }) - 1
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
    this.#numbers = new WeakMap()
    this.#lastNumber = 0
    this.#index.clear()
    this.#places.fill(unknownPlace)
  }
}

function lengthened(array: Float64Array): Float64Array<ArrayBuffer> {
  const longer = new Float64Array(2 * array.length)
  longer.set(array)
  return longer
}
