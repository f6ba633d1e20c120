/** Dictionary of byte strings made of one or more spans of a line: observers, traits, next hops, unknown columns. */
import { ByteArena, equalBytes } from '../../../flow/byte-arena.ts'
import { grow } from '../../../flow/typed-arrays.ts'

/** Mixes a running `31 * h + byte` hash, so that its low bits depend on all bytes. */
export function mix(hash: number): number {
  const h = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return h ^ (h >>> 13)
}

/**
 * Gives each distinct group of spans the next id from 1 on; 0 is no entry. The bytes of an entry are kept and compared, so that equal hashes
 * do no harm. The owner bounds it by `count`.
 */
export class SpanDictionary {
  readonly spans: number
  readonly arena = new ByteArena()
  count = 0
  /** Place and length in the arena of span s of entry id: index `id * spans + s`. */
  starts: Int32Array<ArrayBuffer>
  lengths: Int32Array<ArrayBuffer>
  #hashes = new Int32Array(64)
  #slots = new Int32Array(128)
  #mask = 127

  constructor(spans: number) {
    this.spans = spans
    this.starts = new Int32Array(64 * Math.max(1, spans))
    this.lengths = new Int32Array(64 * Math.max(1, spans))
  }

  /**
   * Finds or adds an entry.
   *
   * @param hash Mixed hash of all its bytes.
   * @param from Place of each span in `bytes`.
   * @param to Byte after each span.
   * @returns Its id. It is new where it equals `count` and `count` has grown.
   */
  idOf(hash: number, bytes: Uint8Array, view: DataView, from: Int32Array, to: Int32Array): number {
    let slot = hash & this.#mask
    for (;;) {
      const id = this.#slots[slot]!
      if (id === 0) return this.#add(hash, slot, bytes, from, to)
      if (this.#hashes[id] === hash && this.equals(id, view, from, to)) return id
      slot = (slot + 1) & this.#mask
    }
  }

  /** Finds or adds an entry by the hash of all its bytes, for keys that are not hashed while they are read. */
  find(bytes: Uint8Array, view: DataView, from: Int32Array, to: Int32Array): number {
    let h = 17
    for (let s = 0; s < this.spans; s++) for (let i = from[s]!, end = to[s]!; i < end; i++) h = (Math.imul(h, 31) + bytes[i]!) | 0
    return this.idOf(mix(h), bytes, view, from, to)
  }

  /** True if all spans of an entry equal the given ones. */
  equals(id: number, view: DataView, from: Int32Array, to: Int32Array): boolean {
    const { lengths, spans } = this
    const { view: kept } = this.arena
    // the spans of an entry stand one after the other in the arena
    let at = this.starts[id * spans]!
    for (let s = 0, e = id * spans; s < spans; s++, e++) {
      const length = lengths[e]!
      const start = from[s]!
      if (to[s]! - start !== length || !equalBytes(view, start, kept, at, length)) return false
      at += length
    }
    return true
  }

  /** Bytes of one span of an entry; valid until the next one is added. */
  bytesOf(id: number, span: number): Uint8Array {
    const entry = id * this.spans + span
    return this.arena.bytes.subarray(this.starts[entry], this.starts[entry]! + this.lengths[entry]!)
  }

  #add(hash: number, slot: number, bytes: Uint8Array, from: Int32Array, to: Int32Array): number {
    const id = ++this.count
    const needed = (id + 1) * Math.max(1, this.spans)
    if (needed > this.starts.length) {
      this.starts = grow(this.starts, 2 * needed)
      this.lengths = grow(this.lengths, 2 * needed)
    }
    if (id >= this.#hashes.length) this.#hashes = grow(this.#hashes, 2 * id)
    for (let s = 0, e = id * this.spans; s < this.spans; s++, e++) {
      this.starts[e] = this.arena.append(bytes, from[s], to[s])
      this.lengths[e] = to[s]! - from[s]!
    }
    this.#hashes[id] = hash
    this.#slots[slot] = id
    if (2 * id > this.#slots.length) this.#rehash()
    return id
  }

  #rehash(): void {
    this.#slots = new Int32Array(2 * this.#slots.length)
    this.#mask = this.#slots.length - 1
    for (let id = 1; id <= this.count; id++) {
      let slot = this.#hashes[id]! & this.#mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask
      this.#slots[slot] = id
    }
  }
}
