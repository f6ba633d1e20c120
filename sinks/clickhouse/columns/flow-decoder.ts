/**
 * Decodes records of the topic `flows` straight into columns: a fragment (context, endpoint, class, next hop) is looked up as a unit, the
 * numbers are read one after the other in the order of schemas/flow-record.ts. No object and no string per row.
 */
import { headerLength } from '../../../runtime/avro.ts'
import type { InSlab } from '../../../runtime/records.ts'
import { flowFields } from '../../../schemas/flow-fields.ts'
import type { FlowRecord } from '../../../schemas/flow-types.ts'
import { absentBits, remoteBits } from './absent-bits.ts'
import { AvroCursor } from './avro-cursor.ts'
import { ClassDictionary } from './class-dictionary.ts'
import { ContextDictionary } from './context-dictionary.ts'
import { EndpointDictionary } from './endpoint-dictionary.ts'
import { FlowColumns } from './flow-columns.ts'
import { NextHopDictionary } from './next-hop-dictionary.ts'
import { TextTable } from './text-table.ts'

/** What the decoder needs of the codec of `flows`. */
export interface FlowCodec {
  readonly ids: { readonly value: number }
  encodeValue(record: FlowRecord): Buffer
  decodeValue(bytes: Buffer): FlowRecord
}

const ingress = 1
const most32 = 0xffff_ffff
/** Names of the counters of lost packets, in the order of their record. */
const lostNames = flowFields.filter(field => field.record.startsWith('packetsLost.')).map(field => field.name)
const encoder = new TextEncoder()

/** See the head of this file. */
export class FlowDecoder {
  readonly columns = new FlowColumns()
  readonly texts = new TextTable()
  readonly contexts = new ContextDictionary()
  readonly endpoints = new EndpointDictionary(this.texts)
  readonly classes = new ClassDictionary(this.texts)
  readonly nextHops = new NextHopDictionary(this.texts)
  /** Records of another writer schema, since the beginning. */
  resolved = 0
  readonly #codec: FlowCodec
  readonly #maxEntries: number
  readonly #records = new AvroCursor()
  readonly #resolved = new AvroCursor()
  #unfit = 0
  /** Where the numbers of a row begin, and where its value ends. */
  #tails = new Int32Array(0)
  #ends = new Int32Array(0)
  #waiting = 0

  /** @param maxEntries Entries of a dictionary beyond which all are dropped at the next `clear`. */
  constructor(codec: FlowCodec, maxEntries: number) {
    this.#codec = codec
    this.#maxEntries = maxEntries
  }

  /** Values that no column can hold, since the beginning. */
  get unfit(): number {
    return this.#unfit + this.endpoints.unfit + this.classes.unfit
  }

  /**
   * Decodes records of a slab with `from` <= offset < `until`, at most `room`.
   *
   * @returns Offset after the last decoded record; `from` where there was none.
   * @throws FlowError REGISTRY_SCHEMA_UNKNOWN; TypeError where a record is not what its schema id says.
   */
  takeSlab(slab: InSlab, from: number, until: number, room: number): number {
    const cursor = this.#records
    cursor.point(slab.bytes)
    const first = Math.max(from, slab.from)
    this.#ensure(Math.min(slab.count, room))
    let next = from
    for (let i = 0; i < slab.count && room > 0; i++) {
      const length = cursor.long()
      const end = cursor.at + length
      cursor.at++
      cursor.long()
      const offset = slab.baseOffset + cursor.long()
      if (offset >= until) break
      if (offset >= first) {
        const keyLength = cursor.long()
        if (keyLength > 0) cursor.at += keyLength
        const valueLength = cursor.long()
        if (valueLength >= headerLength) {
          this.#takeValue(cursor, cursor.at + valueLength)
          next = offset + 1
          room--
        }
      }
      cursor.at = end
    }
    this.#takeNumbers(cursor)
    return next
  }

