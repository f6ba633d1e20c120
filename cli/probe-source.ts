/** Lists and reads one object of a source, with a bound on what is looked at until one is found. */
import { regionFolders } from '../producers/s3/list-objects.ts'
import type { ListedObject, ObjectStore } from '../producers/s3/object-store.ts'
import { isWanted, rootOf } from '../producers/s3/source-layout.ts'
import type { S3Source } from '../config.ts'
import { FlowError } from '../runtime/errors.ts'
import { countingLists } from './list-requests.ts'
import { missing, ok, unknown, type ProbeResult } from './probe-result.ts'

/** What a probe finds out about a source. */
export interface SourceProbe {
  readonly results: readonly ProbeResult[]
  /** An object of it; undefined: none was found. */
  readonly object: ListedObject | undefined
}

/** Why a permission cannot be told. */
export const nothingToTry = 'no flow log object is there to try it with'

/** Most LIST requests until an object is found, each of at most a thousand keys or folders. */
const mostRequests = 20

/** Thrown at the bound. */
const enough = new Error('enough is looked at')

/** Prefixes to look below: the folders of flow logs, because keys of other services stand before them, or everything. */
async function* placesOf(source: S3Source, store: ObjectStore): AsyncGenerator<string> {
  if (source.layout !== 'flow-logs') yield rootOf(source)
  else for await (const { prefix } of regionFolders(store, source)) yield prefix
}

/** @returns The first object; `cut` where the bound was reached before one. */
async function findObject(source: S3Source, store: ObjectStore): Promise<ListedObject | 'none' | 'cut'> {
  let requests = 0
  const bounded = countingLists(store, () => {
    if (++requests > mostRequests) throw enough
  })
  try {
    for await (const prefix of placesOf(source, bounded))
      for await (const listed of bounded.list(source.bucket, prefix)) if (isWanted(source, listed.key)) return listed
    return 'none'
  } catch (error) {
    if (error !== enough) throw error
    return 'cut'
  }
}

/** See the head of this file. */
export async function probeSource(source: S3Source, store: ObjectStore): Promise<SourceProbe> {
  const prefix = rootOf(source)
  const subject = `s3://${source.bucket}/${prefix}`
  let object: ListedObject | 'none' | 'cut'
  try {
    object = await findObject(source, store)
  } catch (error) {
    return { results: [missing(subject, 's3:ListBucket', error)], object: undefined }
  }
  const list = ok(subject, 's3:ListBucket')
  if (typeof object === 'string') {
    const detail = object === 'none' ? nothingToTry : `no flow log object among what ${mostRequests} LIST requests show, where it stopped`
    return { results: [list, unknown(subject, 's3:GetObject', detail)], object: undefined }
  }
  try {
    const opened = await store.open(source.bucket, object.key)
    opened.body.destroy()
    return { results: [list, ok(subject, 's3:GetObject', object.key)], object }
  } catch (error) {
    const isKey = error instanceof FlowError && error.code === 'S3_KEY_DENIED'
    return { results: [list, missing(subject, isKey ? 'kms:Decrypt' : 's3:GetObject', error)], object }
  }
}
