/**
 * Discovers flow log objects by listing and announces them on `object-arrivals`.
 *
 * No cursor: within a day keys sort by flow log id before time, so a cursor would skip what comes late. Every round lists whole days (or
 * hours, or all of a prefix, as the layout of the source is) and compares with what was seen. Arrivals are announced at least once; the ledger of fetch makes that harmless.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { S3Settings, S3Source } from '../settings.ts'
import { FlowError } from '../../../runtime/errors.ts'
import { counter, gauge } from '../../../runtime/metrics.ts'
import { EachToldOnce } from '../../../runtime/told-once.ts'
import { partitionOf } from '../../../runtime/partition.ts'
import type { Source, SourceContext, SourceShape } from '../../../runtime/task.ts'
import { objectIdOf } from '../../../schemas/object-id.ts'
import { announceArrivals } from '../objects/announce-arrivals.ts'
import { dayOf, isFlowLogKey, windowDays, type RegionFolder } from '../objects/key-layout.ts'
import { dayPrefixes, findRegions, hourPrefixes, type ListFault } from '../objects/list-objects.ts'
import { isArchived, type ListedObject, type ObjectStore, type StoreOf } from '../objects/object-store.ts'
import { nameHash, ObjectTable } from '../objects/object-table.ts'
import { SilentSources } from './silent-sources.ts'
import { hourWindow, isWanted, rootOf } from '../objects/source-layout.ts'

const rounds = counter('flowloom_discover_rounds_total', 'rounds of listing; partial: a prefix could not be listed', ['result'])
const objectsSeen = counter('flowloom_discover_objects_seen_total', 'objects in the listings of all rounds')
const objectsIgnored = counter('flowloom_discover_objects_ignored_total', 'objects in the listings that are not flow logs by their names')
const foldersLeftOut = counter(
  'flowloom_discover_folders_left_out_total',
  'folders of accounts and regions that their source does not choose, each time they are seen',
)
const objectsAnnounced = counter('flowloom_discover_objects_announced_total', 'arrivals written')
const objectsArchived = counter(
  'flowloom_discover_objects_archived_total',
  'arrivals written of objects whose storage class is an archive: they are read when they are restored',
)
const faults = counter('flowloom_discover_errors_total', 'prefixes that could not be listed in a round', ['code'])
const lastRound = gauge(
  'flowloom_discover_last_complete_round_timestamp_seconds',
  'when every shard that runs here had last ended a complete round',
)
const seenEntries = gauge('flowloom_discover_seen_objects', 'objects remembered, all shards')

/** Arrivals written at once. */
const announceRecords = 500
/** Days and hours that ended longer ago than this are quiet. */
const settleMs = 2 * 3_600_000
/** Objects of a source of the layout `any` that are listed in a round on average: where there are more, it is not listed in every round. */
const anyObjectsPerRound = 10_000

/** Longest wait between rounds without credentials. */
const longestWaitMs = 300_000

/** How to discover. */
export interface DiscoverOptions {
  readonly settings: S3Settings
  readonly stores: StoreOf
  /** Quiet days are listed every so many rounds; 1 lists all days in every round. */
  readonly quietDayRounds?: number
}

/** The source, and whether it has seen everything once. */
export interface DiscoverSource extends Source {
  /** True once every shard that runs here has ended a round in which every prefix was listed. */
  ready(): boolean
}

/** The source: listings in, arrivals out. */
export const discoverSource = {
  name: 'discover',
  // the name of the source once: in an upgrade, old and new processes share the shards instead of each listing everything
  group: 's3-discover',
  to: ['objectArrivals'],
  shardBy: 'objectArrivals',
} as const satisfies SourceShape

/**
 * Makes the source. Shard s lists the (source, account, region) folders whose hash falls on s; accounts and regions are looked up again in
 * every round, once for all shards of the process.
 */
