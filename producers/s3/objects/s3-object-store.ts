/** The object store behind the AWS SDK: one client per region and role, errors by code, requests counted. */
import { GetObjectCommand, ListObjectsV2Command, S3Client, type InvalidObjectState, type S3ClientConfig } from '@aws-sdk/client-s3'
import type { Readable } from 'node:stream'
import type { S3Settings } from '../settings.ts'
import type { AwsRole } from '../../../aws/settings.ts'
import { FlowError, errorText, namedErrorText, type ErrorCode } from '../../../runtime/errors.ts'
import { counter } from '../../../runtime/metrics.ts'
import { credentialsOf, hasNoCredentials, isCredentialTrouble } from '../../../aws/credentials.ts'
import {
  plainEtag,
  sourceOf,
  type ListedObject,
  type ObjectStore,
  type OpenedObject,
  type OpenOptions,
  type StoreOf,
} from './object-store.ts'
import { requestLimits } from '../../../aws/request-limits.ts'

const requests = counter('flowloom_s3_requests_total', 'requests to S3 as flowloom makes them; the retries of the SDK count once', [
  'operation',
  'result',
])

const codeByName: Readonly<Record<string, ErrorCode>> = {
  AccessDenied: 'S3_ACCESS_DENIED',
  NoSuchKey: 'S3_NOT_FOUND',
  NoSuchBucket: 'S3_NO_BUCKET',
  NotFound: 'S3_NOT_FOUND',
  PreconditionFailed: 'S3_CHANGED',
  InvalidObjectState: 'OBJECT_ARCHIVED',
}
const codeByStatus: Readonly<Record<number, ErrorCode>> = {
  401: 'S3_ACCESS_DENIED',
  403: 'S3_ACCESS_DENIED',
  404: 'S3_NOT_FOUND',
  412: 'S3_CHANGED',
}

/** S3 says `AccessDenied` for a missing kms:Decrypt too; only the text names the action. It decides about the advice, and about nothing else. */
const deniesKey = (text: string): boolean => /\bkms:Decrypt\b/.test(text)

/** Where an archived object is, as S3 says it. */
function archiveOf({ StorageClass: storageClass, AccessTier: tier }: InvalidObjectState): string {
  return `storage class ${storageClass ?? 'unknown'}${tier === undefined ? '' : `, access tier ${tier}`}`
}

/**
 * Maps what the SDK throws by its name, then by its HTTP status; a denied KMS key has no name of its own.
 *
 * @param isListing Of a listing only the bucket can be missing, whatever name a server gives to it.
 */
export function s3Error(error: unknown, bucket: string, key: string, isListing = false): FlowError {
  const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } }
  const isKey = (name === 'AccessDenied' && deniesKey(errorText(error))) || name?.startsWith('KMS.') === true
  const known = isCredentialTrouble(error)
    ? undefined
    : isKey
      ? 'S3_KEY_DENIED'
      : (codeByName[name ?? ''] ?? codeByStatus[$metadata?.httpStatusCode ?? 0])
  const code = isListing && known === 'S3_NOT_FOUND' ? 'S3_NO_BUCKET' : known
  const detail = known === 'OBJECT_ARCHIVED' ? archiveOf(error as InvalidObjectState) : namedErrorText(error)
  const otherwise = hasNoCredentials(error) ? 'S3_CREDENTIALS' : 'S3_UNAVAILABLE'
  return new FlowError(code ?? otherwise, { bucket, key, detail }, { cause: error })
}

class S3ObjectStore implements ObjectStore {
  readonly #client: S3Client
  readonly #payer: { RequestPayer?: 'requester' }

  constructor(client: S3Client, requesterPays: boolean) {
    this.#client = client
    this.#payer = requesterPays ? { RequestPayer: 'requester' } : {}
  }

  async *listPrefixes(bucket: string, prefix: string, signal?: AbortSignal): AsyncGenerator<string> {
    let token: string | undefined
    do {
      const page = await this.#page({ Bucket: bucket, Prefix: prefix, Delimiter: '/', ContinuationToken: token }, signal)
      for (const { Prefix } of page.CommonPrefixes ?? []) if (Prefix !== undefined) yield Prefix
      token = page.NextContinuationToken
    } while (token !== undefined)
  }

