/** Numbers that are written as runs and as packed bits in turn: levels and places in a dictionary. */
import { plural } from '../../../runtime/counted.ts'

/** Widest number that is packed: a dictionary has fewer entries. */
const widest = 24

/**
 * Reads them little by little. A run is never laid out further than is asked for, however long it claims to be: in the library, a long one grows
 * an array until V8 ends the whole process, in a worker too.
 */
export class Runs {
  readonly #bytes: Uint8Array
  readonly #width: number
  #offset: number
  /** Numbers that are still to be read. */
  #missing: number
  /** Numbers left of the current run. */
  #left = 0
  #packed = false
  #value = 0
  /** Bits that were read and not used. */
  #bits = 0
  #bitCount = 0

  /**
   * @param total Numbers there are.
   * @param width Bits of a number; 0: all of them are 0 and nothing is written.
   */
  constructor(bytes: Uint8Array, offset: number, total: number, width: number) {
    if (width > widest) throw new Error(`numbers of ${plural(width, 'bit')}`)
    this.#bytes = bytes
    this.#offset = offset
    this.#missing = total
    this.#width = width
  }

  /**
   * Reads the next numbers into the beginning of an array.
   *
   * @throws Error if the bytes end.
   */
  read(into: Uint8Array | Int32Array, count: number): void {
    if (this.#width === 0) {
      into.fill(0, 0, count)
      return
    }
    let done = 0
    while (done < count) {
      if (this.#left === 0) this.#next()
      const some = Math.min(count - done, this.#left)
      this.#left -= some
      if (this.#packed) this.#unpack(into, done, done + some)
      else into.fill(this.#value, done, done + some)
      done += some
      this.#missing -= some
    }
  }

  #next(): void {
    let head = 0
    for (let i = 0; ; i++) {
      const byte = this.#byte()
      head += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) break
      if (i === 4) throw new Error('a run has no length')
    }
    this.#packed = head % 2 === 1
    this.#left = this.#packed ? 8 * Math.floor(head / 2) : head / 2
    this.#bits = this.#bitCount = this.#value = 0
    // packed bits are filled up to eight numbers; a run may be as well
    if (!this.#packed && this.#left > this.#missing + 7) throw new Error(`a run claims ${this.#left} of ${plural(this.#missing, 'value')}`)
    if (!this.#packed) for (let shift = 0; shift < this.#width; shift += 8) this.#value |= this.#byte() << shift
  }

  #byte(): number {
    const byte = this.#bytes[this.#offset++]
    if (byte === undefined) throw new Error('a run ends outside of its page')
    return byte
  }

  #unpack(into: Uint8Array | Int32Array, from: number, to: number): void {
    const width = this.#width
    const mask = 2 ** width - 1
    const bytes = this.#bytes
    let [offset, bits, bitCount] = [this.#offset, this.#bits, this.#bitCount]
    for (let i = from; i < to; i++) {
      while (bitCount < width) {
        bits |= bytes[offset++]! << bitCount
        bitCount += 8
      }
      into[i] = bits & mask
      bits >>>= width
      bitCount -= width
    }
    if (offset > bytes.length) throw new Error('a run ends outside of its page')
    this.#offset = offset
    this.#bits = bits
    this.#bitCount = bitCount
  }
}
