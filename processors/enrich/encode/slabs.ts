/** Slabs: records for one partition in Kafka's record format, in buffers that are used again. */
import type { OutSlab } from '../../../runtime/records.ts'
import { slack } from '../../../flow/byte-arena.ts'

/** Bytes at which a slab is cut: a batch must stay below the broker's `max.message.bytes` of 1,048,588 uncompressed. */
export const maxSlabBytes = 800_000
/** Bytes that all open slabs of a task share: with many partitions each gets a smaller one. */
const openSlabBytes = 10_000_000

/** A slab being filled. */
export class Slab {
  readonly partition: number
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Bytes used. */
  length = 0
  count = 0

  constructor(partition: number, buffer: Uint8Array) {
    this.partition = partition
    this.bytes = buffer
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
  }

  /** Bytes that records may fill. */
  get capacity(): number {
    return this.bytes.length - slack
  }

  /** The slab as it is sent. */
  get out(): OutSlab {
    return { bytes: this.bytes.subarray(0, this.length), count: this.count }
  }
}

/** The slabs of the partitions of one topic. Bound: `openSlabBytes`, and the full ones that are waiting to be sent. */
export class Slabs {
  readonly slabBytes: number
  readonly #open: (Slab | undefined)[]
  readonly #free: Uint8Array[] = []
  /** Slabs that are full, oldest first. */
  full: Slab[] = []

  constructor(partitions: number) {
    this.slabBytes = Math.min(maxSlabBytes, Math.max(65_536, Math.floor(openSlabBytes / partitions)))
    this.#open = Array.from({ length: partitions }, () => undefined)
  }

  get partitions(): number {
    return this.#open.length
  }

  /** The open slab of a partition with room for `needed` bytes; a fuller one is put with the full ones. */
  withRoom(partition: number, needed: number): Slab {
    const open = this.#open[partition]
    if (open !== undefined) {
      if (open.length + needed <= open.capacity) return open
      this.full.push(open)
    }
    const buffer = needed > this.slabBytes ? new Uint8Array(needed + slack) : (this.#free.pop() ?? new Uint8Array(this.slabBytes + slack))
    const slab = new Slab(partition, buffer)
    this.#open[partition] = slab
    return slab
  }

  /** Takes the full slabs out, to be sent. */
  takeFull(): Slab[] {
    const { full } = this
    this.full = []
    return full
  }

  /** Takes everything out, ordered by partition. */
  takeAll(): Slab[] {
    const rest = this.#open.filter(slab => slab !== undefined)
    this.#open.fill(undefined)
    return [...this.takeFull(), ...rest].sort((a, b) => a.partition - b.partition)
  }

  /** Gives the buffer of a slab back once it was sent. */
  release(slab: Slab): void {
    if (slab.bytes.length === this.slabBytes + slack && this.#free.length < this.#open.length) this.#free.push(slab.bytes)
  }
}
