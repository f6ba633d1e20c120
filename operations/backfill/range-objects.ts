/** Which objects a backfill is about, and with which roles they are listed. */
import { dayOf, type Selection } from '../../producers/s3/objects/key-layout.ts'
import { listLayout, listObjects, type ListFault } from '../../producers/s3/objects/list-objects.ts'
import type { ListedObject, ObjectStore, StoreOf } from '../../producers/s3/objects/object-store.ts'
import { rootOf } from '../../producers/s3/objects/source-layout.ts'
import type { S3Source } from '../../producers/s3/settings.ts'
import { folderOf } from '../../producers/s3/source-folder.ts'
import { parseObjectName } from '../../schemas/object-name.ts'

/** What to read. */
export interface BackfillRange {
  readonly bucket: string
  /** What was asked for, behind the bucket. */
  readonly path: string
  /** In front of `AWSLogs/`. */
  readonly prefix: string
  /** Keys begin so. */
  readonly below: string
  readonly fromMs: number
  /** First millisecond that is not wanted any more. */
  readonly toMs: number
}

/** What to list, and by which layout. */
export interface BackfillScope extends BackfillRange {
  /** The source whose layout is not that of flow logs; undefined: by the folders of flow logs. */
  readonly source: S3Source | undefined
  /** Sources of flow logs with this folder; what they choose is read. Empty: everything. */
  readonly chosen: readonly S3Source[]
}

/** The source that has the path in its folder, the innermost one, says the layout. */
export function scopeOf(sources: readonly S3Source[], range: BackfillRange): BackfillScope {
  const [source] = sources
    .filter(each => each.bucket === range.bucket && `${range.path}/`.startsWith(folderOf(each)))
    .sort((a, b) => folderOf(b).length - folderOf(a).length)
  const chosen = sources.filter(each => each.bucket === range.bucket && each.layout === 'flow-logs' && folderOf(each) === folderOf(range))
  if (source === undefined || source.layout === 'flow-logs') return { ...range, source: undefined, chosen }
  const root = rootOf(source)
  return { ...range, source, chosen: [], below: range.path.startsWith(root) ? range.path : root }
}

/** What is listed with one role. */
export interface BackfillListing {
  readonly store: ObjectStore
  /** Accounts and regions that are read with it; empty: all. */
  readonly chosen: readonly Selection[]
}

/** Lists each source with its own role; sources with the same one together. */
export function listingsOf(stores: StoreOf, { bucket, below, source, chosen }: BackfillScope): BackfillListing[] {
  if (chosen.length === 0) return [{ store: stores(bucket, below, source), chosen }]
  return [...Map.groupBy(chosen, each => stores(bucket, below, each))].map(([store, members]) => ({ store, chosen: members }))
}

async function* objectsOfListing(
  { store, chosen }: BackfillListing,
  range: BackfillScope,
  onFault: ListFault,
  signal: AbortSignal,
  onLeftOut: (prefix: string) => void,
): AsyncGenerator<ListedObject> {
  if (range.source !== undefined) {
    yield* listLayout(store, range.source, range, onFault, signal)
    return
  }
  const { bucket, prefix, below } = range
  const [{ accounts, regions } = {} as Selection, ...others] = chosen
  const scope = { bucket, prefix, below, accounts, regions, others, onLeftOut, fromDay: dayOf(range.fromMs), toDay: dayOf(range.toMs - 1) }
  for await (const object of listObjects(store, scope, onFault, signal)) {
    const { slotStart } = parseObjectName(object.key)
    if (slotStart === null || (slotStart * 1000 >= range.fromMs && slotStart * 1000 < range.toMs)) yield object
  }
}

/** The folder itself and those that it is in. */
const withParents = (folder: string): string[] => Array.from(folder.matchAll(/\//g), ({ index }) => folder.slice(0, index + 1))

/**
 * The objects of the range; a slot in the name decides, if there is one, unless the layout of the source says another time. An object that
 * several sources choose comes several times.
 *
 * @param onLeftOut Hears in the end of each folder that no source chooses.
 */
export async function* objectsOf(
  listings: readonly BackfillListing[],
  range: BackfillScope,
  onFault: ListFault,
  signal: AbortSignal,
  onLeftOut: (prefix: string) => void = () => undefined,
): AsyncGenerator<ListedObject> {
  const leftOut: Set<string>[] = []
  for (const listing of listings) {
    const folders = new Set<string>()
    leftOut.push(folders)
    yield* objectsOfListing(listing, range, onFault, signal, folder => folders.add(folder))
  }
  const byAll = (folder: string): boolean => {
    const path = withParents(folder)
    return leftOut.every(folders => path.some(each => folders.has(each)))
  }
  for (const folder of new Set(leftOut.flatMap(folders => [...folders]))) if (byAll(folder)) onLeftOut(folder)
}