export function createDiscoverSource(options: DiscoverOptions): DiscoverSource {
  const folders = new SharedFolders(options)
  const credentials = new EachToldOnce()
  const completed = new Map<number, number>()
  return {
    ...discoverSource,
    ready: () => completed.size > 0 && [...completed.values()].every(ms => ms > 0),
    async runShard(context) {
      completed.set(context.shard, 0)
      const shard = new DiscoverShard(options, folders, context, credentials)
      try {
        while (!context.signal.aborted) {
          const complete = await shard.round()
          rounds.inc({ result: complete ? 'complete' : 'partial' })
          if (complete) completed.set(context.shard, context.nowMs())
          lastRound.set(Math.min(...completed.values()) / 1000)
          await sleep(waitAfter(options.settings.pollIntervalMs, shard.roundsWithoutCredentials), undefined, {
            signal: context.signal,
          }).catch(() => undefined)
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

/** Wait before the next round: twice as long after each one that had no credentials, as nothing is found before a person acts. */
const waitAfter = (pollMs: number, roundsWithoutCredentials: number): number =>
  Math.max(pollMs, Math.min(pollMs * 2 ** roundsWithoutCredentials, longestWaitMs))

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
    const scope = { ...source, onLeftOut: () => foldersLeftOut.inc() }
    const regions = await findRegions(this.#options.stores(source.bucket, rootOf(source), source), scope, (error, prefix) =>
      met.push([error, prefix]),
    )
    return { regions, faults: met }
  }
}

/** What to list at once. */
interface Listing {
  readonly source: S3Source
  /** What the objects are remembered by, together with their day. */
  readonly folder: string
  readonly prefix: string
  /** True for a key of an object to read. */
  readonly wants: (key: string) => boolean
  /** The day that an object is remembered with; undefined: it is out of the window. */
  readonly dayOf: (object: ListedObject) => string | undefined
}

/** What was seen of one day of one folder. */
interface SeenDay {
  readonly day: string
  readonly objects: ObjectTable
}

/** One shard: what it has seen and announced. */
class DiscoverShard {
  readonly #options: DiscoverOptions
  readonly #folders: SharedFolders
  readonly #context: SourceContext
  /** By bucket, folder and day. About 40 bytes an object; days that leave the window are forgotten. */
  readonly #seen = new Map<string, SeenDay>()
  /** By source of the layout `any`: the first round in which it is listed again. */
  readonly #nextRound = new Map<S3Source, number>()
  readonly #silent: SilentSources
  /** Sources of which the round has listed something to read. */
  readonly #heard = new Set<S3Source>()
  /** Of the process: credentials that are missing are missing for all shards and prefixes. */
  readonly #credentials: EachToldOnce
  #entries = 0
  #round = 0
  /** Rounds in a row in which credentials were missing. */
  roundsWithoutCredentials = 0

  constructor(options: DiscoverOptions, folders: SharedFolders, context: SourceContext, credentials: EachToldOnce) {
    this.#credentials = credentials
    this.#options = options
    this.#folders = folders
    this.#context = context
    this.#silent = new SilentSources(context.log)
  }

  /** Lists every folder of the shard once. @returns False if a prefix could not be listed. */
  async round(): Promise<boolean> {
    const { settings, quietDayRounds = 10 } = this.#options
    const round = this.#round++
    const all = round % quietDayRounds === 0
    const kept = new Set<string>()
    /** Sources of which a prefix could not be listed. */
    const failed = new Set<S3Source>()
    const codes = new Set<string>()
    /** Sources of which this round has listed all that the shard lists of them. */
    const listed = new Set<S3Source>()
    const faultOf = (source: S3Source, error: FlowError, prefix: string): void => {
      if (this.#context.signal.aborted) throw error
      failed.add(source)
      faults.inc({ code: error.code })
      codes.add(error.code)
      this.#tellFault(error, prefix)
    }
    for (const source of settings.sources) {
      const onFault: ListFault = (error, prefix) => faultOf(source, error, prefix)
      let isWhole = all
      const nowMs = this.#context.nowMs()
      const days = windowDays(nowMs, settings.lookBackMs, source.startDate)
      for (const day of days) kept.add(day)
      const store = this.#options.stores(source.bucket, rootOf(source), source)
      if (source.layout === 'flow-logs') {
        const busy = days.filter(day => all || day >= dayOf(nowMs - settleMs))
        for (const region of await this.#folders.regionsOf(source, onFault))
          if (this.#isMine(source, region.prefix)) await this.#listRegion(store, source, region, busy, onFault)
      } else if (this.#isMine(source, rootOf(source))) {
        if (source.layout === 'firehose') await this.#listHours(store, source, all, onFault)
        else isWhole = await this.#listAll(store, source, days, round, onFault)
      }
      if (isWhole && !failed.has(source)) listed.add(source)
    }
    this.#forget(kept)
    this.roundsWithoutCredentials = codes.has('S3_CREDENTIALS') ? this.roundsWithoutCredentials + 1 : 0
    await this.#hear(listed)
    this.#heard.clear()
    return failed.size === 0
  }

  #tellFault(error: FlowError, prefix: string): void {
    const { log } = this.#context
    const told = { code: error.code, prefix, error: error.message }
    if (error.code === 'S3_CREDENTIALS') {
      const isNews = this.#credentials.isNews(String(error.details['detail']), this.#context.nowMs())
      log[isNews ? 'warn' : 'debug'](told, 'there are no credentials for S3; it is tried again, less often each time')
    } else if (this.#options.settings.sources.length > 1) log.warn(told, 'a prefix could not be listed; the others go on')
    else log.warn(told, 'a prefix could not be listed; it is tried again')
  }

  /** One shard of all looks after a source of which it has listed nothing itself. @param listed Sources that the round has listed in full. */
  async #hear(listed: ReadonlySet<S3Source>): Promise<void> {
    const { settings, stores } = this.#options
    for (const source of settings.sources) {
      if (this.#heard.has(source)) this.#silent.heard(source)
      else if (listed.has(source) && this.#isMine(source, rootOf(source)))
        await this.#silent.look(source, stores(source.bucket, rootOf(source), source), {
          nowMs: this.#context.nowMs(),
          lookBackMs: settings.lookBackMs,
        })
    }
  }

  /** Gives back what the gauge counts for this shard. */
  close(): void {
    seenEntries.dec(this.#entries)
    this.#silent.close()
  }

  #isMine(source: S3Source, folder: string): boolean {
    return partitionOf(Buffer.from(`${source.bucket}\n${folder}`), this.#context.shards) === this.#context.shard
  }

  async #listRegion(
    store: ObjectStore,
    source: S3Source,
    region: RegionFolder,
    days: readonly string[],
    onFault: ListFault,
  ): Promise<void> {
    await trying(region.prefix, onFault, async () => {
      for await (const { day, prefix } of dayPrefixes(store, source.bucket, region, days, this.#context.signal)) {
        const listing = { source, folder: region.prefix, prefix, wants: isFlowLogKey, dayOf: () => day }
        await trying(prefix, onFault, () => this.#list(store, listing))
      }
    })
  }

  /** Lists the last hours, or all hours of the window. */
  async #listHours(store: ObjectStore, source: S3Source, all: boolean, onFault: ListFault): Promise<void> {
    const nowMs = this.#context.nowMs()
    const folder = rootOf(source)
    const window = hourWindow(nowMs, this.#options.settings.lookBackMs, source.startDate)
    const time = all ? window : { fromMs: Math.max(window.fromMs, nowMs - settleMs), toMs: nowMs + 1 }
    if (time.fromMs >= time.toMs) return
    await trying(folder, onFault, async () => {
      for await (const { day, prefix } of hourPrefixes(store, source.bucket, folder, time, this.#context.signal)) {
        const listing = { source, folder, prefix, wants: (key: string) => isWanted(source, key), dayOf: () => day }
        await trying(prefix, onFault, () => this.#list(store, listing))
      }
    })
  }

  /**
   * Lists everything, and looks at what was stored in the days of the window; large listings not in every round.
   *
   * @returns False if it is left for a later round.
   */
  async #listAll(store: ObjectStore, source: S3Source, days: readonly string[], round: number, onFault: ListFault): Promise<boolean> {
    const [today, first] = [days[0], days.at(-1)]
    if (today === undefined || first === undefined) return true
    if (round < (this.#nextRound.get(source) ?? 0)) return false
    const folder = rootOf(source)
    const dayStored = ({ lastModifiedMs }: ListedObject): string | undefined => {
      const day = dayOf(lastModifiedMs)
      // the clock of S3 may be ahead
      return day > today ? today : day < first ? undefined : day
    }
    const listing = { source, folder, prefix: folder, wants: (key: string) => isWanted(source, key), dayOf: dayStored }
    await trying(folder, onFault, async () => {
      const objects = await this.#list(store, listing)
      this.#nextRound.set(source, round + Math.max(1, Math.ceil(objects / anyObjectsPerRound)))
    })
    return true
  }

  /** @returns Objects listed, of whatever kind. */
  async #list(store: ObjectStore, { source, folder, prefix, wants, dayOf }: Listing): Promise<number> {
    const { bucket } = source
    let count = 0
    let fresh: { object: ListedObject; seen: ObjectTable }[] = []
    for await (const object of store.list(bucket, prefix, { signal: this.#context.signal })) {
      count++
      objectsSeen.inc()
      if (!wants(object.key)) {
        objectsIgnored.inc()
        continue
      }
      const day = dayOf(object)
      if (day === undefined) continue
      this.#heard.add(source)
      const seen = this.#seenOf(bucket, folder, day)
      if (isKnown(seen, bucket, object)) continue
      fresh.push({ object, seen })
      if (fresh.length >= announceRecords) {
        await this.#announce(bucket, fresh)
        fresh = []
      }
    }
    await this.#announce(bucket, fresh)
    return count
  }

  #seenOf(bucket: string, folder: string, day: string): ObjectTable {
    const name = `${bucket}/${folder}\n${day}`
    let seen = this.#seen.get(name)
    if (seen === undefined) this.#seen.set(name, (seen = { day, objects: new ObjectTable() }))
    return seen.objects
  }

  /** Writes arrivals, then remembers them: a failure in between announces again. */
  async #announce(bucket: string, fresh: readonly { object: ListedObject; seen: ObjectTable }[]): Promise<void> {
    await announceArrivals(
      this.#context,
      fresh.map(({ object: { key, etag, size, lastModifiedMs } }) => ({
        key: { bucket, key },
        arrival: { etag, size, lastModifiedMs, source: 'poll' },
      })),
    )
    for (const { object, seen } of fresh)
      if (seen.set(nameHash(bucket, object.key), 1, objectIdOf(bucket, object.key, object.etag))) this.#count(1)
    objectsAnnounced.inc(fresh.length)
    objectsArchived.inc(fresh.filter(({ object }) => isArchived(object)).length)
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

/** Tells of a prefix that cannot be listed; the others go on. */
async function trying(prefix: string, onFault: ListFault, action: () => Promise<unknown>): Promise<void> {
  try {
    await action()
  } catch (error) {
    if (!isS3Error(error)) throw error
    onFault(error, prefix)
  }
}

const isKnown = (seen: ObjectTable, bucket: string, { key, etag }: ListedObject): boolean =>
  seen.get(nameHash(bucket, key))?.objectId.equals(objectIdOf(bucket, key, etag)) === true
