/**
 * AWS in front of the local S3 server, for tests: knows who signs (users, sessions of roles) and what they may do, answers AssumeRole, and
 * hands on to the local server what is allowed. In this process; tests change users, roles and buckets as they like.
 */
import { randomBytes } from 'node:crypto'
import { Agent, createServer, request as send, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { readS3Request } from '../../../stack/s3-faults.ts'
import { errorXml } from '../../../stack/s3-listing.ts'
import { readSignature, type Signature } from './sigv4.ts'

/** A key and its secret. */
export interface Key {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Who may do what: beginnings of `<action> <bucket>/<key>` or `<action> <path of the queue>`. */
export type Grants = readonly string[]

/** A role. */
export interface Role {
  readonly arn: string
  /** Users that may assume it. */
  readonly trusts: readonly string[]
  readonly externalId?: string
  readonly grants: Grants
  /** Clients ask for the next session five minutes before the one they have expires. */
  readonly sessionMs?: number
  /** When a session really ends; at its expiry, unless set. */
  readonly endsAfterMs?: number
}

/** A request as it was answered. */
export interface Seen {
  /** Name of the user, or ARN of the role. */
  readonly who: string
  readonly accessKeyId: string
  readonly action: string
  readonly resource: string
  readonly region: string
  /** Of AssumeRole. */
  readonly sessionName: string | null
  /** `ok`, or the code of the refusal. */
  readonly result: string
}

interface Identity {
  readonly who: string
  readonly secret: string
  readonly session?: { readonly token: string; readonly endsMs: number }
  grants(): Grants
}

interface Wish {
  readonly service: 's3' | 'sqs' | 'sts'
  readonly action: string
  readonly resource: string
  /** Parameters of a request to STS. */
  readonly form: URLSearchParams
}

interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
}

const refusal = (status: number, code: string, message = code): Refusal => ({ status, code, message })
const unknownKey = { s3: 'InvalidAccessKeyId', sqs: 'UnrecognizedClientException', sts: 'InvalidClientTokenId' } as const

/** An HTTP server that checks the signature and the rights of a request before the local server sees it. */
export class SignedAws {
  readonly #server: Server
  readonly #upstream: URL
  readonly #agent = new Agent({ keepAlive: true })
  readonly #identities = new Map<string, Identity>()
  readonly #roles = new Map<string, Role>()
  /** By bucket, or path of a queue. */
  readonly #places = new Map<string, { region: string; requesterPays: boolean }>()
  readonly seen: Seen[] = []

  private constructor(upstream: string) {
    this.#upstream = new URL(upstream)
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error))
    })
  }

  /** Starts it in front of a local S3 and SQS server. */
  static async start(upstream: string): Promise<SignedAws> {
    const aws = new SignedAws(upstream)
    await new Promise<void>(resolve => aws.#server.listen(0, '127.0.0.1', resolve))
    return aws
  }

  /** Of S3, SQS and STS. */
  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Ends it. */
  async close(): Promise<void> {
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    this.#agent.destroy()
    await closed
  }

  /** Makes a key for a user. */
  addKey(who: string, grants: Grants): Key {
    const key = { accessKeyId: `AKIA${randomBytes(8).toString('hex').toUpperCase()}`, secretAccessKey: randomBytes(20).toString('base64') }
    this.#identities.set(key.accessKeyId, { who, secret: key.secretAccessKey, grants: () => grants })
    return key
  }

  /** Deletes a key, or ends a session. */
  removeKey(accessKeyId: string): void {
    this.#identities.delete(accessKeyId)
  }

  /** True if the session of an access key id has ended. */
  hasEnded(accessKeyId: string): boolean {
    return (this.#identities.get(accessKeyId)?.session?.endsMs ?? Infinity) <= Date.now()
  }

  /** Adds a role. */
  addRole(role: Role): void {
    this.#roles.set(role.arn, role)
  }

  /** Says where a bucket, or a queue by its path, is; requests for others are not taken. */
  place(name: string, region: string, requesterPays = false): void {
    this.#places.set(name, { region, requesterPays })
  }

  /** Who asked for what and got this answer, each once: `<who> <action>`. */
  told(result = 'ok'): string[] {
    return [...new Set(this.seen.filter(each => each.result === result).map(({ who, action }) => `${who} ${action}`))]
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // clients set their clock by it
    response.setHeader('date', new Date().toUTCString())
    const body = await buffer(request)
    const signature = readSignature(request, body)
    const wish = wishOf(signature?.service, request, body)
    const identity = this.#identities.get(signature?.accessKeyId ?? '')
    const refused = this.#refusal(request, signature, identity, wish)
    this.seen.push({
      who: identity?.who ?? 'unknown',
      accessKeyId: signature?.accessKeyId ?? '',
      action: wish.action,
      resource: wish.resource,
      region: signature?.region ?? '',
      sessionName: wish.form.get('RoleSessionName'),
      result: refused?.code ?? 'ok',
    })
    if (refused !== undefined) refuse(wish.service, response, refused)
    else if (wish.service === 'sts') this.#openSession(this.#roles.get(wish.resource)!, response)
    else this.#handOn(request, body, response)
  }

  #refusal(request: IncomingMessage, signature: Signature | undefined, who: Identity | undefined, wish: Wish): Refusal | undefined {
    if (signature === undefined) return refusal(403, 'AccessDenied', 'no signature, or one that leaves out what it has to cover')
    if (who === undefined) return refusal(403, unknownKey[wish.service])
    if (!signature.isOf(who.secret)) return refusal(403, 'SignatureDoesNotMatch')
    if (Math.abs(signature.atMs - Date.now()) > 900_000) return refusal(403, 'RequestTimeTooSkewed')
    if (request.headers['x-amz-security-token'] !== who.session?.token) return refusal(400, 'InvalidToken')
    if (who.session !== undefined && who.session.endsMs <= Date.now()) return refusal(400, 'ExpiredToken')
    return wish.service === 'sts' ? this.#refusalOfRole(who, wish) : this.#refusalOfPlace(request, signature, who, wish)
  }

  #refusalOfRole({ who }: Identity, { resource, form }: Wish): Refusal | undefined {
    const role = this.#roles.get(resource)
    if (role?.trusts.includes(who) === true && (role.externalId ?? null) === form.get('ExternalId')) return undefined
    return refusal(403, 'AccessDenied', `User: ${who} is not authorized to perform: sts:AssumeRole on resource: ${resource}`)
  }

  #refusalOfPlace(request: IncomingMessage, signature: Signature, { who, grants }: Identity, wish: Wish): Refusal | undefined {
    const { service, action, resource } = wish
    const place = this.#places.get(service === 's3' ? resource.split('/')[0]! : resource)
    if (place?.region !== signature.region) return refusal(400, 'AuthorizationHeaderMalformed', `wrong region for ${resource}`)
    const allowed = grants().some(grant => `${action} ${resource}`.startsWith(grant))
    if (allowed && (!place.requesterPays || request.headers['x-amz-request-payer'] === 'requester')) return undefined
    return refusal(403, service === 'sqs' ? 'AccessDeniedException' : 'AccessDenied', `${who} may not ${action} on ${resource}`)
  }

  #openSession({ arn, grants, sessionMs = 3_600_000, endsAfterMs = sessionMs }: Role, response: ServerResponse): void {
    const accessKeyId = `ASIA${randomBytes(8).toString('hex').toUpperCase()}`
    const [secret, token] = [randomBytes(20).toString('base64'), randomBytes(60).toString('base64')]
    this.#identities.set(accessKeyId, { who: arn, secret, session: { token, endsMs: Date.now() + endsAfterMs }, grants: () => grants })
    response.writeHead(200, { 'content-type': 'text/xml' }).end(
      `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
         <AssumedRoleUser><Arn>${arn}</Arn><AssumedRoleId>AROA:x</AssumedRoleId></AssumedRoleUser>
         <Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secret}</SecretAccessKey>
           <SessionToken>${token}</SessionToken><Expiration>${new Date(Date.now() + sessionMs).toISOString()}</Expiration></Credentials>
       </AssumeRoleResult></AssumeRoleResponse>`,
    )
  }

  #handOn({ method, url, headers }: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const { hostname, port } = this.#upstream
    const onward = send({ hostname, port, method, path: url, headers, agent: this.#agent }, answer => {
      const { date: _, ...rest } = answer.headers
      response.writeHead(answer.statusCode!, rest)
      answer.pipe(response)
    })
    onward.on('error', error => response.destroy(error))
    response.on('close', () => onward.destroy())
    onward.end(body)
  }
}

