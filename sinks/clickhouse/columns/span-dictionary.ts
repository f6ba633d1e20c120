import { grown } from '../../../flow/typed-arrays.ts'

/** Rows whose slots are looked up ahead: their entries stay in the first level cache. */
const probedRows = 64

/**
 * Numbers byte strings: equal bytes, one number. Open addressing over a growing arena; a hit allocates nothing and compares eight bytes at a
 * time (V8 turns `getBigInt64(a) === getBigInt64(b)` into a plain compare: 4 to 10 times faster than a loop over bytes).
 */
export class SpanDictionary {
  size = 0
  /** Keeps V8 from dropping loads whose only use is to fetch memory. */
  touched = 0
  /** Pairs: where the bytes of an entry are in the arena, and how many. */
  #places = new Uint32Array(128)
  #arena = new Uint8Array(4096)
  #view = new DataView(this.#arena.buffer)
  /** Fours: hash, entry + 1 (0 is free), place, length; at most half full. Together, so that a probe is one cache line. */
  #slots = new Int32Array(512)
  #used = 0
  readonly #found = new Int32Array(probedRows)

  /** Bytes of memory. */
  get bytes(): number {
    return this.#arena.length + this.#places.byteLength + this.#slots.byteLength
  }

  /** @returns The number of the bytes, or -1. */
  find(view: DataView, start: number, end: number, hash: number): number {
    const slots = this.#slots
    const mask = slots.length - 4
    for (let slot = (hash << 2) & mask; ; slot = (slot + 4) & mask) {
      const entry = slots[slot + 1]! - 1
      if (entry < 0) return -1
      const length = slots[slot + 3]!
      if (slots[slot] === hash && length === end - start && beginsWith(this.#view, slots[slot + 2]!, length, view, start)) return entry
    }
  }

  /**
   * Finds for many places the entry that the bytes there begin with. Avro parses without looking ahead, so what begins with a whole fragment
   * is that fragment: its end need not be searched for.
   *
   * @param at Where the bytes of a row are; moved behind them.
   * @param out Gets the entries, from `row` on.
   * @returns The first row from `i` on that has no entry; `rows` where all have one.
   */
  findAll(view: DataView, at: Int32Array, hashes: Int32Array, i: number, rows: number, out: Uint32Array, row: number): number {
    for (;;) {
      const end = Math.min(i + probedRows, rows)
      this.#probe(hashes, i, end)
      i = this.#verify(view, at, hashes, i, end, out, row)
      if (i < end || end === rows) return i
    }
  }

  /**
   * The slots of some rows, and the first touch of their bytes. In a loop without branches the processor waits for the memory of many rows at
   * once; a large dictionary is in no near cache.
   */
  #probe(hashes: Int32Array, from: number, rows: number): void {
    const slots = this.#slots
    const mask = slots.length - 4
    const mine = this.#view
    const found = this.#found
    let touched = 0
    for (let i = from; i < rows; i++) {
      const slot = (hashes[i]! << 2) & mask
      found[i - from] = slot
      touched ^= slots[slot]!
    }
    for (let i = from; i < rows; i++) {
      const slot = found[i - from]!
      const place = slots[slot + 2]!
      touched ^= mine.getUint8(place) ^ mine.getUint8(place + slots[slot + 3]!)
    }
    this.touched = touched
  }

  #verify(view: DataView, at: Int32Array, hashes: Int32Array, from: number, rows: number, out: Uint32Array, row: number): number {
    const slots = this.#slots
    const mask = slots.length - 4
    const mine = this.#view
    const found = this.#found
    for (let i = from; i < rows; i++) {
      const start = at[i]!
      const hash = hashes[i]!
      let slot = found[i - from]!
      let length = slots[slot + 3]!
      while (slots[slot] !== hash || !beginsWith(mine, slots[slot + 2]!, length, view, start)) {
        if (slots[slot + 1] === 0) return i
        slot = (slot + 4) & mask
        length = slots[slot + 3]!
      }
      // A free slot looks like an entry without bytes whose hash is 0.
      if (length === 0) return i
      out[row + i] = slots[slot + 1]! - 1
      at[i] = start + length
    }
    return rows
  }

  /** Adds bytes that were not found. @returns Their number: 0, 1, 2 ... */
  add(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const entry = this.size++
    const length = end - start
    if (2 * entry === this.#places.length) this.#places = grown(this.#places, new Uint32Array(4 * entry))
    if (this.#used + length >= this.#arena.length) {
      this.#arena = grown(this.#arena, new Uint8Array(Math.max(2 * this.#arena.length, this.#used + length + 1)))
      this.#view = new DataView(this.#arena.buffer)
    }
    for (let i = 0; i < length; i++) this.#arena[this.#used + i] = bytes[start + i]!
    this.#places[2 * entry] = this.#used
    this.#places[2 * entry + 1] = length
    this.#used += length
    if (8 * this.size > this.#slots.length) this.#widen()
    place(this.#slots, hash, entry, this.#used - length, length)
    return entry
  }

  lengthOf(entry: number): number {
    return this.#places[2 * entry + 1]!
  }

  /** Bytes of an entry; valid until the next `add`. */
  bytesOf(entry: number): Uint8Array {
    const at = this.#places[2 * entry]!
    return this.#arena.subarray(at, at + this.lengthOf(entry))
  }

  /** Forgets everything, and its memory. */
  clear(): void {
    this.size = this.#used = 0
    this.#places = new Uint32Array(128)
    this.#arena = new Uint8Array(4096)
    this.#view = new DataView(this.#arena.buffer)
    this.#slots = new Int32Array(512)
  }

  #widen(): void {
    const old = this.#slots
    this.#slots = new Int32Array(2 * old.length)
    for (let slot = 0; slot < old.length; slot += 4)
      if (old[slot + 1] !== 0) place(this.#slots, old[slot]!, old[slot + 1]! - 1, old[slot + 2]!, old[slot + 3]!)
  }
}

function place(slots: Int32Array, hash: number, entry: number, at: number, length: number): void {
  const mask = slots.length - 4
  let slot = (hash << 2) & mask
  while (slots[slot + 1] !== 0) slot = (slot + 4) & mask
  slots[slot] = hash
  slots[slot + 1] = entry + 1
  slots[slot + 2] = at
  slots[slot + 3] = length
}

/** True if the bytes from `start` on begin with the `length` bytes at `at` of `mine`. */
function beginsWith(mine: DataView, at: number, length: number, view: DataView, start: number): boolean {
  if (length < 8) return beginsWithShort(mine, at, length, view, start)
  // The last compare overlaps the one before, so nothing behind either end is read.
  const last = start + length - 8
  if (last + 8 > view.byteLength) return false
  const shift = at - start
  for (; start < last; start += 8) if (view.getBigInt64(start, true) !== mine.getBigInt64(start + shift, true)) return false
  return view.getBigInt64(last, true) === mine.getBigInt64(last + shift, true)
}

function beginsWithShort(mine: DataView, at: number, length: number, view: DataView, start: number): boolean {
  if (start + length > view.byteLength) return false
  for (let i = 0; i < length; i++) if (view.getUint8(start + i) !== mine.getUint8(at + i)) return false
  return true
}
