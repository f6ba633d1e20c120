/**
 * Unpacks an object the plain way: all of it at once, in memory. Shares no code with the fetcher, on purpose; only the decompressors of the
 * platform are the same.
 */
import { crc32, gunzipSync, inflateRawSync, zstdDecompressSync } from 'node:zlib'

/** Text of an object. @throws Error if it is damaged, or in a format that is not read. */
export function unpackPlainly(stored: Buffer): Buffer {
  const digits = stored.toString('hex', 0, 10)
  if (/^(28b52ffd|5.2a4d18)/.test(digits)) return gunzipped(zstdFrames(stored), 1)
  if (/^504b0(304|506)/.test(digits)) return gunzipped(zipFiles(stored), 1)
  if (digits === 'ff060000734e61507059') return gunzipped(framedSnappy(stored), 1)
  if (digits.startsWith('82534e4150505900')) return gunzipped(javaSnappy(stored), 1)
  if (digits.startsWith('1f8b')) return gunzipped(stored, 2)
  if (!isText(stored)) {
    for (const unpack of [hadoopSnappy, snappy]) {
      const text = attempt(() => unpack(stored))
      if (text !== undefined && ((isText(text) && text.toString('latin1', 0, 4096).trim() !== '') || text.toString('hex', 0, 2) === '1f8b'))
        return gunzipped(text, 1)
    }
  }
  return stored
}

const attempt = (unpack: () => Buffer): Buffer | undefined => {
  try {
    return unpack()
  } catch {
    return undefined
  }
}

/** True if a beginning has nothing that a text does not have. */
function isText(bytes: Buffer): boolean {
  return strangers(bytes) === 0
}

const strangers = (bytes: Buffer): number => {
  // the last character may be cut
  const text = bytes.toString('utf8', 0, 4096).replace(/\ufffd$/, '')
  return text.match(/[\u0000-\u0008\u000e-\u001a\u001c-\u001f\u007f\ufffd]/g)?.length ?? 0
}

/** Beginnings of other formats. */
const others =
  /^(?:BZh[1-9](?:1AY&SY|\x17rE8P\x90)|\xfd7zXZ\0|\x04"M\x18|\x02!L\x18|PK\x03\x04|\xff\x06\0\0sNaPpY|\x82SNAPPY\0|\x1f\x8b\x08|\x28\xb5\x2f\xfd|7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|\x89LZO\0|LZIP\x01|\x1f\x9d|Obj\x01|(?:ORC|PAR1|PARE)[\0-\x1f]|ARROW1\0\0|\xff\xfe|\xfe\xff|\xd4\xc3\xb2\xa1|\xa1\xb2\xc3\xd4|\x4d\x3c\xb2\xa1|\xa1\xb2\x3c\x4d|\x0a\x0d\x0d\x0a)/

/** Why what was unpacked is not text; undefined: it may be one. */
export function noText(content: Buffer, isHeader: (line: string) => boolean): string | undefined {
  const head = content.toString('latin1', 0, 4096)
  if (others.test(head) || head.slice(257, 262) === 'ustar') return 'another format'
  if (strangers(content) * 20 <= Math.min(content.length, 4096) || isHeader(content.toString('utf8', 0, 4096).split('\n', 1)[0]!))
    return undefined
  return 'no text'
}

function gunzipped(bytes: Buffer, times: number): Buffer {
  return times > 0 && bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipped(gunzipSync(bytes), times - 1) : bytes
}

/** A zstd object may have several frames, and zlib reads one at a time. */
function zstdFrames(stored: Buffer): Buffer {
  const frames: Buffer[] = []
  for (let rest = stored; rest.length > 0;) {
    if (!/^(28b52ffd|5.2a4d18)/.test(rest.toString('hex', 0, 4))) throw new Error('bytes behind the zstd data that are not zstd')
    const { buffer, engine } = zstdDecompressSync(rest, { info: true }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } }
    frames.push(buffer)
    rest = rest.subarray(engine.bytesWritten)
  }
  return Buffer.concat(frames)
}

