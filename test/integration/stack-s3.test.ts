// S3 and SQS of the local stack by the real client, without the rest of the stack.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { checkConfig } from '../../config/config.ts'
import { isArchived, type ListedObject } from '../../producers/s3/objects/object-store.ts'
import { createS3Stores } from '../../producers/s3/objects/s3-object-store.ts'
import { FlowError } from '../../runtime/errors.ts'
import { ChildService } from '../../stack/child-service.ts'
import { queueUrl } from '../../stack/fauxqs-parts.ts'
import { notificationQueue, s3Service } from '../../stack/node-services.ts'
import { freePorts } from '../../stack/ports.ts'
import type { FaultRule } from '../../stack/s3-faults.ts'

const folder = mkdtempSync(join(tmpdir(), 'flowloom-s3-'))
const { s3: port } = await freePorts()
const endpoint = `http://127.0.0.1:${port}`
const server = new ChildService(s3Service({ port, folder, buckets: ['flow-logs'] }), { logs: folder, run: folder }, () => undefined)
const s3 = new S3Client({
  endpoint,
  region: 'us-east-1',
  forcePathStyle: true,
  maxAttempts: 1,
  credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
})

before(() => server.start())
after(async () => {
  s3.destroy()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function sqs(action: string, body: Record<string, unknown>): Promise<{ Messages?: { Body: string; ReceiptHandle: string }[] }> {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${action}` },
    body: JSON.stringify({ QueueUrl: queueUrl(endpoint, notificationQueue), ...body }),
  })
  assert.equal(response.status, 200)
  const text = await response.text()
  return text === '' ? {} : JSON.parse(text)
}

async function setFaults(rules: FaultRule[]): Promise<void> {
  const url = `${endpoint}/_faults`
  const response = await fetch(url, rules.length === 0 ? { method: 'DELETE' } : { method: 'PUT', body: JSON.stringify(rules) })
  assert.deepEqual(await response.json(), { rules: rules.length })
}

describe('s3', () => {
  const Bucket = 'flow-logs'
  const put = (Key: string, Body: string | Buffer, more: object = {}): Promise<unknown> =>
    s3.send(new PutObjectCommand({ Bucket, Key, Body, ...more }))
  const get = async (Key: string, more: object = {}): Promise<Buffer> => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, ...more }))
    return buffer(Body as Readable)
  }

  it('shows archived objects: their class in listings, and a refusal that names it', async () => {
    await put('cold/a', 'x')
    await setFaults([{ prefix: 'cold/', storageClass: 'GLACIER' }])
    const stores = createS3Stores(
      checkConfig({
        s3: { sources: [{ bucket: Bucket, layout: 'any' }], endpoint, pathStyle: true, accessKeyId: 'a', secretAccessKey: 'b' },
      }).s3,
    )
    const store = stores(Bucket, 'cold/')
    const listed: ListedObject[] = []
    for await (const object of store.list(Bucket, 'cold/')) listed.push(object)
    assert.deepEqual(
      listed.map(object => [object.key, object.storageClass, isArchived(object)]),
      [['cold/a', 'GLACIER', true]],
    )
    await assert.rejects(store.open(Bucket, 'cold/a'), (error: unknown) => {
      assert.ok(error instanceof FlowError && error.code === 'OBJECT_ARCHIVED', String(error))
      return error.message.includes('storage class GLACIER')
    })
    await setFaults([{ prefix: 'cold/', storageClass: 'INTELLIGENT_TIERING', accessTier: 'DEEP_ARCHIVE_ACCESS' }])
    await assert.rejects(store.open(Bucket, 'cold/a'), /OBJECT_ARCHIVED|storage class INTELLIGENT_TIERING, access tier DEEP_ARCHIVE_ACCESS/)
    await setFaults([])
    assert.equal((await get('cold/a')).toString(), 'x')
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'cold/a' }))
  })

  it('gives ranges, and refuses another ETag', async () => {
    await put('a b/é+x=1.gz', '0123456789')
    const { ETag } = await s3.send(new HeadObjectCommand({ Bucket, Key: 'a b/é+x=1.gz' }))
    assert.equal(String(await get('a b/é+x=1.gz', { Range: 'bytes=2-4', IfMatch: ETag })), '234')
    assert.equal(String(await get('a b/é+x=1.gz', { Range: 'bytes=7-', IfMatch: ETag?.replaceAll('"', '') })), '789')
    await assert.rejects(get('a b/é+x=1.gz', { IfMatch: '"0"' }), { name: 'PreconditionFailed' })
    await assert.rejects(get('missing'), { name: 'NoSuchKey' })
    await assert.rejects(put('a b/é+x=1.gz', 'again', { IfNoneMatch: '*' }), { name: 'PreconditionFailed' })
  })

  it('stores an object of zero bytes', async () => {
    for (const [Key, Body] of [
      ['empty/buffer', Buffer.alloc(0)],
      ['empty/text', ''],
    ] as const) {
      await put(Key, Body)
      assert.equal((await get(Key)).length, 0)
    }
    const plain = await fetch(`${endpoint}/${Bucket}/empty/plain`, { method: 'PUT' })
    assert.equal(plain.status, 200, await plain.text())
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'empty/' }))
    assert.deepEqual(
      Contents?.map(({ Key, Size, ETag }) => [Key, Size, ETag]),
      ['buffer', 'plain', 'text'].map(name => [`empty/${name}`, 0, '"d41d8cd98f00b204e9800998ecf8427e"']),
    )
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'empty/copy', CopySource: `${Bucket}/empty/text` }))
    assert.equal((await get('empty/copy')).length, 0)
    for (const name of ['buffer', 'plain', 'text', 'copy']) await s3.send(new DeleteObjectCommand({ Bucket, Key: `empty/${name}` }))
  })

  it('takes objects of 20 MiB', async () => {
    const body = Buffer.alloc(20 * 1024 * 1024, 'flow')
    await put('large', body)
    assert.ok((await get('large')).equals(body))
  })

  it('lists in binary order, in pages, with common prefixes once', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: 'lists' }))
    const keys = ['B', 'Z_1', 'a', 'a1', 'b/1', 'b/2', 'c/1', 'c/2', 'd', 'e/x/1', '_', 'é'].sort()
    for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket: 'lists', Key, Body: Key }))
    for (const MaxKeys of [1, 2, 3, 5, 1000]) {
      const found: string[] = []
      const grouped: string[] = []
      for (const Delimiter of [undefined, '/']) {
        let ContinuationToken: string | undefined
        do {
          const page = await s3.send(new ListObjectsV2Command({ Bucket: 'lists', MaxKeys, Delimiter, ContinuationToken }))
          const entries = [
            ...(page.Contents ?? []).map(object => object.Key ?? ''),
            ...(page.CommonPrefixes ?? []).map(prefix => prefix.Prefix ?? ''),
          ]
          ;(Delimiter === undefined ? found : grouped).push(...entries.sort())
          ContinuationToken = page.NextContinuationToken
        } while (ContinuationToken !== undefined)
      }
      assert.deepEqual(found, keys)
      assert.deepEqual(grouped, ['B', 'Z_1', '_', 'a', 'a1', 'b/', 'c/', 'd', 'e/', 'é'])
    }
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: 'lists', Prefix: 'c/', StartAfter: 'c/1' }))
    assert.deepEqual(
      Contents?.map(object => object.Key),
      ['c/2'],
    )
  })

  it('shows faults on demand', async () => {
    await put('denied/1', 'x'.repeat(1000))
    try {
      await setFaults([
        { prefix: 'denied/', operations: ['get', 'list'], status: 403, code: 'AccessDenied' },
        { prefix: 'slow/', status: 503, code: 'SlowDown', times: 2 },
        { prefix: 'large', operations: ['get'], cutAfterBytes: 1000 },
      ])
      await assert.rejects(get('denied/1'), { name: 'AccessDenied' })
      await assert.rejects(s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'denied/2026' })), { name: 'AccessDenied' })
      await s3.send(new ListObjectsV2Command({ Bucket, Prefix: '' }))
      await assert.rejects(put('slow/1', 'x'), { name: 'SlowDown' })
      await assert.rejects(put('slow/1', 'x'), { name: 'SlowDown' })
      await put('slow/1', 'x')
      await assert.rejects(get('large'), { code: 'ECONNRESET' })
    } finally {
      await setFaults([])
    }
    assert.equal((await get('denied/1')).length, 1000)
  })

  it('notifies the queue of new and of copied objects', async () => {
    await sqs('PurgeQueue', {})
    await put('new/a b+c.log.gz', 'hello')
    await s3.send(
      new CopyObjectCommand({
        Bucket,
        Key: 'new/copy',
        CopySource: encodeURI(`${Bucket}/new/a b+c.log.gz`.replace('+', '%2B')).replace('%252B', '%2B'),
      }),
    )
    const { Messages = [] } = await sqs('ReceiveMessage', { MaxNumberOfMessages: 10, WaitTimeSeconds: 2 })
    const records = Messages.flatMap(message => JSON.parse(message.Body).Records)
    assert.deepEqual(
      records.map(record => [record.eventName, record.s3.bucket.name, record.s3.object.key, record.s3.object.size]),
      [
        ['ObjectCreated:Put', Bucket, 'new/a+b%2Bc.log.gz', 5],
        ['ObjectCreated:Copy', Bucket, 'new/copy', 5],
      ],
    )
    for (const { ReceiptHandle } of Messages) await sqs('DeleteMessage', { ReceiptHandle })
  })
})
