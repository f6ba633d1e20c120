/**
 * Kafka's record format v2: records inside a batch, and the header of a batch.
 *
 * @see https://kafka.apache.org/documentation/#recordbatch
 */
import { promisify } from 'node:util'
import { gunzip, gzip, constants, zstdCompress, zstdDecompress } from 'node:zlib'
import { crc32c } from '@node-rs/crc32'
import { compressFrameSync } from 'lz4-napi'
import type { InRecord, OutRecord, OutSlab } from '../records.ts'
import { decompressFrame } from './lz4-frame.ts'

/** Codec of a batch, as the number in its attributes. */
export const codecNumbers = { none: 0, gzip: 1, lz4: 3, zstd: 4 } as const
/** Name of a codec that flowloom can write. */
export type CodecName = keyof typeof codecNumbers

/** Bytes of a batch before its records. */
export const batchHeaderLength = 61

const deflate = promisify(gzip)
const inflate = promisify(gunzip)
const pack = promisify(zstdCompress)
const unpack = promisify(zstdDecompress)

const varintLength = (value: number): number => {
  let zigzag = value < 0 ? -2 * value - 1 : 2 * value
  let length = 1
  while (zigzag >= 128) {
    zigzag = Math.floor(zigzag / 128)
    length++
  }
  return length
}

const writeVarint = (target: Uint8Array, at: number, value: number): number => {
  let zigzag = value < 0 ? -2 * value - 1 : 2 * value
  while (zigzag >= 128) {
    target[at++] = (zigzag % 128) | 128
    zigzag = Math.floor(zigzag / 128)
  }
  target[at++] = zigzag
  return at
}

/**
 * Frames records for one batch.
 *
 * @param target Reused memory: a fresh buffer of a megabyte per batch is a tax that the garbage collector takes.
 * @returns A slab in `target` where it fits, else in a buffer of its own.
 */
export function frameRecords(records: readonly OutRecord[], target?: Buffer): OutSlab {
  const headers = records.map(record =>
    Object.entries(record.headers ?? {}).map(([name, value]) => [Buffer.from(name), Buffer.from(value)] as const),
  )
  const lengths = records.map((record, i) => {
    let length = 1 + 1 + varintLength(i) + varintLength(record.key?.length ?? -1) + (record.key?.length ?? 0)
    length += varintLength(record.value?.length ?? -1) + (record.value?.length ?? 0) + varintLength(headers[i]!.length)
    for (const [name, value] of headers[i]!) length += varintLength(name.length) + name.length + varintLength(value.length) + value.length
    return length
  })
  const size = lengths.reduce((sum, length) => sum + length + varintLength(length), 0)
  const bytes = target !== undefined && target.length >= size ? target.subarray(0, size) : Buffer.allocUnsafe(size)
  let at = 0
  records.forEach((record, i) => {
    at = writeVarint(bytes, at, lengths[i]!)
    bytes[at++] = 0
    bytes[at++] = 0
    at = writeVarint(bytes, at, i)
    for (const part of [record.key, record.value]) {
      at = writeVarint(bytes, at, part?.length ?? -1)
      if (part !== null) at += part.copy(bytes, at)
    }
    at = writeVarint(bytes, at, headers[i]!.length)
    for (const pair of headers[i]!)
      for (const part of pair) {
        at = writeVarint(bytes, at, part.length)
        at += part.copy(bytes, at)
      }
  })
  return { bytes, count: records.length }
}

/** Reads varints and bytes one after the other. */
class Cursor {
  readonly bytes: Buffer
  at: number
  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes
    this.at = at
  }
  varint(): number {
    let result = 0
    let scale = 1
    for (;;) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) throw new RangeError('records end in the middle of a number')
      result += (byte & 127) * scale
      if (byte < 128) break
      scale *= 128
    }
    return result % 2 === 0 ? result / 2 : -(result + 1) / 2
  }
  take(): Buffer | null {
    const length = this.varint()
    if (length < 0) return null
    const part = this.bytes.subarray(this.at, this.at + length)
    this.at += length
    return part
  }
}

/**
 * Reads the records of a slab, one after the other; the parts share the slab's memory.
 *
 * @param appendTime All records have the time of the batch.
 * @throws RangeError if the bytes end too early.
 */
export function* readRecords(
  bytes: Uint8Array,
  count: number,
  baseOffset: number,
  baseTimestampMs = 0,
  appendTime = false,
): Generator<InRecord> {
  const cursor = new Cursor(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  for (let i = 0; i < count; i++) {
    const length = cursor.varint()
    const end = cursor.at + length
    cursor.at++
    const deltaMs = cursor.varint()
    const timestampMs = appendTime ? baseTimestampMs : baseTimestampMs + deltaMs
    const offset = baseOffset + cursor.varint()
    const key = cursor.take()
    const value = cursor.take()
    const headers: Record<string, Buffer> = {}
    for (let n = cursor.varint(); n > 0; n--) {
      const name = cursor.take()!.toString()
      headers[name] = cursor.take() ?? Buffer.alloc(0)
    }
    cursor.at = end
    yield { offset, timestampMs, key, value, headers }
  }
}

/** Compresses framed records. The result never shares memory with the input, except for `none`. */
export async function compressRecords(codec: CodecName, bytes: Uint8Array): Promise<Buffer> {
  const plain = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (codec) {
    case 'none':
      return plain
    case 'lz4':
      return compressFrameSync(plain)
    case 'gzip':
      return deflate(plain, { level: 1 })
    case 'zstd':
      return pack(plain, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
  }
}

/** Decompresses the records of a batch. */
export async function decompressRecords(codec: number, bytes: Buffer): Promise<Buffer> {
  switch (codec) {
    case codecNumbers.none:
      return bytes
    case codecNumbers.lz4:
      return decompressFrame(bytes)
    case codecNumbers.gzip:
      return inflate(bytes)
    case codecNumbers.zstd:
      return unpack(bytes)
    default:
      throw new TypeError(`records are compressed with codec ${codec}, which flowloom does not read`)
  }
}

/** What the header of a batch says besides its records. */
export interface BatchHeader {
  readonly codec: number
  readonly count: number
  readonly timestampMs: number
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly firstSequence: number
  readonly transactional: boolean
}

/** Builds the header of a batch alone, so that the records need not be copied behind it. */
export function batchHeader(header: BatchHeader, records: Uint8Array): Buffer {
  const batch = Buffer.allocUnsafe(batchHeaderLength)
  batch.writeBigInt64BE(0n, 0)
  batch.writeInt32BE(batchHeaderLength + records.length - 12, 8)
  batch.writeInt32BE(-1, 12)
  batch.writeInt8(2, 16)
  batch.writeInt16BE(header.codec | (header.transactional ? 16 : 0), 21)
  batch.writeInt32BE(header.count - 1, 23)
  batch.writeBigInt64BE(BigInt(header.timestampMs), 27)
  batch.writeBigInt64BE(BigInt(header.timestampMs), 35)
  batch.writeBigInt64BE(header.producerId, 43)
  batch.writeInt16BE(header.producerEpoch, 51)
  batch.writeInt32BE(header.firstSequence, 53)
  batch.writeInt32BE(header.count, 57)
  batch.writeUInt32BE(crc32c(records, crc32c(batch.subarray(21))), 17)
  return batch
}