function wishOf(service: string | undefined, { method, url, headers }: IncomingMessage, body: Buffer): Wish {
  if (service === 'sts') {
    const form = new URLSearchParams(body.toString())
    return { service, action: `sts:${form.get('Action') ?? ''}`, resource: form.get('RoleArn') ?? '', form }
  }
  const form = new URLSearchParams()
  if (service === 'sqs') {
    const { QueueUrl } = JSON.parse(body.toString()) as { QueueUrl: string }
    return { service, action: `sqs:${String(headers['x-amz-target']).split('.')[1]!}`, resource: new URL(QueueUrl).pathname, form }
  }
  const { operation, bucket, key, query } = readS3Request(method!, url!)!
  const action = { list: 's3:ListBucket', get: 's3:GetObject', head: 's3:GetObject', put: 's3:PutObject', delete: 's3:DeleteObject' }[
    operation
  ]
  return { service: 's3', action, resource: `${bucket}/${operation === 'list' ? (query.get('prefix') ?? '') : key}`, form }
}

function refuse(service: Wish['service'], response: ServerResponse, { status, code, message }: Refusal): void {
  if (service === 'sqs')
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify({ __type: code, message }))
  else if (service === 's3') response.writeHead(status, { 'content-type': 'application/xml' }).end(errorXml(code, message))
  else
    response
      .writeHead(status, { 'content-type': 'text/xml' })
      .end(`<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`)
}
