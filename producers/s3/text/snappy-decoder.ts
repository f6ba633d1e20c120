/**
 * Decodes one block of Snappy, piece by piece. Memory: a window of 64 KiB, which is as far back as any writer refers, and one chunk of output,
 * whatever the block says of its length.
 *
 * @see https://github.com/google/snappy/blob/main/format_description.txt
 */
import { Damaged } from './byte-pieces.ts'

/** Writers cut their input into blocks of 64 KiB: no copy refers further back. */
const windowBytes = 65_536
const chunkBytes = 524_288
/** Longest copy of one element. */
const longestCopy = 64
/** Most bytes that the length of the output takes. */
const longestPreamble = 5

const empty: Buffer = Buffer.alloc(0)

/** Decodes a block. `push` its bytes in order; it has come to its end where `done` is true. */
export class SnappyDecoder {
  #out = empty
  /** What was given away ends here, and what is written there. */
  #from = 0
  #at = 0
  /** The beginning of an element of which the rest is still to come. */
  #held = empty
  /** Bytes of the open literal that are still to come. */
  #literal = 0
  /** Bytes of the output that no element has claimed; undefined: the block has not said its length. */
  #unclaimed: number | undefined
  #produced = 0
  /** A copy that was read and not made. */
  #copy: { readonly offset: number; readonly length: number } | undefined

  /** True if the block is whole: its output has the length that it said. */
  get done(): boolean {
    return this.#unclaimed === 0 && this.#literal === 0 && this.#held.length === 0
  }

  /** Bytes of output that the block says; undefined: it has not said it yet. */
  get size(): number | undefined {
    return this.#unclaimed === undefined ? undefined : this.#unclaimed + this.#literal + this.#produced
  }

  /** Bytes of output so far. */
  get produced(): number {
    return this.#produced
  }

  /** @throws Damaged if it is not Snappy, or longer than it said. */
  *push(piece: Buffer): Generator<Buffer, void, undefined> {
    const bytes = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece])
    this.#held = empty
    let i = 0
    while (i < bytes.length) {
      if (this.#literal > 0) {
        if (this.#at === this.#out.length) yield this.#turn()
        const count = Math.min(this.#literal, bytes.length - i, this.#out.length - this.#at)
        bytes.copy(this.#out, this.#at, i, i + count)
        this.#wrote(count)
        this.#literal -= count
        i += count
      } else {
        const end = this.#unclaimed === undefined ? this.#preamble(bytes, i) : this.#element(bytes, i)
        if (end < 0) {
          this.#held = Buffer.from(bytes.subarray(i))
          break
        }
        const copied = this.#copy
        if (copied !== undefined) {
          this.#copy = undefined
          if (this.#out.length - this.#at < copied.length) yield this.#turn()
          this.#repeat(copied.offset, copied.length)
        }
        i = end
      }
    }
    if (this.done && this.#at > this.#from) yield this.#given()
  }

  /** What is decoded and was not given away: of a block that is cut. */
  rest(): Buffer {
    return this.#given()
  }

  /** Reads the length of the output. @returns Where it ends; -1: not all of it is there. */
  #preamble(bytes: Buffer, start: number): number {
    let length = 0
    for (let i = 0; i < longestPreamble; i++) {
      if (start + i >= bytes.length) return -1
      const byte = bytes[start + i]!
      length += (byte & 0x7f) * 2 ** (7 * i)
      if (byte >= 0x80) continue
      if (length >= 2 ** 32) break
      this.#unclaimed = length
      this.#out = Buffer.allocUnsafeSlow(Math.min(length, windowBytes + chunkBytes))
      return start + i + 1
    }
    throw new Damaged('Snappy data claims more than 4 GiB')
  }

  /** Reads the head of an element. @returns Where it ends; -1: not all of it is there. */
  #element(bytes: Buffer, start: number): number {
    const tag = bytes[start]!
    const kind = tag & 3
    const high = tag >> 2
    const extra = kind === 0 ? Math.max(0, high - 59) : kind === 3 ? 4 : kind
    const end = start + 1 + extra
    if (end > bytes.length) return -1
    let number = 0
    for (let i = 0; i < extra; i++) number += bytes[start + 1 + i]! * 2 ** (8 * i)
    const length = kind === 0 ? (extra === 0 ? high : number) + 1 : kind === 1 ? (high & 7) + 4 : high + 1
    if (length > this.#unclaimed!) throw new Damaged('Snappy data is longer than it says')
    this.#unclaimed! -= length
    if (kind === 0) this.#literal = length
    else {
      const offset = kind === 1 ? (tag >> 5) * 256 + number : number
      if (!(offset > 0 && offset <= this.#produced)) throw new Damaged('Snappy data refers to what is not there')
      if (offset > windowBytes) throw new Damaged('Snappy data refers further back than 64 KiB')
      this.#copy = { offset, length }
    }
    return end
  }

  #repeat(offset: number, length: number): void {
    const out = this.#out
    const at = this.#at
    if (offset >= length) out.copyWithin(at, at - offset, at - offset + length)
    else for (let i = at; i < at + length; i++) out[i] = out[i - offset]!
    this.#wrote(length)
  }

  #wrote(count: number): void {
    this.#at += count
    this.#produced += count
  }

  /** Gives away what is written, and goes on in new memory, with the window before it. */
  #turn(): Buffer {
    const given = this.#given()
    const window = this.#out.subarray(Math.max(0, this.#at - windowBytes), this.#at)
    const left = this.#unclaimed! + this.#literal + longestCopy
    const out = Buffer.allocUnsafeSlow(window.length + Math.min(left, chunkBytes))
    window.copy(out)
    this.#out = out
    this.#from = this.#at = window.length
    return given
  }

  #given(): Buffer {
    const given = this.#out.subarray(this.#from, this.#at)
    this.#from = this.#at
    return given
  }
}

/**
 * Decodes a block that is held whole.
 *
 * @param most Bytes of output that it may have.
 * @throws Damaged if it is not exactly one block, or has more output.
 */
export function decodeSnappy(block: Buffer, most: number): Buffer {
  const decoder = new SnappyDecoder()
  const parts: Buffer[] = []
  for (const part of decoder.push(block)) {
    parts.push(part)
    if (decoder.produced > most) break
  }
  if (decoder.produced > most) throw new Damaged(`a block of Snappy has more than ${most} bytes`)
  if (!decoder.done) throw new Damaged('a block of Snappy is cut')
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}
