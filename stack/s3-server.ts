/**
 * S3 and SQS on 127.0.0.1, as a process of its own: fauxqs with notifications of new objects to a queue, correct listings, conditional
 * writes, large bodies, faults on demand (PUT, GET and DELETE of `/_faults`), and objects that are only listed (PUT of `/_listed`).
 *
 * Usage: node stack/s3-server.ts --port 9000 --data <folder> --queue s3-events [--bucket flow-logs]...
 */
import type { OutgoingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { buildFauxqs, openQueue } from './fauxqs-parts.ts'
import type { StoredObject } from './fauxqs-parts.ts'
import { Faults, readS3Request } from './s3-faults.ts'
import type { FaultRule, S3Request } from './s3-faults.ts'
import { errorXml, listPage, listPageXml, readListRequest } from './s3-listing.ts'
import { objectCreated } from './s3-notification.ts'
import type { CreatedBy } from './s3-notification.ts'
import { removeTornObjects } from './s3-torn-objects.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    data: { type: 'string' },
    queue: { type: 'string', default: 's3-events' },
    bucket: { type: 'string', multiple: true, default: [] },
  },
})
const port = Number(values.port)
const folder = values.data ?? ''
const folders = { s3: join(folder, 'objects'), sqs: join(folder, 'queues') }

const torn = removeTornObjects(folders.s3)
if (torn > 0) console.error(`removed ${torn} half-written objects`)
const { app, s3Store, sqsStore, close } = await buildFauxqs(folders)
const notify = await openQueue(sqsStore, values.queue, port)
const faults = new Faults()
const cuts = new WeakMap<object, number>()

app.put('/_faults', (request, reply) => {
  faults.rules = JSON.parse(String(request.body)) as FaultRule[]
  return reply.send({ rules: faults.rules.length })
})
app.get('/_faults', (_request, reply) => reply.send(faults.rules))
app.delete('/_faults', (_request, reply) => {
  faults.rules = []
  return reply.send({ rules: 0 })
})

// Objects without content, for tests of large listings: { bucket, keys }. They are gone when the server ends.
app.put('/_listed', (request, reply) => {
  const { bucket, keys } = JSON.parse(String(request.body)) as { bucket: string; keys: string[] }
  if (!s3Store.hasBucket(bucket)) s3Store.createBucket(bucket)
  const objects = s3Store.buckets.get(bucket)!
  for (const key of keys) objects.set(key, { key, contentLength: 1, etag: '"9dd4e461268c8034f5c8564e155c67a6"', lastModified: new Date() })
  return reply.send({ objects: objects.size })
})

app.addHook('preHandler', async (request, reply) => {
  const s3 = readS3Request(request.method, request.raw.url ?? '/')
  if (s3 === undefined) return
  const refuse = (status: number, code: string, message: string, more: Record<string, string | undefined> = {}): unknown =>
    reply
      .code(status)
      .header('content-type', 'application/xml')
      .send(request.method === 'HEAD' ? '' : errorXml(code, message, more))

  const fault = faults.take(s3)
  if (fault?.delayMs !== undefined) await sleep(fault.delayMs)
  if (fault?.cutAfterBytes !== undefined) cuts.set(request, fault.cutAfterBytes)
  if (fault?.storageClass !== undefined)
    return refuse(403, 'InvalidObjectState', "The operation is not valid for the object's storage class", {
      StorageClass: fault.storageClass,
      AccessTier: fault.accessTier,
    })
  if (fault?.status !== undefined) return refuse(fault.status, fault.code ?? 'InternalError', 'a fault of the local stack, as asked for')

  // Keys become file names: none may leave the folder.
  if (s3.key.split('/').includes('..')) return refuse(400, 'InvalidURI', 'the local stack takes no key with a part ".."')
  const bucket = s3Store.buckets.get(s3.bucket)
  if (s3.operation === 'list' && s3.query.get('list-type') === '2' && bucket !== undefined) {
    const list = readListRequest(s3.bucket, s3.query)
    return reply
      .header('content-type', 'application/xml')
      .send(listPageXml(list, listPage(bucket.values(), list), key => faults.storageClassOf(s3.bucket, key)))
  }
  const match = request.headers['if-match']
  if (match !== undefined && match !== '*' && !match.startsWith('"')) request.headers['if-match'] = `"${match}"`
  if (s3.operation === 'put' && failsCondition(request.headers, bucket?.get(s3.key)))
    return refuse(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold')
  // fastify gives no body where none was sent; to fauxqs an object of zero bytes has one
  if (s3.operation === 'put' && s3.key !== '') request.body ??= Buffer.alloc(0)
  return
})

// Not async: the routes of fauxqs do not wait for their answer, and fastify would answer a second time, with nothing.
app.addHook('onSend', (request, reply, payload, done) => {
  const s3 = readS3Request(request.method, request.raw.url ?? '/')
  if (s3 !== undefined) {
    // Before the answer goes out: who sees the answer can rely on the notification.
    const object = reply.statusCode === 200 ? s3Store.buckets.get(s3.bucket)?.get(s3.key) : undefined
    const createdBy = createdByRequest(s3, request.method, request.headers)
    if (object !== undefined && createdBy !== undefined) notify(objectCreated(s3.bucket, object, createdBy))
  }
  const cut = cuts.get(request)
  if (cut === undefined || !Buffer.isBuffer(payload)) {
    done(null, payload)
    return
  }
  reply.hijack()
  reply.raw.writeHead(reply.statusCode, reply.getHeaders() as OutgoingHttpHeaders)
  reply.raw.write(payload.subarray(0, cut), () => reply.raw.destroy())
})

app.addHook('preClose', done => {
  close()
  done()
})
await app.listen({ port, host: '127.0.0.1' })
for (const bucket of values.bucket) if (!s3Store.hasBucket(bucket)) s3Store.createBucket(bucket)
console.error(`S3 and SQS listen on 127.0.0.1:${port}`)
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void app.close().then(() => process.exit(0)))

function failsCondition(headers: NodeJS.Dict<string | string[]>, present: StoredObject | undefined): boolean {
  if (headers['if-none-match'] === '*') return present !== undefined
  const match = headers['if-match']
  return match !== undefined && (present === undefined || (match !== '*' && match !== present.etag))
}

function createdByRequest({ key, query }: S3Request, method: string, headers: NodeJS.Dict<string | string[]>): CreatedBy | undefined {
  if (key === '') return undefined
  if (method === 'POST') return query.has('uploadId') ? 'CompleteMultipartUpload' : undefined
  if (method !== 'PUT' || query.has('partNumber')) return undefined
  return headers['x-amz-copy-source'] === undefined ? 'Put' : 'Copy'
}
