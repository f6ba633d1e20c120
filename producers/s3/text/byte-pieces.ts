/** The bytes of an object piece by piece, with the possibility to look ahead and to put some back. */

/** Bytes that are not what they claim to be: the object is damaged or cut. */
export class Damaged extends Error {}

const empty: Buffer = Buffer.alloc(0)

/** Reads pieces of any size as they are asked for. */
export class Pieces {
  readonly #source: AsyncIterator<Buffer> | Iterator<Buffer>
  #back: Buffer | undefined

  constructor(source: AsyncIterable<Buffer> | Iterable<Buffer>) {
    this.#source = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  }

  /** Undefined at the end; never an empty piece. */
  async next(): Promise<Buffer | undefined> {
    const back = this.#back
    this.#back = undefined
    if (back !== undefined && back.length > 0) return back
    for (;;) {
      const next = await this.#source.next()
      if (next.done === true) return undefined
      if (next.value.length > 0) return next.value
    }
  }

  putBack(bytes: Buffer): void {
    this.#back = bytes
  }

  /** Looks at the next bytes: at least `count` of them, if there are so many. */
  async peek(count: number): Promise<Buffer> {
    const first = (await this.next()) ?? empty
    const parts = [first]
    let length = first.length
    while (length < count) {
      const next = await this.next()
      if (next === undefined) break
      parts.push(next)
      length += next.length
    }
    const head = parts.length === 1 ? first : Buffer.concat(parts, length)
    this.putBack(head)
    return head
  }

  /** Takes a piece of at most `count` bytes; undefined at the end. */
  async upTo(count: number): Promise<Buffer | undefined> {
    const piece = await this.next()
    if (piece === undefined || piece.length <= count) return piece
    this.putBack(piece.subarray(count))
    return piece.subarray(0, count)
  }

  /**
   * Takes so many bytes; few, because they are held at once.
   *
   * @throws Damaged if there are fewer.
   */
  async exactly(count: number): Promise<Buffer> {
    const head = await this.peek(count)
    if (head.length < count) throw new Damaged('it is cut')
    this.putBack(head.subarray(count))
    return head.subarray(0, count)
  }

  /** Passes over so many bytes. @throws Damaged if there are fewer. */
  async skip(count: number): Promise<void> {
    for (let left = count; left > 0;) {
      const piece = await this.upTo(left)
      if (piece === undefined) throw new Damaged('it is cut')
      left -= piece.length
    }
  }

  /** Passes over zero bytes. */
  async skipPadding(): Promise<void> {
    for (let piece = await this.next(); piece !== undefined; piece = await this.next()) {
      const at = piece.findIndex(byte => byte !== 0)
      if (at < 0) continue
      this.putBack(piece.subarray(at))
      return
    }
  }
}
