/**
 * Decodes records of the topic `flows` straight into columns: a fragment (observer, endpoint, traits, next hop) is looked up as a unit, the
 * numbers are read one after the other in the order of schemas/flow-record.ts. No object and no string per row.
 *
 * Each fragment is a loop of its own over some hundred rows: short loops keep what they need in registers, and the processor fetches the
 * entries of several rows at once. A third less time than all fragments row by row.
 */
import { headerLength } from '../../../runtime/avro.ts'
import type { InSlab } from '../../../runtime/records.ts'
import { optionalNumbers } from '../../../flow/numbers.ts'
import type { FlowRecord } from '../../../schemas/flow-record.ts'
import { absentBits, remoteBits } from './absent-bits.ts'
import { AvroCursor } from './avro-cursor.ts'
import { TraitsDictionary } from './traits-dictionary.ts'
import { ObserverDictionary } from './observer-dictionary.ts'
import { DaySet } from './day-set.ts'
import { EndpointDictionary } from './endpoint-dictionary.ts'
import { takeExtra, takeLost } from './extra-pairs.ts'
import { FlowColumns, store64 } from './flow-columns.ts'
import { NextHopDictionary } from './next-hop-dictionary.ts'
import { chunkRows, RecordWalk } from './record-walk.ts'
import { firstKept, firstPortSource, inferredPort, isOwnNetwork, noPort, ownNetwork } from './table-symbols.ts'
import { TextTable } from './text-table.ts'
import { epochSeconds, shortVarint } from './varint.ts'

/** What the decoder needs of the codec of `flows`. */
export interface FlowCodec {
  readonly ids: { readonly value: number }
  encodeValue(record: FlowRecord): Buffer
  decodeValue(bytes: Buffer): FlowRecord
}

const ingress = 1
const optionals = optionalNumbers.length
const most32 = 0xffff_ffff
const leastDuration = -(2 ** 31)
const mostDuration = 2 ** 31 - 1

/** Decodes slabs of `flows` into its columns and dictionaries, which it keeps from range to range. */
export class FlowDecoder {
  readonly columns = new FlowColumns()
  readonly texts = new TextTable()
  readonly observers = new ObserverDictionary()
  readonly endpoints = new EndpointDictionary(this.texts)
  readonly traits = new TraitsDictionary(this.texts)
  readonly nextHops = new NextHopDictionary(this.texts)
  readonly days = new DaySet()
  /** Records of another writer schema, since the beginning. */
  resolved = 0
  readonly #codec: FlowCodec
  readonly #maxEntries: number
  readonly #maxBytes: number
  readonly #records = new AvroCursor()
  readonly #single = new AvroCursor()
  #unfit = 0
  readonly #walk = new RecordWalk(this.#records)
  /** Where the rows of a chunk are being read: behind what was read of them. */
  readonly #at = new Int32Array(chunkRows)
  readonly #hashes = new Int32Array(chunkRows)
  readonly #sources = new Uint32Array(chunkRows)
  readonly #destinations = new Uint32Array(chunkRows)

  /**
   * @param maxEntries Entries of a dictionary beyond which all are dropped at the next `clear`.
   * @param maxBytes The same for the bytes of all dictionaries.
   */
  constructor(codec: FlowCodec, maxEntries: number, maxBytes = Infinity) {
    this.#codec = codec
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
  }

  /** Bytes that the rows, their block and the dictionaries take. */
  get size(): number {
    return this.columns.size + this.dictionarySize
  }

  /** Bytes of the dictionaries: what stays after an insert. */
  get dictionarySize(): number {
    return this.texts.size + this.observers.size + this.endpoints.size + this.traits.size + this.nextHops.bytes
  }

  /** Values that no column can hold, since the beginning. */
  get unfit(): number {
    return this.#unfit + this.endpoints.unfit + this.traits.unfit
  }

