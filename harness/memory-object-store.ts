/** An object store in memory, with denied prefixes, broken downloads and a count of requests. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  plainEtag,
  type ListedObject,
  type ObjectStore,
  type OpenedObject,
  type OpenOptions,
} from '../producers/s3/objects/object-store.ts'
import { FlowError, type ErrorCode } from '../runtime/errors.ts'

interface Stored {
  readonly body: Buffer
  readonly etag: string
  readonly lastModifiedMs: number
}

/** Buckets in memory behind the interface that fetch and discover read. Bodies are streamed in pieces of `pieceBytes`. */
export class MemoryObjectStore implements ObjectStore {
  readonly #buckets = new Map<string, Map<string, Stored>>()
  readonly #denied: { bucket: string; prefix: string; code: ErrorCode }[] = []
  /** Requests so far: `list` a page, `open` an object. */
  readonly requests: { list: string[]; open: string[] } = { list: [], open: [] }
  /** Called before a download is handed over: change or delete objects here, or throw. */
  onOpen: ((bucket: string, key: string) => void) | undefined
  /** Holds an answer back until the promise resolves. */
  wait: ((key: string) => Promise<void> | undefined) | undefined
  /** Breaks a download off after so many bytes; undefined: not. */
  cutAfter: ((key: string) => number | undefined) | undefined
  pieceBytes = 65_536
  pageSize = 1000
  clockMs = Date.parse('2026-11-24T11:59:00Z')

  /** Stores an object; returns its ETag (MD5). */
  put(bucket: string, key: string, body: Buffer | string): string {
    const bytes = Buffer.from(body)
    const etag = createHash('md5').update(bytes).digest('hex')
    const objects = this.#buckets.get(bucket) ?? new Map<string, Stored>()
    this.#buckets.set(bucket, objects.set(key, { body: bytes, etag, lastModifiedMs: this.clockMs }))
    return etag
  }

  delete(bucket: string, key: string): void {
    this.#buckets.get(bucket)?.delete(key)
  }

  /** Refuses everything about a prefix (listings that start with it, objects below it). */
  deny(bucket: string, prefix: string, code: ErrorCode = 'S3_ACCESS_DENIED'): void {
    this.#denied.push({ bucket, prefix, code })
  }

  allow(): void {
    this.#denied.length = 0
  }

  async *listPrefixes(bucket: string, prefix: string): AsyncGenerator<string> {
    this.#check(bucket, prefix)
    this.requests.list.push(prefix)
    const found = new Set<string>()
    for (const key of this.#keys(bucket)) {
      if (!key.startsWith(prefix)) continue
      const slash = key.indexOf('/', prefix.length)
      if (slash >= 0) found.add(key.slice(0, slash + 1))
    }
    yield* found
  }

  async *list(bucket: string, prefix: string, options: { startAfter?: string } = {}): AsyncGenerator<ListedObject> {
    this.#check(bucket, prefix)
    const keys = this.#keys(bucket).filter(key => key.startsWith(prefix) && key > (options.startAfter ?? ''))
    for (let at = 0; at === 0 || at < keys.length; at += this.pageSize) {
      this.requests.list.push(prefix)
      for (const key of keys.slice(at, at + this.pageSize)) {
        const stored = this.#buckets.get(bucket)?.get(key)
        if (stored !== undefined) yield { key, etag: stored.etag, size: stored.body.length, lastModifiedMs: stored.lastModifiedMs }
      }
    }
  }

  async open(bucket: string, key: string, options: OpenOptions = {}): Promise<OpenedObject> {
    this.requests.open.push(key)
    await this.wait?.(key)
    this.onOpen?.(bucket, key)
    this.#check(bucket, key)
    const stored = this.#buckets.get(bucket)?.get(key)
    if (stored === undefined) throw new FlowError('S3_NOT_FOUND', { bucket, key })
    if (options.ifMatch !== undefined && plainEtag(options.ifMatch) !== stored.etag) throw new FlowError('S3_CHANGED', { bucket, key })
    const { etag, lastModifiedMs } = stored
    const { range } = options
    const body = range === undefined ? stored.body : stored.body.subarray(range.from, range.to)
    const end = this.cutAfter?.(key) ?? body.length
    const pieces = function* (size: number) {
      for (let at = 0; at < end; at += size) yield body.subarray(at, Math.min(at + size, end))
      if (end < body.length) throw new Error('the connection broke')
    }
    return { etag, size: body.length, lastModifiedMs, body: Readable.from(pieces(this.pieceBytes), { objectMode: false }) }
  }

  #keys(bucket: string): string[] {
    return [...(this.#buckets.get(bucket)?.keys() ?? [])].sort()
  }

  #check(bucket: string, key: string): void {
    const denied = this.#denied.find(rule => rule.bucket === bucket && key.startsWith(rule.prefix))
    if (denied !== undefined) throw new FlowError(denied.code, { bucket, key, detail: 'refused by the test' })
  }
}
