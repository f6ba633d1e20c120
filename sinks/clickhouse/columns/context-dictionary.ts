/** Dictionary of interface fragments: the whole cloud context of an observation point, known in the table by a hash of its content. */
import { createHash } from 'node:crypto'
import { flowFields } from '../../../schemas/flow-fields.ts'
import type { FlowRecord } from '../../../schemas/flow-record.ts'
import type { AvroCursor } from './avro-cursor.ts'
import { grown, SpanDictionary } from './span-dictionary.ts'
import { hashTwoTexts } from './text-hash.ts'

const contextFields = flowFields.filter(field => field.role === 'context')
const grouped = (group: string): number => contextFields.filter(field => field.record.startsWith(`${group}.`)).length
const plainTexts = contextFields.filter(field => !field.record.includes('.')).length
const ecsTexts = grouped('ecs')
const tagTexts = grouped('tags')
const transitTexts = grouped('transitGateway')
/** Bytes of a `ContextRow` beside its texts: a place and the head of a string for each, the hash, the arrays. */
const freshBytes = 200 + contextFields.length * 24

/** Columns of the table `interfaces` after the hash: AWS's names, in the order of the record, and the scope that the source names. */
export const contextColumns: readonly { readonly name: string; readonly path: readonly string[] }[] = [
  ...contextFields.map(field => ({ name: field.name.replaceAll('-', '_'), path: field.record.split('.') })),
  { name: 'source_scope', path: ['scope'] },
]
/** Contexts of one account and interface beyond which the rest of them is hashed too. */
const maxAlike = 16
const prime = 0x0100_0193

/** One row of `interfaces`. */
export interface ContextRow {
  readonly hash: bigint
  /** Values in the order of `contextColumns`; '' is absent. */
  readonly values: readonly string[]
}

/**
 * The context of a record with its hash: the first 8 bytes of SHA-256 over name and value of all that is present. So a later version that
 * knows more fields gives an old context its old hash.
 */
export function contextOf(record: FlowRecord): ContextRow {
  const values = contextColumns.map(({ path }) => {
    let value: unknown = record
    for (const step of path) value = (value as Record<string, unknown> | null)?.[step] ?? null
    return typeof value === 'string' ? value : ''
  })
  const hash = createHash('sha256')
  contextColumns.forEach(({ name }, i) => {
    if (values[i] !== '') hash.update(`${name}\0${values[i]!}\0`)
  })
  return { hash: hash.digest().readBigUInt64LE(0), values }
}

/** Gives each context a number, and keeps the hash and the row by which the table knows it. */
export class ContextDictionary {
  readonly spans = new SpanDictionary()
  /** Hash per entry: low and high half. */
  hashes = new Uint32Array(128)
  /** Contexts met since the last `takeFresh`. */
  #fresh: ContextRow[] = []
  /** Entries by the hash of account and interface. Those with many, such as an interface with ever other tags, are hashed in full. */
  readonly #alike = new Map<number, number>()
  readonly #crowded = new Set<number>()
  #freshTextBytes = 0

  /** Bytes of memory; of a context that is new, those of its block too. */
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
    cursor.skipGroup(ecsTexts)
    cursor.skipGroup(tagTexts)
    cursor.skipGroup(transitTexts)
    // scope
    cursor.skipTexts(1)
  }

  /** Adds the fragment at `start`; the cursor is then behind it. */
  add(cursor: AvroCursor, start: number, hash: number, record: FlowRecord): number {
    const context = contextOf(record)
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
    this.hashes[2 * entry] = Number(context.hash & 0xffff_ffffn)
    this.hashes[2 * entry + 1] = Number(context.hash >> 32n)
    this.#fresh.push(context)
    this.#freshTextBytes += cursor.at - start
    return entry
  }

  /** Contexts that the table may not have yet. */
  get fresh(): readonly ContextRow[] {
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
