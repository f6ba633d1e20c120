/**
 * The encoder: flow batch to Kafka records. Key and value are Avro in the Confluent format, written straight from columns and fragments into the
 * slab of the key's partition; no object or string per row. Checked against avsc in test/property/enrich-parse.test.ts.
 */
import { confluentHeader, headerLength, type TopicSchemaIds } from '../../../runtime/avro.ts'
import type { LookupSet } from '../lookups/lookup-set.ts'
import { serviceNames } from '../lookups/service-names.ts'
import { attributeRows } from '../../../flow/attributes.ts'
import { lostCounters, numberPlace, optionalNumbers } from '../../../flow/numbers.ts'
import { compareAddresses, type AddressGeneration } from '../../../flow/address-dictionary.ts'
import { copyBytes, slack } from '../../../flow/byte-arena.ts'
import {
  directionSource,
  plainSide,
  servicePortSource,
  timeSource,
  type BatchDictionaries,
  type FlowBatch,
} from '../../../flow/flow-batch.ts'
import { AddressFragments } from './address-fragments.ts'
import { FragmentSet } from './fragments.ts'
import { hashKey } from './key-hash.ts'
import type { Slabs } from './slabs.ts'
import { varintLength, writeVarint } from './varint.ts'

/** Optional numbers of a row, and the place of the first one. */
const optionals = optionalNumbers.length
const firstOptional = numberPlace.optional
/** Counters of lost packets of a row, and the place of the first one. */
const lost = lostCounters.length
const firstLost = numberPlace.lost
/** Most bytes of a row besides its fragments and its key: framing, numbers, service, object and line. */
const maxNumbers = 208 + 10 * (optionals + lost)
/** Attributes of an endpoint. */
const attributes = attributeRows.length
/** Records below this have lengths of two bytes. */
const twoByteLength = 8192

/** Nullable service name by service index. */
const serviceFragments = serviceNames.map((name, id) => {
  const text = new TextEncoder().encode(name)
  return id === 0 ? Uint8Array.of(0) : Uint8Array.of(2, 2 * text.length, ...text)
})

/** Nullable text of `directionBy` for directions by own networks. */
const byOwnNetwork = Uint8Array.of(2, 22, ...new TextEncoder().encode('own_network'))

/** Nullable number: branch 0 where negative. */
function writeOptional(bytes: Uint8Array, at: number, value: number): number {
  if (value < 0) {
    bytes[at] = 0
    return at + 1
  }
  bytes[at] = 2
  return writeVarint(bytes, at + 1, value)
}

/** `directionSource` and `directionBy` of a direction by own networks: rare, so not a part of the row's own code. */
function writeOwnNetwork(bytes: Uint8Array, at: number): number {
  bytes[at] = 2 * directionSource.inferred
  bytes.set(byOwnNetwork, at + 1)
  return at + 1 + byOwnNetwork.length
}

/** `timeSource` and `timeKept` where only one time is logged: rare, as above. */
function writeTimeKept(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = 2 * timeSource.none
  bytes[at + 1] = 2
  bytes[at + 2] = 2 * (value - timeSource.start)
  return at + 3
}

/** Optional numbers: few logs have any, so they are not a part of the row's own code either. */
function writeOptionals(bytes: Uint8Array, at: number, numbers: readonly Float64Array[], row: number): number {
  let p = at
  for (let i = 0; i < optionals; i++) p = writeOptional(bytes, p, numbers[firstOptional + i]![row]!)
  return p
}

/** Group of lost packets: null if none of its counters is known. Only transit gateways have it, so it is not a part of the row's own code. */
function writeLost(bytes: Uint8Array, at: number, numbers: readonly Float64Array[], row: number): number {
  let isKnown = false
  for (let i = 0; i < lost; i++) isKnown ||= numbers[firstLost + i]![row]! >= 0
  bytes[at] = isKnown ? 2 : 0
  let p = at + 1
  if (isKnown) for (let i = 0; i < lost; i++) p = writeOptional(bytes, p, numbers[firstLost + i]![row]!)
  return p
}

/** True if the first end stands behind the second in the key, for ends of equal order: IPv6 in full, ties by port. */
function reversed(addresses: AddressGeneration, a: number, b: number, portA: number, portB: number): boolean {
  const exact = a === b ? 0 : compareAddresses(addresses, a, b)
  return exact === 0 ? portA > portB : exact > 0
}

/** Encodes batches into slabs. One per process: fragments are shared by the tasks. */
export class FlowEncoder {
  private readonly addresses = new AddressFragments()
  private readonly sets = new WeakMap<BatchDictionaries, FragmentSet>()
  private readonly key: Uint8Array
  private readonly keyView: DataView
  private readonly headerView: DataView
  private readonly objectId = new Uint8Array(8 + slack)
  private readonly objectIdView = new DataView(this.objectId.buffer)

