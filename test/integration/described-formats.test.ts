/** Objects without a header line on the real services: their formats come from EC2, and what EC2 does not know is recorded and comes in later. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { audit } from '../../operations/audit.ts'
import { probe } from '../../operations/probe/probe.ts'
import { announceRetries, findUnread } from '../../operations/retry.ts'
import { Ec2Server } from '../support/s3/ec2-server.ts'
import { freshSettings, releaseStack, noTables } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { settled } from '../support/kafka/settle.ts'

after(() => releaseStack())

const slotS = Math.floor(Date.now() / 300_000) * 300 - 600
const stamp = new Date(slotS * 1000).toISOString().replaceAll(/[-:]/g, '').slice(0, 13)
const day = new Date(slotS * 1000).toISOString().slice(0, 10).replaceAll('-', '/')
const keyOf = (id: string): string =>
  `AWSLogs/123456789012/vpcflowlogs/eu-west-1/${day}/123456789012_vpcflowlogs_eu-west-1_${id}_${stamp}Z_x.log.gz`
const data = (count: number, port: number): string =>
  Array.from({ length: count }, (_unused, i) => `OK ${i + 1} 10.0.0.1 10.0.0.2 ${port} ${slotS} ${slotS + 60} 100\n`).join('')
const format = '${log-status} ${packets} ${srcaddr} ${dstaddr} ${dstport} ${start} ${end} ${bytes}'
const [known, unknown, own] = [keyOf('fl-0a'), keyOf('fl-0b'), keyOf('fl-0c')] as const

test('header-less objects have the columns that EC2 says; unknown ones fail and are read after a retry', { timeout: 120_000 }, async () => {
  const ec2 = await Ec2Server.start()
  ec2.flowLogs.set('fl-0a', format)
  ec2.fault = { status: 503, code: 'RequestLimitExceeded', times: 3 }
  const settings = await freshSettings({
    s3: { maxAttempts: 3, retryBaseMs: 50, pollIntervalMs: 300, ec2Endpoint: ec2.url },
    kafka: { partitions: 2 },
    lookups: { country: 'none', asn: 'none' },
    log: { level: 'silent' },
  })
  const base = settings['s3'] as { sources: [{ bucket: string }] }
  settings['s3'] = { ...base, sources: [{ ...base.sources[0], format: 'describe' }] }
  const run = await LocalRun.open(settings)
  const { session, store, bucket } = run
  const client = s3Client(session.config.s3.endpoint!)
  const flows = () =>
    store.query<{ key: string; flows: string; packets: string; bytes: string; port: number; source: string }>(
      `SELECT o.key AS key, count() AS flows, sum(f.packets) AS packets, sum(f.bytes) AS bytes, any(f.remote_port) AS port, toString(any(f.local_addr)) AS source
       FROM flows AS f INNER JOIN (SELECT * FROM objects FINAL) AS o ON f.object_id = o.object_id GROUP BY o.key ORDER BY o.key`,
    )
  try {
    await createBucket(client, bucket)
    await putObject(client, bucket, known, gzipSync(data(20, 443)))
    await putObject(client, bucket, unknown, gzipSync(data(30, 53)))
    await putObject(client, bucket, own, gzipSync(`bytes dstport srcaddr\n7 22 10.0.0.9\n`))
    run.start()
    await settled(store, 2, 60_000, 1)
    const [failed] = await store.query<{ key: string; error_code: string; lines: number }>(
      "SELECT key, error_code, lines FROM objects FINAL WHERE state = 'failed'",
    )
    assert.deepEqual([failed?.key, failed?.error_code, Number(failed?.lines)], [unknown, 'FLOW_LOG_NOT_FOUND', 0])
    const before = await flows()
    assert.deepEqual(
      before.map(row => [row.key, Number(row.flows), Number(row.packets), Number(row.bytes), row.port]),
      [
        [known, 20, 210, 2000, 443],
        [own, 1, 0, 7, 22],
      ],
    )
    assert.match(before[0]!.source, /10\.0\.0\.1$/)
    assert.ok(ec2.requests.every(({ region }) => region === 'eu-west-1'))
    assert.ok(
      ec2.requests.every(({ 'FlowLogId.1': id }) => id !== 'fl-0c'),
      'its own header decides',
    )
    const asked = ec2.requests.filter(({ 'FlowLogId.1': id }) => id === 'fl-0a').length
    await putObject(client, bucket, known.replace('x.log', 'y.log'), gzipSync(data(5, 443)))
    await settled(store, 3, 60_000, 1)
    assert.equal(ec2.requests.filter(({ 'FlowLogId.1': id }) => id === 'fl-0a').length, asked, 'the answer is kept')
    let report = await audit(session, true, () => undefined)
    assert.deepEqual([report.differences, report.unreadable.length], [[], 1])
    assert.match(report.unreadable[0]!, /fl-0b.*EC2 in eu-west-1 knows no flow log fl-0b/)

    ec2.flowLogs.set('fl-0b', format)
    await announceRetries(session, await findUnread(session))
    await settled(store, 4, 60_000)
    assert.deepEqual(
      (await flows()).filter(({ key }) => key === unknown).map(row => [Number(row.flows), Number(row.packets), row.port]),
      [[30, 465, 53]],
    )
    await run.stop()
    report = await audit(session, true, () => undefined)
    assert.deepEqual([report.differences, report.unreadable], [[], []])

    const step = async () =>
      (await probe({ ...session.config, lookups: { ...session.config.lookups, ...noTables } })).find(
        each => each.step === 'ec2:DescribeFlowLogs',
      )
    assert.equal((await step())?.result, 'ok')
    ec2.fault = { status: 403, code: 'UnauthorizedOperation', times: 1 }
    const missing = await step()
    assert.equal(missing?.result, 'missing')
    assert.match(missing.detail, /needs ec2:DescribeFlowLogs/)
  } finally {
    await run.close()
    client.destroy()
    await ec2.close()
  }
})