  /** Decodes one value. */
  takeValue(value: Buffer): void {
    this.#ensure(1)
    this.#records.point(value)
    this.#takeValue(this.#records, value.length)
    this.#takeNumbers(this.#records)
  }

  /** After an insert: forgets the rows, and the dictionaries where they have grown large. */
  clear(): void {
    this.columns.clear()
    this.contexts.forgetFresh()
    const most = this.#maxEntries
    const sizes = [this.endpoints.spans.size, this.classes.size, this.contexts.spans.size, this.nextHops.size, this.texts.spans.size]
    if (sizes.every(size => size <= most)) return
    this.texts.clear()
    this.contexts.clear()
    this.endpoints.clear()
    this.classes.clear()
    this.nextHops.clear()
  }

  #ensure(more: number): void {
    this.columns.ensure(more)
    if (this.#tails.length < more) {
      this.#tails = new Int32Array(more)
      this.#ends = new Int32Array(more)
    }
  }

  #takeValue(cursor: AvroCursor, end: number): void {
    const { bytes, view, at } = cursor
    if (bytes[at] === 0 && view.getInt32(at + 1) === this.#codec.ids.value) {
      this.#takeFragments(cursor, at, end)
      return
    }
    this.#takeNumbers(cursor)
    this.resolved++
    const own = this.#codec.encodeValue(this.#codec.decodeValue(part(bytes, at, end)))
    this.#resolved.point(own)
    this.#takeFragments(this.#resolved, 0, own.length)
    this.#takeNumbers(this.#resolved)
  }

  /** Everything up to the numbers, which wait at `#tails`: all of a slab are then read in one loop, a fifth faster than row by row. */
  #takeFragments(cursor: AvroCursor, valueStart: number, end: number): void {
    const columns = this.columns
    const row = columns.rows + this.#waiting
    let start = (cursor.at = valueStart + headerLength)
    let entry = this.contexts.find(cursor)
    if (entry < 0) entry = this.contexts.add(cursor, start, this.#decode(cursor, valueStart, end))
    columns.context[row] = entry

    const source = this.endpoints.read(cursor)
    const destination = this.endpoints.read(cursor)

    start = cursor.at
    entry = this.classes.find(cursor)
    if (entry < 0) entry = this.classes.add(cursor, start, this.#decode(cursor, valueStart, end))
    columns.flowClass[row] = entry

    // An enum with few symbols is one byte: twice its index.
    const direction = cursor.bytes[cursor.at++]! >> 1
    columns.direction[row] = direction
    columns.directionSource[row] = cursor.bytes[cursor.at++]! >> 1
    columns.local[row] = direction === ingress ? destination : source
    columns.remote[row] = direction === ingress ? source : destination

    start = cursor.at
    entry = this.nextHops.find(cursor)
    if (entry < 0) entry = this.nextHops.add(cursor, start, this.#decode(cursor, valueStart, end))
    columns.nextHop[row] = entry
    this.#tails[this.#waiting] = cursor.at
    this.#ends[this.#waiting++] = end
  }

  /** The numbers of the rows that wait for them. */
  #takeNumbers(cursor: AvroCursor): void {
    const { columns } = this
    const {
      direction,
      localPort,
      remotePort,
      packets,
      bytes,
      start,
      duration,
      timeSource,
      servicePort,
      serviceName,
      objectId,
      line,
      absent,
      extraEnd,
    } = columns
    const buffer = cursor.bytes
    const tails = this.#tails
    const waiting = this.#waiting
    this.#waiting = 0
    for (let i = 0; i < waiting; i++) {
      const row = columns.rows
      cursor.at = tails[i]!
      const turned = direction[row] === ingress
      const sourcePort = this.#optional(cursor, 65_535)
      const destinationPort = this.#optional(cursor, 65_535)
      const local = turned ? destinationPort : sourcePort
      const remote = turned ? sourcePort : destinationPort
      let missing = (local < 0 ? absentBits.localPort : 0) | (remote < 0 ? remoteBits(absentBits.localPort) : 0)
      localPort[row] = local < 0 ? 0 : local
      remotePort[row] = remote < 0 ? 0 : remote

      const packetCount = this.#optional(cursor, Number.MAX_SAFE_INTEGER)
      if (packetCount < 0) missing |= absentBits.packets
      store64(packets, row, packetCount)
      const byteCount = this.#optional(cursor, Number.MAX_SAFE_INTEGER)
      if (byteCount < 0) missing |= absentBits.bytes
      store64(bytes, row, byteCount)

      const startS = cursor.long()
      const durationS = cursor.long() - startS
      timeSource[row] = buffer[cursor.at++]! >> 1
      start[row] = startS
      duration[row] = durationS
      if (startS < 0 || startS > most32 || durationS !== (durationS | 0)) {
        this.#unfit++
        start[row] = duration[row] = timeSource[row] = 0
      }
      if (buffer[cursor.at++] !== 0) this.#takeLost(cursor)

      const port = this.#optional(cursor, 65_535)
      if (port < 0) missing |= absentBits.servicePort
      servicePort[row] = port < 0 ? 0 : port
      absent[row] = missing
      serviceName[row] = buffer[cursor.at++] === 0 ? 0 : this.#readText(cursor)

      objectId[2 * row] = cursor.view.getInt32(cursor.at + 4)
      objectId[2 * row + 1] = cursor.view.getInt32(cursor.at)
      cursor.at += 8
      line[row] = cursor.long()
      if (buffer[cursor.at++] !== 0) this.#takeExtra(cursor)
      extraEnd[row] = columns.extras
      if (cursor.at !== this.#ends[i])
        throw new TypeError(`a flows record of schema id ${this.#codec.ids.value} is not what its schema says`)
      columns.rows = row + 1
    }
  }

  #readText(cursor: AvroCursor): number {
    const length = cursor.long()
    const start = cursor.at
    cursor.at += length
    return this.texts.idOf(cursor.bytes, cursor.view, start, start + length)
  }

  #takeLost(cursor: AvroCursor): void {
    for (const name of lostNames)
      if (cursor.bytes[cursor.at++] !== 0) this.#addExtra(encoder.encode(name), encoder.encode(String(cursor.long())))
  }

  #takeExtra(cursor: AvroCursor): void {
    for (let count = cursor.long(); count !== 0; count = cursor.long()) {
      if (count < 0) {
        count = -count
        cursor.long()
      }
      for (; count > 0; count--) this.#addExtra(copyText(cursor), copyText(cursor))
    }
  }

  #addExtra(key: Uint8Array, value: Uint8Array): void {
    this.columns.extraKeys.push(key)
    this.columns.extraValues.push(value)
    this.columns.extras++
  }

  /** An optional number from 0 to `most`; -1: absent, or does not fit. */
  #optional(cursor: AvroCursor, most: number): number {
    if (cursor.bytes[cursor.at++] === 0) return -1
    const value = cursor.long()
    if (value >= 0 && value <= most) return value
    this.#unfit++
    return -1
  }

  /** The whole record, for a dictionary entry that is new: rare. */
  #decode(cursor: AvroCursor, start: number, end: number): FlowRecord {
    return this.#codec.decodeValue(part(cursor.bytes, start, end))
  }
}

const part = (bytes: Uint8Array, start: number, end: number): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)

function copyText(cursor: AvroCursor): Uint8Array {
  const length = cursor.long()
  cursor.at += length
  return cursor.bytes.slice(cursor.at - length, cursor.at)
}

/** Below 0 is absent and stored as 0. */
function store64(target: Uint32Array, row: number, value: number): void {
  target[2 * row] = value < 0 ? 0 : value
  target[2 * row + 1] = value > most32 ? Math.floor(value / 0x1_0000_0000) : 0
}
