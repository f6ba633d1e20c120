/** Dictionary of traits fragments: the low-cardinality fields of a flow, some tens to hundreds of combinations. */
import { mostOf, traitFields, traitKind, type TraitField } from '../../../flow/traits.ts'
import type { FlowRecord } from '../../../schemas/flow-record.ts'
import type { AvroCursor } from './avro-cursor.ts'
import { SpanDictionary } from './span-dictionary.ts'
import type { TextTable } from './text-table.ts'
import { traitsEnd } from './traits-end.ts'

const mixer = 0x9e3779b1
const mixer2 = 0x85ebca6b
const mixer3 = 0xc2b2ae35

/** Bytes of the values of an entry: a place in the array of each trait. */
const entryBytes = 16 * (traitFields.length + 1)

const kinds = traitFields.map(traitKind)
const limits = traitFields.map(mostOf)
const bits = traitFields.map(({ kept }) => (kept.absentBit === undefined ? 0 : 1 << kept.absentBit))

/** Values of the entries, by number. An entry is read from the whole decoded record: misses are rare, so a second Avro reader is not worth it. */
export class TraitsDictionary {
  readonly spans = new SpanDictionary()
  /** One list for each trait of `traitFields`: numbers, places of symbols (1 is the first one), numbers of the text table; 0 is absent. */
  readonly values: number[][] = traitFields.map(() => [])
  /** Bits of the column `absent`. */
  readonly absent: number[] = []
  /** Values that no column can hold, since the beginning. */
  unfit = 0
  readonly #texts: TextTable

  constructor(texts: TextTable) {
    this.#texts = texts
  }

  /** Bytes of memory. */
  get size(): number {
    return this.spans.bytes + entryBytes * this.absent.length
  }

  /** The list of a trait. @param record Its name in the record. */
  valuesOf(record: string): readonly number[] {
    return this.values[traitFields.findIndex(field => field.record === record)]!
  }

  /** Hashes of the fragments at `at`. */
  hashAll(cursor: AvroCursor, at: Int32Array, rows: number, hashes: Int32Array): void {
    const { bytes, view } = cursor
    for (let i = 0; i < rows; i++) hashes[i] = hashSpan(bytes, view, at[i]!, traitsEnd(bytes, at[i]!))
  }

  /** Adds the fragment at `start`; the cursor is then behind it. */
  add(cursor: AvroCursor, start: number, hash: number, record: FlowRecord): number {
    let absent = 0
    traitFields.forEach((field, i) => {
      const value = record[field.record]
      if (typeof value === 'number' && (value < 0 || value > limits[i]!)) this.unfit++
      const number = typeof value === 'number' ? (value >= 0 && value <= limits[i]! ? value : -1) : this.#numberOf(field, i, value)
      if (number < 0) absent |= bits[i]!
      this.values[i]!.push(Math.max(0, number))
    })
    this.absent.push(absent)
    cursor.at = traitsEnd(cursor.bytes, start)
    return this.spans.add(cursor.bytes, start, cursor.at, hash)
  }

  /** Forgets all entries. */
  clear(): void {
    this.spans.clear()
    this.absent.length = 0
    for (const values of this.values) values.length = 0
  }

  #numberOf({ kept }: TraitField, trait: number, value: string | null): number {
    if (kinds[trait] === 'number') return -1
    return kinds[trait] === 'text' ? this.#texts.idOfText(value) : kept.symbols!.indexOf(value ?? '') + 1
  }
}

/** A fragment has at least 14 bytes, one for each field. */
function hashSpan(bytes: Uint8Array, view: DataView, start: number, end: number): number {
  let hash = end - start
  if (hash < 32) for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, mixer)
  else {
    // Products that do not wait for each other: the first 32 bytes and the last 8.
    const first = Math.imul(view.getInt32(start, true), mixer) ^ Math.imul(view.getInt32(start + 4, true), mixer2)
    const second = Math.imul(view.getInt32(start + 8, true), mixer3) ^ Math.imul(view.getInt32(start + 12, true), mixer)
    const third = Math.imul(view.getInt32(start + 16, true), mixer2) ^ Math.imul(view.getInt32(start + 20, true), mixer3)
    const fourth = Math.imul(view.getInt32(start + 24, true), mixer) ^ Math.imul(view.getInt32(start + 28, true), mixer2)
    const last = Math.imul(view.getInt32(end - 8, true), mixer3) ^ Math.imul(view.getInt32(end - 4, true), mixer)
    hash =
      Math.imul(hash ^ first ^ (first >>> 15) ^ (second >>> 7), mixer2) ^
      second ^
      third ^
      (third >>> 11) ^
      Math.imul(fourth, mixer3) ^
      last ^
      (last >>> 13)
  }
  hash = Math.imul(hash ^ (hash >>> 16), mixer)
  return hash ^ (hash >>> 15)
}
