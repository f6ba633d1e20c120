/** The flows of a range as one Native block: per column one loop over the rows, with dictionaries of LowCardinality columns built here. */
import { attributeRows } from '../../flow/attributes.ts'
import { optionalNumbers } from '../../flow/numbers.ts'
import { columnName, loggedTraits, observerColumns, storedTraits, traitType } from '../../flow/store-columns.ts'
import type { FlowDecoder } from './columns/flow-decoder.ts'
import type { ObserverRow } from './columns/observer-dictionary.ts'
import { remoteBits } from './columns/absent-bits.ts'
import { nextHopColumns } from './columns/next-hop-dictionary.ts'
import { LowCardinalityEncoder } from './low-cardinality.ts'
import type { NativeBlock, NativeWriter } from './native-writer.ts'
import { rowBlock, type CellColumn, type CellType } from './row-block.ts'

const enums = {
  direction: "Enum8('unknown' = 0, 'ingress' = 1, 'egress' = 2)",
  direction_source: "Enum8('none' = 0, 'logged' = 1, 'inferred' = 2, 'inferred_count' = 3, 'own_network' = 4)",
  time_source: "Enum8('none' = 0, 'logged' = 1, 'slot' = 2, 'start' = 3, 'end' = 4)",
  service_port_source: "Enum8('none' = 0, 'tcp_flags' = 1, 'inferred' = 2)",
} as const
const sides = ['local', 'remote'] as const

/** Columns of every block of flows, in its order. */
const alwaysColumns: readonly string[] = [
  'start',
  'dur',
  'interface',
  'direction',
  'direction_source',
  'time_source',
  ...storedTraits.map(columnName),
  'local_addr',
  'remote_addr',
  'pkt_local',
  'pkt_remote',
  'local_port',
  'remote_port',
  'packets',
  'bytes',
  'service_port',
  'service_port_source',
  'service_name',
  ...attributeRows.flatMap(({ column }) => sides.map(side => `${side}_${column}`)),
  ...nextHopColumns.map(column => column.name),
  'extra',
  'object_id',
  'line',
  'absent',
]

/** Columns of the table `flows` that a block can have; those of optional numbers are in it only if some row has one. */
export const flowBlockColumns: readonly string[] = [...alwaysColumns, ...optionalNumbers.map(({ column }) => column)]

/** Encodes the rows of a decoder. */
export class FlowBlockEncoder {
  readonly #low = new LowCardinalityEncoder()
  #scratch = new Uint32Array(0)
  #rows = new Uint32Array(0)

  /** @returns The block; its bytes are the writer's. */
  encode(writer: NativeWriter, decoder: FlowDecoder): NativeBlock {
    const { columns, endpoints, traits } = decoder
    const { rows, local, remote } = columns
    const optional = optionalNumbers.map((_, i) => i).filter(i => columns.optional[i]!.length > 0)
    writer.begin(alwaysColumns.length + optional.length, rows)
    copied(writer, 'start', "DateTime('UTC')", columns.start, rows)
    copied(writer, 'dur', 'Int32', columns.duration, rows)
    gathered64(writer, 'interface', decoder.observers.hashes, columns.observer, rows)
    copied(writer, 'direction', enums.direction, columns.direction, rows)
    copied(writer, 'direction_source', enums.direction_source, columns.directionSource, rows)
    copied(writer, 'time_source', enums.time_source, columns.timeSource, rows)
    const text = (name: string, texts: Uint32Array, entries: Uint32Array): void =>
      this.#low.write(writer, name, decoder.texts, rows, texts, entries)
    for (const field of storedTraits) {
      const name = columnName(field)
      const type = traitType(field)
      const values = traits.valuesOf(field.record)
      if (type === 'LowCardinality(String)') text(name, Uint32Array.from(values), columns.traits)
      else if (type === 'UInt16') gathered16(writer, name, Uint16Array.from(values), columns.traits, rows)
      else gathered8(writer, name, type, Uint8Array.from(values), columns.traits, rows)
    }
    gathered128(writer, 'local_addr', endpoints.address, local, rows)
    gathered128(writer, 'remote_addr', endpoints.address, remote, rows)
    gathered128(writer, 'pkt_local', endpoints.packet, local, rows)
    gathered128(writer, 'pkt_remote', endpoints.packet, remote, rows)
    copied(writer, 'local_port', 'UInt16', columns.localPort, rows)
    copied(writer, 'remote_port', 'UInt16', columns.remotePort, rows)
    copied(writer, 'packets', 'UInt64', columns.packets, 2 * rows)
    copied(writer, 'bytes', 'UInt64', columns.bytes, 2 * rows)
    copied(writer, 'service_port', 'UInt16', columns.servicePort, rows)
    copied(writer, 'service_port_source', enums.service_port_source, columns.servicePortSource, rows)
    this.#low.write(writer, 'service_name', decoder.texts, rows, columns.serviceName, this.#itself(rows))
    attributeRows.forEach(({ name, column, stored }, i) => {
      const logged = loggedTraits(name)
      for (const side of sides) {
        if (logged.length > 0) this.#writeLogged(writer, decoder, `${side}_${column}`, side, endpoints.attributes[i]!, logged)
        else if (stored === 'UInt32') gathered32(writer, `${side}_${column}`, endpoints.attributes[i]!, columns[side], rows)
        else text(`${side}_${column}`, endpoints.attributes[i]!, columns[side])
      }
    })
    nextHopColumns.forEach(({ name }, i) => text(name, Uint32Array.from(decoder.nextHops.texts[i]!), columns.nextHop))
    writeExtra(writer, decoder)
    copied(writer, 'object_id', 'UInt64', columns.objectId, 2 * rows)
    copied(writer, 'line', 'UInt32', columns.line, rows)
    writeAbsent(writer, decoder)
    for (const i of optional) writeOptional(writer, optionalNumbers[i]!, columns.optional[i]!, rows)
    const names = optional.map(i => optionalNumbers[i]!.column)
    return writer.end(names.length === 0 ? alwaysColumns : [...alwaysColumns, ...names], rows)
  }

