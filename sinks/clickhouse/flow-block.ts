/** The flows of a range as one Native block: per column one loop over the rows, with dictionaries of LowCardinality columns built here. */
import type { FlowDecoder } from './columns/flow-decoder.ts'
import { contextColumns, type ContextRow } from './columns/context-dictionary.ts'
import { absentBits, remoteBits } from './columns/absent-bits.ts'
import type { FlowClass } from './columns/class-dictionary.ts'
import { nextHopColumns } from './columns/next-hop-dictionary.ts'
import { LowCardinalityEncoder } from './low-cardinality.ts'
import type { NativeBlock, NativeWriter } from './native-writer.ts'
import { rowBlock, type CellColumn } from './row-block.ts'

const enums = {
  direction: "Enum8('unknown' = 0, 'ingress' = 1, 'egress' = 2)",
  direction_source: "Enum8('none' = 0, 'logged' = 1, 'inferred' = 2, 'inferred_count' = 3, 'own_network' = 4)",
  flow_direction: "Enum8('-' = 0, 'ingress' = 1, 'egress' = 2)",
  action: "Enum8('-' = 0, 'ACCEPT' = 1, 'REJECT' = 2)",
  log_status: "Enum8('-' = 0, 'OK' = 1, 'NODATA' = 2, 'SKIPDATA' = 3)",
  time_source: "Enum8('none' = 0, 'logged' = 1, 'slot' = 2, 'start' = 3, 'end' = 4)",
  service_port_source: "Enum8('none' = 0, 'tcp_flags' = 1, 'inferred' = 2)",
} as const

/** Columns of a block of flows, in its order. */
export const flowBlockColumns: readonly string[] = [
  'start',
  'dur',
  'interface',
  'direction',
  'direction_source',
  'time_source',
  'flow_direction',
  'action',
  'log_status',
  'version',
  'protocol',
  'traffic_path',
  'encryption',
  'tcp_flags',
  'type',
  'reject_reason',
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
  'local_country',
  'remote_country',
  'local_asn',
  'remote_asn',
  'local_as_org',
  'remote_as_org',
  'local_threat',
  'remote_threat',
  'local_service',
  'remote_service',
  ...nextHopColumns.map(column => column.name),
  'extra',
  'object_id',
  'line',
  'absent',
]

/** Encodes the rows of a decoder. */
export class FlowBlockEncoder {
  readonly #low = new LowCardinalityEncoder()
  #scratch = new Uint32Array(0)
  #rows = new Uint32Array(0)

  /** @returns The block; its bytes are the writer's. */
  encode(writer: NativeWriter, decoder: FlowDecoder): NativeBlock {
    const { columns, endpoints } = decoder
    const { rows, local, remote, flowClass } = columns
    const classes = decoder.classes.classes
    writer.begin(flowBlockColumns.length, rows)
    copied(writer, 'start', "DateTime('UTC')", columns.start, rows)
    copied(writer, 'dur', 'Int32', columns.duration, rows)
    gathered64(writer, 'interface', decoder.contexts.hashes, columns.context, rows)
    copied(writer, 'direction', enums.direction, columns.direction, rows)
    copied(writer, 'direction_source', enums.direction_source, columns.directionSource, rows)
    copied(writer, 'time_source', enums.time_source, columns.timeSource, rows)
    const byClass = (name: string, type: string, value: (entry: FlowClass) => number): void =>
      gathered8(writer, name, type, Uint8Array.from(classes, value), flowClass, rows)
    byClass('flow_direction', enums.flow_direction, entry => entry.flowDirection)
    byClass('action', enums.action, entry => entry.action)
    byClass('log_status', enums.log_status, entry => entry.logStatus)
    byClass('version', 'UInt8', entry => entry.version)
    byClass('protocol', 'UInt8', entry => entry.protocol)
    byClass('traffic_path', 'UInt8', entry => entry.trafficPath)
    byClass('encryption', 'UInt8', entry => entry.encryption)
    gathered16(
      writer,
      'tcp_flags',
      Uint16Array.from(classes, entry => entry.tcpFlags),
      flowClass,
      rows,
    )
    const text = (name: string, texts: Uint32Array, entries: Uint32Array): void =>
      this.#low.write(writer, name, decoder.texts, rows, texts, entries)
    text(
      'type',
      Uint32Array.from(classes, entry => entry.type),
      flowClass,
    )
    text(
      'reject_reason',
      Uint32Array.from(classes, entry => entry.rejectReason),
      flowClass,
    )
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
    text('local_country', endpoints.country, local)
    text('remote_country', endpoints.country, remote)
    gathered32(writer, 'local_asn', endpoints.asn, local, rows)
    gathered32(writer, 'remote_asn', endpoints.asn, remote, rows)
    text('local_as_org', endpoints.asOrg, local)
    text('remote_as_org', endpoints.asOrg, remote)
    text('local_threat', endpoints.threat, local)
    text('remote_threat', endpoints.threat, remote)
    this.#writeServices(writer, decoder)
    nextHopColumns.forEach(({ name }, i) => text(name, Uint32Array.from(decoder.nextHops.texts[i]!), columns.nextHop))
    writeExtra(writer, decoder)
    copied(writer, 'object_id', 'UInt64', columns.objectId, 2 * rows)
    copied(writer, 'line', 'UInt32', columns.line, rows)
    writeAbsent(writer, decoder)
    return writer.end(flowBlockColumns, rows)
  }

