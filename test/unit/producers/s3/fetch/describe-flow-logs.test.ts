/** The client of EC2 against a server that speaks its protocol, and what is remembered of its answers. */
import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { checkConfig } from '../../../../../config/config.ts'
import type { S3Source } from '../../../../../producers/s3/settings.ts'
import { createFlowLogService, flowLogOf } from '../../../../../producers/s3/fetch/describe-flow-logs.ts'
import { FlowLogHeaders } from '../../../../../producers/s3/fetch/flow-log-headers.ts'
import { FlowError, type ErrorCode } from '../../../../../runtime/errors.ts'
import { Ec2Server } from '../../../../support/s3/ec2-server.ts'

const ec2 = await Ec2Server.start()
const settings = checkConfig({ s3: { ec2Endpoint: ec2.url, accessKeyId: 'test', secretAccessKey: 'test' } }).s3
const service = createFlowLogService(settings)
const name = (flowLogId: string, region = 'eu-west-1') => ({ flowLogId, region, roleArn: undefined, externalId: undefined })
const fails = (code: ErrorCode) => (error: unknown) => error instanceof FlowError && error.code === code

beforeEach(() => {
  ec2.flowLogs.clear()
  ec2.flowLogs.set('fl-1', '${version} ${srcaddr}')
  ec2.requests.length = 0
  ec2.fault = undefined
  ec2.listsAll = ec2.down = false
})
after(() => ec2.close())

test('asks for one flow log, in its region', async () => {
  assert.equal(await service.logFormat(name('fl-1')), '${version} ${srcaddr}')
  assert.equal(ec2.requests.length, 1)
  const [{ Action, 'FlowLogId.1': id, region } = {}] = ec2.requests
  assert.deepEqual([Action, id, region], ['DescribeFlowLogs', 'fl-1', 'eu-west-1'])
})

test('reads on page by page until the flow log is found', async () => {
  for (const n of [2, 3, 4, 5]) ec2.flowLogs.set(`fl-${n}`, `\${version} \${bytes} \${v${n}}`)
  ec2.listsAll = true
  assert.equal(await service.logFormat(name('fl-3')), '${version} ${bytes} ${v3}')
  assert.equal(ec2.requests.length, 2)
})

test('a flow log that is not in the answer is not found', () =>
  assert.rejects(service.logFormat(name('fl-9')), fails('FLOW_LOG_NOT_FOUND')))

for (const [status, error, code] of [
  [400, 'InvalidFlowLogId.NotFound', 'FLOW_LOG_NOT_FOUND'],
  [403, 'UnauthorizedOperation', 'FLOW_LOG_DENIED'],
  [401, 'AuthFailure', 'FLOW_LOG_DENIED'],
  [403, 'SomethingNew', 'FLOW_LOG_DENIED'],
  [400, 'RequestExpired', 'EC2_UNAVAILABLE'],
  [503, 'RequestLimitExceeded', 'EC2_UNAVAILABLE'],
  [500, 'InternalError', 'EC2_UNAVAILABLE'],
] as const)
  test(`${error} is ${code}`, async () => {
    ec2.fault = { status, code: error, times: 2 }
    await assert.rejects(service.logFormat(name('fl-1')), fails(code))
  })

test('a throttled request is made again', async () => {
  ec2.fault = { status: 503, code: 'RequestLimitExceeded', times: 1 }
  assert.equal(await service.logFormat(name('fl-1')), '${version} ${srcaddr}')
  assert.equal(ec2.requests.length, 2)
})

test('a connection that breaks is EC2_UNAVAILABLE', async () => {
  ec2.down = true
  await assert.rejects(service.logFormat(name('fl-1')), fails('EC2_UNAVAILABLE'))
})

test('tries permission without asking for anything', async () => {
  await service.tryAsking(name(''))
  ec2.fault = { status: 403, code: 'UnauthorizedOperation', times: 1 }
  await assert.rejects(service.tryAsking(name('')), fails('FLOW_LOG_DENIED'))
})

test('an answer is kept for good, one for each region, and nobody asks twice at once', async () => {
  const headers = new FlowLogHeaders(service, 1000)
  const all = await Promise.all([1, 2, 3].map(() => headers.headerOf(name('fl-1'), 0)))
  assert.deepEqual(all, ['version srcaddr', 'version srcaddr', 'version srcaddr'])
  ec2.flowLogs.clear()
  assert.equal(await headers.headerOf(name('fl-1'), 1e15, 1e15), 'version srcaddr')
  assert.equal(ec2.requests.length, 1)
  await assert.rejects(headers.headerOf(name('fl-1', 'us-east-1'), 0), fails('FLOW_LOG_NOT_FOUND'))
})