  /** 0, 1, 2 ...: for columns that have a text per row. */
  #itself(rows: number): Uint32Array {
    if (this.#rows.length < rows) this.#rows = Uint32Array.from({ length: rows }, (_, row) => row)
    return this.#rows
  }

  /** A text of a side: as logged, else the attribute. */
  #writeLogged(
    writer: NativeWriter,
    decoder: FlowDecoder,
    name: string,
    side: (typeof sides)[number],
    attribute: Uint32Array,
    logged: readonly { readonly record: string }[],
  ): void {
    const { rows, direction, traits } = decoder.columns
    if (this.#scratch.length < rows) this.#scratch = new Uint32Array(rows)
    const scratch = this.#scratch
    const entries = decoder.columns[side]
    const [source, destination] = logged.map(({ record }) => Uint32Array.from(decoder.traits.valuesOf(record))) as [
      Uint32Array,
      Uint32Array,
    ]
    // On ingress the destination is local.
    const onIngress = side === 'local' ? destination : source
    const otherwise = side === 'local' ? source : destination
    for (let row = 0; row < rows; row++) {
      const text = (direction[row] === 1 ? onIngress : otherwise)[traits[row]!]!
      scratch[row] = text !== 0 ? text : attribute[entries[row]!]!
    }
    this.#low.write(writer, name, decoder.texts, rows, scratch, this.#itself(rows))
  }
}

/** A cell of `interfaces`: '' is absent, which is null in a column of numbers. */
const observerCells: readonly CellColumn<ObserverRow>[] = [
  { name: 'interface', type: 'UInt64', cell: row => row.hash },
  ...observerColumns.map(({ name, type }, i): CellColumn<ObserverRow> => {
    const numeric = /^Nullable\((.*)\)$/.exec(type)?.[1]
    if (numeric === undefined) return { name, type: 'String', cell: row => row.values[i]! }
    return { name, type: numeric as CellType, nullable: true, cell: ({ values }) => (values[i] === '' ? null : Number(values[i])) }
  }),
]

/** Encodes rows of `interfaces`. */
export const observerBlock = (writer: NativeWriter, observers: readonly ObserverRow[]): NativeBlock =>
  rowBlock(writer, observerCells, observers)

function copied(
  writer: NativeWriter,
  name: string,
  type: string,
  source: Uint8Array | Uint16Array | Uint32Array | Int32Array,
  length: number,
): void {
  writer.column(name, type)
  writer.raw(new Uint8Array(source.buffer, source.byteOffset, length * source.BYTES_PER_ELEMENT))
}

function gathered8(writer: NativeWriter, name: string, type: string, source: Uint8Array, entries: Uint32Array, rows: number): void {
  writer.column(name, type)
  const at = writer.take(rows)
  const out = writer.bytes
  for (let row = 0; row < rows; row++) out[at + row] = source[entries[row]!]!
}

function gathered16(writer: NativeWriter, name: string, source: Uint16Array, entries: Uint32Array, rows: number): void {
  writer.column(name, 'UInt16')
  const at = writer.take(2 * rows)
  const out = writer.view
  for (let row = 0; row < rows; row++) out.setUint16(at + 2 * row, source[entries[row]!]!, true)
}

