/** Lists the flow log objects of a source, folder by folder. */
import type { S3Source } from '../settings.ts'
import { FlowError } from '../../../runtime/errors.ts'
import {
  accountFolder,
  dayOf,
  datePrefix,
  daysBetween,
  isChosen,
  isFlowLogKey,
  isOrganization,
  regionFolder,
  type DatedFolder,
  type RegionFolder,
  type Selection,
} from './key-layout.ts'
import { accountsPrefix } from '../source-folder.ts'
import type { ListedObject, ObjectStore } from './object-store.ts'
import { hoursOf, isWanted, rootOf, type SourceLayout, type TimeRange } from './source-layout.ts'

/** Hears of a prefix that cannot be listed; the rest goes on. */
export type ListFault = (error: FlowError, prefix: string) => void

/** Where to look for accounts and regions, and which of them to take. */
export interface FolderScope extends Selection {
  readonly bucket: string
  /** In front of `AWSLogs/`. */
  readonly prefix: string
  /** Of other sources with the same prefix: a folder is taken that any of them chooses. */
  readonly others?: readonly Selection[]
  /** Hears of each folder that is there and not chosen. */
  readonly onLeftOut?: (prefix: string) => void
}

/** The prefix of one day, `yyyy-mm-dd`. */
export interface DayPrefix {
  readonly day: string
  readonly prefix: string
}

/** From this many days on, years, months and days are looked up instead of asked for one by one. */
const manyDays = 8

/**
 * Finds the accounts and regions that have flow logs, one after the other: two or three cheap requests per account.
 *
 * @param onFault Called where a folder cannot be listed; without it the error is thrown.
 * @param below Only what is below this prefix, or has it below.
 */
export async function* regionFolders(
  store: ObjectStore,
  source: FolderScope,
  onFault?: ListFault,
  signal?: AbortSignal,
  below = '',
): AsyncGenerator<RegionFolder> {
  const children = async (prefix: string): Promise<string[]> => {
    try {
      return (await collect(store.listPrefixes(source.bucket, prefix, signal))).filter(child => meet(child, below))
    } catch (error) {
      if (onFault === undefined || signal?.aborted === true || !(error instanceof FlowError)) throw error
      onFault(error, prefix)
      return []
    }
  }
  const top = await children(accountsPrefix(source))
  const accounts = [...top.filter(prefix => !isOrganization(prefix))]
  for (const organization of top.filter(isOrganization)) accounts.push(...(await children(organization)))
  for (const prefix of accounts) {
    const account = accountFolder(prefix)
    if (account === undefined || !meet(account.prefix, below)) continue
    if (!isTaken(source, account.accountId)) {
      source.onLeftOut?.(account.prefix)
      continue
    }
    for (const child of await children(account.prefix)) {
      const region = regionFolder(account, child)
      if (region === undefined) continue
      if (isTaken(source, account.accountId, region.region)) yield region
      else source.onLeftOut?.(region.prefix)
    }
  }
}

const isTaken = (scope: FolderScope, ...folder: [accountId: string, region?: string]): boolean =>
  [scope, ...(scope.others ?? [])].some(selection => isChosen(selection, ...folder))

/** All of them. */
export const findRegions = (...search: Parameters<typeof regionFolders>): Promise<RegionFolder[]> => collect(regionFolders(...search))

/**
 * The day prefixes of a region, or of another folder with dates below it, that are worth listing.
 *
 * @param days `yyyy-mm-dd`, any number of them.
 */
