/** The ledger of one partition in memory: what is known of each object, and what to do with an arrival. */
import type { ObjectArrival, ObjectKey, ObjectLedger } from '../../schemas/records.ts'
import { objectIdOf } from '../../schemas/object-id.ts'
import { nameHash, ObjectTable } from './object-table.ts'

/** An object whose whole record is needed again: it is being read, waits for another attempt, or failed after some lines were published. */
export interface OpenEntry {
  readonly key: ObjectKey
  readonly record: ObjectLedger
}

/** What to do with an arrival. `from`: the version, progress and attempts to go on from; null: nothing is known. */
export type Decision =
  { readonly do: 'skip'; readonly reason: 'done' | 'failed' | 'waiting' } | { readonly do: 'read'; readonly from: ObjectLedger | null }

const done = 1
const failed = 2

/**
 * Entries of objects that need nothing more (done, or failed with no line published) are kept in a table of 33 to 43 bytes an object
 * (measured; for a moment more than twice that while it grows). It forgets nothing: the topic is compacted, so an object announced again after
 * years is still known. Open entries keep their record.
 */
export class Ledger {
  readonly #closed = new ObjectTable()
  /** Begun and not done, by name; those that failed for good included. */
  readonly #begun = new Map<string, OpenEntry>()
  readonly #open = new Map<string, OpenEntry>()

  /** Objects known. */
  get size(): number {
    return this.#closed.size + this.#begun.size
  }

  /** Bytes of the table of objects that need nothing more. */
  get tableBytes(): number {
    return this.#closed.bytes
  }

  /** Objects that are being read or wait for another attempt. */
  get openEntries(): Iterable<OpenEntry> {
    return this.#open.values()
  }

  /** How many those are. */
  get openSize(): number {
    return this.#open.size
  }

  /** Takes the newest record of an object; null: forget it. */
  set(key: ObjectKey, record: ObjectLedger | null): void {
    const hash = nameHash(key.bucket, key.key)
    if (this.#begun.size > 0) {
      this.#begun.delete(nameOf(hash))
      this.#open.delete(nameOf(hash))
    }
    if (record !== null && (record.state === 'done' || (record.state === 'failed' && record.lines === 0))) {
      this.#closed.set(hash, record.state === 'done' ? done : failed, record.objectId)
      return
    }
    this.#closed.delete(hash)
    if (record === null) return
    const entry = { key, record }
    this.#begun.set(nameOf(hash), entry)
    if (record.state !== 'failed') this.#open.set(nameOf(hash), entry)
  }

  /** True where this very version is done. */
  isDone(key: ObjectKey, etag: string): boolean {
    const entry = this.#closed.get(nameHash(key.bucket, key.key))
    return entry?.state === done && entry.objectId.equals(objectIdOf(key.bucket, key.key, etag))
  }

  /** The record of an object that was begun and is not done; undefined where there is none. */
  begun(key: ObjectKey): ObjectLedger | undefined {
    return this.#begunOf(nameHash(key.bucket, key.key))
  }

  /**
   * Decides about an arrival. An arrival without ETag means the version that is known. Another ETag is another object version: it is read
   * from its first line, whatever became of the old one. `retry` forces another attempt of what failed or waits, and nothing else.
   */
  decide(key: ObjectKey, arrival: ObjectArrival): Decision {
    const forced = arrival.source === 'retry'
    const hash = nameHash(key.bucket, key.key)
    const record = this.#begunOf(hash)
    if (record === undefined) {
      const entry = this.#closed.get(hash)
      if (entry === undefined) return { do: 'read', from: null }
      const same = arrival.etag === null || entry.objectId.equals(objectIdOf(key.bucket, key.key, arrival.etag))
      if (!same || (forced && entry.state === failed)) return { do: 'read', from: null }
      return { do: 'skip', reason: entry.state === done ? 'done' : 'failed' }
    }
    if (arrival.etag !== null && arrival.etag !== record.etag) return { do: 'read', from: null }
    if (record.state === 'reading') return { do: 'read', from: record }
    if (forced) return { do: 'read', from: { ...record, attempts: 0 } }
    return { do: 'skip', reason: record.state === 'failed' ? 'failed' : 'waiting' }
  }

  #begunOf(hash: Buffer): ObjectLedger | undefined {
    return this.#begun.size === 0 ? undefined : this.#begun.get(nameOf(hash))?.record
  }
}

const nameOf = (hash: Buffer): string => hash.toString('latin1')