function gathered32(writer: NativeWriter, name: string, source: Uint32Array, entries: Uint32Array, rows: number): void {
  writer.column(name, 'UInt32')
  const at = writer.take(4 * rows)
  const out = writer.view
  for (let row = 0; row < rows; row++) out.setUint32(at + 4 * row, source[entries[row]!]!, true)
}

function gathered64(writer: NativeWriter, name: string, source: Uint32Array, entries: Uint32Array, rows: number): void {
  writer.column(name, 'UInt64')
  const at = writer.take(8 * rows)
  const out = writer.view
  for (let row = 0; row < rows; row++) {
    const entry = 2 * entries[row]!
    out.setUint32(at + 8 * row, source[entry]!, true)
    out.setUint32(at + 8 * row + 4, source[entry + 1]!, true)
  }
}

function gathered128(writer: NativeWriter, name: string, source: Uint8Array, entries: Uint32Array, rows: number): void {
  writer.column(name, 'IPv6')
  const at = writer.take(16 * rows)
  const out = writer.view
  const from = new DataView(source.buffer, source.byteOffset, source.byteLength)
  // Moves of 64 bits without a BigInt: V8 compiles the pair of calls to one load and one store.
  for (let row = 0; row < rows; row++) {
    const entry = 16 * entries[row]!
    out.setBigInt64(at + 16 * row, from.getBigInt64(entry, true), true)
    out.setBigInt64(at + 16 * row + 8, from.getBigInt64(entry + 8, true), true)
  }
}

/** Map(String, String): where the pairs of each row end, all keys, all values. */
function writeExtra(writer: NativeWriter, decoder: FlowDecoder): void {
  const { rows, extraEnd, extraKeys, extraValues } = decoder.columns
  writer.column('extra', 'Map(String, String)')
  const at = writer.take(8 * rows)
  for (let row = 0; row < rows; row++) {
    writer.view.setUint32(at + 8 * row, extraEnd[row]!, true)
    writer.view.setUint32(at + 8 * row + 4, 0, true)
  }
  writer.raw(extraKeys.bytes.subarray(0, extraKeys.used))
  writer.raw(extraValues.bytes.subarray(0, extraValues.used))
}

/** Nullable numbers: which are null, then all of them. */
function writeOptional(writer: NativeWriter, number: (typeof optionalNumbers)[number], source: Float64Array, rows: number): void {
  const width = number.stored === 'Nullable(UInt16)' ? 2 : 8
  writer.column(number.column, number.stored)
  const nulls = writer.take(rows)
  const at = writer.take(width * rows)
  for (let row = 0; row < rows; row++) {
    const value = source[row]!
    writer.bytes[nulls + row] = value < 0 ? 1 : 0
    const known = value < 0 ? 0 : value
    if (width === 2) writer.view.setUint16(at + 2 * row, known, true)
    else {
      writer.view.setUint32(at + 8 * row, known % 0x1_0000_0000, true)
      writer.view.setUint32(at + 8 * row + 4, Math.floor(known / 0x1_0000_0000), true)
    }
  }
}

/** Bits of attributes that the log did not have, by entry of the traits: `swapped`, for a source that is remote. */
function unloggedBits(decoder: FlowDecoder, swapped: boolean): Uint32Array {
  const bits = Uint32Array.from(decoder.traits.absent)
  for (const { name, unloggedBit } of attributeRows) {
    if (unloggedBit === undefined) continue
    const local = 1 << unloggedBit
    loggedTraits(name).forEach(({ record }, end) => {
      const bit = (end === 0) === swapped ? remoteBits(local) : local
      decoder.traits.valuesOf(record).forEach((value, entry) => (bits[entry]! |= value === 0 ? bit : 0))
    })
  }
  return bits
}

function writeAbsent(writer: NativeWriter, decoder: FlowDecoder): void {
  const { rows, absent, traits, local, remote, direction } = decoder.columns
  const bits = decoder.endpoints.absent
  const asIs = unloggedBits(decoder, false)
  const swapped = unloggedBits(decoder, true)
  writer.column('absent', 'UInt32')
  const at = writer.take(4 * rows)
  const out = writer.view
  for (let row = 0; row < rows; row++) {
    const ofTraits = (direction[row] === 1 ? swapped : asIs)[traits[row]!]!
    out.setUint32(at + 4 * row, absent[row]! | ofTraits | bits[local[row]!]! | remoteBits(bits[remote[row]!]!), true)
  }
}
