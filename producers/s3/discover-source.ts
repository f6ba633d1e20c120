/**
 * Discovers flow log objects by listing and announces them on `object-arrivals`.
 *
 * No cursor: within a day keys sort by flow log id before time, so a cursor would skip what comes late. Every round lists whole days and
 * compares with what was seen. Arrivals are announced at least once; the ledger of fetch makes that harmless.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config, S3Source } from '../../config.ts'
import { FlowError } from '../../runtime/errors.ts'
import { counter, gauge } from '../../runtime/metrics.ts'
import { partitionOf } from '../../runtime/partition.ts'
import type { Source, SourceContext } from '../../runtime/task.ts'
import { objectIdOf } from '../../schemas/object-id.ts'
import { announceArrivals } from './announce-arrivals.ts'
import { dayOf, isFlowLogKey, windowDays, type RegionFolder } from './key-layout.ts'
import { dayPrefixes, findRegions, type DayPrefix, type ListFault } from './list-objects.ts'
import type { ListedObject, ObjectStore, StoreOf } from './object-store.ts'
import { nameHash, ObjectTable } from './object-table.ts'

const rounds = counter('flowloom_discover_rounds_total', 'rounds of listing; partial: a prefix could not be listed', ['result'])
const objectsSeen = counter('flowloom_discover_objects_seen_total', 'objects in the listings of all rounds')
const objectsIgnored = counter('flowloom_discover_objects_ignored_total', 'objects in the listings that are no flow logs by their names')
const objectsAnnounced = counter('flowloom_discover_objects_announced_total', 'arrivals written')
const faults = counter('flowloom_discover_errors_total', 'prefixes that could not be listed in a round', ['code'])
const lastRound = gauge(
  'flowloom_discover_last_complete_round_timestamp_seconds',
  'when every shard that runs here had last ended a complete round',
)
const seenEntries = gauge('flowloom_discover_seen_objects', 'objects remembered, all shards')

/** Arrivals written at once. */
const announceRecords = 500
/** Days that ended longer ago than this are quiet. */
const settleMs = 2 * 3_600_000

/** How to discover. */
export interface DiscoverOptions {
  readonly settings: Config['s3']
  readonly stores: StoreOf
  /** Quiet days are listed every so many rounds; 1 lists all days in every round. */
  readonly quietDayRounds?: number
}

/** The source, and whether it has seen everything once. */
export interface DiscoverSource extends Source {
  /** True once every shard that runs here has ended a round in which every prefix was listed. */
  ready(): boolean
}

/**
 * Makes the source. Shard s lists the (source, account, region) folders whose hash falls on s; accounts and regions are looked up again in
 * every round, once for all shards of the process.
 */
export function createDiscoverSource(options: DiscoverOptions): DiscoverSource {
  const folders = new SharedFolders(options)
  const completed = new Map<number, number>()
  return {
    name: 's3-discover',
    to: ['objectArrivals'],
    shardBy: 'objectArrivals',
    ready: () => completed.size > 0 && [...completed.values()].every(ms => ms > 0),
    async runShard(context) {
      completed.set(context.shard, 0)
      const shard = new DiscoverShard(options, folders, context)
      try {
        while (!context.signal.aborted) {
          const complete = await shard.round()
          rounds.inc({ result: complete ? 'complete' : 'partial' })
          if (complete) completed.set(context.shard, context.nowMs())
          lastRound.set(Math.min(...completed.values()) / 1000)
          await sleep(options.settings.pollIntervalMs, undefined, { signal: context.signal }).catch(() => undefined)
        }
      } catch (error) {
        if (!context.signal.aborted) throw error
      } finally {
        shard.close()
        completed.delete(context.shard)
      }
    },
  }
}

/** Accounts and regions of each source: looked up once for all shards that start a round at about the same time. */
class SharedFolders {
  readonly #options: DiscoverOptions
  readonly #found = new Map<S3Source, { atMs: number; folders: Promise<{ regions: RegionFolder[]; faults: [FlowError, string][] }> }>()

  constructor(options: DiscoverOptions) {
    this.#options = options
  }

  async regionsOf(source: S3Source, onFault: ListFault): Promise<RegionFolder[]> {
    let found = this.#found.get(source)
    if (found === undefined || performance.now() - found.atMs > this.#options.settings.pollIntervalMs / 2) {
      found = { atMs: performance.now(), folders: this.#find(source) }
      this.#found.set(source, found)
    }
    const { regions, faults: met } = await found.folders
    for (const [error, prefix] of met) onFault(error, prefix)
    return regions
  }

  async #find(source: S3Source): Promise<{ regions: RegionFolder[]; faults: [FlowError, string][] }> {
    const met: [FlowError, string][] = []
    const regions = await findRegions(this.#options.stores(source.bucket, source.prefix), source, (error, prefix) =>
      met.push([error, prefix]),
    )
    return { regions, faults: met }
  }
}

