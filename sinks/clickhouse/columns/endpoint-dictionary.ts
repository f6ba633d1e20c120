/** Dictionary of endpoint fragments: two addresses and what is known of the true end. One for both sides: their fragments are alike. */
import { attributeRows } from '../../../flow/attributes.ts'
import { absentBits } from './absent-bits.ts'
import { parseAddress } from './address.ts'
import type { AvroCursor } from './avro-cursor.ts'
import { SpanDictionary } from './span-dictionary.ts'
import { hashTwoTexts } from './text-hash.ts'
import type { TextTable } from './text-table.ts'
import { grown } from '../../../flow/typed-arrays.ts'

/** Bytes of the values of an entry. */
const entryBytes = 16 + 16 + 4 + 4 * attributeRows.length

/** Values of the entries, by number. */
export class EndpointDictionary {
  readonly spans = new SpanDictionary()
  /** 16 bytes per entry. */
  address = new Uint8Array(0)
  /** 16 bytes per entry, all 0 where the packet address is the same or absent. */
  packet = new Uint8Array(0)
  /** One column for each attribute of `attributeRows`: text numbers, or numbers; 0 is absent. */
  readonly attributes: Uint32Array[] = attributeRows.map(() => new Uint32Array(0))
  /** Bits of the local side; a remote one shifts them. */
  absent = new Uint32Array(0)
  /** Values that no column can hold, since the beginning. */
  unfit = 0
  readonly #texts: TextTable

  constructor(texts: TextTable) {
    this.#texts = texts
  }

  /** Bytes of memory. */
  get size(): number {
    return this.spans.bytes + this.absent.length * entryBytes
  }

  /** Hashes of the fragments at `at`: of the two addresses, which say nearly always what the rest is. */
  hashAll(cursor: AvroCursor, at: Int32Array, rows: number, hashes: Int32Array): void {
    for (let i = 0; i < rows; i++) {
      const hash = hashTwoTexts(cursor.bytes, cursor.view, at[i]!, true)
      hashes[i] = hash === 0 ? hashSlowly(cursor, at[i]!) : hash
    }
  }

  clear(): void {
    this.spans.clear()
    this.address = new Uint8Array(0)
    this.packet = new Uint8Array(0)
    this.attributes.forEach((_, i) => (this.attributes[i] = new Uint32Array(0)))
    this.absent = new Uint32Array(0)
  }

  /** Adds the fragment at `start`; the cursor is then behind it. */
  add(cursor: AvroCursor, start: number, hash: number): number {
    cursor.at = start
    cursor.skipTexts(2)
    for (const { type } of attributeRows) {
      if (type === 'string') cursor.skipTexts(1)
      else cursor.skipLong()
    }
    const end = cursor.at
    const entry = this.spans.add(cursor.bytes, start, end, hash)
    if (entry === this.absent.length) this.#grow(Math.max(64, 2 * entry))
    cursor.at = start
    let absent = 0
    if (!this.#readAddress(cursor, this.address, 16 * entry)) absent |= absentBits.localAddr
    const hasPacket = this.#readAddress(cursor, this.packet, 16 * entry)
    if (!hasPacket) absent |= absentBits.localPkt
    else if ((absent & absentBits.localAddr) === 0 && this.#samePacket(entry)) this.packet.fill(0, 16 * entry, 16 * entry + 16)
    else if (this.#packetIsZero(entry)) absent |= absentBits.localPktUnspecified
    attributeRows.forEach(({ type, absentBit }, i) => {
      if (absentBit !== undefined && cursor.bytes[cursor.at] === 0) absent |= 1 << absentBit
      this.attributes[i]![entry] = type === 'string' ? this.#readText(cursor) : this.#readNumber(cursor)
    })
    this.absent[entry] = absent
    cursor.at = end
    return entry
  }

  /** @returns False, and 16 bytes of 0, where there is none. */
  #readAddress(cursor: AvroCursor, target: Uint8Array, at: number): boolean {
    let found = false
    if (cursor.bytes[cursor.at++] !== 0) {
      const length = cursor.long()
      found = parseAddress(cursor.bytes, cursor.at, cursor.at + length, target, at)
      if (!found) this.unfit++
      cursor.at += length
    }
    if (!found) target.fill(0, at, at + 16)
    return found
  }

  #readText(cursor: AvroCursor): number {
    if (cursor.bytes[cursor.at++] === 0) return 0
    const length = cursor.long()
    const start = cursor.at
    cursor.at += length
    return this.#texts.idOf(cursor.bytes, cursor.view, start, start + length)
  }

  #readNumber(cursor: AvroCursor): number {
    if (cursor.bytes[cursor.at++] === 0) return 0
    const value = cursor.long()
    if (value >= 0 && value <= 0xffff_ffff) return value
    this.unfit++
    return 0
  }

  #samePacket(entry: number): boolean {
    for (let i = 16 * entry; i < 16 * entry + 16; i++) if (this.packet[i] !== this.address[i]) return false
    return true
  }

  #packetIsZero(entry: number): boolean {
    for (let i = 16 * entry; i < 16 * entry + 16; i++) if (this.packet[i] !== 0) return false
    return true
  }

  #grow(capacity: number): void {
    this.address = grown(this.address, new Uint8Array(16 * capacity))
    this.packet = grown(this.packet, new Uint8Array(16 * capacity))
    this.attributes.forEach((column, i) => (this.attributes[i] = grown(column, new Uint32Array(capacity))))
    this.absent = grown(this.absent, new Uint32Array(capacity))
  }
}

function hashSlowly(cursor: AvroCursor, start: number): number {
  cursor.at = start
  cursor.hash = 0
  cursor.skipTexts(2)
  return cursor.hash
}
