/** The ledger of one partition in memory: what is known of each object, and what to do with an arrival. */
import type { EarlierVersion, ObjectArrival, ObjectKey, ObjectLedger } from '../../../schemas/records.ts'
import { objectIdOf } from '../../../schemas/object-id.ts'
import { nameHash, ObjectTable } from '../objects/object-table.ts'

/** An object whose whole record is needed again: it is being read, waits for another attempt, or failed after some lines were published. */
export interface OpenEntry {
  readonly key: ObjectKey
  readonly record: ObjectLedger
}

/** What to do with an arrival. `from`: the version, progress and attempts to resume from; null: nothing is known. */
export type Decision =
  { readonly do: 'skip'; readonly reason: 'done' | 'failed' | 'waiting' } | { readonly do: 'read'; readonly from: ObjectLedger | null }

const done = 1
const failed = 2
/** Overwritten versions that a record remembers; nobody has as many. */
const mostEarlier = 100
/**
 * Bytes of the header lines of versions that were overwritten before their end, so that the record stays below what a broker takes. The oldest
 * ones beyond it are forgotten: one of them that comes back is read from its first line.
 */
const mostEarlierHeaderBytes = 131_072

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
  /** Overwritten versions by name of the object: of few objects. */
  readonly #earlier = new Map<string, readonly EarlierVersion[]>()

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
    if (record !== null && record.earlier.length > 0) this.#earlier.set(nameOf(hash), record.earlier)
    else if (this.#earlier.size > 0) this.#earlier.delete(nameOf(hash))
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

  /** True if this very version is done, now or before it was overwritten. */
  isDone(key: ObjectKey, etag: string): boolean {
    const hash = nameHash(key.bucket, key.key)
    const id = objectIdOf(key.bucket, key.key, etag)
    const entry = this.#closed.get(hash)
    return (entry?.state === done && entry.objectId.equals(id)) || this.#wasDone(hash, id)
  }

  /**
   * The record to begin a version with: with the progress that it had before it was overwritten, and with what is known of the other versions.
   *
   * @param fresh Nothing read yet.
   */
  begin(key: ObjectKey, fresh: ObjectLedger): ObjectLedger {
    const versions = this.#versionsOf(nameHash(key.bucket, key.key))
    const known = versions.find(({ objectId }) => objectId.equals(fresh.objectId))
    const earlier = bounded(versions.filter(version => version !== known))
    if (known === undefined || known.done) return { ...fresh, earlier }
    const { header, nextLine, lines, headerLines, blankLines, deadLines, textBytes } = known
    return { ...fresh, header, nextLine, lines, headerLines, blankLines, deadLines, textBytes, earlier }
  }

  /** The record of an object that was begun and is not done; undefined if there is none. */
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
      if (!same && this.#wasDone(hash, objectIdOf(key.bucket, key.key, arrival.etag!))) return { do: 'skip', reason: 'done' }
      if (!same || (forced && entry.state === failed)) return { do: 'read', from: null }
      return { do: 'skip', reason: entry.state === done ? 'done' : 'failed' }
    }
    if (arrival.etag !== null && arrival.etag !== record.etag) return { do: 'read', from: null }
    if (record.state === 'reading') return { do: 'read', from: record }
    if (forced) return { do: 'read', from: { ...record, attempts: 0 } }
    return { do: 'skip', reason: record.state === 'failed' ? 'failed' : 'waiting' }
  }

  #wasDone(hash: Buffer, id: Buffer): boolean {
    if (this.#earlier.size === 0) return false
    return this.#earlier.get(nameOf(hash))?.some(({ done, objectId }) => done && objectId.equals(id)) === true
  }

  /** Every version of which lines are in raw-lines, the newest last. */
  #versionsOf(hash: Buffer): EarlierVersion[] {
    const versions = [...(this.#earlier.get(nameOf(hash)) ?? [])]
    const entry = this.#closed.get(hash)
    const begun = this.#begunOf(hash)
    if (entry?.state === done) versions.push({ ...nothingRead, objectId: entry.objectId, done: true })
    else if (begun !== undefined && begun.nextLine > 1) {
      const { objectId, header, nextLine, lines, headerLines, blankLines, deadLines, textBytes } = begun
      versions.push({ objectId, done: false, header, nextLine, lines, headerLines, blankLines, deadLines, textBytes })
    }
    return versions
  }

  #begunOf(hash: Buffer): ObjectLedger | undefined {
    return this.#begun.size === 0 ? undefined : this.#begun.get(nameOf(hash))?.record
  }
}

/** The newest versions that a record has room for. Those that were read to their end have no header line. */
function bounded(versions: readonly EarlierVersion[]): EarlierVersion[] {
  let headerBytes = 0
  const newestFirst = versions.slice(-mostEarlier).toReversed()
  return newestFirst
    .filter(({ header }, i) => {
      if (header === null) return true
      headerBytes += Buffer.byteLength(header)
      return i === 0 || headerBytes <= mostEarlierHeaderBytes
    })
    .toReversed()
}

const nothingRead = { header: null, nextLine: 1, lines: 0, headerLines: 0, blankLines: 0, deadLines: 0, textBytes: 0 }

const nameOf = (hash: Buffer): string => hash.toString('latin1')