export async function* dayPrefixes(
  store: ObjectStore,
  bucket: string,
  region: DatedFolder,
  days: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<DayPrefix> {
  if (days.length < manyDays) {
    for (const day of days) yield { day, prefix: datePrefix(region, day) }
    return
  }
  const below = async (prefix: string, dates: Iterable<string>): Promise<string[]> => {
    const present = new Set(await collect(store.listPrefixes(bucket, prefix, signal)))
    return [...new Set(dates)].filter(date => present.has(datePrefix(region, date)))
  }
  for (const year of await below(
    region.prefix,
    days.map(day => day.slice(0, 4)),
  )) {
    const ofYear = days.filter(day => day.startsWith(year))
    for (const month of await below(
      datePrefix(region, year),
      ofYear.map(day => day.slice(0, 7)),
    )) {
      const ofMonth = ofYear.filter(day => day.startsWith(month))
      for (const day of await below(datePrefix(region, month), ofMonth)) yield { day, prefix: datePrefix(region, day) }
    }
  }
}

/** What of a source to list. */
export interface ListScope extends FolderScope {
  /** Only keys that begin so; may end anywhere. */
  readonly below?: string
  /** First and last day, `yyyy-mm-dd` UTC, both included. */
  readonly fromDay: string
  readonly toDay: string
}

/**
 * Lists all flow log objects of a range of days: the work of a backfill.
 *
 * @param onFault Called where a folder cannot be listed; without it the error is thrown.
 */
export async function* listObjects(
  store: ObjectStore,
  scope: ListScope,
  onFault?: ListFault,
  signal?: AbortSignal,
): AsyncGenerator<ListedObject> {
  const { bucket, below = '', fromDay, toDay } = scope
  const options = signal === undefined ? {} : { signal }
  for (const region of await findRegions(store, scope, onFault, signal, below)) {
    let listing = region.prefix
    try {
      for await (const { prefix } of dayPrefixes(store, bucket, region, daysBetween(fromDay, toDay), signal)) {
        if (!meet(prefix, below)) continue
        listing = below.length > prefix.length ? below : prefix
        for await (const object of store.list(bucket, listing, options)) if (isFlowLogKey(object.key)) yield object
      }
    } catch (error) {
      if (onFault === undefined || signal?.aborted === true || !(error instanceof FlowError)) throw error
      onFault(error, listing)
    }
  }
}

/** The prefixes below the root of a `firehose` source that hold the hours of a time: one for a whole day, else one for each hour. */
export async function* hourPrefixes(
  store: ObjectStore,
  bucket: string,
  root: string,
  { fromMs, toMs }: TimeRange,
  signal?: AbortSignal,
): AsyncGenerator<DayPrefix> {
  const days = daysBetween(dayOf(fromMs), dayOf(toMs - 1))
  for await (const { day, prefix } of dayPrefixes(store, bucket, { prefix: root, hive: false }, days, signal)) {
    const hours = hoursOf(day, fromMs, toMs)
    if (hours.length === 24) yield { day, prefix }
    else for (const hour of hours) yield { day, prefix: `${prefix}${hour}/` }
  }
}

/**
 * Lists all objects of a source of the layouts `firehose` and `any` in a time: the hours of their folders, or when they were stored.
 *
 * @param below Only keys that begin so; may end anywhere.
 * @param onFault Called where a prefix cannot be listed; without it the error is thrown.
 */
export async function* listLayout(
  store: ObjectStore,
  source: SourceLayout & Pick<S3Source, 'bucket'>,
  { below, ...time }: TimeRange & { readonly below: string },
  onFault?: ListFault,
  signal?: AbortSignal,
): AsyncGenerator<ListedObject> {
  const { bucket } = source
  const root = rootOf(source)
  let listing = root
  try {
    const prefixes = source.layout === 'firehose' ? hourPrefixes(store, bucket, root, time, signal) : [{ prefix: root }]
    for await (const { prefix } of prefixes) {
      if (!meet(prefix, below)) continue
      listing = below.length > prefix.length ? below : prefix
      for await (const object of store.list(bucket, listing, signal === undefined ? {} : { signal })) {
        const isThen = source.layout === 'firehose' || (object.lastModifiedMs >= time.fromMs && object.lastModifiedMs < time.toMs)
        if (isThen && isWanted(source, object.key)) yield object
      }
    }
  } catch (error) {
    if (onFault === undefined || signal?.aborted === true || !(error instanceof FlowError)) throw error
    onFault(error, listing)
  }
}

/** True if one of two prefixes is the beginning of the other. */
const meet = (a: string, b: string): boolean => a.startsWith(b) || b.startsWith(a)

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
