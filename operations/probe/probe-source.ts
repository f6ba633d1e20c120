/** Lists and reads one object of a source, with a bound on what is looked at until one is found. */
import type { ListedObject, ObjectStore } from '../../producers/s3/objects/object-store.ts'
import { rootOf } from '../../producers/s3/objects/source-layout.ts'
import type { S3Source } from '../../producers/s3/settings.ts'
import { FlowError } from '../../runtime/errors.ts'
import { lookAtSource, mostLookRequests, type SourceLook } from '../../producers/s3/discover/source-look.ts'
import { missing, ok, unknown, type ProbeResult } from './probe-result.ts'

/** What a probe finds out about a source. */
export interface SourceProbe {
  readonly results: readonly ProbeResult[]
  /** An object of it; undefined: none was found. */
  readonly object: ListedObject | undefined
}

/** Why a permission cannot be told. */
export const nothingToTry = 'no flow log object is there to try it with'

/** Tries a source: an object of it is found and opened. A source in which nothing is found does not work. */
export async function probeSource(source: S3Source, store: ObjectStore, nowMs: number = Date.now()): Promise<SourceProbe> {
  const prefix = rootOf(source)
  const subject = `s3://${source.bucket}/${prefix}`
  let look: SourceLook
  try {
    look = await lookAtSource(source, store)
  } catch (error) {
    const isAway = error instanceof FlowError && error.code === 'S3_UNAVAILABLE'
    return { results: [missing(subject, isAway ? 'S3' : 's3:ListBucket', error)], object: undefined }
  }
  const list = ok(subject, 's3:ListBucket')
  if (look.result === 'none') return { results: [list, missing(subject, 'objects', new Error(look.why))], object: undefined }
  if (look.result === 'cut') {
    const detail = `no flow log object among what ${mostLookRequests} LIST requests show, after which it stopped`
    return { results: [list, unknown(subject, 's3:GetObject', detail)], object: undefined }
  }
  const { object } = look
  if (source.startDate !== undefined && Date.parse(source.startDate) > nowMs) {
    const why = new Error(`startDate ${source.startDate} is to come: nothing is read before that day`)
    return { results: [list, missing(subject, 'objects', why)], object }
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
