/** Lists and reads one object of a source, with a bound on what is looked at until one is found. */
import { causesOf, FlowError } from '../../../runtime/errors.ts'
import { missing, ok, unknown, type ProbedUrl, type ProbeResult } from '../../../runtime/probe-result.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { rootOf } from '../objects/source-layout.ts'
import { lookAtSource, mostLookRequests, type SourceLook } from '../objects/source-look.ts'
import type { S3Source } from '../settings.ts'

/** What is known beside the source. */
export interface ProbeSurroundings {
  /** Unix milliseconds; default now. */
  readonly nowMs?: number
  /** Setting of the endpoint, if there is one. */
  readonly endpoint?: ProbedUrl | undefined
  /** Region of the bucket, and the setting that says it. */
  readonly region?: { readonly setting: string; readonly value: string } | undefined
}

/** Errors of S3 that a request for another region gets. */
const otherRegion = ['AuthorizationHeaderMalformed', 'IllegalLocationConstraintException', 'PermanentRedirect']

/** True if the region may be what is wrong: the host that is named after it is not known, or S3 says so. */
const isOfRegion = (error: unknown, endpoint: ProbedUrl | undefined): boolean =>
  [...causesOf(error)].some(cause => {
    const { code, name } = cause as { code?: string; name?: string }
    return otherRegion.includes(name ?? '') || (endpoint === undefined && (code === 'ENOTFOUND' || code === 'EAI_AGAIN'))
  })

function unreachable(subject: string, error: unknown, { endpoint, region }: ProbeSurroundings): ProbeResult {
  const result = missing(subject, 'S3', error, endpoint)
  if (region === undefined || !isOfRegion(error, endpoint)) return result
  return { ...result, detail: `check ${region.setting}, which is ${region.value} (${result.detail})` }
}

/** Tries a source: an object of it is found and opened. A source in which nothing is found does not work. */
export async function probeSource(source: S3Source, store: ObjectStore, surroundings: ProbeSurroundings = {}): Promise<ProbeResult[]> {
  const { nowMs = Date.now() } = surroundings
  const prefix = rootOf(source)
  const subject = `s3://${source.bucket}/${prefix}`
  let look: SourceLook
  try {
    look = await lookAtSource(source, store)
  } catch (error) {
    const code = error instanceof FlowError ? error.code : undefined
    if (code === 'S3_UNAVAILABLE') return [unreachable(subject, error, surroundings)]
    return [missing(subject, code === 'S3_NO_BUCKET' ? 'bucket' : 's3:ListBucket', error)]
  }
  const list = ok(subject, 's3:ListBucket')
  if (look.result === 'none') return [list, missing(subject, 'objects', new Error(look.why))]
  if (look.result === 'cut') {
    const detail = `no flow log object among what ${mostLookRequests} LIST requests show, after which it stopped`
    return [list, unknown(subject, 's3:GetObject', detail)]
  }
  const { object } = look
  if (source.startDate !== undefined && Date.parse(source.startDate) > nowMs) {
    const why = new Error(`startDate ${source.startDate} is to come: nothing is read before that day`)
    return [list, missing(subject, 'objects', why)]
  }
  try {
    const opened = await store.open(source.bucket, object.key)
    opened.body.destroy()
    return [list, ok(subject, 's3:GetObject', object.key)]
  } catch (error) {
    const isKey = error instanceof FlowError && error.code === 'S3_KEY_DENIED'
    return [list, missing(subject, isKey ? 'kms:Decrypt' : 's3:GetObject', error)]
  }
}
