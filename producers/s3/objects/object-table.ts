/**
 * A hash table of objects in typed arrays: millions of entries without a JavaScript object each. An entry is 16 bytes of the hash of bucket
 * and key, the 8-byte id of the object version, and one byte of state: 25 bytes in a table that is 53 to 80 % full.
 */
import { createHash } from 'node:crypto'

/** An entry as stored. */
export interface TableEntry {
  /** 1 to 254; what it means is the user's. */
  readonly state: number
  /** 8 bytes. */
  readonly objectId: Buffer
}

const empty = 0
/** Left behind by a removed entry, so that a search goes on past it. */
const removed = 255
const firstSlots = 16

/** 16 bytes of SHA-256 of bucket and key: no two objects share them. */
export const nameHash = (bucket: string, key: string): Buffer => createHash('sha256').update(`${bucket}\n${key}`).digest().subarray(0, 16)

/**
 * Knows of each object which version was seen and its state. Open addressing with linear steps; at most four fifths of the slots are used,
 * and a full table grows by half.
 */
export class ObjectTable {
  #slots = firstSlots
  #names = new Uint32Array(firstSlots * 4)
  #ids = new Uint32Array(firstSlots * 2)
  #states = new Uint8Array(firstSlots)
  #size = 0
  #removed = 0

  /** Entries. */
  get size(): number {
    return this.#size
  }

  /** Bytes of the arrays. */
  get bytes(): number {
    return this.#slots * 25
  }

  /** The entry of a name; undefined if there is none. */
  get(name: Buffer): TableEntry | undefined {
    const slot = this.#find(name)
    if (slot < 0) return undefined
    const objectId = Buffer.allocUnsafe(8)
    objectId.writeUInt32LE(this.#ids[slot * 2]!, 0)
    objectId.writeUInt32LE(this.#ids[slot * 2 + 1]!, 4)
    return { state: this.#states[slot]!, objectId }
  }

  /** Adds or replaces an entry. @returns True if it is new. */
  set(name: Buffer, state: number, objectId: Buffer): boolean {
    let slot = this.#find(name)
    const fresh = slot < 0
    if (fresh) {
      if ((this.#size + this.#removed + 1) * 5 > this.#slots * 4) this.#grow()
      slot = this.#freeSlot(name.readUInt32LE(0))
      if (this.#states[slot] === removed) this.#removed--
      for (let word = 0; word < 4; word++) this.#names[slot * 4 + word] = name.readUInt32LE(word * 4)
      this.#size++
    }
    this.#states[slot] = state
    this.#ids[slot * 2] = objectId.readUInt32LE(0)
    this.#ids[slot * 2 + 1] = objectId.readUInt32LE(4)
    return fresh
  }

  /** Removes an entry. @returns False if there was none. */
  delete(name: Buffer): boolean {
    const slot = this.#find(name)
    if (slot < 0) return false
    this.#states[slot] = removed
    this.#size--
    this.#removed++
    return true
  }

  /** Slot of a name, or -1. */
  #find(name: Buffer): number {
    const [a, b, c, d] = [name.readUInt32LE(0), name.readUInt32LE(4), name.readUInt32LE(8), name.readUInt32LE(12)]
    for (let slot = this.#firstSlot(a); this.#states[slot] !== empty; slot = this.#nextSlot(slot)) {
      if (this.#states[slot] === removed) continue
      const at = slot * 4
      if (this.#names[at] === a && this.#names[at + 1] === b && this.#names[at + 2] === c && this.#names[at + 3] === d) return slot
    }
    return -1
  }

  #freeSlot(hash: number): number {
    let slot = this.#firstSlot(hash)
    while (this.#states[slot] !== empty && this.#states[slot] !== removed) slot = this.#nextSlot(slot)
    return slot
  }

  #firstSlot(hash: number): number {
    return Math.floor((hash / 2 ** 32) * this.#slots)
  }

  #nextSlot(slot: number): number {
    return slot + 1 === this.#slots ? 0 : slot + 1
  }

  /** Adds half as many slots, or only drops what removed entries left behind. */
  #grow(): void {
    const [names, ids, states, slots] = [this.#names, this.#ids, this.#states, this.#slots]
    if (this.#size * 2 >= slots) this.#slots = Math.floor(slots * 1.5)
    this.#names = new Uint32Array(this.#slots * 4)
    this.#ids = new Uint32Array(this.#slots * 2)
    this.#states = new Uint8Array(this.#slots)
    this.#removed = 0
    for (let from = 0; from < slots; from++) {
      const state = states[from]!
      if (state === empty || state === removed) continue
      const to = this.#freeSlot(names[from * 4]!)
      this.#states[to] = state
      for (let word = 0; word < 4; word++) this.#names[to * 4 + word] = names[from * 4 + word]!
      for (let word = 0; word < 2; word++) this.#ids[to * 2 + word] = ids[from * 2 + word]!
    }
  }
}