test('a failure is kept for a growing while, and not for who asks after it', async () => {
  const headers = new FlowLogHeaders(service, 1000)
  const asked: number[] = []
  const ask = async (nowMs: number, sinceMs?: number): Promise<void> => {
    const before = ec2.requests.length
    await assert.rejects(headers.headerOf(name('fl-2'), nowMs, sinceMs), fails('FLOW_LOG_NOT_FOUND'))
    if (ec2.requests.length > before) asked.push(nowMs)
  }
  for (const nowMs of [0, 1, 999, 1000, 2999, 3000, 6999, 7000]) await ask(nowMs)
  assert.deepEqual(asked, [0, 1000, 3000, 7000])
  await ask(7500, 7000)
  assert.equal(asked.length, 4)
  await ask(7500, 7001)
  assert.deepEqual(asked.slice(4), [7500])
  ec2.flowLogs.set('fl-2', '${version} ${bytes}')
  assert.equal(await headers.headerOf(name('fl-2'), 8000, 7501), 'version bytes')
  assert.equal(await headers.headerOf(name('fl-2'), 8000), 'version bytes')
})

test('however often it fails, it is asked again within a minute', async () => {
  const headers = new FlowLogHeaders(service, 1000)
  for (let nowMs = 0; nowMs < 1_000_000; nowMs += 60_000) {
    const before = ec2.requests.length
    await assert.rejects(headers.headerOf(name('fl-2'), nowMs))
    assert.equal(ec2.requests.length, before + 1)
  }
})

test('a format without a field that is known is no format', async () => {
  ec2.flowLogs.set('fl-1', '${made} ${up}')
  await assert.rejects(new FlowLogHeaders(service, 1).headerOf(name('fl-1'), 0), fails('FLOW_LOG_FORMAT'))
})

const file = '123456789012_vpcflowlogs_eu-west-3_fl-0a_20261124T1155Z_x.log.gz'
const role = (arn: string) => ({ describeRoleArn: arn })
const cases: { key: string; source?: Partial<S3Source>; expect: (string | undefined)[] | 'FLOW_LOG_UNNAMED' }[] = [
  { key: `copies/${file}`, expect: ['fl-0a', 'eu-west-3', undefined] },
  { key: `copies/${file}`, source: { flowLogId: 'fl-ff', region: 'us-west-2', roleArn: 'own' }, expect: ['fl-0a', 'eu-west-3', 'own'] },
  { key: 'firehose/x', source: { flowLogId: 'fl-ff' }, expect: ['fl-ff', 'us-east-1', undefined] },
  { key: 'firehose/x', source: { flowLogId: 'fl-ff', region: 'us-west-2' }, expect: ['fl-ff', 'us-west-2', undefined] },
  { key: 'firehose/x', expect: 'FLOW_LOG_UNNAMED' },
  { key: `a/${file}`, source: { roleArn: 'own', ...role('r:{account}:x') }, expect: ['fl-0a', 'eu-west-3', 'r:123456789012:x'] },
  { key: 'x', source: { flowLogId: 'fl-ff', ...role('r:{account}:x') }, expect: 'FLOW_LOG_UNNAMED' },
]
for (const { key, source = {}, expect } of cases)
  test(`${key} of a source with ${JSON.stringify(source)} is ${String(expect)}`, () => {
    const find = (): unknown => {
      const { flowLogId, region, roleArn } = flowLogOf(
        settings,
        { bucket: 'b', prefix: '', layout: 'flow-logs', format: 'describe', ...source },
        { bucket: 'b', key },
      )
      return [flowLogId, region, roleArn]
    }
    if (expect === 'FLOW_LOG_UNNAMED') assert.throws(find, fails(expect))
    else assert.deepEqual(find(), expect)
  })

for (const [source, fault] of [
  [{ format: 'describe', flowLogId: 'fl-0a' }, undefined],
  [{ format: 'describe', flowLogId: 'eni-0a' }, /not the id of a flow log/],
  [{ flowLogId: 'fl-0a' }, /with format: describe alone/],
  [{ format: 'version', describeRoleArn: 'arn:aws:iam::111122223333:role/reader' }, /with format: describe alone/],
  [{ format: 'ask' }, /the word describe/],
] as const)
  test(`a source with ${JSON.stringify(source)} is ${fault === undefined ? 'taken' : 'refused'}`, () => {
    const check = (): unknown => checkConfig({ s3: { sources: [{ bucket: 'b', ...source }] } })
    if (fault === undefined) check()
    else assert.throws(check, fault)
  })
