/** Where the newest record of each key of a compacted partition stands, in 16 bytes a slot: keys are kept as 64-bit hashes. */
import { crc32c } from '@node-rs/crc32'
import { murmur2 } from '../partition.ts'

const leastSlots = 64
/** A slot in use has its offset plus one, so that 0 is a free slot. */
const free = 0

/**
 * Offsets by key. Two keys with one hash share a slot (one chance in 4 million with 3 million keys): the reader of the record there compares
 * its key.
 */
export class KeyIndex {
  #high = new Uint32Array(leastSlots)
  #low = new Uint32Array(leastSlots)
  #offsets = new Float64Array(leastSlots)
  #size = 0

  /** Keys in it. */
  get size(): number {
    return this.#size
  }

  /** Notes that the newest record of a key stands at an offset. */
  set(key: Uint8Array, offset: number): void {
    if (this.#size * 2 >= this.#offsets.length) this.#grow()
    const high = crc32c(key) >>> 0
    const low = murmur2(key) >>> 0
    const slot = this.#slotOf(high, low)
    if (this.#offsets[slot] === free) this.#size++
    this.#high[slot] = high
    this.#low[slot] = low
    this.#offsets[slot] = offset + 1
  }

  /** Offset of the newest record of a key; undefined if there is none. */
  get(key: Uint8Array): number | undefined {
    const slot = this.#slotOf(crc32c(key) >>> 0, murmur2(key) >>> 0)
    return this.#offsets[slot] === free ? undefined : this.#offsets[slot]! - 1
  }

  /** Slot of a hash, or the free one where it would go. */
  #slotOf(high: number, low: number): number {
    const mask = this.#offsets.length - 1
    let slot = (low ^ Math.imul(high, 0x9e3779b1)) & mask
    while (this.#offsets[slot] !== free && (this.#high[slot] !== high || this.#low[slot] !== low)) slot = (slot + 1) & mask
    return slot
  }

  #grow(): void {
    const [high, low, offsets] = [this.#high, this.#low, this.#offsets]
    this.#high = new Uint32Array(2 * high.length)
    this.#low = new Uint32Array(2 * low.length)
    this.#offsets = new Float64Array(2 * offsets.length)
    for (let i = 0; i < offsets.length; i++) {
      if (offsets[i] === free) continue
      const slot = this.#slotOf(high[i]!, low[i]!)
      this.#high[slot] = high[i]!
      this.#low[slot] = low[i]!
      this.#offsets[slot] = offsets[i]!
    }
  }
}
