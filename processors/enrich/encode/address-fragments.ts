/**
 * Avro fragments of addresses, in one arena: there are many.
 *
 * The fragment of an address is its nullable text twice (address and packet address are mostly the same) and its annotations. One copy makes the
 * whole endpoint of a row whose two addresses are the same; for others the parts are taken from two entries.
 */
import { attributeValue, type LookupSet } from '../lookups/lookup-set.ts'
import type { AddressDictionary } from '../../../flow/address-dictionary.ts'
import { attributeRows, attributeSources } from '../../../flow/attributes.ts'
import { ByteArena } from '../../../flow/byte-arena.ts'
import { varintLength, writeVarint } from './varint.ts'
import { grow } from '../../../flow/typed-arrays.ts'

const textEncoder = new TextEncoder()

/** Nullable Avro string: branch 1, length, bytes. */
function encodeText(text: string): Uint8Array {
  const utf8 = textEncoder.encode(text)
  const bytes = new Uint8Array(1 + varintLength(utf8.length) + utf8.length)
  bytes[0] = 2
  bytes.set(utf8, writeVarint(bytes, 1, utf8.length))
  return bytes
}

/** Digits of 0 to 255. */
const octets = Array.from({ length: 256 }, (_, value) => textEncoder.encode(String(value)))

/** Fragments of the current generation of the address dictionary, by address id. Bounded by the dictionary: about 70 bytes an address. */
export class AddressFragments {
  readonly arena = new ByteArena(65_536)
  /**
   * Four integers per address, so that a row touches one cache line for each: place in the arena; length of the nullable text (low 8 bits; it
   * stands at that place and again behind itself) and of the whole fragment (the bits above); and, through `order`, the order of the address.
   */
  meta = new Int32Array(4096)
  /** The same memory: `order[2 * id + 1]` is the order of the address as in AddressGeneration. */
  order = new Float64Array(this.meta.buffer)
  #count = -1
  #epoch = 0
  #tables: LookupSet | undefined
  #texts: (Uint8Array | undefined)[] = []

  /** Encodes what is new in the dictionary; starts again where its ids have changed. */
  update(addresses: AddressDictionary, tables: LookupSet): void {
    if (tables !== this.#tables) this.#texts = []
    if (addresses.epoch !== this.#epoch || tables !== this.#tables) {
      this.arena.clear()
      this.#count = -1
      this.#epoch = addresses.epoch
      this.#tables = tables
    }
    const { current } = addresses
    if (4 * current.count + 4 > this.meta.length) {
      this.meta = grow(this.meta, 8 * current.count)
      this.order = new Float64Array(this.meta.buffer)
    }
    for (let id = this.#count + 1; id <= current.count; id++) this.#encode(id, addresses, tables)
    this.#count = Math.max(this.#count, current.count)
  }

  #encode(id: number, addresses: AddressDictionary, tables: LookupSet): void {
    const { current } = addresses
    const { arena } = this
    arena.reserve(256)
    const start = arena.length
    if (current.family[id] === 4) this.#writeV4(current.number[id]!)
    else if (current.family[id] === 6) this.#append(encodeText(current.textOf(id)!))
    else arena.bytes[arena.length++] = 0
    const textLength = arena.length - start
    arena.reserve(textLength)
    arena.bytes.copyWithin(arena.length, start, arena.length)
    arena.length += textLength
    for (let i = 0; i < attributeRows.length; i++) {
      const value = attributeValue(tables, i, current.looked[attributeSources[i]!]![id]!)
      if (attributeRows[i]!.type === 'string') this.#writeText(value, tables)
      else this.#writeNumber(value)
    }
    this.meta[4 * id] = start
    this.meta[4 * id + 1] = textLength | ((arena.length - start) << 8)
    this.order[2 * id + 1] = current.order[id]!
  }

  #writeV4(value: number): void {
    const { bytes } = this.arena
    let p = this.arena.length
    bytes[p] = 2
    const lengthAt = p + 1
    p += 2
    for (let shift = 24; shift >= 0; shift -= 8) {
      const digits = octets[(value >>> shift) & 255]!
      for (let i = 0; i < digits.length; i++) bytes[p++] = digits[i]!
      if (shift > 0) bytes[p++] = 46
    }
    bytes[lengthAt] = 2 * (p - lengthAt - 1)
    this.arena.length = p
  }

  #writeText(id: number, tables: LookupSet): void {
    if (id >= 0) this.#append((this.#texts[id] ??= encodeText(tables.texts.texts[id]!)))
    else {
      this.arena.reserve(16)
      this.arena.bytes[this.arena.length++] = 0
    }
  }

  #writeNumber(value: number): void {
    const { arena } = this
    arena.reserve(16)
    if (value < 0) arena.bytes[arena.length++] = 0
    else {
      arena.bytes[arena.length++] = 2
      arena.length = writeVarint(arena.bytes, arena.length, value)
    }
  }

  #append(bytes: Uint8Array): void {
    this.arena.append(bytes)
    this.arena.reserve(16)
  }
}
