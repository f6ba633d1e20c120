/**
 * Every distinct address once, with what the lookup tables say of it.
 *
 * Two generations: a full one becomes the previous one, and what is seen again moves from there to the current one with its annotations.
 * Bounds: each generation holds `maxEntries` addresses and those of one block, about 80 bytes each.
 */
import { flagsOfIpv4, flagsOfIpv6, formatIpv4, formatIpv6, parseIpv6, type Words } from './address-text.ts'
import { attributeLookups } from './attributes.ts'
import { ByteArena, equalBytes } from './byte-arena.ts'
import { grow } from './typed-arrays.ts'

const encoder = new TextEncoder()

const hashOf = (value: number): number => {
  const h = Math.imul(value ^ (value >>> 15), 0x9e3779b1)
  return h ^ (h >>> 15)
}

/** One generation: columns by address id from 1 on; id 0 is the absent address. */
export class AddressGeneration {
  count = 0
  /** 0 absent, 4 or 6. */
  family = new Uint8Array(1024)
  /** Bits of `addressFlag`. */
  flags = new Uint8Array(1024)
  /** IPv4: the address as int32. IPv6: its index in `words` and `texts`. */
  number = new Int32Array(1024)
  /** Sorts as conversations do: absent, IPv4, IPv6 by its first word; equal values of two ids need `compareAddresses`. */
  order = new Float64Array(1024).fill(-1, 0, 1)
  /** 1: the annotation columns are filled. Ids up to `annotatedTo` all are. */
  annotated = new Uint8Array(1024)
  annotatedTo = 0
  /** One column for each range table of `attributeLookups`: what it says of the address, -1 for nothing. */
  readonly looked: Int32Array<ArrayBuffer>[] = attributeLookups.map(() => new Int32Array(1024).fill(-1, 0, 1))
  /** IPv6 by its own index: 4 words, and the canonical text. */
  words = new Int32Array(256)
  texts = new ByteArena()
  textStart = new Int32Array(64)
  textLength = new Int32Array(64)
  v6Count = 0
  /** Open addressing: IPv4 address and its id side by side, so that a hit is one cache line. */
  slots = new Int32Array(4096)
  v6Slots = new Int32Array(128)

  findV4(value: number): number {
    const { slots } = this
    const mask = slots.length - 2
    let slot = (hashOf(value) << 1) & mask
    for (;;) {
      const id = slots[slot + 1]!
      if (id === 0 || slots[slot] === value) return id
      slot = (slot + 2) & mask
    }
  }

  findV6(hash: number, view: DataView, start: number, length: number): number {
    const mask = this.v6Slots.length - 1
    let slot = hash & mask
    for (;;) {
      const id = this.v6Slots[slot]!
      if (id === 0) return 0
      const index = this.number[id]!
      if (this.textLength[index] === length && equalBytes(this.texts.view, this.textStart[index]!, view, start, length)) return id
      slot = (slot + 1) & mask
    }
  }

  addV4(value: number): number {
    const id = this.#add(4, flagsOfIpv4(value), value, value >>> 0)
    if (3 * id > this.slots.length) this.#rehashV4()
    else this.#insertV4(id)
    return id
  }

  addV6(words: Words, text: Uint8Array): number {
    const index = this.v6Count++
    if (4 * index + 4 > this.words.length) this.words = grow(this.words, 2 * this.words.length)
    if (index === this.textStart.length) {
      this.textStart = grow(this.textStart, 2 * index)
      this.textLength = grow(this.textLength, 2 * index)
    }
    this.words.set(words, 4 * index)
    this.textStart[index] = this.texts.append(text)
    this.textLength[index] = text.length
    const id = this.#add(6, flagsOfIpv6(words), index, 2 ** 32 + words[0])
    if (2 * this.v6Count > this.v6Slots.length) this.#rehashV6()
    else this.#insert(this.v6Slots, hashText(this.texts.bytes, this.textStart[index], this.textStart[index] + text.length), id)
    return id
  }

  wordsOf(id: number): Words {
    const at = 4 * this.number[id]!
    return [this.words[at]! >>> 0, this.words[at + 1]! >>> 0, this.words[at + 2]! >>> 0, this.words[at + 3]! >>> 0]
  }

  /** Canonical text; null for id 0. */
  textOf(id: number): string | null {
    if (this.family[id] === 0) return null
    return this.family[id] === 4 ? formatIpv4(this.number[id]!) : formatIpv6(this.wordsOf(id))
  }

  clear(): void {
    this.count = 0
    this.annotatedTo = 0
    this.v6Count = 0
    this.texts.clear()
    this.slots.fill(0)
    this.v6Slots.fill(0)
  }

