import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultFormat, fullV11Format, fullV5Format, transitGatewayFormat } from '../../../../flow/fields.ts'
import { isHeaderLine } from '../../../../producers/s3/text/header-line.ts'
import {
  accountFolder,
  datePrefix,
  isFlowLogKey,
  isOrganization,
  isParquetKey,
  regionFolder,
  windowDays,
} from '../../../../producers/s3/objects/key-layout.ts'
import { accountsPrefix } from '../../../../producers/s3/source-folder.ts'
import { plainEtag, sourceOf } from '../../../../producers/s3/objects/object-store.ts'
import { s3Error } from '../../../../producers/s3/objects/s3-object-store.ts'

const headers: { line: string; is: boolean }[] = [
  { line: defaultFormat.join(' '), is: true },
  { line: fullV11Format.join(' '), is: true },
  { line: [...fullV5Format].sort().join(' '), is: true },
  { line: transitGatewayFormat.join(' '), is: true },
  { line: 'srcaddr', is: true },
  { line: '  version  some-field-of-tomorrow ', is: true },
  { line: 'some words of no meaning', is: false },
  { line: 'some words of this version', is: false },
  { line: 'user action note', is: false },
  { line: 'bytes made up srcaddr', is: true },
  { line: '2 123456789010 eni-1235b8ca123456789 172.31.16.139', is: false },
  { line: 'Version account-id', is: false },
  { line: 'version,account-id', is: false },
  { line: 'version\taccount-id', is: false },
  { line: '- - - NODATA', is: false },
  { line: '{"version":2}', is: false },
  { line: '', is: false },
]
for (const { line, is } of headers)
  test(`${is ? 'takes' : 'refuses'} "${line.slice(0, 40)}" as a header`, () => assert.equal(isHeaderLine(line), is))

test('folders of accounts and regions in both spellings', () => {
  assert.equal(accountsPrefix({ prefix: '' }), 'AWSLogs/')
  assert.equal(accountsPrefix({ prefix: 'a/b' }), 'a/b/AWSLogs/')
  assert.equal(accountsPrefix({ prefix: 'a/b/' }), 'a/b/AWSLogs/')
  const plain = accountFolder('AWSLogs/001607371330/')!
  assert.deepEqual(plain, { accountId: '001607371330', hive: false, prefix: 'AWSLogs/001607371330/vpcflowlogs/' })
  const hive = accountFolder('x/AWSLogs/aws-account-id=001607371330/')!
  assert.deepEqual(hive, {
    accountId: '001607371330',
    hive: true,
    prefix: 'x/AWSLogs/aws-account-id=001607371330/aws-service=vpcflowlogs/',
  })
  for (const other of ['AWSLogs/o-abc/', 'AWSLogs/1234/', 'AWSLogs/0016073713301/', 'AWSLogs/aws-account=001607371330/'])
    assert.equal(accountFolder(other), undefined)
  assert.ok(isOrganization('AWSLogs/o-a1b2c3d4e5/'))
  assert.ok(!isOrganization('AWSLogs/001607371330/'))
  const region = regionFolder(hive, `${hive.prefix}aws-region=us-east-1/`)!
  assert.equal(region.region, 'us-east-1')
  assert.equal(datePrefix(region, '2026-11-04'), `${hive.prefix}aws-region=us-east-1/year=2026/month=11/day=04/`)
  assert.equal(datePrefix(region, '2026-11'), `${hive.prefix}aws-region=us-east-1/year=2026/month=11/`)
  assert.equal(datePrefix(regionFolder(plain, `${plain.prefix}us-east-1/`)!, '2026-11-04'), `${plain.prefix}us-east-1/2026/11/04/`)
  assert.equal(regionFolder(plain, `${plain.prefix}aws-region=us-east-1/`), undefined)
})

