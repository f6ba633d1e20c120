/** Texts one after the other, each with its length before it, as the Native format writes them: no object for a text. */

/** Texts in one growing buffer; `clear` forgets the texts, not the memory. */
export class ByteArena {
  bytes = new Uint8Array(0)
  used = 0

  /** Adds the bytes from `start` to `end`. */
  add(source: Uint8Array, start: number, end: number): void {
    let length = end - start
    this.#ensure(length + 5)
    const { bytes } = this
    let at = this.used
    while (length >= 128) {
      bytes[at++] = (length & 127) | 128
      length >>>= 7
    }
    bytes[at++] = length
    if (end - start > 64) bytes.set(source.subarray(start, end), at)
    else for (let i = start; i < end; i++) bytes[at + i - start] = source[i]!
    this.used = at + end - start
  }

  /** Passes over `count` texts. @returns Where the one behind them begins. */
  skip(at: number, count: number): number {
    const { bytes } = this
    for (; count > 0; count--) {
      let length = 0
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[at++]!
        length |= (byte & 127) << shift
        if (byte < 128) break
      }
      at += length
    }
    return at
  }

  /** Forgets the texts, and the memory if it has grown beyond `most` bytes. */
  clear(most = Infinity): void {
    this.used = 0
    if (this.bytes.length > most) this.bytes = new Uint8Array(0)
  }

  #ensure(more: number): void {
    if (this.used + more <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(1024, 2 * this.bytes.length, this.used + more))
    grown.set(this.bytes.subarray(0, this.used))
    this.bytes = grown
  }
}
