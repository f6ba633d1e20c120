/** Lists the flow log objects of a source, folder by folder. */
import type { S3Source } from '../../config.ts'
import { FlowError } from '../../runtime/errors.ts'
import {
  accountFolder,
  accountsPrefix,
  datePrefix,
  daysBetween,
  isFlowLogKey,
  isOrganization,
  regionFolder,
  type RegionFolder,
} from './key-layout.ts'
import type { ListedObject, ObjectStore } from './object-store.ts'

/** Hears of a prefix that cannot be listed; the rest goes on. */
export type ListFault = (error: FlowError, prefix: string) => void

/** The prefix of one day, `yyyy-mm-dd`. */
export interface DayPrefix {
  readonly day: string
  readonly prefix: string
}

/** From this many days on, years, months and days are looked up instead of asked for one by one. */
const manyDays = 8

/**
 * Finds every account and region that has flow logs: two or three cheap requests per account.
 *
 * @param onFault Called where a folder cannot be listed; without it the error is thrown.
 */
export async function findRegions(
  store: ObjectStore,
  source: S3Source,
  onFault?: ListFault,
  signal?: AbortSignal,
): Promise<RegionFolder[]> {
  const folders: RegionFolder[] = []
  const children = async (prefix: string): Promise<string[]> => {
    try {
      return await collect(store.listPrefixes(source.bucket, prefix, signal))
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
    if (account === undefined) continue
    for (const child of await children(account.prefix)) {
      const region = regionFolder(account, child)
      if (region !== undefined) folders.push(region)
    }
  }
  return folders
}

/**
 * The day prefixes of a region that are worth listing.
 *
 * @param days `yyyy-mm-dd`, any number of them.
 */
export async function* dayPrefixes(
  store: ObjectStore,
  bucket: string,
  region: RegionFolder,
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

/**
 * Lists all flow log objects of a range of days: the work of a backfill.
 *
 * @param fromDay First day, `yyyy-mm-dd` UTC; `startDate` of the source wins where it is later.
 * @param toDay Last day, included.
 * @param onFault Called where a folder cannot be listed; without it the error is thrown.
 */
export async function* listObjects(
  store: ObjectStore,
  source: S3Source,
  fromDay: string,
  toDay: string,
  onFault?: ListFault,
): AsyncGenerator<ListedObject> {
  const first = source.startDate !== undefined && source.startDate > fromDay ? source.startDate : fromDay
  for (const region of await findRegions(store, source, onFault)) {
    try {
      for await (const { prefix } of dayPrefixes(store, source.bucket, region, daysBetween(first, toDay)))
        for await (const object of store.list(source.bucket, prefix)) if (isFlowLogKey(object.key)) yield object
    } catch (error) {
      if (onFault === undefined || !(error instanceof FlowError)) throw error
      onFault(error, region.prefix)
    }
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
