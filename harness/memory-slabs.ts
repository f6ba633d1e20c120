/** Kafka record format v2 for tests: written on its own, so that it checks the encoders of the product instead of repeating them. */
import type { InSlab, OutRecord, OutSlab } from '../runtime/records.ts'

/** One record of a slab. */
export interface SlabRecord {
  readonly offsetDelta: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer>>
}

function writeVarint(into: number[], value: number): void {
  let rest = value >= 0 ? value * 2 : -value * 2 - 1
  while (rest > 127) {
    into.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  into.push(rest)
}

function writeBytes(into: number[], bytes: Uint8Array | null): void {
  writeVarint(into, bytes?.length ?? -1)
  if (bytes !== null) for (const byte of bytes) into.push(byte)
}

/**
 * Writes records one after the other.
 *
 * @param records Records of one partition.
 * @param deltas Offset of each record relative to the batch; default 0, 1, 2 ...
 */
export function encodeSlab(records: readonly OutRecord[], deltas?: readonly number[]): OutSlab {
  const all: number[] = []
  for (const [index, record] of records.entries()) {
    const body = [0]
    writeVarint(body, 0)
    writeVarint(body, deltas?.[index] ?? index)
    writeBytes(body, record.key)
    writeBytes(body, record.value)
    const headers = Object.entries(record.headers ?? {})
    writeVarint(body, headers.length)
    for (const [name, value] of headers) {
      writeBytes(body, Buffer.from(name))
      writeBytes(body, Buffer.from(value))
    }
    writeVarint(all, body.length)
    for (const byte of body) all.push(byte)
  }
  return { bytes: Uint8Array.from(all), count: records.length }
}

/** Reads the records of a slab; throws where the bytes do not end with the last record. */
export function decodeSlab(slab: OutSlab | InSlab): SlabRecord[] {
  const bytes = Buffer.from(slab.bytes)
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]
      if (byte === undefined) throw new RangeError('slab ends within a varint')
      value += (byte & 127) * scale
      if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
  }
  const field = (): Buffer | null => {
    const length = varint()
    if (length < 0) return null
    if (at + length > bytes.length) throw new RangeError('slab ends within a field')
    at += length
    return bytes.subarray(at - length, at)
  }
  const records: SlabRecord[] = []
  for (let i = 0; i < slab.count; i++) {
    const length = varint()
    const end = at + length
    if (bytes[at++] !== 0) throw new RangeError('attributes of a record are not 0')
    if (varint() !== 0) throw new RangeError('timestamp delta of a record is not 0')
    const offsetDelta = varint()
    const key = field()
    const value = field()
    const headers: Record<string, Buffer> = {}
    for (let left = varint(); left > 0; left--) headers[(field() ?? Buffer.alloc(0)).toString()] = field() ?? Buffer.alloc(0)
    if (at !== end) throw new RangeError(`record ${i} says ${length} bytes but has ${length + at - end}`)
    records.push({ offsetDelta, key, value, headers })
  }
  if (at !== bytes.length) throw new RangeError('slab has bytes behind its last record')
  return records
}
