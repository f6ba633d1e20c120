/** What the first bytes of an object say of its format: one that is read, one that is not and has a name, or text. */
import { isHeaderLine } from './header-line.ts'
import { snappyForm, snappyMagic, type SnappyForm } from './snappy-text.ts'

/** A format that is known and not read. The message names it. */
export class UnreadFormat extends Error {}

/** Bytes at the beginning of an object that tell what it is. */
export const headBytes = 4096

/** How the bytes of an object are packed. */
export type Packing = 'gzip' | 'zstd' | 'zip' | `snappy-${SnappyForm}` | 'plain'

const startsWith = (head: Buffer, hex: string): boolean => head.toString('hex', 0, hex.length / 2) === hex

/** Tells gzip and zstd by their magic bytes: what may also follow such data. */
export function streamPacking(head: Buffer): 'gzip' | 'zstd' | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip'
  const magic = head.length < 4 ? 0 : head.readUInt32LE(0)
  // a zstd frame, or one of the 16 kinds that a reader skips
  return magic === 0xfd2fb528 || magic >>> 4 === 0x184d2a5 ? 'zstd' : undefined
}

/** Tells how an object is packed by its first bytes: at least `headBytes` of them, or all. */
export function packingOf(head: Buffer): Packing {
  const stream = streamPacking(head)
  if (stream !== undefined) return stream
  if (startsWith(head, '504b0304') || startsWith(head, '504b0506')) return 'zip'
  const magic = snappyMagic(head)
  if (magic !== undefined) return `snappy-${magic}`
  // Snappy without magic bytes: only where it cannot be text, and what comes out is
  if (strangeBytes(head) === 0 || beginsWithHeader(head) || unreadFormat(head) !== undefined) return 'plain'
  const form = snappyForm(
    head,
    head.length < headBytes,
    output => streamPacking(output) === 'gzip' || (strangeBytes(output) === 0 && output.toString('latin1').trim() !== ''),
  )
  return form === undefined ? 'plain' : `snappy-${form}`
}

/** Beginnings of formats that are not read, in hexadecimal digits; a dot is any digit. */
const unread: readonly (readonly [string, RegExp])[] = [
  ['bzip2', /^425a683[1-9](?:314159265359|177245385090)/],
  ['xz', /^fd377a585a00/],
  ['LZ4', /^(?:04224d18|02214c18)/],
  ['ZIP within another compression', /^504b0304/],
  ['Snappy within another compression', /^(?:ff060000734e61507059|82534e4150505900)/],
  ['gzip three times over', /^1f8b08/],
  ['zstd within another compression', /^28b52ffd/],
  ['7z', /^377abcaf271c/],
  ['RAR', /^526172211a07/],
  ['LZO', /^894c5a4f000d0a1a0a/],
  ['lzip', /^4c5a495001/],
  ['compress (.Z)', /^1f9d/],
  ['Avro', /^4f626a01/],
  ['ORC', /^4f5243[01]./],
  ['Parquet within a compression', /^50415231[01]./],
  ['encrypted Parquet', /^50415245[01]./],
  ['Arrow', /^4152524f57310000/],
  ['a packet capture', /^(?:d4c3b2a1|a1b2c3d4|4d3cb2a1|a1b23c4d|0a0d0d0a)/],
  ['UTF-16 text', /^(?:fffe|feff)/],
]

/** True if an object begins as a Parquet file: a text that begins with these letters goes on with one. */
export const beginsAsParquet = (head: Buffer): boolean => /^50415231[01]./.test(head.toString('hex', 0, 5))

/** Name of the format of bytes that should be text, if it is known; undefined: not one of these. */
export function unreadFormat(head: Buffer): string | undefined {
  const digits = head.toString('hex', 0, 16)
  if (head.toString('latin1', 257, 262) === 'ustar') return 'tar'
  return unread.find(([, pattern]) => pattern.test(digits))?.[0]
}

/** One of so many bytes may be one that a text does not have. */
const strangeShare = 20

/** True if bytes are not text: too many control characters or bytes that are not UTF-8. A header line makes them text with damage. */
export function isBinary(head: Buffer): boolean {
  return strangeBytes(head) * strangeShare > head.length && !beginsWithHeader(head)
}

function beginsWithHeader(head: Buffer): boolean {
  const feed = head.indexOf(10)
  return isHeaderLine(head.subarray(0, feed < 0 ? head.length : feed).toString())
}

/** Bytes that a text does not have: control characters but for white space and escape, and what is not UTF-8. The last character may be cut. */
export function strangeBytes(bytes: Buffer): number {
  let strange = 0
  for (let i = 0; i < bytes.length;) {
    const byte = bytes[i]!
    if (byte < 0x80) {
      if (byte < 32 ? byte < 9 || (byte > 13 && byte !== 27) : byte === 127) strange++
      i++
      continue
    }
    const more = byte < 0xc2 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : byte < 0xf5 ? 3 : 0
    let following = 0
    while (following < more && (bytes[i + 1 + following]! & 0xc0) === 0x80) following++
    const isCut = more > 0 && i + 1 + following === bytes.length
    if (following < more || more === 0) strange += isCut ? 0 : 1
    i += 1 + following
  }
  return strange
}
