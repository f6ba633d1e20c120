import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sqsError } from '../../../../producers/s3/notify/notify-queue.ts'
import { s3Error } from '../../../../producers/s3/objects/s3-object-store.ts'
import { FlowError } from '../../../../runtime/errors.ts'

const thrown = (name: string, status: number, message = 'Access Denied'): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } })

/** As S3 words it for a role without the permission on the key. */
const keyDenied =
  'User: arn:aws:sts::123456789012:assumed-role/flowloom/x is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:123456789012:key/1 because no identity-based policy allows the kms:Decrypt action'

for (const { error, expect } of [
  { error: thrown('AccessDenied', 403), expect: 'S3_ACCESS_DENIED' },
  { error: thrown('AccessDenied', 403, keyDenied), expect: 'S3_KEY_DENIED' },
  { error: thrown('KMS.DisabledException', 400, 'key is disabled'), expect: 'S3_KEY_DENIED' },
  { error: thrown('SlowDown', 503), expect: 'S3_UNAVAILABLE' },
  { error: thrown('NoSuchKey', 404), expect: 'S3_NOT_FOUND' },
  { error: thrown('NoSuchBucket', 404), expect: 'S3_NO_BUCKET' },
  { error: thrown('PreconditionFailed', 412), expect: 'S3_CHANGED' },
  { error: thrown('InvalidAccessKeyId', 403), expect: 'S3_UNAVAILABLE' },
  { error: new FlowError('AWS_CREDENTIALS', { owner: 'the role x', detail: 'no', advice: 'do' }), expect: 'S3_CREDENTIALS' },
])
  test(`S3: ${error.name}, ${error.message.slice(0, 20)} is ${expect}`, () => assert.equal(s3Error(error, 'b', 'k').code, expect))

test('S3: a listing that is not found lacks its bucket, whatever a server calls that', () => {
  for (const name of ['NoSuchBucket', 'NotFound', 'UnknownError'])
    assert.equal(s3Error(thrown(name, 404), 'b', 'k', true).code, 'S3_NO_BUCKET')
  assert.match(
    s3Error(thrown('NoSuchBucket', 404), 'my-logs', '').message,
    /^the bucket my-logs does not exist; check bucket of its source/,
  )
})

for (const { error, expect } of [
  { error: thrown('AccessDeniedException', 400), expect: 'SQS_ACCESS_DENIED' },
  { error: thrown('Whatever', 403), expect: 'SQS_ACCESS_DENIED' },
  { error: thrown('InvalidClientTokenId', 403), expect: 'SQS_UNAVAILABLE' },
  { error: new FlowError('AWS_CREDENTIALS', { owner: 'the role x', detail: 'no', advice: 'do' }), expect: 'SQS_CREDENTIALS' },
  { error: thrown('QueueDoesNotExist', 400), expect: 'SQS_NOT_FOUND' },
  { error: thrown('TimeoutError', 0), expect: 'SQS_UNAVAILABLE' },
])
  test(`SQS: ${error.name} is ${expect}`, () => assert.equal(sqsError(error, 'http://q').code, expect))
