/** The ledger of one partition in memory: what is known of each object, and what to do with an arrival. */
import { createHash } from 'node:crypto'
import type { ObjectArrival, ObjectKey, ObjectLedger } from '../../schemas/records.ts'
import { objectIdOf } from '../../schemas/object-id.ts'

/** An object whose whole record is needed again: it is being read, waits for another attempt, or failed after some lines were published. */
export interface OpenEntry {
  readonly key: ObjectKey
  readonly record: ObjectLedger
}

/** What to do with an arrival. `from`: the version, progress and attempts to go on from; null: nothing is known. */
export type Decision =
  { readonly do: 'skip'; readonly reason: 'done' | 'failed' | 'waiting' } | { readonly do: 'read'; readonly from: ObjectLedger | null }

/**
 * Entries of objects that need nothing more (done, or failed with no line published) are a letter and the object id: with the hash of their
 * key and the slot of the map about 91 bytes each (measured; a million objects of a partition: 91 MB). Open entries keep their record.
 */
export class Ledger {
  readonly #entries = new Map<string, string | OpenEntry>()
  readonly #open = new Map<string, OpenEntry>()

  /** Objects known. */
  get size(): number {
    return this.#entries.size
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
    const name = nameOf(key)
    this.#open.delete(name)
    if (record === null) this.#entries.delete(name)
    else if (record.state === 'done' || (record.state === 'failed' && record.lines === 0))
      this.#entries.set(name, `${record.state === 'done' ? 'd' : 'f'}${record.objectId.toString('latin1')}`)
    else {
      const entry = { key, record }
      this.#entries.set(name, entry)
      if (record.state !== 'failed') this.#open.set(name, entry)
    }
  }

  /** True where this very version is done. */
  isDone(key: ObjectKey, etag: string): boolean {
    return this.#entries.get(nameOf(key)) === `d${objectIdOf(key.bucket, key.key, etag).toString('latin1')}`
  }

  /**
   * Decides about an arrival. An arrival without ETag means the version that is known. Another ETag is another object version: it is read
   * from its first line, whatever became of the old one. `retry` forces another attempt of what failed or waits, and nothing else.
   */
  decide(key: ObjectKey, arrival: ObjectArrival): Decision {
    const entry = this.#entries.get(nameOf(key))
    if (entry === undefined) return { do: 'read', from: null }
    const forced = arrival.source === 'retry'
    if (typeof entry === 'string') {
      const same = arrival.etag === null || entry.slice(1) === objectIdOf(key.bucket, key.key, arrival.etag).toString('latin1')
      if (!same || (forced && entry.startsWith('f'))) return { do: 'read', from: null }
      return { do: 'skip', reason: entry.startsWith('d') ? 'done' : 'failed' }
    }
    const { record } = entry
    if (arrival.etag !== null && arrival.etag !== record.etag) return { do: 'read', from: null }
    if (record.state === 'reading') return { do: 'read', from: record }
    if (forced) return { do: 'read', from: { ...record, attempts: 0 } }
    return { do: 'skip', reason: record.state === 'failed' ? 'failed' : 'waiting' }
  }
}

/** 16 bytes of SHA-256 as a one-byte string: half the size of a key, and no two objects share it. */
const nameOf = ({ bucket, key }: ObjectKey): string => createHash('sha256').update(`${bucket}\n${key}`).digest().toString('latin1', 0, 16)