  /** @param ids Schema ids of the `flows` topic. */
  constructor(ids: TopicSchemaIds) {
    this.key = new Uint8Array(256)
    this.keyView = new DataView(this.key.buffer)
    this.key.set(confluentHeader(ids.key))
    const header = new Uint8Array(headerLength + slack)
    header.set(confluentHeader(ids.value))
    this.headerView = new DataView(header.buffer)
  }

  /**
   * Encodes an annotated batch. Slabs that become full are in `slabs.full` afterwards.
   *
   * @param tables The tables the batch was annotated with.
   * @param objectId Id of the object version, 8 bytes.
   */
  encode(batch: FlowBatch, tables: LookupSet, objectId: Uint8Array, slabs: Slabs): void {
    const { dictionaries } = batch
    this.addresses.update(dictionaries.addresses, tables)
    const set = this.fragmentsOf(dictionaries)
    this.objectId.set(objectId)
    for (let row = 0; row < batch.rows; row++) this.encodeRow(batch, set, slabs, row)
  }

  /** Encodes one row. A function of its own: V8 optimizes it after some thousand rows, but would enter a long loop unoptimized each time. */
  private encodeRow(batch: FlowBatch, set: FragmentSet, slabs: Slabs, row: number): void {
    const { dictionaries, addressIds, ports, numbers } = batch
    const addresses = dictionaries.addresses.current
    const { meta, order } = this.addresses
    const fragments = this.addresses.arena.view
    const { key, keyView } = this
    const srcId = addressIds[0]![row]!
    const dstId = addressIds[1]![row]!
    const pktSrcId = addressIds[2]![row]!
    const pktDstId = addressIds[3]![row]!
    const srcPort = ports[0]![row]!
    const dstPort = ports[1]![row]!
    const from = pktSrcId === 0 ? srcId : pktSrcId
    const to = pktDstId === 0 ? dstId : pktDstId
    const traitsId = batch.traitsId[row]!
    const difference = order[2 * from + 1]! - order[2 * to + 1]!
    const swap = difference === 0 ? reversed(addresses, from, to, srcPort, dstPort) : difference > 0
    const low = swap ? to : from
    const high = swap ? from : to
    let k = headerLength
    const lowText = meta[4 * low + 1]! & 255
    copyBytes(keyView, k, fragments, meta[4 * low]!, lowText)
    k = writeOptional(key, k + lowText, swap ? dstPort : srcPort)
    const highText = meta[4 * high + 1]! & 255
    copyBytes(keyView, k, fragments, meta[4 * high]!, highText)
    k = writeOptional(key, k + highText, swap ? srcPort : dstPort)
    k = writeOptional(key, k, dictionaries.traits.protocol[traitsId]!)
    const { partitions } = slabs
    const partition = partitions === 1 ? 0 : (hashKey(keyView, k) & 0x7fffffff) % partitions

    const { observers, traits, nextHops, extras } = set
    const observer = 2 * batch.observerId[row]!
    const nextHop = 2 * batch.nextHopId[row]!
    const extra = 2 * batch.extraId[row]!
    const observerLength = observers.places[observer + 1]!
    const traitsLength = traits.places[2 * traitsId + 1]!
    const nextHopLength = nextHops.places[nextHop + 1]!
    const extraLength = extras.places[extra + 1]!
    const needed =
      k +
      observerLength +
      traitsLength +
      nextHopLength +
      extraLength +
      2 * ((meta[4 * from + 1]! >>> 8) + (meta[4 * to + 1]! >>> 8)) +
      maxNumbers
    const slab = slabs.withRoom(partition, needed)
    const { bytes, view } = slab
    const reserved = needed < twoByteLength ? 2 : 4
    const recordAt = slab.length
    let p = recordAt + reserved
    bytes[p] = 0
    bytes[p + 1] = 0
    p = writeVarint(bytes, p + 2, slab.count)
    p = writeVarint(bytes, p, k)
    copyBytes(view, p, keyView, 0, k)
    p += k
    const valueAt = p
    p += reserved
    copyBytes(view, p, this.headerView, 0, headerLength)
    p += headerLength
    copyBytes(view, p, observers.arena.view, observers.places[observer]!, observerLength)
    p += observerLength
    const plain = batch.hasPlainSides ? batch.plainSides[row]! : 0
    p = (plain & plainSide.source) === 0 ? this.endpoint(view, p, srcId, pktSrcId) : this.plainEndpoint(view, p, srcId, pktSrcId)
    p = (plain & plainSide.destination) === 0 ? this.endpoint(view, p, dstId, pktDstId) : this.plainEndpoint(view, p, dstId, pktDstId)
    copyBytes(view, p, traits.arena.view, traits.places[2 * traitsId]!, traitsLength)
    p += traitsLength
    bytes[p] = 2 * batch.direction[row]!
    const decidedBy = batch.directionSource[row]!
    bytes[p + 1] = 2 * decidedBy
    bytes[p + 2] = 0
    p = decidedBy === directionSource.ownNetwork ? writeOwnNetwork(bytes, p + 1) : p + 3
    copyBytes(view, p, nextHops.arena.view, nextHops.places[nextHop]!, nextHopLength)
    p += nextHopLength
    p = writeOptional(bytes, p, srcPort)
    p = writeOptional(bytes, p, dstPort)
    p = writeOptional(bytes, p, numbers[0]![row]!)
    p = writeOptional(bytes, p, numbers[1]![row]!)
    p = writeVarint(bytes, p, numbers[2]![row]!)
    p = writeVarint(bytes, p, numbers[3]![row]!)
    const timedBy = batch.timeSource[row]!
    bytes[p] = 2 * timedBy
    bytes[p + 1] = 0
    p = timedBy >= timeSource.start ? writeTimeKept(bytes, p, timedBy) : p + 2
    if (batch.hasOptionalNumbers) p = writeOptionals(bytes, p, numbers, row)
    else {
      // the next fields replace what is written too far
      for (let i = 0; i < optionals; i += 4) view.setInt32(p + i, 0)
      p += optionals
    }
    if (batch.hasLostPackets) p = writeLost(bytes, p, numbers, row)
    else bytes[p++] = 0
    p = writeOptional(bytes, p, batch.servicePort[row]!)
    const portSource = batch.servicePortSource[row]!
    if (portSource === servicePortSource.none) bytes[p++] = 0
    else {
      bytes[p] = 2
      bytes[p + 1] = 2 * (portSource - servicePortSource.tcpFlags)
      p += 2
    }
    const service = serviceFragments[batch.serviceId[row]!]!
    for (let i = 0; i < service.length; i++) bytes[p++] = service[i]!
    view.setBigInt64(p, this.objectIdView.getBigInt64(0))
    p = writeVarint(bytes, p + 8, batch.line[row]!)
    copyBytes(view, p, extras.arena.view, extras.places[extra]!, extraLength)
    p += extraLength
    p = writeLength(bytes, valueAt, reserved, p)
    bytes[p++] = 0
    slab.length = writeLength(bytes, recordAt, reserved, p)
    slab.count++
  }

