/** Looks whether a source has an object to read and, if it has none, why: with a bound on the requests, whatever the bucket holds. */
import type { S3Source } from '../settings.ts'
import { FlowError } from '../../../runtime/errors.ts'
import { nearestName } from '../../../runtime/nearest-name.ts'
import { accountFolder, dayOf, isChosen, isOrganization, regionFolder, windowDays, type RegionFolder } from './key-layout.ts'
import { accountsPrefix, folderOf } from '../source-folder.ts'
import { dayPrefixes, hourPrefixes, regionFolders } from './list-objects.ts'
import { countingLists } from './list-requests.ts'
import type { ListedObject, ObjectStore } from './object-store.ts'
import { hourWindow, isWanted, rootOf } from './source-layout.ts'

/** What a look found: an object; `none`, and why; `cut` at the bound of requests, before one was found. */
export type SourceLook =
  | { readonly result: 'found'; readonly object: ListedObject }
  | { readonly result: 'none'; readonly why: string }
  | { readonly result: 'cut' }

/** The time that polling looks back over. */
export interface LookWindow {
  readonly nowMs: number
  readonly lookBackMs: number
}

/** Most LIST requests until an object is found, and again to say why there is none; each of at most a thousand keys or folders. */
export const mostLookRequests = 20

/** Thrown at the bound. */
const enough = new Error('enough is looked at')

function bounded(store: ObjectStore): ObjectStore {
  let requests = 0
  return countingLists(store, () => {
    if (++requests > mostLookRequests) throw enough
  })
}

/** Prefixes to look below: the folders of flow logs, because keys of other services stand before them, or everything. */
async function* placesOf(source: S3Source, store: ObjectStore, window: LookWindow | undefined): AsyncGenerator<string> {
  const { bucket, startDate } = source
  if (source.layout === 'flow-logs') {
    for await (const region of regionFolders(store, source)) {
      if (window === undefined) yield region.prefix
      else {
        const days = windowDays(window.nowMs, window.lookBackMs, startDate)
        for await (const { prefix } of dayPrefixes(store, bucket, region, days)) yield prefix
      }
    }
  } else if (source.layout === 'any' || window === undefined) yield rootOf(source)
  else {
    const time = hourWindow(window.nowMs, window.lookBackMs, startDate)
    if (time.fromMs < time.toMs) for await (const { prefix } of hourPrefixes(store, bucket, rootOf(source), time)) yield prefix
  }
}

