/**
 * AWS Signature Version 4 as a server checks it, for tests.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { createHash, createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** What a signed request says of itself. */
export interface Signature {
  readonly accessKeyId: string
  readonly region: string
  readonly service: string
  /** Milliseconds since 1970, as signed. */
  readonly atMs: number
  /** True if the request, its body included, was signed with the secret. */
  isOf(secret: string): boolean
}

const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex')
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

/** Reads the signature of a request; undefined if it has none, or where a header that has to be signed is not. */
export function readSignature({ method, url, headers }: IncomingMessage, body: Buffer): Signature | undefined {
  const found =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=(\S+), Signature=(\w{64})$/.exec(
      headers.authorization ?? '',
    )
  const time = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(headers['x-amz-date']))
  if (found === null || time === null) return undefined
  const [, accessKeyId, day, region, service, names, signature] = found as unknown as string[]
  const [, year, month, date, hour, minute, second] = time.map(part => Number(part))
  const signed = names!.split(';')
  if (!['host', ...Object.keys(headers).filter(name => name.startsWith('x-amz-'))].every(name => signed.includes(name))) return undefined
  const declared = headers['x-amz-content-sha256'] as string | undefined
  if (declared !== undefined && declared !== 'UNSIGNED-PAYLOAD' && declared !== sha256(body)) return undefined

  const [path, search = ''] = url!.split('?', 2)
  const query = [...new URLSearchParams(search)].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort()
  const canonical = [
    method,
    path,
    query.join('&'),
    ...signed.map(name => `${name}:${String(headers[name]).trim().replace(/ +/g, ' ')}`),
    '',
    names,
    declared ?? sha256(body),
  ].join('\n')
  const scope = [day, region, service, 'aws4_request'].join('/')
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n')
  return {
    accessKeyId: accessKeyId!,
    region: region!,
    service: service!,
    atMs: Date.UTC(year!, month! - 1, date, hour, minute, second),
    isOf: secret => {
      const key = [day!, region!, service!, 'aws4_request'].reduce<string | Buffer>((part, next) => hmac(part, next), `AWS4${secret}`)
      return hmac(key, text).toString('hex') === signature
    },
  }
}
