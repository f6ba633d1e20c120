/** The books of a backfill: which objects are wanted, and what became of them, as the ledger tells it. */
import { isArchived, type ListedObject } from '../../producers/s3/objects/object-store.ts'
import { nameHash, ObjectTable } from '../../producers/s3/objects/object-table.ts'
import { objectIdOf } from '../../schemas/object-id.ts'
import type { ObjectKey, ObjectLedger } from '../../schemas/records.ts'

const wanted = 1
const announced = 2
const done = 3
const failed = 4

/** Counts of objects. */
export interface BackfillCounts {
  readonly objects: number
  readonly bytes: number
  /** Of a storage class that is an archive. */
  readonly archived: number
  /** Read, by this backfill or before it. */
  readonly done: number
  readonly failed: number
  /** Announced and not yet done or failed. */
  readonly underWay: number
  /** Bytes as stored of the objects that ended since the first was announced. */
  readonly endedBytes: number
  /** Lines with a record, in the objects that ended since the first was announced. */
  readonly endedLines: number
}

/** What became of the objects that a backfill announced. Takes about 40 bytes an object. */
export class BackfillProgress {
  readonly #table = new ObjectTable()
  #bytes = 0
  #archived = 0
  #done = 0
  #failed = 0
  #underWay = 0
  #endedBytes = 0
  #endedLines = 0

  get counts(): BackfillCounts {
    return {
      objects: this.#table.size,
      bytes: this.#bytes,
      archived: this.#archived,
      done: this.#done,
      failed: this.#failed,
      underWay: this.#underWay,
      endedBytes: this.#endedBytes,
      endedLines: this.#endedLines,
    }
  }

  /** Takes an object of a listing. One that is known already stays as it is, but for another version of it. */
  list(bucket: string, object: Omit<ListedObject, 'lastModifiedMs'>): void {
    const { key, etag, size } = object
    const hash = nameHash(bucket, key)
    const objectId = objectIdOf(bucket, key, etag)
    const entry = this.#table.get(hash)
    if (entry?.objectId.equals(objectId) === true) return
    if (entry === undefined) {
      this.#bytes += size
      if (isArchived(object)) this.#archived++
    } else this.#leave(entry.state)
    this.#table.set(hash, wanted, objectId)
  }

  /** True if an object is to be announced; it then counts as announced. */
  take(bucket: string, key: string): boolean {
    const hash = nameHash(bucket, key)
    const entry = this.#table.get(hash)
    if (entry?.state !== wanted) return false
    this.#table.set(hash, announced, entry.objectId)
    this.#underWay++
    return true
  }

  /**
   * Takes a record of the ledger. Before an object is announced only its listed version counts; later any: it was overwritten meanwhile. A
   * listed version that was read before it was overwritten, and came back, is done: fetch reads it no more, and writes no record of it.
   */
  observe({ bucket, key }: ObjectKey, record: ObjectLedger): void {
    const hash = nameHash(bucket, key)
    const entry = this.#table.get(hash)
    if (entry === undefined) return
    const cameBack = record.earlier.some(version => version.done && version.objectId.equals(entry.objectId))
    if (!cameBack && record.state !== 'done' && record.state !== 'failed') return
    const state = cameBack || record.state === 'done' ? done : failed
    if (entry.state === state) return
    if (entry.state !== announced && !cameBack && !entry.objectId.equals(record.objectId)) return
    if (entry.state === announced && !cameBack) {
      this.#endedBytes += record.size
      this.#endedLines += record.lines - record.headerLines - record.blankLines - record.deadLines
    }
    this.#leave(entry.state)
    this.#table.set(hash, state, entry.objectId)
    if (state === done) this.#done++
    else this.#failed++
  }

  #leave(state: number): void {
    if (state === announced) this.#underWay--
    else if (state === done) this.#done--
    else if (state === failed) this.#failed--
  }
}
