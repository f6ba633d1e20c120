/** Reads Avro and Kafka's record format where they lie, without objects: a place in bytes that moves. */

const mixer = 0x9e3779b1
const mixer2 = 0x85ebca6b
const mixer3 = 0xc2b2ae35

/** A place in encoded bytes, with a method for each kind of value. `hash` mixes what was passed over, for a dictionary look-up. */
export class AvroCursor {
  bytes: Uint8Array
  view: DataView
  at = 0
  hash = 0

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Starts at the first of other bytes. */
  point(bytes: Uint8Array): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = 0
  }

  /** A zigzag varint, exact up to 2^53. Short, so that V8 puts the common case in place of the call. */
  long(): number {
    const bytes = this.bytes
    const at = this.at
    const first = bytes[at]!
    if (first < 128) {
      this.at = at + 1
      return (first >>> 1) ^ -(first & 1)
    }
    const second = bytes[at + 1]!
    if (second < 128) {
      this.at = at + 2
      return (((first >>> 1) & 63) | (second << 6)) ^ -(first & 1)
    }
    return this.#longer((first & 127) | ((second & 127) << 7), at + 2)
  }

  #longer(zigzag: number, at: number): number {
    const bytes = this.bytes
    let byte = bytes[at++]!
    zigzag |= (byte & 127) << 14
    if (byte > 127) {
      byte = bytes[at++]!
      zigzag |= (byte & 127) << 21
      if (byte > 127) return this.#wide(zigzag, at)
    }
    this.at = at
    return (zigzag >>> 1) ^ -(zigzag & 1)
  }

  #wide(low: number, at: number): number {
    const bytes = this.bytes
    let byte = bytes[at++]!
    let zigzag = low + (byte & 127) * 0x1000_0000
    for (let scale = 0x8_0000_0000; byte > 127; scale *= 128) {
      byte = bytes[at++]!
      zigzag += (byte & 127) * scale
    }
    this.at = at
    // The lowest bit is the sign; `%` of a number beyond 32 bits would be a call.
    return (low & 1) === 0 ? zigzag / 2 : -(zigzag + 1) / 2
  }

  /** Passes over `count` optional strings. Of each it mixes the first and the last bytes: a dictionary verifies the rest. */
  skipTexts(count: number): void {
    const bytes = this.bytes
    const view = this.view
    let at = this.at
    let hash = this.hash
    for (; count > 0; count--) {
      if (bytes[at++] === 0) continue
      let length = bytes[at++]!
      if (length > 127) {
        this.at = at - 1
        length = 2 * this.long()
        at = this.at
      }
      length >>>= 1
      at += length
      // Loads may reach back over the length and the union branch, which belong to the text, but not further. Three products that do
      // not wait for each other.
      if (length > 7) {
        const first = Math.imul(hash ^ view.getInt32(at - length - 1, true), mixer)
        hash = first ^ Math.imul(view.getInt32(at - 8, true), mixer2) ^ Math.imul(view.getInt32(at - 4, true), mixer3)
      } else if (length > 2)
        hash = Math.imul(hash ^ view.getInt32(at - length - 1, true), mixer) ^ Math.imul(view.getInt32(at - 4, true), mixer3)
      else if (length > 1) hash = Math.imul(hash ^ view.getInt32(at - 4, true), mixer)
      hash ^= hash >>> 15
    }
    this.at = at
    this.hash = hash
  }

  /** Passes over an optional int, long or enum. */
  skipLong(): void {
    const bytes = this.bytes
    let at = this.at
    if (bytes[at++] !== 0) {
      let byte: number
      do {
        byte = bytes[at++]!
        this.hash = Math.imul(this.hash ^ byte, mixer)
      } while (byte > 127)
    } else this.hash = Math.imul(this.hash, mixer)
    this.at = at
  }

  /** Passes over an optional record of `count` optional strings. */
  skipGroup(count: number): void {
    if (this.bytes[this.at++] !== 0) this.skipTexts(count)
  }
}