/** The files of an archive, as its directory at the end lists them; each ended by a line feed. */
function zipFiles(stored: Buffer): Buffer {
  const end = stored.lastIndexOf('PK\x05\x06')
  if (end < 0 || end + 22 + stored.readUInt16LE(end + 20) !== stored.length) throw new Error('an archive without its end')
  const files: Buffer[] = []
  let at = stored.readUInt32LE(end + 16)
  let next = 0
  for (let i = 0; i < stored.readUInt16LE(end + 10); i++) {
    if (stored.toString('latin1', at, at + 4) !== 'PK\x01\x02') throw new Error('a directory that is damaged')
    const [flags, method, sum, packed, size] = [at + 8, at + 10]
      .map(place => stored.readUInt16LE(place))
      .concat([16, 20, 24].map(place => stored.readUInt32LE(at + place)))
    const local = stored.readUInt32LE(at + 42)
    if (local !== next || (flags! & 1) !== 0) throw new Error('a file that is hidden or encrypted')
    const from = local + 30 + stored.readUInt16LE(local + 26) + stored.readUInt16LE(local + 28)
    const bytes = stored.subarray(from, from + packed!)
    const file = method === 8 ? inflateRawSync(bytes) : method === 0 ? bytes : undefined
    if (file?.length !== size || crc32(file!) !== sum) throw new Error('a file that is not what it says')
    next =
      from + packed! + ((flags! & 8) === 0 ? 0 : stored.toString('latin1', from + packed!, from + packed! + 4) === 'PK\x07\x08' ? 16 : 12)
    const isOpen = files.length > 0 && file!.length > 0 && files.at(-1)!.at(-1) !== 10
    if (isOpen) files.push(Buffer.from('\n'))
    if (file!.length > 0) files.push(file!)
    at += 46 + stored.readUInt16LE(at + 28) + stored.readUInt16LE(at + 30) + stored.readUInt16LE(at + 32)
  }
  return Buffer.concat(files)
}

/** One block of Snappy, as its description says. */
function snappy(block: Buffer): Buffer {
  let at = 0
  const little = (bytes: number): number => (bytes === 0 ? 0 : block.readUIntLE((at += bytes) - bytes, bytes))
  let [length, factor] = [0, 1]
  for (let byte = 128; byte >= 128; factor *= 128) {
    byte = little(1)
    length += (byte & 127) * factor
  }
  if (length > 64 * block.length + 64) throw new Error('more than so many bytes can say')
  const output = Buffer.alloc(length)
  let filled = 0
  while (at < block.length) {
    const tag = little(1)
    const high = tag >>> 2
    if ((tag & 3) === 0) {
      const count = 1 + (high < 60 ? high : little(high - 59))
      if (at + count > block.length || filled + count > length) throw new Error('a literal that is too long')
      filled += block.copy(output, filled, at, (at += count))
    } else {
      const count = (tag & 3) === 1 ? 4 + (high & 7) : 1 + high
      const back = (tag & 3) === 1 ? (tag >>> 5) * 256 + little(1) : little((tag & 3) === 2 ? 2 : 4)
      if (back === 0 || back > Math.min(filled, 65_536) || filled + count > length) throw new Error('a copy of what is not there')
      for (let i = 0; i < count; i++, filled++) output[filled] = output[filled - back]!
    }
  }
  if (filled !== length || length === 0) throw new Error('a block that is cut')
  return output
}

function framedSnappy(stored: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < stored.length;) {
    const [kind, length] = [stored[at]!, stored.readUIntLE(at + 1, 3)]
    const chunk = stored.subarray(at + 4, at + 4 + length)
    if (chunk.length < length || (kind > 1 && kind < 128)) throw new Error('a stream that is cut or damaged')
    if (kind === 0) parts.push(snappy(chunk.subarray(4)))
    else if (kind === 1) parts.push(chunk.subarray(4))
    at += 4 + length
  }
  return Buffer.concat(parts)
}

function javaSnappy(stored: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < stored.length;) {
    if (stored.toString('hex', at, at + 8) === '82534e4150505900') at += 16
    else {
      const length = stored.readUInt32BE(at)
      parts.push(snappy(stored.subarray(at + 4, (at += 4 + length))))
    }
  }
  return Buffer.concat(parts)
}

function hadoopSnappy(stored: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < stored.length;) {
    let left = stored.readUInt32BE(at)
    at += 4
    while (left > 0) {
      const length = stored.readUInt32BE(at)
      const part = snappy(stored.subarray(at + 4, at + 4 + length))
      at += 4 + length
      left -= part.length
      parts.push(part)
    }
    if (left < 0) throw new Error('a block that is longer than it says')
  }
  return Buffer.concat(parts)
}
