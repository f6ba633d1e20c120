/** Dictionary of observer fragments: the whole cloud context of an observation point, known in the table by a hash of its content. */
import { createHash } from 'node:crypto'
import { groupFields, impliedOrigin, observerFields, observerGroups, observerNames, sensorFields } from '../../../flow/observers.ts'
import { observerColumns } from '../../../flow/store-columns.ts'
import type { FlowRecord } from '../../../schemas/flow-record.ts'
import type { AvroCursor } from './avro-cursor.ts'
import { SpanDictionary } from './span-dictionary.ts'
import { hashTwoTexts } from './text-hash.ts'
import { grown } from '../../../flow/typed-arrays.ts'

const plainTexts = observerNames.length
const groupTexts = observerGroups.map(group => groupFields(group).length)
/** Bytes of an `ObserverRow` beside its texts: a place and the head of a string for each, the hash, the arrays. */
const freshBytes = 200 + observerFields.length * 24

const paths = observerColumns.map(({ record }) => record.split('.'))
const originColumn = observerColumns.findIndex(({ record }) => record === 'origin')
/** Observers of one account and interface beyond which the rest of them is hashed too. */
const maxAlike = 16
const prime = 0x0100_0193

/** One row of `interfaces`. */
export interface ObserverRow {
  readonly hash: bigint
  /** Values in the order of `observerColumns`; '' is absent. */
  readonly values: readonly string[]
}

/**
 * The observer of a record with its hash: the first 8 bytes of SHA-256 over name and value of all that is present, but for an origin that the other
 * fields imply. So a later version that knows more fields gives an old observer its old hash.
 */
export function observerRowOf(record: FlowRecord): ObserverRow {
  const values = paths.map(path => {
    let value: unknown = record
    for (const step of path) value = (value as Record<string, unknown> | null)?.[step] ?? null
    return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
  })
  const implied = impliedOrigin(record)
  // a record from before the field says nothing of it
  if (values[originColumn] === '') values[originColumn] = implied
  const hash = createHash('sha256')
  observerColumns.forEach(({ name }, i) => {
    if (values[i] !== '' && !(i === originColumn && values[i] === implied)) hash.update(`${name}\0${values[i]!}\0`)
  })
  return { hash: hash.digest().readBigUInt64LE(0), values }
}

/** Gives each observer a number, and keeps the hash and the row by which the table knows it. */
export class ObserverDictionary {
  readonly spans = new SpanDictionary()
  /** Hash per entry: low and high half. */
  hashes = new Uint32Array(128)
  /** Observers met since the last `takeFresh`. */
  #fresh: ObserverRow[] = []
  /** Entries by the hash of account and interface. Those with many, such as an interface with ever other tags, are hashed in full. */
  readonly #alike = new Map<number, number>()
  readonly #crowded = new Set<number>()
  #freshTextBytes = 0

  /** Bytes of memory; of an observer that is new, those of its block too. */
  get size(): number {
    return this.spans.bytes + this.hashes.byteLength + this.#fresh.length * freshBytes + 2 * this.#freshTextBytes
  }

  /** Hashes of the fragments at `at`. */
  hashAll(cursor: AvroCursor, at: Int32Array, rows: number, hashes: Int32Array): void {
    for (let i = 0; i < rows; i++) hashes[i] = this.#shortHash(cursor, at[i]!)
    if (this.#crowded.size > 0) for (let i = 0; i < rows; i++) if (this.#crowded.has(hashes[i]!)) hashes[i] = this.#fullHash(cursor, at[i]!)
  }

  #shortHash(cursor: AvroCursor, start: number): number {
    const hash = hashTwoTexts(cursor.bytes, cursor.view, start, false)
    return hash === 0 ? this.#hashSlowly(cursor, start) : hash
  }

  /** All bytes of the fragment. */
  #fullHash(cursor: AvroCursor, start: number): number {
    cursor.at = start
    cursor.skipTexts(2)
    this.#skipRest(cursor)
    const { bytes, at: end } = cursor
    let hash = end - start
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, prime)
    return hash ^ (hash >>> 15)
  }

  /** Account and interface say nearly always what the rest is. Without an interface, each text is hashed by its ends. */
  #hashSlowly(cursor: AvroCursor, start: number): number {
    cursor.at = start
    cursor.hash = 0
    cursor.skipTexts(2)
    if (cursor.bytes[cursor.at - 1] === 0) this.#skipRest(cursor)
    return cursor.hash
  }

  #skipRest(cursor: AvroCursor): void {
    cursor.skipTexts(plainTexts - 2)
    for (const texts of groupTexts) cursor.skipGroup(texts)
    // scope and origin
    cursor.skipTexts(1)
    cursor.skipLong()
    if (cursor.bytes[cursor.at++] === 0) return
    for (const { type } of sensorFields) {
      if (type === 'string') cursor.skipTexts(1)
      else cursor.skipLong()
    }
  }

  /** Adds the fragment at `start`; the cursor is then behind it. */
  add(cursor: AvroCursor, start: number, hash: number, record: FlowRecord): number {
    const observer = observerRowOf(record)
    const short = this.#shortHash(cursor, start)
    if (short === hash) {
      const alike = (this.#alike.get(short) ?? 0) + 1
      this.#alike.set(short, alike)
      if (alike === maxAlike) this.#crowded.add(short)
    }
    cursor.at = start
    cursor.skipTexts(2)
    this.#skipRest(cursor)
    const entry = this.spans.add(cursor.bytes, start, cursor.at, hash)
    if (2 * entry === this.hashes.length) this.hashes = grown(this.hashes, new Uint32Array(4 * entry))
    this.hashes[2 * entry] = Number(observer.hash & 0xffff_ffffn)
    this.hashes[2 * entry + 1] = Number(observer.hash >> 32n)
    this.#fresh.push(observer)
    this.#freshTextBytes += cursor.at - start
    return entry
  }

  /** Observers that the table may not have yet. */
  get fresh(): readonly ObserverRow[] {
    return this.#fresh
  }

  /** The table has all of them now. */
  forgetFresh(): void {
    this.#fresh = []
    this.#freshTextBytes = 0
  }

  clear(): void {
    this.spans.clear()
    this.#alike.clear()
    this.#crowded.clear()
    this.hashes = new Uint32Array(128)
    this.forgetFresh()
  }
}