  /**
   * Decodes records of a slab with `from` <= offset < `until`, at most `room`, and no more once the rows have `mostDays` days or take
   * `mostBytes` (looked at after each chunk of rows).
   *
   * @returns Offset after the last decoded record; `from` where there was none.
   * @throws FlowError REGISTRY_SCHEMA_UNKNOWN; TypeError where a record is not what its schema id says.
   */
  takeSlab(slab: InSlab, from: number, until: number, room: number, mostDays = Infinity, mostBytes = Infinity): number {
    const { columns, days } = this
    columns.ensure(Math.min(slab.count, room))
    const walk = this.#walk
    walk.begin(slab, Math.max(from, slab.from), until)
    let next = from
    while (room > 0) {
      const before = columns.rows
      // A row brings at most one day.
      const rows = walk.take(Math.min(room, chunkRows, mostDays - days.size), this.#codec.ids.value)
      if (rows === 0) break
      if (walk.foreign) this.#takeForeign(part(slab.bytes, walk.starts[0]!, walk.ends[0]!))
      else this.#takeRows(this.#records, walk.starts, walk.ends, rows)
      days.note(columns.start, before, columns.rows)
      next = walk.next
      room -= rows
      if (mostBytes !== Infinity && this.size >= mostBytes) break
    }
    return next
  }

  /** Decodes one value. */
  takeValue(value: Buffer): void {
    const before = this.columns.rows
    this.columns.ensure(1)
    if (value.length < headerLength || value[0] !== 0 || value.readInt32BE(1) !== this.#codec.ids.value) this.#takeForeign(value)
    else this.#takeOne(value)
    this.days.note(this.columns.start, before, this.columns.rows)
  }

  /** After an insert: forgets the rows, and the dictionaries where they have grown large. */
  clear(): void {
    this.columns.clear()
    this.days.clear()
    this.observers.forgetFresh()
    const most = this.#maxEntries
    const sizes = [this.endpoints.spans.size, this.traits.spans.size, this.observers.spans.size, this.nextHops.size, this.texts.spans.size]
    if (sizes.every(size => size <= most) && this.dictionarySize <= this.#maxBytes) return
    this.texts.clear()
    this.observers.clear()
    this.endpoints.clear()
    this.traits.clear()
    this.nextHops.clear()
  }

  #takeForeign(value: Buffer): void {
    this.resolved++
    this.#takeOne(this.#codec.encodeValue(this.#codec.decodeValue(value)))
  }

  #takeOne(value: Buffer): void {
    this.#single.point(value)
    this.#takeRows(this.#single, [0], [value.length], 1)
  }

  /** Decodes values of our own schema. */
  #takeRows(cursor: AvroCursor, starts: ArrayLike<number>, ends: ArrayLike<number>, rows: number): void {
    const at = this.#at
    for (let i = 0; i < rows; i++) at[i] = starts[i]! + headerLength
    this.#takeObservers(cursor, starts, ends, rows)
    this.#takeEndpoints(cursor, rows, this.#sources)
    this.#takeEndpoints(cursor, rows, this.#destinations)
    this.#takeTraits(cursor, starts, ends, rows)
    this.#takeDirections(cursor, starts, ends, rows)
    this.#takeNumbers(cursor, rows)
    this.#takeTimes(cursor, rows)
    this.#takeEnds(cursor, ends, rows)
  }

  #takeObservers(cursor: AvroCursor, starts: ArrayLike<number>, ends: ArrayLike<number>, rows: number): void {
    const { observers, columns } = this
    const at = this.#at
    const hashes = this.#hashes
    observers.hashAll(cursor, at, rows, hashes)
    for (let i = 0; ; i++) {
      i = observers.spans.findAll(cursor.view, at, hashes, i, rows, columns.observer, columns.rows)
      if (i === rows) return
      columns.observer[columns.rows + i] = observers.add(cursor, at[i]!, hashes[i]!, this.#decode(cursor, starts[i]!, ends[i]!))
      at[i] = cursor.at
    }
  }

