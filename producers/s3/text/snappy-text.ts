/**
 * The four ways in which Snappy data is stored: framed (the standard, with checksums), as snappy-java streams it, as Hadoop stores it, and one raw
 * block. Firehose writes the last two. Memory: the window of one block.
 *
 * @see https://github.com/google/snappy/blob/main/framing_format.txt
 */
import { crc32c } from '@node-rs/crc32'
import { Damaged, type Pieces } from './byte-pieces.ts'
import { decodeSnappy, SnappyDecoder } from './snappy-decoder.ts'
import { plural } from '../../../runtime/counted.ts'

/** How Snappy data is stored. */
export type SnappyForm = 'framed' | 'java' | 'hadoop' | 'raw'

/** Most bytes of the output of a framed block, and of the block: incompressible data grows by a sixth. */
const framedBytes = 65_536
const framedBlock = 32 + framedBytes + Math.ceil(framedBytes / 6)

const framedMagic = Buffer.from('ff060000734e61507059', 'hex')
const javaMagic = Buffer.from('82534e4150505900', 'hex')
/** Behind the magic of snappy-java: version and lowest compatible version. */
const javaHeader = 16

/** The form that a beginning says by its magic bytes; the last two forms have none. */
export function snappyMagic(head: Buffer): 'framed' | 'java' | undefined {
  if (head.subarray(0, framedMagic.length).equals(framedMagic)) return 'framed'
  return head.subarray(0, javaMagic.length).equals(javaMagic) ? 'java' : undefined
}

/**
 * The form of data without magic bytes, found by decoding its beginning.
 *
 * @param head The beginning, or all of it.
 * @param isAll True if it is all of it: then it must decode to its end.
 * @param isWanted Decides about the output of the beginning.
 */
export function snappyForm(head: Buffer, isAll: boolean, isWanted: (output: Buffer) => boolean): 'hadoop' | 'raw' | undefined {
  if (head.length > 8) {
    const [total, stored] = [head.readUInt32BE(0), head.readUInt32BE(4)]
    // data that cannot be compressed grows by a sixth
    if (
      total > 0 &&
      stored <= 32 + total + total / 6 &&
      decodes(head.subarray(8, 8 + stored), isAll || head.length >= 8 + stored, isWanted, total)
    )
      return 'hadoop'
  }
  return decodes(head, isAll, isWanted) ? 'raw' : undefined
}

function decodes(head: Buffer, isAll: boolean, isWanted: (output: Buffer) => boolean, most = Infinity): boolean {
  const decoder = new SnappyDecoder()
  try {
    const output = Buffer.concat([...decoder.push(head), decoder.rest()])
    return output.length > 0 && (decoder.done || !isAll) && decoder.size! <= most && isWanted(output)
  } catch (error) {
    if (error instanceof Damaged) return false
    throw error
  }
}

/** The output of Snappy data to its end. @throws Damaged if it is damaged or cut. */
export function snappyText(form: SnappyForm, pieces: Pieces): AsyncGenerator<Buffer, void, undefined> {
  if (form === 'framed') return framed(pieces)
  if (form === 'java') return java(pieces)
  return form === 'hadoop' ? hadoop(pieces) : raw(pieces)
}

async function* framed(pieces: Pieces): AsyncGenerator<Buffer, void, undefined> {
  while ((await pieces.peek(1)).length > 0) {
    const head = await pieces.exactly(4)
    const kind = head[0]!
    const length = head.readUIntLE(1, 3)
    if (kind === 0xff) {
      if (!Buffer.concat([head, await pieces.exactly(Math.min(length, 6))]).equals(framedMagic))
        throw new Damaged('it is not a Snappy stream')
    } else if (kind >= 0x80) await pieces.skip(length)
    else if (kind > 1) throw new Damaged(`a Snappy stream has no chunk of the kind ${kind}`)
    else {
      if (length < 4 || length > 4 + (kind === 0 ? framedBlock : framedBytes))
        throw new Damaged(`a chunk of Snappy claims ${plural(length, 'byte')}`)
      const chunk = await pieces.exactly(length)
      const output = kind === 0 ? decodeSnappy(chunk.subarray(4), framedBytes) : chunk.subarray(4)
      if (masked(crc32c(output)) !== chunk.readUInt32LE(0)) throw new Damaged('a chunk of Snappy has another checksum than it says')
      yield output
    }
  }
}

/** The checksum as it is stored. */
const masked = (sum: number): number => (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0

/** Blocks, each behind its length; where streams were put together, the header comes again. */
async function* java(pieces: Pieces): AsyncGenerator<Buffer, void, undefined> {
  for (let head = await pieces.peek(javaHeader); head.length > 0; head = await pieces.peek(javaHeader)) {
    if (snappyMagic(head) === 'java') await pieces.skip(javaHeader)
    else yield* block(pieces, (await pieces.exactly(4)).readUInt32BE(0))
  }
}

/** Blocks behind the length of their output, each of some parts behind their stored length. */
async function* hadoop(pieces: Pieces): AsyncGenerator<Buffer, void, undefined> {
  while ((await pieces.peek(1)).length > 0) {
    for (let left = (await pieces.exactly(4)).readUInt32BE(0); left > 0;) {
      const given = yield* block(pieces, (await pieces.exactly(4)).readUInt32BE(0))
      if (given === 0 || given > left) throw new Damaged('a block of Snappy has another length than it says')
      left -= given
    }
  }
}

const raw = async function* (pieces: Pieces): AsyncGenerator<Buffer, void, undefined> {
  yield* block(pieces, Infinity)
}

/** One block of so many stored bytes. @returns Bytes of output. */
async function* block(pieces: Pieces, stored: number): AsyncGenerator<Buffer, number, undefined> {
  const decoder = new SnappyDecoder()
  for (let left = stored; left > 0;) {
    const piece = await pieces.upTo(left)
    if (piece === undefined) break
    left -= piece.length
    yield* decoder.push(piece)
  }
  if (!decoder.done) throw new Damaged('a block of Snappy is cut')
  return decoder.produced
}