async function findObject(source: S3Source, store: ObjectStore, window?: LookWindow): Promise<ListedObject | undefined> {
  const days = window === undefined ? [] : windowDays(window.nowMs, window.lookBackMs, source.startDate)
  for await (const prefix of placesOf(source, store, window))
    for await (const listed of store.list(source.bucket, prefix)) {
      const isOld = source.layout === 'any' && window !== undefined && dayOf(listed.lastModifiedMs) < (days.at(-1) ?? '9')
      if (!isOld && isWanted(source, listed.key)) return listed
    }
  return undefined
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** What there is instead of what was looked for. */
class Explanation {
  readonly #source: S3Source
  readonly #store: ObjectStore
  readonly #root: string

  constructor(source: S3Source, store: ObjectStore) {
    this.#source = source
    this.#store = store
    this.#root = `s3://${source.bucket}/${rootOf(source)}`
  }

  async text(window: LookWindow | undefined): Promise<string> {
    const { startDate, layout } = this.#source
    if (startDate !== undefined && window !== undefined && startDate > dayOf(window.nowMs))
      return `startDate ${startDate} is to come: nothing is read before that day`
    const wrong = layout === 'flow-logs' ? await this.#wrongFolders() : await this.#wrongKeys()
    if (wrong !== undefined) return wrong
    const older = window === undefined ? undefined : await findObject(this.#source, this.#store)
    if (older === undefined || window === undefined) return `below ${this.#root} is nothing to read`
    const since = windowDays(window.nowMs, window.lookBackMs, startDate).at(-1)
    return `objects are there, such as ${older.key}, but none since ${since ?? ''} (s3.lookBackMs); \`flowloom backfill\` reads older ones`
  }

  /** Why no folder of flow logs is there, or none that is chosen; undefined: there are some. */
  async #wrongFolders(): Promise<string | undefined> {
    const { bucket } = this.#source
    const children = (prefix: string): Promise<string[]> => collect(this.#store.listPrefixes(bucket, prefix))
    const top = await children(accountsPrefix(this.#source))
    const folders = [...top.filter(prefix => !isOrganization(prefix))]
    for (const organization of top.filter(isOrganization)) folders.push(...(await children(organization)))
    const accounts = folders.map(accountFolder).filter(account => account !== undefined)
    if (accounts.length === 0) return this.#elsewhere()
    const chosen = accounts.filter(({ accountId }) => isChosen(this.#source, accountId))
    const names = (ids: readonly string[]): string => `${[...new Set(ids)].slice(0, 5).join(', ')}${new Set(ids).size > 5 ? ', ...' : ''}`
    if (chosen.length === 0)
      return `below ${this.#root} are the accounts ${names(accounts.map(({ accountId }) => accountId))}, and none of \`accounts\``
    const regions: RegionFolder[] = []
    for (const account of chosen)
      for (const child of await children(account.prefix)) {
        const region = regionFolder(account, child)
        if (region !== undefined) regions.push(region)
      }
    if (regions.length === 0)
      return `below ${this.#root} are the accounts ${names(chosen.map(({ accountId }) => accountId))}, and in none of them a folder vpcflowlogs/: other services write there`
    if (!regions.some(({ accountId, region }) => isChosen(this.#source, accountId, region)))
      return `below ${this.#root} are the regions ${names(regions.map(({ region }) => region))}, and none of \`regions\``
    return undefined
  }

  /** Why no key is one of the layout and the pattern; undefined: there are some. */
  async #wrongKeys(): Promise<string | undefined> {
    const { bucket, layout, keyPattern } = this.#source
    const { keyPattern: _pattern, ...withoutPattern } = this.#source
    let [first, ofLayout]: (string | undefined)[] = []
    for await (const { key } of this.#store.list(bucket, rootOf(this.#source))) {
      if (isWanted(this.#source, key)) return undefined
      first ??= key
      if (ofLayout === undefined && isWanted(withoutPattern, key)) ofLayout = key
    }
    if (first === undefined) return this.#elsewhere()
    if (ofLayout !== undefined) return `keys are there, such as ${ofLayout}, but none matches keyPattern ${keyPattern ?? ''}`
    const instead = /(?:^|\/)AWSLogs\//.test(first) ? 'flow-logs' : 'any'
    return layout === 'any' || first.endsWith('/')
      ? `below ${this.#root} is nothing to read; there is ${first}`
      : `keys are there, such as ${first}, but none below <yyyy>/<mm>/<dd>/<hh>/ as layout ${layout} has them: set layout: ${instead}`
  }

  /** Nothing is where the source says: what is beside it. */
  async #elsewhere(): Promise<string> {
    const { bucket, prefix } = this.#source
    const folder = folderOf(this.#source)
    const beside = folder === '' ? undefined : await this.#firstKey(folder)
    const key = beside ?? (await this.#firstKey(''))
    if (key === undefined) return `below ${this.#root} is nothing: the bucket is empty, or not listed outside of the prefix`
    const found = await this.#prefixOfFlowLogs(key)
    if (found !== undefined && found !== folder.replace(/\/$/, ''))
      return `below ${this.#root} is nothing, but flow logs are below s3://${bucket}/${found === '' ? '' : `${found}/`}AWSLogs/: set prefix: ${found === '' ? '""' : found}`
    const hint = /^(.*?\/)?\d{4}\/\d\d\/\d\d\/\d\d\//.exec(key)
    const there = `below ${this.#root} is nothing; ${beside === undefined ? 'the bucket has' : 'beside it are'} keys such as ${key}`
    if (hint !== null && this.#source.layout === 'flow-logs')
      return `${there}: if these are flow logs, set layout: firehose and prefix: ${hint[1]?.replace(/\/$/, '') ?? '""'}`
    const near = beside === undefined && prefix !== '' ? nearestName(folder, await this.#folders('')) : undefined
    return near === undefined ? there : `${there}; did you mean prefix: ${near.replace(/\/$/, '')}?`
  }

  async #prefixOfFlowLogs(key: string): Promise<string | undefined> {
    const at = /^(?:(.*?)\/)?AWSLogs\//.exec(key)
    if (at !== null) return at[1] ?? ''
    const top = await this.#folders('')
    if (top.includes('AWSLogs/')) return ''
    for (const folder of top.slice(0, 8)) if ((await this.#folders(folder)).includes(`${folder}AWSLogs/`)) return folder.replace(/\/$/, '')
    return undefined
  }

  /** Denied is nothing: the policy may allow the prefix alone. */
  async #firstKey(prefix: string): Promise<string | undefined> {
    try {
      for await (const { key } of this.#store.list(this.#source.bucket, prefix)) return key
    } catch (error) {
      if (!(error instanceof FlowError)) throw error
    }
    return undefined
  }

  async #folders(prefix: string): Promise<string[]> {
    try {
      return await collect(this.#store.listPrefixes(this.#source.bucket, prefix))
    } catch (error) {
      if (!(error instanceof FlowError)) throw error
      return []
    }
  }
}

/**
 * Looks for an object of a source.
 *
 * @param window Only objects that polling would read now; undefined: of any time.
 * @throws FlowError S3_... if the source cannot be listed.
 */
export async function lookAtSource(source: S3Source, store: ObjectStore, window?: LookWindow): Promise<SourceLook> {
  try {
    const object = await findObject(source, bounded(store), window)
    if (object !== undefined) return { result: 'found', object }
  } catch (error) {
    if (error !== enough) throw error
    return { result: 'cut' }
  }
  return { result: 'none', why: await whyNothing(source, store, window) }
}

/** Says why a source has no object to read, after everything of it was looked at. */
export async function whyNothing(source: S3Source, store: ObjectStore, window?: LookWindow): Promise<string> {
  try {
    return await new Explanation(source, bounded(store)).text(window)
  } catch (error) {
    if (error !== enough) throw error
    return `below s3://${source.bucket}/${rootOf(source)} is nothing to read`
  }
}