  #takeEndpoints(cursor: AvroCursor, rows: number, entries: Uint32Array): void {
    const { endpoints } = this
    const at = this.#at
    const hashes = this.#hashes
    endpoints.hashAll(cursor, at, rows, hashes)
    for (let i = 0; ; i++) {
      i = endpoints.spans.findAll(cursor.view, at, hashes, i, rows, entries, 0)
      if (i === rows) return
      entries[i] = endpoints.add(cursor, at[i]!, hashes[i]!)
      at[i] = cursor.at
    }
  }

  #takeTraits(cursor: AvroCursor, starts: ArrayLike<number>, ends: ArrayLike<number>, rows: number): void {
    const { traits, columns } = this
    const at = this.#at
    const hashes = this.#hashes
    traits.hashAll(cursor, at, rows, hashes)
    for (let i = 0; ; i++) {
      i = traits.spans.findAll(cursor.view, at, hashes, i, rows, columns.traits, columns.rows)
      if (i === rows) return
      columns.traits[columns.rows + i] = traits.add(cursor, at[i]!, hashes[i]!, this.#decode(cursor, starts[i]!, ends[i]!))
      at[i] = cursor.at
    }
  }

  /** Direction and next hop; so it is known which endpoint is the local one. */
  #takeDirections(cursor: AvroCursor, starts: ArrayLike<number>, ends: ArrayLike<number>, rows: number): void {
    const { direction, directionSource, local, remote, nextHop, rows: row } = this.columns
    const { bytes } = cursor
    const at = this.#at
    const sources = this.#sources
    const destinations = this.#destinations
    for (let i = 0; i < rows; i++) {
      const start = at[i]!
      // An enum with few symbols is one byte: twice its index.
      const way = bytes[start]! >> 1
      direction[row + i] = way
      let next = start + 3
      directionSource[row + i] = bytes[start + 1]! >> 1
      if (bytes[start + 2] !== 0) {
        cursor.at = next
        const length = cursor.long()
        if (isOwnNetwork(bytes, cursor.at, length)) directionSource[row + i] = ownNetwork
        next = cursor.at + length
      }
      local[row + i] = way === ingress ? destinations[i]! : sources[i]!
      remote[row + i] = way === ingress ? sources[i]! : destinations[i]!
      nextHop[row + i] = 0
      at[i] = next + 1
      if (bytes[next] !== 0) {
        cursor.at = next
        let entry = this.nextHops.find(cursor)
        if (entry < 0) entry = this.nextHops.add(cursor, next, this.#decode(cursor, starts[i]!, ends[i]!))
        nextHop[row + i] = entry
        at[i] = cursor.at
      }
    }
  }

  /** Ports and counters. */
  #takeNumbers(cursor: AvroCursor, rows: number): void {
    const { direction, localPort, remotePort, packets, bytes, absent, rows: row } = this.columns
    const { bytes: buffer, view } = cursor
    const at = this.#at
    for (let i = 0; i < rows; i++) {
      let place = at[i]!
      const swapped = direction[row + i] === ingress
      let source = -1
      if (buffer[place++] !== 0) {
        const short = shortVarint(view, place)
        place += short & 7
        source = short >> 4
        if ((short & 8) !== 0 || short === 0 || source > 65_535) {
          source = this.#longNumber(cursor, place - (short & 7), 65_535)
          place = cursor.at
        }
      }
      let destination = -1
      if (buffer[place++] !== 0) {
        const short = shortVarint(view, place)
        place += short & 7
        destination = short >> 4
        if ((short & 8) !== 0 || short === 0 || destination > 65_535) {
          destination = this.#longNumber(cursor, place - (short & 7), 65_535)
          place = cursor.at
        }
      }
      const local = swapped ? destination : source
      const remote = swapped ? source : destination
      let missing = (local < 0 ? absentBits.localPort : 0) | (remote < 0 ? remoteBits(absentBits.localPort) : 0)
      localPort[row + i] = local < 0 ? 0 : local
      remotePort[row + i] = remote < 0 ? 0 : remote

      let packetCount = -1
      if (buffer[place++] !== 0) {
        const short = shortVarint(view, place)
        place += short & 7
        packetCount = short >> 4
        if ((short & 8) !== 0 || short === 0) {
          packetCount = this.#longNumber(cursor, place - (short & 7), Number.MAX_SAFE_INTEGER)
          place = cursor.at
        }
      }
      if (packetCount < 0) missing |= absentBits.packets
      store64(packets, row + i, packetCount)
      let byteCount = -1
      if (buffer[place++] !== 0) {
        const short = shortVarint(view, place)
        place += short & 7
        byteCount = short >> 4
        if ((short & 8) !== 0 || short === 0) {
          byteCount = this.#longNumber(cursor, place - (short & 7), Number.MAX_SAFE_INTEGER)
          place = cursor.at
        }
      }
      if (byteCount < 0) missing |= absentBits.bytes
      store64(bytes, row + i, byteCount)
      absent[row + i] = missing
      at[i] = place
    }
  }

  #takeTimes(cursor: AvroCursor, rows: number): void {
    const { start, duration, timeSource, rows: row } = this.columns
    const { bytes, view } = cursor
    const at = this.#at
    this.columns.resetOptional(row, rows)
    for (let i = 0; i < rows; i++) {
      let place = at[i]!
      let first = epochSeconds(bytes, view, place)
      let end = first === 0 ? 0 : epochSeconds(bytes, view, place + 5)
      if (end !== 0) place += 10
      else {
        cursor.at = place
        first = cursor.long()
        end = cursor.long()
        place = cursor.at
      }
      const seconds = end - first
      start[row + i] = first
      duration[row + i] = seconds
      timeSource[row + i] = bytes[place++]! >> 1
      if (bytes[place++] !== 0) timeSource[row + i] = firstKept + (bytes[place++]! >> 1)
      for (let number = 0; number < optionals; number++)
        if (bytes[place++] !== 0) place = this.#takeOptional(cursor, place, row + i, number)
      if (first < 0 || first > most32) {
        this.#unfit++
        start[row + i] = duration[row + i] = timeSource[row + i] = 0
      } else if (seconds !== (seconds | 0)) {
        // an end that no Int32 reaches says nothing against the start
        this.#unfit++
        duration[row + i] = seconds < 0 ? leastDuration : mostDuration
      }
      at[i] = place
    }
  }

  /** An optional number, which few records have. @returns The place behind it. */
  #takeOptional(cursor: AvroCursor, at: number, row: number, number: number): number {
    const value = this.#longNumber(cursor, at, optionalNumbers[number]!.most)
    if (value >= 0) this.columns.setOptional(number, row, value)
    return cursor.at
  }

  /** Lost packets, service, object, line and extra columns: the end of the record. A row counts from here on. */
  #takeEnds(cursor: AvroCursor, ends: ArrayLike<number>, rows: number): void {
    const { columns } = this
    const { servicePort, servicePortSource, serviceName, objectId, line, absent, extraEnd } = columns
    const { bytes, view } = cursor
    const at = this.#at
    for (let i = 0; i < rows; i++) {
      const row = columns.rows
      cursor.at = at[i]!
      if (bytes[cursor.at++] !== 0) takeLost(cursor, columns)
      let port = -1
      if (bytes[cursor.at++] !== 0) {
        const short = shortVarint(view, cursor.at)
        port = short >> 4
        if ((short & 8) !== 0 || short === 0 || port > 65_535) port = this.#longNumber(cursor, cursor.at, 65_535)
        else cursor.at += short & 7
      }
      if (port < 0) absent[row] = absent[row]! | absentBits.servicePort
      servicePort[row] = port < 0 ? 0 : port
      // a record of 0.1.0 does not say that its port is inferred
      servicePortSource[row] = port < 0 ? noPort : inferredPort
      if (bytes[cursor.at++] !== 0) servicePortSource[row] = firstPortSource + (bytes[cursor.at++]! >> 1)
      serviceName[row] = bytes[cursor.at++] === 0 ? 0 : this.#readText(cursor)

      objectId[2 * row] = view.getInt32(cursor.at + 4)
      objectId[2 * row + 1] = view.getInt32(cursor.at)
      cursor.at += 8
      line[row] = cursor.long()
      if (bytes[cursor.at++] !== 0) takeExtra(cursor, columns)
      extraEnd[row] = columns.extras
      if (cursor.at !== ends[i]) throw new TypeError(`a flows record of schema id ${this.#codec.ids.value} is not what its schema says`)
      columns.rows = row + 1
    }
  }

  #readText(cursor: AvroCursor): number {
    const length = cursor.long()
    const start = cursor.at
    cursor.at += length
    return this.texts.idOf(cursor.bytes, cursor.view, start, start + length)
  }

  /** A number from 0 to `most`, with the cursor behind it; -1: does not fit. */
  #longNumber(cursor: AvroCursor, at: number, most: number): number {
    cursor.at = at
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