/** What was seen of one day of one region. */
interface SeenDay {
  readonly day: string
  readonly objects: ObjectTable
}

/** One shard: what it has seen and announced. */
class DiscoverShard {
  readonly #options: DiscoverOptions
  readonly #folders: SharedFolders
  readonly #context: SourceContext
  /** By bucket and day prefix. About 40 bytes an object; days that leave the window are forgotten. */
  readonly #seen = new Map<string, SeenDay>()
  #entries = 0
  #round = 0

  constructor(options: DiscoverOptions, folders: SharedFolders, context: SourceContext) {
    this.#options = options
    this.#folders = folders
    this.#context = context
  }

  /** Lists every folder of the shard once. @returns False where a prefix could not be listed. */
  async round(): Promise<boolean> {
    const { settings, quietDayRounds = 10 } = this.#options
    const all = this.#round++ % quietDayRounds === 0
    const kept = new Set<string>()
    let complete = true
    const onFault: ListFault = (error, prefix) => {
      if (this.#context.signal.aborted) throw error
      complete = false
      faults.inc({ code: error.code })
      this.#context.log.warn({ code: error.code, prefix, error: error.message }, 'a prefix could not be listed; the others go on')
    }
    for (const source of settings.sources) {
      const nowMs = this.#context.nowMs()
      const days = windowDays(nowMs, settings.lookBackMs, source.startDate)
      const busy = days.filter(day => all || day >= dayOf(nowMs - settleMs))
      for (const day of days) kept.add(day)
      const store = this.#options.stores(source.bucket, source.prefix)
      for (const region of await this.#folders.regionsOf(source, onFault)) {
        if (!this.#isMine(source, region)) continue
        await this.#listRegion(store, source, region, busy, onFault)
      }
    }
    this.#forget(kept)
    return complete
  }

  /** Gives back what the gauge counts for this shard. */
  close(): void {
    seenEntries.dec(this.#entries)
  }

  #isMine(source: S3Source, region: RegionFolder): boolean {
    return partitionOf(Buffer.from(`${source.bucket}\n${region.prefix}`), this.#context.shards) === this.#context.shard
  }

  async #listRegion(
    store: ObjectStore,
    source: S3Source,
    region: RegionFolder,
    days: readonly string[],
    onFault: ListFault,
  ): Promise<void> {
    const { signal } = this.#context
    try {
      for await (const day of dayPrefixes(store, source.bucket, region, days, signal)) {
        try {
          await this.#listDay(store, source.bucket, day)
        } catch (error) {
          if (!isS3Error(error)) throw error
          onFault(error, day.prefix)
        }
      }
    } catch (error) {
      if (!isS3Error(error)) throw error
      onFault(error, region.prefix)
    }
  }

  async #listDay(store: ObjectStore, bucket: string, { day, prefix }: DayPrefix): Promise<void> {
    const name = `${bucket}/${prefix}`
    let seen = this.#seen.get(name)
    if (seen === undefined) this.#seen.set(name, (seen = { day, objects: new ObjectTable() }))
    let fresh: ListedObject[] = []
    for await (const object of store.list(bucket, prefix, { signal: this.#context.signal })) {
      objectsSeen.inc()
      if (!isFlowLogKey(object.key)) objectsIgnored.inc()
      else if (!isKnown(seen.objects, bucket, object)) {
        fresh.push(object)
        if (fresh.length >= announceRecords) {
          await this.#announce(bucket, seen.objects, fresh)
          fresh = []
        }
      }
    }
    await this.#announce(bucket, seen.objects, fresh)
  }

  /** Writes arrivals, then remembers them: a failure in between announces again. */
  async #announce(bucket: string, seen: ObjectTable, objects: readonly ListedObject[]): Promise<void> {
    await announceArrivals(
      this.#context,
      objects.map(({ key, etag, size, lastModifiedMs }) => ({
        key: { bucket, key },
        arrival: { etag, size, lastModifiedMs, source: 'poll' },
      })),
    )
    const before = seen.size
    for (const { key, etag } of objects) seen.set(nameHash(bucket, key), 1, objectIdOf(bucket, key, etag))
    this.#count(seen.size - before)
    objectsAnnounced.inc(objects.length)
  }

  /** Drops days that left the window. A folder that could not be listed this time keeps its days. */
  #forget(kept: ReadonlySet<string>): void {
    for (const [name, { day, objects }] of this.#seen) {
      if (kept.has(day)) continue
      this.#seen.delete(name)
      this.#count(-objects.size)
    }
  }

  #count(change: number): void {
    this.#entries += change
    seenEntries.inc(change)
  }
}

const isS3Error = (error: unknown): error is FlowError => error instanceof FlowError && error.code.startsWith('S3_')

const isKnown = (seen: ObjectTable, bucket: string, { key, etag }: ListedObject): boolean =>
  seen.get(nameHash(bucket, key))?.objectId.equals(objectIdOf(bucket, key, etag)) === true
