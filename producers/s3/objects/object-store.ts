/** What the S3 producers need of an object store. Ours, so that tests can bring their own. */
import type { Readable } from 'node:stream'
import type { S3Source } from '../settings.ts'
import { folderOf } from '../source-folder.ts'
import { isWanted } from './source-layout.ts'

/** An object as a listing shows it. */
export interface ListedObject {
  readonly key: string
  /** Entity tag without quotes. */
  readonly etag: string
  readonly size: number
  readonly lastModifiedMs: number
  /** Such as `STANDARD` or `GLACIER`; absent: the listing does not say it. */
  readonly storageClass?: string
}

/**
 * True if an object is in an archive, from which it must be restored before it can be read. A restored copy keeps the class, and archive tiers
 * of Intelligent-Tiering do not show in it: reading tells.
 */
export const isArchived = ({ storageClass }: Pick<ListedObject, 'storageClass'>): boolean =>
  storageClass === 'GLACIER' || storageClass === 'DEEP_ARCHIVE'

/** An object version that is being read. */
export interface OpenedObject {
  /** Entity tag without quotes. */
  readonly etag: string
  readonly size: number
  readonly lastModifiedMs: number | null
  /** Bytes as stored. Destroy it to stop the download. */
  readonly body: Readable
}

/** How to open an object. */
export interface OpenOptions {
  readonly ifMatch?: string
  readonly range?: { readonly from: number; readonly to: number }
  readonly signal?: AbortSignal
}

/** Reads buckets. Every method rejects with FlowError S3_ACCESS_DENIED, S3_NOT_FOUND, S3_NO_BUCKET, S3_CHANGED, S3_CREDENTIALS, S3_UNAVAILABLE or OBJECT_ARCHIVED. */
export interface ObjectStore {
  /** The "folders" directly below a prefix, each with its trailing slash, complete and in order. */
  listPrefixes(bucket: string, prefix: string, signal?: AbortSignal): AsyncIterable<string>
  /** All objects below a prefix in key order; never stops at a page or a cap. */
  list(bucket: string, prefix: string, options?: { startAfter?: string; signal?: AbortSignal }): AsyncIterable<ListedObject>
  /**
   * Starts a download. S3_CHANGED where `ifMatch` is not the entity tag of the current version. With `range`, the body and `size` are those of
   * these bytes (`to` not included).
   */
  open(bucket: string, key: string, options?: OpenOptions): Promise<OpenedObject>
}

/**
 * Finds the store, with its credentials and region, that serves an object or a prefix.
 *
 * @param source The source that is listed: others may have the same folder with another role. Absent: the one that the key belongs to.
 */
export type StoreOf = (bucket: string, key: string, source?: S3Source) => ObjectStore

/** Removes the quotes around an entity tag. */
export const plainEtag = (etag: string | undefined): string => (etag ?? '').replace(/^(?:W\/)?"|"$/g, '')

/**
 * The source that an object belongs to, of those of its bucket in whose folder its key lies: one that has such keys, then the one with the
 * innermost folder; else the first one of the bucket; else undefined (arrivals of a source that was since removed from the configuration).
 */
export function sourceOf(sources: readonly S3Source[], bucket: string, key: string): S3Source | undefined {
  const ofBucket = sources.filter(source => source.bucket === bucket)
  const matching = ofBucket.filter(source => key.startsWith(folderOf(source))).sort((a, b) => folderOf(b).length - folderOf(a).length)
  return matching.find(source => isWanted(source, key)) ?? matching[0] ?? ofBucket[0]
}
