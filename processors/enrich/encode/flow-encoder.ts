/**
 * The encoder: flow batch to Kafka records. Key and value are Avro in the Confluent format, written straight from columns and fragments into the
 * slab of the key's partition; no object or string per row. Checked against avsc in test/property/enrich-encode.test.ts.
 */
import { confluentHeader, headerLength, type TopicSchemaIds } from '../../../runtime/avro.ts'
import type { LookupSet } from '../lookups/lookup-set.ts'
import { serviceNames } from '../lookups/service-names.ts'
import { compareAddresses, type AddressGeneration } from '../parse/address-dictionary.ts'
import { copyBytes, slack } from '../parse/byte-arena.ts'
import type { BatchDictionaries, FlowBatch } from '../parse/flow-batch.ts'
import { AddressFragments } from './address-fragments.ts'
import { FragmentSet } from './fragments.ts'
import { hashKey } from './key-hash.ts'
import type { Slabs } from './slabs.ts'
import { varintLength, writeVarint } from './varint.ts'

/** Most bytes of a row besides its fragments and its key: framing, numbers, service, origin. */
const maxNumbers = 256
/** Records below this have lengths of two bytes. */
const twoByteLength = 8192

/** Nullable service name by service index. */
const serviceFragments = serviceNames.map((name, id) => {
  const text = new TextEncoder().encode(name)
  return id === 0 ? Uint8Array.of(0) : Uint8Array.of(2, 2 * text.length, ...text)
})

/** Nullable number: branch 0 where negative. */
function writeOptional(bytes: Uint8Array, at: number, value: number): number {
  if (value < 0) {
    bytes[at] = 0
    return at + 1
  }
  bytes[at] = 2
  return writeVarint(bytes, at + 1, value)
}

/** True where the first end stands behind the second in the key: ends in canonical order, ties by port. */
function reversed(addresses: AddressGeneration, a: number, b: number, portA: number, portB: number): boolean {
  const order = addresses.order[a]! - addresses.order[b]!
  if (order !== 0) return order > 0
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
  private readonly origin = new Uint8Array(8 + slack)
  private readonly originView = new DataView(this.origin.buffer)

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
    this.origin.set(objectId)
    for (let row = 0; row < batch.rows; row++) this.encodeRow(batch, set, slabs, row)
  }

  /** Encodes one row. A function of its own for the same reason as LineParser.parseLine. */
  private encodeRow(batch: FlowBatch, set: FragmentSet, slabs: Slabs, row: number): void {
    const { dictionaries, addressIds, ports, numbers } = batch
    const addresses = dictionaries.addresses.current
    const { arena, start: fragmentStart, textLength, length: fragmentLength } = this.addresses
    const fragments = arena.view
    const { key, keyView } = this
    const srcId = addressIds[0]![row]!
    const dstId = addressIds[1]![row]!
    const pktSrcId = addressIds[2]![row]!
    const pktDstId = addressIds[3]![row]!
    const srcPort = ports[0]![row]!
    const dstPort = ports[1]![row]!
    const from = pktSrcId === 0 ? srcId : pktSrcId
    const to = pktDstId === 0 ? dstId : pktDstId
    const classId = batch.classId[row]!
    const swap = reversed(addresses, from, to, srcPort, dstPort)
    const low = swap ? to : from
    const high = swap ? from : to
    let k = headerLength
    copyBytes(keyView, k, fragments, fragmentStart[low]!, textLength[low]!)
    k = writeOptional(key, k + textLength[low]!, swap ? dstPort : srcPort)
    copyBytes(keyView, k, fragments, fragmentStart[high]!, textLength[high]!)
    k = writeOptional(key, k + textLength[high]!, swap ? srcPort : dstPort)
    k = writeOptional(key, k, dictionaries.classes.protocol[classId]!)
    const { partitions } = slabs
    const partition = partitions === 1 ? 0 : (hashKey(keyView, k) & 0x7fffffff) % partitions

    const context = set.contexts[batch.contextId[row]!]!
    const classBytes = set.classes[classId]!
    const nextHop = set.nextHops[batch.nextHopId[row]!]!
    const extra = set.extras[batch.extraId[row]!]!
    const needed =
      k +
      context.length +
      classBytes.length +
      nextHop.length +
      extra.length +
      2 * (fragmentLength[from]! + fragmentLength[to]!) +
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
    bytes.set(context, p)
    p += context.length
    p = this.endpoint(view, p, srcId, pktSrcId)
    p = this.endpoint(view, p, dstId, pktDstId)
    bytes.set(classBytes, p)
    p += classBytes.length
    bytes[p] = 2 * batch.direction[row]!
    bytes[p + 1] = 2 * batch.directionSource[row]!
    p += 2
    if (nextHop.length === 1) bytes[p] = nextHop[0]!
    else bytes.set(nextHop, p)
    p += nextHop.length
    p = writeOptional(bytes, p, srcPort)
    p = writeOptional(bytes, p, dstPort)
    p = writeOptional(bytes, p, numbers[0]![row]!)
    p = writeOptional(bytes, p, numbers[1]![row]!)
    p = writeVarint(bytes, p, numbers[2]![row]!)
    p = writeVarint(bytes, p, numbers[3]![row]!)
    bytes[p++] = 2 * batch.timeSource[row]!
    if (numbers[4]![row]! < 0 && numbers[5]![row]! < 0 && numbers[6]![row]! < 0 && numbers[7]![row]! < 0) bytes[p++] = 0
    else {
      bytes[p++] = 2
      for (let i = 4; i < 8; i++) p = writeOptional(bytes, p, numbers[i]![row]!)
    }
    p = writeOptional(bytes, p, batch.servicePort[row]!)
    const service = serviceFragments[batch.serviceId[row]!]!
    for (let i = 0; i < service.length; i++) bytes[p++] = service[i]!
    view.setBigInt64(p, this.originView.getBigInt64(0))
    p = writeVarint(bytes, p + 8, batch.line[row]!)
    if (extra.length === 1) bytes[p] = extra[0]!
    else bytes.set(extra, p)
    p += extra.length
    p = writeLength(bytes, valueAt, reserved, p)
    bytes[p++] = 0
    slab.length = writeLength(bytes, recordAt, reserved, p)
    slab.count++
  }

  /** Writes address, packet address and annotations of one side. */
  private endpoint(view: DataView, at: number, address: number, packet: number): number {
    const { arena, start, textLength, length } = this.addresses
    const fragments = arena.view
    if (address === packet) {
      copyBytes(view, at, fragments, start[address]!, length[address]!)
      return at + length[address]!
    }
    let p = at
    const text = textLength[address]!
    copyBytes(view, p, fragments, start[address]!, text)
    p += text
    const end = packet === 0 ? address : packet
    const skipped = 2 * textLength[end]!
    if (packet === 0) view.setUint8(p++, 0)
    else {
      copyBytes(view, p, fragments, start[packet]!, textLength[packet]!)
      p += textLength[packet]!
    }
    copyBytes(view, p, fragments, start[end]! + skipped, length[end]! - skipped)
    return p + length[end]! - skipped
  }

  private fragmentsOf(dictionaries: BatchDictionaries): FragmentSet {
    let set = this.sets.get(dictionaries)
    if (set === undefined) this.sets.set(dictionaries, (set = new FragmentSet()))
    set.update(dictionaries)
    return set
  }
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