  #add(family: number, flags: number, number: number, order: number): number {
    const id = ++this.count
    if (id === this.family.length) this.#grow(2 * id)
    this.family[id] = family
    this.flags[id] = flags
    this.number[id] = number
    this.order[id] = order
    this.annotated[id] = 0
    return id
  }

  #grow(length: number): void {
    const bytes = (array: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
      const grown = new Uint8Array(length)
      grown.set(array)
      return grown
    }
    const order = new Float64Array(length)
    order.set(this.order)
    this.order = order
    this.family = bytes(this.family)
    this.flags = bytes(this.flags)
    this.annotated = bytes(this.annotated)
    this.number = grow(this.number, length)
    this.looked.forEach((column, i) => (this.looked[i] = grow(column, length)))
  }

  #insert(slots: Int32Array, hash: number, id: number): void {
    const mask = slots.length - 1
    let slot = hash & mask
    while (slots[slot] !== 0) slot = (slot + 1) & mask
    slots[slot] = id
  }

  #insertV4(id: number): void {
    const value = this.number[id]!
    const mask = this.slots.length - 2
    let slot = (hashOf(value) << 1) & mask
    while (this.slots[slot + 1] !== 0) slot = (slot + 2) & mask
    this.slots[slot] = value
    this.slots[slot + 1] = id
  }

  #rehashV4(): void {
    this.slots = new Int32Array(2 * this.slots.length)
    for (let id = 1; id <= this.count; id++) if (this.family[id] === 4) this.#insertV4(id)
  }

  #rehashV6(): void {
    this.v6Slots = new Int32Array(2 * this.v6Slots.length)
    for (let id = 1; id <= this.count; id++)
      if (this.family[id] === 6) {
        const start = this.textStart[this.number[id]!]!
        this.#insert(this.v6Slots, hashText(this.texts.bytes, start, start + this.textLength[this.number[id]!]!), id)
      }
  }
}

function hashText(bytes: Uint8Array, start: number, end: number): number {
  let h = 17
  for (let i = start; i < end; i++) h = (Math.imul(h, 31) + bytes[i]!) | 0
  return hashOf(h)
}

/** Order of two addresses as the ends of a conversation: absent before IPv4 before IPv6, numerically. */
export function compareAddresses(addresses: AddressGeneration, a: number, b: number): number {
  const difference = addresses.order[a]! - addresses.order[b]!
  if (difference !== 0 || a === b) return difference
  for (let i = 1; i < 4; i++) {
    const word = (addresses.words[4 * addresses.number[a]! + i]! >>> 0) - (addresses.words[4 * addresses.number[b]! + i]! >>> 0)
    if (word !== 0) return word
  }
  return 0
}

/** The address dictionary of a process. Ids belong to the current generation; `epoch` changes whenever they become invalid. */
export class AddressDictionary {
  readonly maxEntries: number
  current = new AddressGeneration()
  /** Grows with every generation. */
  epoch = 1
  #previous = new AddressGeneration()

  constructor(maxEntries: number) {
    this.maxEntries = maxEntries
  }

  /** Addresses in both generations. */
  get size(): number {
    return this.current.count + this.#previous.count
  }

  /** Starts a new generation where the current one is full. Only between blocks: ids of a batch must stay valid. */
  beginBlock(): void {
    if (this.current.count < this.maxEntries) return
    const oldest = this.#previous
    this.#previous = this.current
    this.current = oldest
    oldest.clear()
    this.epoch++
  }

  /** Forgets everything, as when lookup tables change. */
  clear(): void {
    this.current.clear()
    this.#previous.clear()
    this.epoch++
  }

  /** Id of an IPv4 address given as int32. */
  internV4(value: number): number {
    const id = this.current.findV4(value)
    return id !== 0 ? id : this.#addV4(value)
  }

  /**
   * Id of an IPv6 address.
   *
   * @param bytes Text from `start` to `end`, any form.
   * @returns 0 where the text is no IPv6 address.
   */
  internV6(bytes: Uint8Array, view: DataView, start: number, end: number): number {
    const id = this.current.findV6(hashText(bytes, start, end), view, start, end - start)
    return id !== 0 ? id : this.#addV6(bytes, start, end)
  }

  /** Id of an IPv6 address given as four words of 32 bits. */
  internWords(words: Words): number {
    return this.#internText(words)
  }

  #addV4(value: number): number {
    const id = this.current.addV4(value)
    const old = this.#previous.findV4(value)
    if (old !== 0) this.#move(old, id)
    return id
  }

  #addV6(bytes: Uint8Array, start: number, end: number): number {
    if (end - start > 45) return 0
    const words = parseIpv6(String.fromCharCode(...bytes.subarray(start, end)))
    return words === undefined ? 0 : this.#internText(words)
  }

  #internText(words: Words): number {
    const text = encoder.encode(formatIpv6(words))
    const view = new DataView(text.buffer, text.byteOffset, text.length)
    const hash = hashText(text, 0, text.length)
    const known = this.current.findV6(hash, view, 0, text.length)
    if (known !== 0) return known
    const id = this.current.addV6(words, text)
    const old = this.#previous.findV6(hash, view, 0, text.length)
    if (old !== 0) this.#move(old, id)
    return id
  }

  #move(from: number, to: number): void {
    const current = this.current
    const previous = this.#previous
    current.annotated[to] = previous.annotated[from]!
    current.looked.forEach((column, i) => (column[to] = previous.looked[i]![from]!))
  }
}