  /** 0, 1, 2 ...: for columns that have a text per row. */
  #itself(rows: number): Uint32Array {
    if (this.#rows.length < rows) this.#rows = Uint32Array.from({ length: rows }, (_, row) => row)
    return this.#rows
  }

  /** The service of a side: as logged, else by the published ranges. */
  #writeServices(writer: NativeWriter, decoder: FlowDecoder): void {
    const { columns, endpoints } = decoder
    const { rows, direction, flowClass } = columns
    if (this.#scratch.length < rows) this.#scratch = new Uint32Array(rows)
    const source = Uint32Array.from(decoder.classes.classes, entry => entry.srcService)
    const destination = Uint32Array.from(decoder.classes.classes, entry => entry.dstService)
    for (const side of ['local', 'remote'] as const) {
      const entries = columns[side]
      // On ingress the destination is local.
      const onIngress = side === 'local' ? destination : source
      const otherwise = side === 'local' ? source : destination
      for (let row = 0; row < rows; row++) {
        const logged = (direction[row] === 1 ? onIngress : otherwise)[flowClass[row]!]!
        this.#scratch[row] = logged !== 0 ? logged : endpoints.service[entries[row]!]!
      }
      this.#low.write(writer, `${side}_service`, decoder.texts, rows, this.#scratch, this.#itself(rows))
    }
  }
}

const contextCells: readonly CellColumn<ContextRow>[] = [
  { name: 'interface', type: 'UInt64', cell: row => row.hash },
  ...contextColumns.map(({ name }, i): CellColumn<ContextRow> => ({ name, type: 'String', cell: row => row.values[i]! })),
]

/** Encodes rows of `interfaces`. */
export const contextBlock = (writer: NativeWriter, contexts: readonly ContextRow[]): NativeBlock => rowBlock(writer, contextCells, contexts)

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

function writeAbsent(writer: NativeWriter, decoder: FlowDecoder): void {
  const { rows, absent, flowClass, local, remote, direction } = decoder.columns
  const { classes } = decoder.classes
  const bits = decoder.endpoints.absent
  // Services that the log did not have, for a source that is local (egress) and for one that is remote (ingress).
  const unlogged = (entry: FlowClass, srcBit: number, dstBit: number): number =>
    (entry.srcService === 0 ? srcBit : 0) | (entry.dstService === 0 ? dstBit : 0)
  const localBit = absentBits.localService
  const straight = Uint32Array.from(classes, entry => entry.absent | unlogged(entry, localBit, remoteBits(localBit)))
  const turned = Uint32Array.from(classes, entry => entry.absent | unlogged(entry, remoteBits(localBit), localBit))
  writer.column('absent', 'UInt32')
  const at = writer.take(4 * rows)
  const out = writer.view
  for (let row = 0; row < rows; row++) {
    const ofClass = (direction[row] === 1 ? turned : straight)[flowClass[row]!]!
    out.setUint32(at + 4 * row, absent[row]! | ofClass | bits[local[row]!]! | remoteBits(bits[remote[row]!]!), true)
  }
}