  async *list(bucket: string, prefix: string, options: { startAfter?: string; signal?: AbortSignal } = {}): AsyncGenerator<ListedObject> {
    let token: string | undefined
    do {
      const page = await this.#page(
        { Bucket: bucket, Prefix: prefix, StartAfter: options.startAfter, ContinuationToken: token },
        options.signal,
      )
      for (const { Key, ETag, Size, LastModified, StorageClass } of page.Contents ?? []) {
        if (Key === undefined) continue
        const object = { key: Key, etag: plainEtag(ETag), size: Size ?? 0, lastModifiedMs: LastModified?.getTime() ?? 0 }
        yield StorageClass === undefined ? object : { ...object, storageClass: StorageClass }
      }
      token = page.NextContinuationToken
    } while (token !== undefined)
  }

  async open(bucket: string, key: string, options: OpenOptions = {}): Promise<OpenedObject> {
    const { ifMatch, range, signal } = options
    const command = new GetObjectCommand({
      Bucket: bucket,
      Key: key,
      ...(ifMatch === undefined ? {} : { IfMatch: `"${ifMatch}"` }),
      ...(range === undefined ? {} : { Range: `bytes=${range.from}-${range.to - 1}` }),
      ...this.#payer,
    })
    try {
      const answer = await this.#client.send(command, signal === undefined ? {} : { abortSignal: signal })
      requests.inc({ operation: 'open', result: 'ok' })
      return {
        etag: plainEtag(answer.ETag),
        size: answer.ContentLength ?? 0,
        lastModifiedMs: answer.LastModified?.getTime() ?? null,
        body: answer.Body as Readable,
      }
    } catch (error) {
      throw this.#counted('open', s3Error(error, bucket, key))
    }
  }

  async #page(
    input: { Bucket: string; Prefix: string; Delimiter?: string; StartAfter?: string | undefined; ContinuationToken: string | undefined },
    signal?: AbortSignal,
  ) {
    try {
      const page = await this.#client.send(
        new ListObjectsV2Command({ ...input, ...this.#payer }),
        signal === undefined ? {} : { abortSignal: signal },
      )
      requests.inc({ operation: 'list', result: 'ok' })
      return page
    } catch (error) {
      throw this.#counted('list', s3Error(error, input.Bucket, input.Prefix, true))
    }
  }

  #counted(operation: 'open' | 'list', error: FlowError): FlowError {
    requests.inc({ operation, result: error.code })
    return error
  }
}

function clientOf(settings: S3Settings, region: string, role: AwsRole, silentMs: number): S3Client {
  const { endpoint } = settings
  const config: S3ClientConfig = {
    region,
    credentials: credentialsOf(settings, region, role),
    forcePathStyle: settings.pathStyle,
    followRegionRedirects: endpoint === undefined,
    retryMode: 'adaptive',
    // few: fetch and discover have retries of their own, which hold up nothing
    maxAttempts: 3,
    // gzip has its own checksum; the SDK's is computed in JavaScript
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      ...requestLimits(30_000, silentMs),
      httpAgent: { maxSockets: 128 },
      httpsAgent: { maxSockets: 128 },
    },
  }
  if (endpoint !== undefined) config.endpoint = endpoint
  return new S3Client(config)
}

/** A connection on which nothing comes for so long is given up. */
const longestSilenceMs = 60_000

/**
 * Makes the stores of all sources. Opens no connection by itself.
 *
 * @param settings Section `s3` of the configuration.
 * @param silentMs A download of which nothing comes for so long is broken off.
 */
export function createS3Stores(settings: S3Settings, silentMs = longestSilenceMs): StoreOf {
  const stores = new Map<string, ObjectStore>()
  return (bucket, key, source = sourceOf(settings.sources, bucket, key)) => {
    const { region: named, bucketRegion = named, roleArn, externalId } = source ?? {}
    const region = bucketRegion ?? settings.region
    const name = `${region} ${roleArn ?? ''} ${externalId ?? ''}`
    let store = stores.get(name)
    if (store === undefined)
      stores.set(name, (store = new S3ObjectStore(clientOf(settings, region, { roleArn, externalId }, silentMs), settings.requesterPays)))
    return store
  }
}
