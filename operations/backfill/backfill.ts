/**
 * Announces the objects of a range of days, and follows the ledger until they are read.
 *
 * Beside live work: only so many objects are announced ahead of what was read, so that a new object never waits behind the whole backfill.
 * Stopped and started again, it announces what the ledger does not yet have; what was read adds nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Announcement } from '../../producers/s3/objects/announce-arrivals.ts'
import type { ListFault } from '../../producers/s3/objects/list-objects.ts'
import { countingLists } from '../../producers/s3/objects/list-requests.ts'
import { sourceOf } from '../../producers/s3/objects/object-store.ts'
import { createS3Stores } from '../../producers/s3/objects/s3-object-store.ts'
import type { S3Source } from '../../producers/s3/settings.ts'
import { FlowError } from '../../runtime/errors.ts'
import { readTopic } from '../../runtime/kafka/topic-reader.ts'
import { topics } from '../../schemas/topics.ts'
import { openAnnouncer } from '../announcer.ts'
import type { Session } from '../session.ts'
import { BackfillProgress, type BackfillCounts } from './backfill-progress.ts'
import { listingsOf, objectsOf, scopeOf, type BackfillListing, type BackfillRange, type BackfillScope } from './range-objects.ts'

const announceRecords = 500
const stalledMs = 30_000

/** What the keys of a layout look like, for somebody who finds none. */
const expectedKeys: Readonly<Record<S3Source['layout'], string>> = {
  'flow-logs': 'keys like <prefix>/AWSLogs/<account>/vpcflowlogs/<region>/<yyyy>/<mm>/<dd>/',
  firehose: 'keys like <prefix>/<yyyy>/<mm>/<dd>/<hh>/',
  any: 'objects that were stored in that time',
}

/** How a backfill ended. */
export interface BackfillReport {
  readonly objects: number
  readonly bytes: number
  /** Read before this backfill began. */
  readonly before: number
  readonly announced: number
  readonly done: number
  readonly failed: number
  readonly unlisted: number
}

/** What is told on the way. `listing` and `progress` come again and again. */
export type BackfillEvent =
  /** No source has the bucket. */
  | { readonly kind: 'foreign-bucket'; readonly bucket: string }
  | { readonly kind: 'listing'; readonly objects: number }
  | { readonly kind: 'not-listed'; readonly prefix: string; readonly error: Error }
  /** Folders of accounts and regions that no source chooses. */
  | { readonly kind: 'left-out'; readonly folders: number; readonly example: string }
  /** Everything is listed, and the ledger is read. */
  | { readonly kind: 'found'; readonly counts: BackfillCounts }
  /** Requests to S3 that a run would make. */
  | { readonly kind: 'estimate'; readonly get: number; readonly list: number }
  /** No object was read for so long. */
  | { readonly kind: 'stalled'; readonly seconds: number }
  /** `toRead`: bytes that were to be read when the first object was announced, so many seconds ago. */
  | { readonly kind: 'progress'; readonly counts: BackfillCounts; readonly toRead: { readonly bytes: number }; readonly seconds: number }

/** How to run it. */
export interface BackfillOptions {
  readonly dryRun?: boolean
  /** Announce everything at once and do not wait. */
  readonly noWait?: boolean
  /** Objects announced and not yet read, at most. */
  readonly ahead: number
  readonly tell: (event: BackfillEvent) => void
}

/**
 * Runs a backfill.
 *
 * @throws FlowError BACKFILL_EMPTY, BACKFILL_UNLISTED, and what Kafka throws.
 */
export async function backfill(
  session: Session,
  asked: BackfillRange,
  options: BackfillOptions,
  signal: AbortSignal,
): Promise<BackfillReport> {
  const { config, cluster, codecs } = session
  const range = scopeOf(config.s3.sources, asked)
  const { bucket } = range
  const { tell } = options
  const listings = listingsOf(createS3Stores(config.s3), range)
  if (sourceOf(config.s3.sources, bucket, range.below) === undefined) tell({ kind: 'foreign-bucket', bucket })
  const unlisted = new Map<string, FlowError>()
  const onFault: ListFault = (error, prefix) => {
    if (!unlisted.has(prefix)) tell({ kind: 'not-listed', prefix, error })
    unlisted.set(prefix, error)
  }
  const books = new BackfillProgress()
  let [listed, requests] = [0, 0]
  const counted = listings.map(listing => ({ ...listing, store: countingLists(listing.store, () => requests++) }))
  const leftOut = new Set<string>()
  for await (const object of objectsOf(counted, range, onFault, signal, prefix => leftOut.add(prefix))) {
    books.list(bucket, object)
    if (++listed % 10_000 === 0) tell({ kind: 'listing', objects: listed })
  }
  if (leftOut.size > 0) tell({ kind: 'left-out', folders: leftOut.size, example: [...leftOut][0]! })
  const days = { from: new Date(range.fromMs).toISOString(), to: new Date(range.toMs).toISOString() }
  const { objects } = books.counts
  if (objects === 0 && unlisted.size > 0) throw unlistedError({ bucket, prefix: range.below, ...days }, unlisted)
  if (objects === 0)
    throw new FlowError('BACKFILL_EMPTY', {
      bucket,
      prefix: range.below,
      ...days,
      expected: `${expectedKeys[range.source?.layout ?? 'flow-logs']}${leftOut.size > 0 ? ', of the accounts and regions that its source chooses' : ''}`,
    })

  const follow = new AbortController()
  const stopped = AbortSignal.any([signal, follow.signal])
  let following = Promise.resolve(0)
  try {
    await new Promise<void>((resolve, reject) => {
      const visit: Parameters<typeof readTopic>[2] = ({ key, value }) => {
        if (key !== null && value !== null) books.observe(codecs.objects.decodeKey(key), codecs.objects.decodeValue(value))
      }
      following = readTopic(cluster, topics.objects, visit, { following: { signal: stopped, caughtUp: resolve } })
      following.then(() => resolve(), reject)
    })
    const before = books.counts
    tell({ kind: 'found', counts: before })
    const report = (announced: number): BackfillReport => {
      const { done, failed } = books.counts
      return {
        objects: books.counts.objects,
        bytes: books.counts.bytes,
        before: before.done,
        announced,
        done,
        failed,
        unlisted: unlisted.size,
      }
    }
    if (options.dryRun === true) {
      // what was just listed is listed twice: to count, and to announce
      tell({ kind: 'estimate', get: objects - before.done - before.failed, list: 2 * requests })
      return report(0)
    }
    return report(await new Walk(session, range, options, books, listings, onFault, AbortSignal.any([signal, aborted(following)])).run())
  } finally {
    follow.abort()
    await following
  }
}

