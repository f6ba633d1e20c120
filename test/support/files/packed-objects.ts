/** Objects packed as ZIP and Snappy, for tests: writers of our own, with the places at which a hostile one lies. */
import { crc32c } from '@node-rs/crc32'
import { crc32, deflateRawSync } from 'node:zlib'

/** How to write an archive. */
export interface ZipShape {
  /** Lengths and checksum behind each file, as a writer does that cannot go back. */
  readonly descriptor?: boolean
  readonly stored?: boolean
  readonly flags?: number
  readonly method?: number
  /** Claimed in place of the length of each file. */
  readonly size?: number
}

/** Writes an archive. */
export function zipOf(files: readonly (Buffer | string)[], shape: ZipShape = {}): Buffer {
  const { descriptor = false, stored = false } = shape
  const method = shape.method ?? (stored ? 0 : 8)
  const flags = (shape.flags ?? 0) | (descriptor ? 8 : 0)
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  const put = (...bytes: Buffer[]): void => {
    parts.push(...bytes)
    for (const each of bytes) at += each.length
  }
  for (const [i, file] of files.entries()) {
    const content = Buffer.from(file)
    const packed = stored ? content : deflateRawSync(content)
    const name = Buffer.from(`entry-${i}`)
    const sums = Buffer.alloc(12)
    sums.writeUInt32LE(crc32(content), 0)
    sums.writeUInt32LE(packed.length, 4)
    sums.writeUInt32LE(shape.size ?? content.length, 8)
    const head = Buffer.alloc(14)
    head.writeUInt16LE(20, 0)
    head.writeUInt16LE(flags, 2)
    head.writeUInt16LE(method, 4)
    const lengths = Buffer.alloc(4)
    lengths.writeUInt16LE(name.length, 0)
    const place = Buffer.alloc(14)
    place.writeUInt32LE(at, 10)
    const common = [head.subarray(0, 10), sums, lengths]
    directory.push(Buffer.from('PK\x01\x02\x14\0'), ...common, place, name)
    put(Buffer.from('PK\x03\x04'), head.subarray(0, 10), descriptor ? Buffer.alloc(12) : sums, lengths, name, packed)
    if (descriptor) put(Buffer.from('PK\x07\x08'), sums)
  }
  const listed = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(files.length, 8)
  end.writeUInt16LE(files.length, 10)
  end.writeUInt32LE(listed.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...parts, listed, end])
}

const varint = (value: number): Buffer => {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0))
    if (rest < 128) return Buffer.from(bytes)
  }
}

const little = (value: number, bytes: number): Buffer => {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntLE(value, 0, bytes)
  return buffer
}

const big = (value: number): Buffer => {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32BE(value)
  return buffer
}

function literal(bytes: Buffer): Buffer[] {
  if (bytes.length === 0) return []
  const length = bytes.length - 1
  const extra = length < 60 ? 0 : length < 256 ? 1 : length < 65_536 ? 2 : length < 16_777_216 ? 3 : 4
  return [Buffer.from([(extra === 0 ? length : 59 + extra) << 2]), ...(extra === 0 ? [] : [little(length, extra)]), bytes]
}

/** Writes one block: literals, and copies with one, two and four bytes of offset. */
export function snappyBlock(content: Buffer | string, claimed?: number): Buffer {
  const bytes = Buffer.from(content)
  const parts = [varint(claimed ?? bytes.length)]
  const seen = new Map<string, number>()
  let open = 0
  for (let at = 0; at + 4 <= bytes.length;) {
    const word = bytes.toString('latin1', at, at + 4)
    const before = seen.get(word)
    seen.set(word, at)
    if (before === undefined || at - before > 65_535) {
      at++
      continue
    }
    let length = 4
    while (length < 64 && at + length < bytes.length && bytes[at + length] === bytes[before + length]) length++
    parts.push(...literal(bytes.subarray(open, at)))
    const offset = at - before
    if (length < 12 && offset < 2048) parts.push(Buffer.from([((offset >> 8) << 5) | ((length - 4) << 2) | 1, offset & 255]))
    else if (at % 7 === 0) parts.push(Buffer.from([((length - 1) << 2) | 3]), little(offset, 4))
    else parts.push(Buffer.from([((length - 1) << 2) | 2]), little(offset, 2))
    at += length
    open = at
  }
  parts.push(...literal(bytes.subarray(open)))
  return Buffer.concat(parts)
}

const cut = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_unused, i) => bytes.subarray(i * size, (i + 1) * size))

/** Writes the framing format: compressed and plain chunks in turn, padding and a chunk to be skipped. */
export function snappyFramed(content: Buffer | string): Buffer {
  const magic = Buffer.from('ff060000734e61507059', 'hex')
  const chunk = (kind: number, body: Buffer): Buffer => Buffer.concat([Buffer.from([kind]), little(body.length, 3), body])
  const parts = cut(Buffer.from(content), 60_000).map((part, i) => {
    const sum = crc32c(part)
    const masked = (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0
    return i % 3 === 2
      ? chunk(1, Buffer.concat([little(masked, 4), part]))
      : chunk(0, Buffer.concat([little(masked, 4), snappyBlock(part)]))
  })
  return Buffer.concat([magic, chunk(0xfe, Buffer.alloc(9)), ...parts, magic, chunk(0x81, Buffer.from('skipped'))])
}

/** Writes what snappy-java streams. */
export const snappyJava = (content: Buffer | string): Buffer =>
  Buffer.concat([
    Buffer.from('82534e41505059000000000100000001', 'hex'),
    ...cut(Buffer.from(content), 32_768).flatMap(part => {
      const block = snappyBlock(part)
      return [big(block.length), block]
    }),
  ])

/** Writes what Hadoop stores: blocks of a few parts each. */
export const snappyHadoop = (content: Buffer | string): Buffer =>
  Buffer.concat(
    cut(Buffer.from(content), 100_000).flatMap(block => [
      big(block.length),
      ...cut(block, 40_000).flatMap(part => {
        const packed = snappyBlock(part)
        return [big(packed.length), packed]
      }),
    ]),
  )
