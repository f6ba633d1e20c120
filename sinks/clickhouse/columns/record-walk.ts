/** Walks over the records of a slab and notes where their values are, some hundred at a time. */
import { headerLength } from '../../../runtime/avro.ts'
import type { InSlab } from '../../../runtime/records.ts'
import type { AvroCursor } from './avro-cursor.ts'

/** Rows that are decoded together: 90 KB of records, which stay in the second level cache while several loops go over them. */
export const chunkRows = 256

/** About as long as the records of a chunk. */
const touchedBytes = chunkRows * 360
const rowsTouched = 16

/** Places of the values of up to some hundred records, written over by the next walk. */
export class RecordWalk {
  /** First byte of a value, and the one behind it. */
  readonly starts = new Int32Array(chunkRows)
  readonly ends = new Int32Array(chunkRows)
  /** The value is one of another schema id; it is then the only one. */
  foreign = false
  /** Keeps V8 from dropping loads whose only use is to fetch memory. */
  touched = 0
  /** Offset after the last value. */
  next = 0
  readonly #cursor: AvroCursor
  #slab: InSlab | undefined
  #index = 0
  #first = 0
  #until = 0
  /** Where the next record starts; the cursor is moved by others in between. */
  #at = 0

  /** @param cursor Points at the slab. */
  constructor(cursor: AvroCursor) {
    this.#cursor = cursor
  }

  /** Starts with the first record. Of the slab, `first` <= offset < `until` is wanted. */
  begin(slab: InSlab, first: number, until: number): void {
    this.#cursor.point(slab.bytes)
    this.#slab = slab
    this.#index = 0
    this.#at = 0
    this.#first = first
    this.#until = until
  }

  /**
   * Reads a word of each cache line ahead, in order, as the processor fetches memory fastest: the loops that follow jump from row to row, and
   * where a record begins is known only after the one before.
   */
  #touch(bytes: Uint8Array): void {
    const end = Math.min(this.#at + touchedBytes, bytes.length)
    let touched = 0
    for (let at = this.#at; at < end; at += 64) touched ^= bytes[at]!
    this.touched = touched
  }

  /** Notes the next values, at most `most`. @returns How many; 0 at the end. */
  take(most: number, schemaId: number): number {
    const cursor = this.#cursor
    const { bytes, view } = cursor
    const { count, baseOffset } = this.#slab!
    const { starts, ends } = this
    const first = this.#first
    if (most > rowsTouched) this.#touch(bytes)
    let rows = 0
    let index = this.#index
    this.foreign = false
    cursor.at = this.#at
    for (; index < count && rows < most; index++) {
      const record = cursor.at
      const length = cursor.long()
      const end = cursor.at + length
      cursor.at++
      cursor.long()
      const offset = baseOffset + cursor.long()
      if (offset >= this.#until) {
        index = count
        break
      }
      if (offset >= first) {
        const keyLength = cursor.long()
        if (keyLength > 0) cursor.at += keyLength
        const valueLength = cursor.long()
        if (valueLength >= headerLength) {
          const at = cursor.at
          const own = bytes[at] === 0 && view.getInt32(at + 1) === schemaId
          if (!own && rows > 0) {
            cursor.at = record
            break
          }
          starts[rows] = at
          ends[rows++] = at + valueLength
          this.next = offset + 1
          if (!own) {
            this.foreign = true
            most = 0
          }
        }
      }
      cursor.at = end
    }
    this.#index = index
    this.#at = cursor.at
    return rows
  }
}
