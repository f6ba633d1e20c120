/**
 * The values in a MaxMind DB file. Every length and pointer is held against the file: damaged bytes are a fault, never an endless loop.
 *
 * @see https://maxmind.github.io/MaxMind-DB/
 */
import { LookupFault } from './lookup-fault.ts'
import { plural } from '../../../runtime/counted.ts'

/** A map of a MaxMind DB file. */
export type MmdbRecord = Record<string, unknown>

/** Nesting and values of one record; the largest that are published have 9 levels and some hundred values. */
const deepest = 32
const mostValues = 10_000

const pointerBase = [0, 2048, 526_336, 0]
const typeNames = ['extended', 'pointer', 'text', 'double', 'bytes', 'uint16', 'uint32', 'map', 'int32', 'uint64', 'uint128', 'array']
const widest: Readonly<Record<number, number>> = { 5: 2, 6: 4, 8: 4, 9: 8, 10: 16 }

/** Decodes values of one section of a file. */
export class MmdbValues {
  readonly #bytes: Buffer
  readonly #start: number
  readonly #end: number
  #at = 0
  #values = 0

  /** @param start First byte of the section, which pointers count from. @param end First byte behind it. */
  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes
    this.#start = start
    this.#end = end
  }

  /**
   * The value at a place of the section.
   *
   * @throws LookupFault if the bytes there are not a value.
   */
  at(offset: number): unknown {
    this.#at = this.#start + offset
    this.#values = 0
    if (offset < 0 || this.#at >= this.#end) throw this.#broken('a pointer leaves the section', this.#at)
    return this.#value(0)
  }

  #value(depth: number): unknown {
    const from = this.#at
    if (depth > deepest) throw this.#broken(`more than ${deepest} levels of values`, from)
    if (++this.#values > mostValues) throw this.#broken(`more than ${mostValues} values in one record`, from)
    const control = this.#uint(1)
    let type = control >>> 5
    if (type === 1) return this.#pointer(control, depth)
    if (type === 0) {
      type = this.#uint(1) + 7
      if (type < 8 || type > 15) throw this.#broken(`a value of the unknown type ${type}`, from)
    }
    const size = this.#size(control & 31)
    switch (type) {
      case 2:
        return this.#text(size)
      case 3:
        return this.#float(size, 8)
      case 4:
        return this.#take(size)
      case 7:
        return this.#map(size, depth)
      case 11:
        return this.#array(size, depth)
      case 14:
        if (size > 1) throw this.#broken(`a boolean of ${size}`, from)
        return size === 1
      case 15:
        return this.#float(size, 4)
      case 5:
      case 6:
      case 8:
      case 9:
      case 10:
        if (size > widest[type]!) throw this.#broken(`a ${typeNames[type]!} of ${plural(size, 'byte')}`, from)
        if (type > 8) return this.#big(size)
        return type === 8 && size === 4 ? this.#uint(4) | 0 : this.#uint(size)
      default:
        throw this.#broken(`a value of the unknown type ${type}`, from)
    }
  }

  #pointer(control: number, depth: number): unknown {
    const kind = (control >>> 3) & 3
    const low = this.#uint(kind + 1)
    const target = this.#start + (kind === 3 ? low : (control & 7) * 2 ** (8 * (kind + 1)) + low + pointerBase[kind]!)
    const back = this.#at
    if (target >= this.#end) throw this.#broken('a pointer leaves the section', back)
    if (this.#bytes[target]! >>> 5 === 1) throw this.#broken('a pointer leads to a pointer', back)
    this.#at = target
    const value = this.#value(depth + 1)
    this.#at = back
    return value
  }

  #size(low: number): number {
    if (low < 29) return low
    if (low === 29) return 29 + this.#uint(1)
    return low === 30 ? 285 + this.#uint(2) : 65_821 + this.#uint(3)
  }

  #map(size: number, depth: number): MmdbRecord {
    const map: MmdbRecord = {}
    for (let i = 0; i < size; i++) {
      const from = this.#at
      const key = this.#value(depth + 1)
      if (typeof key !== 'string') throw this.#broken('a key that is not a text', from)
      const value = this.#value(depth + 1)
      if (key !== '__proto__') map[key] = value
    }
    return map
  }

  #array(size: number, depth: number): unknown[] {
    const array: unknown[] = []
    for (let i = 0; i < size; i++) array.push(this.#value(depth + 1))
    return array
  }

  #text(size: number): string {
    const from = this.#at
    const text = this.#take(size).toString('utf8')
    if (text.includes('\0')) throw this.#broken('a text with a zero byte', from)
    return text
  }

  #float(size: number, expected: 4 | 8): number {
    if (size !== expected) throw this.#broken(`a floating point number of ${plural(size, 'byte')}`, this.#at)
    const bytes = this.#take(size)
    return size === 8 ? bytes.readDoubleBE() : bytes.readFloatBE()
  }

  #uint(size: number): number {
    if (size === 0) return 0
    return this.#take(size).readUIntBE(0, size)
  }

  #big(size: number): bigint {
    let value = 0n
    for (const byte of this.#take(size)) value = (value << 8n) | BigInt(byte)
    return value
  }

  #take(size: number): Buffer {
    const from = this.#at
    this.#at += size
    if (this.#at > this.#end) throw this.#broken('a value leaves the section', from)
    return this.#bytes.subarray(from, this.#at)
  }

  #broken(what: string, at: number): LookupFault {
    return new LookupFault(`its data is damaged: ${what} at byte ${at}`)
  }
}
