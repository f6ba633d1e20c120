import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readMessage, type MessageContent } from '../../../../../producers/s3/notify/notify-events.ts'
import { regionOfQueue } from '../../../../../aws/regions.ts'

const eventTime = '2026-11-24T12:00:01.000Z'
const eventMs = Date.parse(eventTime)
const record = (key: string, more: { eventName?: string; object?: object } = {}): object => ({
  eventVersion: '2.1',
  eventSource: 'aws:s3',
  eventTime,
  eventName: more.eventName ?? 'ObjectCreated:Put',
  s3: { bucket: { name: 'b' }, object: { key, size: 7, eTag: 'e1', sequencer: '1', ...more.object } },
})
const direct = (...records: object[]): string => JSON.stringify({ Records: records })
const bridge = (detailType: string, key: string): object => ({
  version: '0',
  'detail-type': detailType,
  source: 'aws.s3',
  time: eventTime,
  detail: { version: '0', bucket: { name: 'b' }, object: { key, size: 7, etag: 'e1' }, reason: 'PutObject' },
})
const sns = (message: string): string => JSON.stringify({ Type: 'Notification', TopicArn: 'arn:aws:sns:eu-west-1:1:t', Message: message })
const object = (key: string) => ({ bucket: 'b', key, etag: 'e1', size: 7, eventMs })
const says = (content: Partial<MessageContent>): MessageContent => ({ created: [], otherEvents: 0, isTest: false, fault: null, ...content })

const testEvent = JSON.stringify({
  Service: 'Amazon S3',
  Event: 's3:TestEvent',
  Time: eventTime,
  Bucket: 'b',
  RequestId: 'r',
  HostId: 'h',
})

const cases: { name: string; body: string; expect: MessageContent }[] = [
  { name: 'an event as S3 sends it', body: direct(record('a/b.log.gz')), expect: says({ created: [object('a/b.log.gz')] }) },
  {
    name: 'many records, in their order',
    body: direct(record('1'), record('2'), record('3')),
    expect: says({ created: [object('1'), object('2'), object('3')] }),
  },
  {
    name: 'an encoded key, with a plus for a space',
    body: direct(record('aws-account-id%3D1/a+b%2Bc%C3%A9.log.gz')),
    expect: says({ created: [object('aws-account-id=1/a b+cé.log.gz')] }),
  },
  { name: 'an event wrapped by SNS', body: sns(direct(record('k'))), expect: says({ created: [object('k')] }) },
  {
    name: 'an event of EventBridge, whose key is not encoded',
    body: JSON.stringify(bridge('Object Created', 'a+b%20')),
    expect: says({ created: [object('a+b%20')] }),
  },
  {
    name: 'an event of EventBridge through SNS',
    body: sns(JSON.stringify(bridge('Object Created', 'k'))),
    expect: says({ created: [object('k')] }),
  },
  { name: 'another event of EventBridge', body: JSON.stringify(bridge('Object Deleted', 'k')), expect: says({ otherEvents: 1 }) },
  { name: 'the test event of S3', body: testEvent, expect: says({ isTest: true }) },
  { name: 'the test event of S3 through SNS', body: sns(testEvent), expect: says({ isTest: true }) },
  {
    name: 'created objects beside other events',
    body: direct(record('k'), record('gone', { eventName: 'ObjectRemoved:Delete' })),
    expect: says({ created: [object('k')], otherEvents: 1 }),
  },
  {
    name: 'the event name with the prefix s3:, a multipart upload',
    body: direct(record('k', { eventName: 's3:ObjectCreated:CompleteMultipartUpload' })),
    expect: says({ created: [object('k')] }),
  },
  {
    name: 'no ETag and no size',
    body: direct(record('k', { object: { eTag: undefined, size: undefined } })),
    expect: says({ created: [{ ...object('k'), etag: null, size: null }] }),
  },
  { name: 'no JSON', body: 'hello', expect: says({ fault: 'not-json' }) },
  { name: 'SNS around no JSON', body: sns('hello'), expect: says({ fault: 'not-json' }) },
  { name: 'JSON of something else', body: '{"a":1}', expect: says({ fault: 'unknown-shape' }) },
  { name: 'a list', body: '[]', expect: says({ fault: 'unknown-shape' }) },
  {
    name: 'a record without bucket',
    body: direct({ eventName: 'ObjectCreated:Put', s3: { object: { key: 'k' } } }),
    expect: says({ fault: 'bad-record' }),
  },
  {
    name: 'a key that cannot be decoded, beside a good record',
    body: direct(record('%E0%A4%A'), record('k')),
    expect: says({ created: [object('k')], fault: 'bad-record' }),
  },
]
for (const { name, body, expect } of cases) test(`reads ${name}`, () => assert.deepEqual(readMessage(body), expect))

test('never throws, whatever a message holds', () => {
  fc.assert(fc.property(fc.string(), text => void readMessage(text)))
  fc.assert(fc.property(fc.json(), text => void readMessage(text)))
  fc.assert(fc.property(fc.array(fc.jsonValue()), records => void readMessage(JSON.stringify({ Records: records }))))
})

test('any key survives the encoding of S3', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), key => {
      const encoded = encodeURIComponent(key).replaceAll('%20', '+')
      assert.deepEqual(readMessage(direct(record(encoded))).created[0]?.key, key)
    }),
  )
})

test('the region of a queue is the one set, the one of its URL, or the one of the buckets', () => {
  const url = 'https://sqs.eu-west-1.amazonaws.com/123456789012/q'
  assert.equal(regionOfQueue({ url }, 'us-east-1'), 'eu-west-1')
  assert.equal(regionOfQueue({ url, region: 'ap-south-1' }, 'us-east-1'), 'ap-south-1')
  assert.equal(regionOfQueue({ url: 'https://eu-west-1.queue.amazonaws.com/123456789012/q' }, 'us-east-1'), 'eu-west-1')
  for (const [host, region] of [
    ['sqs-fips.us-gov-west-1.amazonaws.com', 'us-gov-west-1'],
    ['vpce-0a1b2c3d-4e5f.sqs.eu-central-1.vpce.amazonaws.com', 'eu-central-1'],
    ['vpce-0a1b2c3d-4e5f-eu-central-1a.sqs.eu-central-1.vpce.amazonaws.com', 'eu-central-1'],
    ['sqs.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
    ['sqs.ap-southeast-5.api.aws', 'ap-southeast-5'],
  ] as const)
    assert.equal(regionOfQueue({ url: `https://${host}/123456789012/q` }, 'us-east-1'), region, host)
  assert.equal(regionOfQueue({ url: 'http://127.0.0.1:9000/000000000000/q' }, 'us-east-1'), 'us-east-1')
})