  /** Writes address, packet address and attributes of one side. */
  private endpoint(view: DataView, at: number, address: number, packet: number): number {
    const { meta } = this.addresses
    const fragments = this.addresses.arena.view
    const start = meta[4 * address]!
    const lengths = meta[4 * address + 1]!
    if (address === packet) {
      copyBytes(view, at, fragments, start, lengths >>> 8)
      return at + (lengths >>> 8)
    }
    let p = at
    copyBytes(view, p, fragments, start, lengths & 255)
    p += lengths & 255
    if (packet === 0) {
      view.setUint8(p++, 0)
      return copyAttributes(view, p, fragments, start, lengths)
    }
    const packetLengths = meta[4 * packet + 1]!
    copyBytes(view, p, fragments, meta[4 * packet]!, packetLengths & 255)
    return copyAttributes(view, p + (packetLengths & 255), fragments, meta[4 * packet]!, packetLengths)
  }

  /** Writes address and packet address of one side that has no attributes because it is ours. */
  private plainEndpoint(view: DataView, at: number, address: number, packet: number): number {
    const { meta } = this.addresses
    const fragments = this.addresses.arena.view
    let p = at
    for (let i = 0; i < 2; i++) {
      const id = i === 0 ? address : packet
      const length = meta[4 * id + 1]! & 255
      copyBytes(view, p, fragments, meta[4 * id]!, length)
      p += length
    }
    for (let i = 0; i < attributes; i++) view.setUint8(p++, 0)
    return p
  }

  private fragmentsOf(dictionaries: BatchDictionaries): FragmentSet {
    let set = this.sets.get(dictionaries)
    if (set === undefined) this.sets.set(dictionaries, (set = new FragmentSet()))
    set.update(dictionaries)
    return set
  }
}

/** Copies the part of an address fragment behind its two texts. */
function copyAttributes(view: DataView, at: number, fragments: DataView, start: number, lengths: number): number {
  const skipped = 2 * (lengths & 255)
  copyBytes(view, at, fragments, start + skipped, (lengths >>> 8) - skipped)
  return at + (lengths >>> 8) - skipped
}

/**
 * Writes the length of what lies behind a reserved place, and closes the gap where fewer bytes do.
 *
 * @param end Byte after the content.
 * @returns The new end.
 */
function writeLength(bytes: Uint8Array, at: number, reserved: number, end: number): number {
  const length = end - at - reserved
  if (reserved === 2 && length >= 64) {
    bytes[at] = ((length << 1) & 127) | 128
    bytes[at + 1] = length >>> 6
    return end
  }
  const taken = varintLength(length)
  bytes.copyWithin(at + taken, at + reserved, end)
  writeVarint(bytes, at, length)
  return end - reserved + taken
}
