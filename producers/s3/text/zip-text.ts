/**
 * The files of a ZIP archive as one text, read from its beginning to its end: memory is that of one decompression, whatever the archive claims.
 * A file that does not end with a line feed gets one, so that no line is of two files.
 *
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
import { crc32, createInflateRaw, type InflateRaw } from 'node:zlib'
import { Damaged, type Pieces } from './byte-pieces.ts'
import { UnreadFormat } from './object-formats.ts'
import { plural } from '../../../runtime/counted.ts'

const [localFile, centralFile, dataDescriptor] = [0x04034b50, 0x02014b50, 0x08074b50]
const [wideEnd, wideLocator, endOfDirectory] = [0x06064b50, 0x07064b50, 0x06054b50]
const wide = 0xffffffff
const lineFeed = Buffer.from('\n')

/** Decompresses to the end of the data, and puts back what is behind it. */
export type Expand = (engine: InflateRaw, pieces: Pieces) => AsyncGenerator<Buffer>

/** What the header of a file says. */
interface LocalFile {
  readonly flags: number
  readonly method: number
  readonly sum: number
  readonly stored: number
  readonly size: number
  /** True if its lengths take 8 bytes. */
  readonly wide: boolean
}

/**
 * Text of an archive.
 *
 * @throws Damaged if it is damaged or cut; UnreadFormat where it is encrypted or compressed in another way than deflate.
 */
export async function* zipText(pieces: Pieces, expand: Expand, chunkSize: number): AsyncGenerator<Buffer, void, undefined> {
  let files = 0
  let last = 10
  for (;;) {
    const kind = (await pieces.exactly(4)).readUInt32LE(0)
    if (kind === centralFile || kind === wideEnd || kind === endOfDirectory) {
      await readDirectory(pieces, kind, files)
      return
    }
    if (kind !== localFile) throw new Damaged('a ZIP archive has something else in the place of a file')
    const file = await readHeader(pieces)
    files++
    const content = file.method === 8 ? expand(createInflateRaw({ chunkSize }), pieces) : storedBytes(file, pieces)
    let [size, sum] = [0, 0]
    for await (const chunk of content) {
      if (chunk.length === 0) continue
      if (size === 0 && last !== 10) yield lineFeed
      size += chunk.length
      sum = crc32(chunk, sum)
      last = chunk.at(-1)!
      yield chunk
    }
    await check(file, pieces, size, sum)
  }
}

async function readHeader(pieces: Pieces): Promise<LocalFile> {
  const head = await pieces.exactly(26)
  const [flags, method] = [head.readUInt16LE(2), head.readUInt16LE(4)]
  const [nameBytes, extraBytes] = [head.readUInt16LE(22), head.readUInt16LE(24)]
  await pieces.skip(nameBytes)
  const extra = await pieces.exactly(extraBytes)
  if ((flags & 1) !== 0) throw new UnreadFormat('an encrypted ZIP archive')
  if (method !== 0 && method !== 8) throw new UnreadFormat(`a ZIP archive with compression method ${method}`)
  let [stored, size] = [head.readUInt32LE(14), head.readUInt32LE(18)]
  const lengths = wideLengths(extra)
  if (lengths !== undefined && size === wide) size = lengths.size
  if (lengths !== undefined && stored === wide) stored = lengths.stored
  return { flags, method, sum: head.readUInt32LE(10), stored, size, wide: lengths !== undefined }
}

/** Lengths of 8 bytes, which stand in a field of their own. */
function wideLengths(extra: Buffer): { size: number; stored: number } | undefined {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2))
    if (extra.readUInt16LE(at) === 1 && extra.readUInt16LE(at + 2) >= 16 && at + 20 <= extra.length)
      return { size: Number(extra.readBigUInt64LE(at + 4)), stored: Number(extra.readBigUInt64LE(at + 12)) }
  return undefined
}

const hasDescriptor = ({ flags }: LocalFile): boolean => (flags & 8) !== 0

async function* storedBytes(file: LocalFile, pieces: Pieces): AsyncGenerator<Buffer> {
  if (hasDescriptor(file)) throw new UnreadFormat('a ZIP archive with a file of unknown length that is not compressed')
  for (let left = file.stored; left > 0;) {
    const piece = await pieces.upTo(left)
    if (piece === undefined) throw new Damaged('a ZIP archive is cut')
    left -= piece.length
    yield piece
  }
}

/** Compares a file with what its header says, or what stands behind it. */
async function check(file: LocalFile, pieces: Pieces, size: number, sum: number): Promise<void> {
  let [expectedSum, expectedSize] = [file.sum, file.size]
  if (hasDescriptor(file)) {
    const first = (await pieces.exactly(4)).readUInt32LE(0)
    expectedSum = first === dataDescriptor ? (await pieces.exactly(4)).readUInt32LE(0) : first
    const lengths = await pieces.exactly(file.wide ? 16 : 8)
    expectedSize = file.wide ? Number(lengths.readBigUInt64LE(8)) : lengths.readUInt32LE(4)
  }
  const actualSize = file.wide ? size : size % (wide + 1)
  if (expectedSum !== sum || expectedSize !== actualSize)
    throw new Damaged('a file of a ZIP archive has another length or checksum than it says')
}

/** Passes over the directory. @throws Damaged if it has other files than were read, or is followed by something. */
async function readDirectory(pieces: Pieces, first: number, files: number): Promise<void> {
  let listed = 0
  for (let kind = first; kind !== endOfDirectory; kind = (await pieces.exactly(4)).readUInt32LE(0)) {
    if (kind === centralFile) {
      const head = await pieces.exactly(42)
      await pieces.skip(head.readUInt16LE(24) + head.readUInt16LE(26) + head.readUInt16LE(28))
      listed++
    } else if (kind === wideEnd) await pieces.skip(Number((await pieces.exactly(8)).readBigUInt64LE(0)))
    else if (kind === wideLocator) await pieces.skip(16)
    else throw new Damaged('the directory of a ZIP archive is damaged')
  }
  const end = await pieces.exactly(18)
  await pieces.skip(end.readUInt16LE(16))
  if (listed !== files) throw new Damaged(`a ZIP archive lists ${plural(listed, 'file')} and has ${files}`)
  if ((await pieces.peek(1)).length > 0) throw new Damaged('bytes behind the ZIP archive')
}