const windows: { name: string; now: string; lookBackMs: number; startDate?: string; days: string[] }[] = [
  { name: 'a day', now: '2026-11-24T12:00:00Z', lookBackMs: 86_400_000, days: ['2026-11-24', '2026-11-23', '2026-11-22'] },
  { name: 'no look-back', now: '2026-11-24T00:00:00Z', lookBackMs: 0, days: ['2026-11-24', '2026-11-23'] },
  { name: 'an hour over midnight', now: '2026-03-01T00:30:00Z', lookBackMs: 3_600_000, days: ['2026-03-01', '2026-02-28', '2026-02-27'] },
  {
    name: 'a start date',
    now: '2026-11-24T12:00:00Z',
    lookBackMs: 10 * 86_400_000,
    startDate: '2026-11-23',
    days: ['2026-11-24', '2026-11-23'],
  },
  { name: 'a start date to come', now: '2026-11-24T12:00:00Z', lookBackMs: 0, startDate: '2026-12-01', days: [] },
]
for (const { name, now, lookBackMs, startDate, days } of windows)
  test(`days of a window with ${name}`, () => assert.deepEqual(windowDays(Date.parse(now), lookBackMs, startDate), days))

test('object names by suffix', () => {
  for (const name of ['x.log.gz', 'x.log', 'x.log.zst', 'x.log.parquet', 'x.parquet']) assert.ok(isFlowLogKey(name))
  for (const name of ['x.json.gz', 'x.gz', 'x.zst', 'x.log.zstd', 'x.log.gz/', '', 'xlog']) assert.ok(!isFlowLogKey(name))
  assert.ok(isParquetKey('x.log.parquet') && !isParquetKey('x.log.gz'))
})

test('the source of an object is one that has such keys, with the longest prefix', () => {
  const layout = 'flow-logs'
  const [all, inner, other, dated] = [
    { bucket: 'b', prefix: '', layout },
    { bucket: 'b', prefix: 'in', layout },
    { bucket: 'c', prefix: 'p', layout },
    { bucket: 'b', prefix: '', layout: 'firehose' },
  ] as const
  const sources = [all, inner, other, dated]
  assert.equal(sourceOf(sources, 'b', 'in/AWSLogs/x'), inner)
  assert.equal(sourceOf(sources, 'b', 'AWSLogs/x'), all)
  assert.equal(sourceOf(sources, 'c', 'elsewhere'), other)
  assert.equal(sourceOf(sources, 'd', 'x'), undefined)
  assert.equal(sourceOf(sources, 'b', '2026/11/24/10/x'), dated)
  assert.equal(sourceOf(sources, 'b', 'in/2026/11/24/10/x'), inner)
})

test('entity tags lose quotes and weakness', () => {
  assert.deepEqual(['"abc-2"', 'W/"abc"', 'abc', undefined].map(plainEtag), ['abc-2', 'abc', 'abc', ''])
})

const thrown: { error: object; code: string }[] = [
  { error: { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } }, code: 'S3_ACCESS_DENIED' },
  { error: { name: 'Forbidden', $metadata: { httpStatusCode: 403 } }, code: 'S3_ACCESS_DENIED' },
  { error: { name: 'NoSuchKey', $metadata: { httpStatusCode: 404 } }, code: 'S3_NOT_FOUND' },
  { error: { name: 'UnknownError', $metadata: { httpStatusCode: 404 } }, code: 'S3_NOT_FOUND' },
  { error: { name: 'PreconditionFailed', $metadata: { httpStatusCode: 412 } }, code: 'S3_CHANGED' },
  { error: { name: 'SlowDown', $metadata: { httpStatusCode: 503 } }, code: 'S3_UNAVAILABLE' },
  { error: { name: 'ExpiredToken', $metadata: { httpStatusCode: 403 } }, code: 'S3_UNAVAILABLE' },
  { error: new Error('socket hang up'), code: 'S3_UNAVAILABLE' },
]
for (const { error, code } of thrown)
  test(`maps ${(error as Error).name} to ${code}`, () => assert.equal(s3Error(error, 'b', 'k').code, code))
