/** An operation that a fault can be limited to. */
export type S3Operation = 'get' | 'head' | 'put' | 'delete' | 'list'

/** A fault that the S3 server shows on purpose. The first rule that matches a request decides. */
export interface FaultRule {
  /** Of the key; of a listing, its `prefix` has to start with it. Empty for every request. */
  prefix: string
  bucket?: string
  /** Limits the rule; otherwise it holds for every operation. */
  operations?: S3Operation[]
  /** HTTP status of the answer, such as 403 or 503. */
  status?: number
  /** S3 error code of the answer, such as `AccessDenied` or `SlowDown`. */
  code?: string
  /** Shows the objects as archived: listings name this storage class, and a GET is refused. */
  storageClass?: 'GLACIER' | 'DEEP_ARCHIVE' | 'INTELLIGENT_TIERING'
  /** With `INTELLIGENT_TIERING`, the archive tier that the refusal names. */
  accessTier?: 'ARCHIVE_ACCESS' | 'DEEP_ARCHIVE_ACCESS'
  /** Wait before the answer. */
  delayMs?: number
  /** Breaks the connection after that many bytes of a GET's body. */
  cutAfterBytes?: number
  /** Requests after which the rule is gone. */
  times?: number
}

/** A request to S3 as far as faults look at it. */
export interface S3Request {
  operation: S3Operation
  bucket: string
  key: string
  query: URLSearchParams
}

/** Takes a request of S3's path style apart; undefined for requests that are not of S3, such as `/health`. */
export function readS3Request(method: string, url: string): S3Request | undefined {
  const [path = '', search = ''] = url.split('?', 2)
  const found = /^\/(?!health$)([^/_][^/]*)(?:\/(.*))?$/s.exec(path)
  if (found === null) return undefined
  const query = new URLSearchParams(search)
  const key = decodeURIComponent(found[2] ?? '')
  const operation = operationOf(method, key)
  return operation === undefined ? undefined : { operation, bucket: found[1] ?? '', key, query }
}

function operationOf(method: string, key: string): S3Operation | undefined {
  switch (method) {
    case 'GET':
      return key === '' ? 'list' : 'get'
    case 'HEAD':
      return 'head'
    case 'PUT':
    case 'POST':
      return 'put'
    case 'DELETE':
      return 'delete'
    default:
      return undefined
  }
}

/** The rules that a server has at the moment. */
export class Faults {
  rules: FaultRule[] = []

  /** Storage class that a listing shows of an object. */
  storageClassOf(bucket: string, key: string): string {
    const rule = this.rules.find(
      each => each.storageClass !== undefined && (each.bucket ?? bucket) === bucket && key.startsWith(each.prefix),
    )
    return rule?.storageClass ?? 'STANDARD'
  }

  /** Gives the rule that a request falls under, and counts it. */
  take(request: S3Request): FaultRule | undefined {
    const path = request.operation === 'list' ? (request.query.get('prefix') ?? '') : request.key
    const rule = this.rules.find(
      each =>
        path.startsWith(each.prefix) &&
        (each.bucket ?? request.bucket) === request.bucket &&
        (each.operations ?? [request.operation]).includes(request.operation) &&
        (each.storageClass === undefined || request.operation === 'get') &&
        each.times !== 0,
    )
    if (rule?.times !== undefined) rule.times--
    return rule
  }
}