/** Nothing was found, and not everything was looked at. */
function unlistedError(asked: Record<string, string>, unlisted: ReadonlyMap<string, FlowError>): FlowError {
  const [cause] = unlisted.values()
  return new FlowError('BACKFILL_UNLISTED', { ...asked, unlisted: unlisted.size, detail: cause!.message }, { cause })
}

/** Ends when a promise rejects, with its error. */
function aborted(promise: Promise<unknown>): AbortSignal {
  const controller = new AbortController()
  promise.catch((error: unknown) => controller.abort(error))
  return controller.signal
}

/** Announces what is wanted, never too far ahead, and waits for the end. */
class Walk {
  readonly #session: Session
  readonly #range: BackfillScope
  readonly #options: BackfillOptions
  readonly #books: BackfillProgress
  readonly #listings: readonly BackfillListing[]
  readonly #onFault: ListFault
  readonly #signal: AbortSignal
  readonly #startMs = performance.now()
  readonly #toRead: { bytes: number }
  #movedMs = performance.now()
  #ended = -1
  #saidMs = 0
  #warned = false

  constructor(
    session: Session,
    range: BackfillScope,
    options: BackfillOptions,
    books: BackfillProgress,
    listings: readonly BackfillListing[],
    onFault: ListFault,
    signal: AbortSignal,
  ) {
    this.#session = session
    this.#range = range
    this.#options = options
    this.#books = books
    this.#listings = listings
    this.#onFault = onFault
    this.#signal = signal
    const { bytes, objects, done, failed } = books.counts
    // sizes of what was read before are not known one by one: the mean will do for an estimate
    this.#toRead = { bytes: Math.round((bytes * (objects - done - failed)) / objects) }
  }

  /** @returns Objects announced. */
  async run(): Promise<number> {
    const { bucket } = this.#range
    const wait = this.#options.noWait !== true
    const announcer = await openAnnouncer(this.#session, 'backfill')
    let announced = 0
    let batch: Announcement[] = []
    const send = async (): Promise<void> => {
      await announcer.announce(batch)
      announced += batch.length
      batch = []
    }
    try {
      for await (const { key, etag, size, lastModifiedMs } of objectsOf(this.#listings, this.#range, this.#onFault, this.#signal)) {
        this.#books.list(bucket, { key, etag, size })
        if (!this.#books.take(bucket, key)) continue
        batch.push({ key: { bucket, key }, arrival: { etag, size, lastModifiedMs, source: 'backfill' } })
        if (batch.length >= Math.min(announceRecords, this.#options.ahead)) await send()
        while (wait && this.#books.counts.underWay >= this.#options.ahead) await this.#pause()
      }
      await send()
      while (wait && this.#books.counts.underWay > 0) await this.#pause()
      if (wait) this.#tell(true)
      return announced
    } finally {
      await announcer.close()
    }
  }

  async #pause(): Promise<void> {
    await sleep(100, undefined, { signal: this.#signal }).catch(() => undefined)
    this.#signal.throwIfAborted()
    const { done, failed } = this.#books.counts
    if (done + failed !== this.#ended) {
      this.#ended = done + failed
      this.#movedMs = performance.now()
    } else if (!this.#warned && performance.now() - this.#movedMs > stalledMs) {
      this.#warned = true
      this.#options.tell({ kind: 'stalled', seconds: stalledMs / 1000 })
    }
    this.#tell(false)
  }

  #tell(last: boolean): void {
    if (!last && performance.now() - this.#saidMs < 500) return
    this.#saidMs = performance.now()
    const seconds = (performance.now() - this.#startMs) / 1000
    this.#options.tell({ kind: 'progress', counts: this.#books.counts, toRead: this.#toRead, seconds })
  }
}
