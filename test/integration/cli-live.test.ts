/** The commands against the real services: topics, run, lookup, audit, retry, reset. */
import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { goldenObjects } from '../../operations/demo/demo-objects.ts'
import { checkConfig } from '../../config/config.ts'
import { Cluster } from '../../runtime/kafka/cluster.ts'
import { createLog } from '../../runtime/log.ts'
import { topics } from '../../schemas/topics.ts'
import { connectClickHouse } from '../../sinks/clickhouse/clickhouse-client.ts'
import { flowloom, startFlowloom } from '../support/processes/command-line.ts'
import { settingsEnvironment } from '../../harness/fleet.ts'
import { until } from '../support/kafka/kafka-lab.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { tableCounts } from '../../harness/table-counts.ts'
import { settled } from '../support/kafka/settle.ts'

after(() => releaseStack())

const shutdownGraceMs = 8000

test('topics, run, lookup, audit, retry and reset, one after the other', { timeout: 240_000 }, async t => {
  const settings = await freshSettings({
    kafka: { createTopics: false, partitions: 2, fewPartitions: 1 },
    s3: { maxAttempts: 2 },
    lookups: { country: 'none', asn: 'none' },
    run: { shutdownGraceMs },
  })
  const env = settingsEnvironment(settings)
  const config = checkConfig(settings)
  const bucket = config.s3.sources[0]!.bucket
  const store = connectClickHouse(config.clickhouse)
  const cluster = new Cluster(config.kafka, createLog('silent'))
  try {
    await t.test('run names the topic that is missing, and what to do', async () => {
      const { code, err } = await flowloom(['run'], env)
      assert.equal(code, 1)
      assert.match(
        err,
        /^flowloom: topic "t\w+\.object-arrivals\.v1" does not exist; run `flowloom topics apply` or set kafka\.createTopics\n$/,
      )
    })

    await t.test('topics apply creates no topic where the registry does not answer', async () => {
      const { code, out, err } = await flowloom(['topics', 'apply'], { ...env, FLOWLOOM_REGISTRY_URL: 'http://127.0.0.1:1' })
      assert.deepEqual([code, out], [1, ''])
      assert.match(err, /^flowloom: the schema registry at http:\/\/127\.0\.0\.1:1 does not answer: [^\n]+\n$/)
      const admin = await cluster.admin()
      assert.deepEqual(
        (await admin.listTopics()).filter(name => name.startsWith(config.kafka.topicPrefix)),
        [],
      )
    })

    await t.test('topics apply creates what is missing; the second time it keeps it', async () => {
      const first = await flowloom(['topics', 'apply'], env)
      const second = await flowloom(['topics', 'apply'], { ...env, FLOWLOOM_KAFKA_RETENTION_MS: '1000', FLOWLOOM_KAFKA_PARTITIONS: '9' })
      assert.deepEqual([first.code, first.err, second.code, second.err], [0, '', 0, ''])
      const lines = (text: string, word: string): number => text.split('\n').filter(line => line.startsWith(word)).length
      assert.deepEqual([lines(first.out, 'created'), lines(first.out, 'kept')], [12, 0])
      assert.deepEqual([lines(second.out, 'created'), lines(second.out, 'kept')], [0, 12])
      assert.match(first.out, /^schemas registered: 23 subjects$/m)
      assert.match(second.out, /differs: retention\.ms=259200000 \(here 1000\)/)
      assert.match(second.out, /flows\.v1 {2}2 partitions\n.*differs: partitions=2 \(here 9\)/)
    })

    await t.test('run says in one line that its port is taken', async () => {
      const other = createServer()
      await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
      const { port } = other.address() as AddressInfo
      const { code, err } = await flowloom(['run', '--roles', 'enrich'], { ...env, FLOWLOOM_HTTP_PORT: String(port) })
      other.close()
      assert.equal(code, 1)
      assert.match(err, new RegExp(`^flowloom: cannot serve metrics and health on 127\\.0\\.0\\.1:${port}: .*EADDRINUSE.*http\\.port.*\n$`))
    })

    const client = s3Client(config.s3.endpoint!)
    await createBucket(client, bucket)
    const objects = goldenObjects(Math.floor(Date.now() / 300_000) * 300 - 300)
    for (const { key, body } of objects) await putObject(client, bucket, key, body)
    const brokenKey = objects[0]!.key.replace(/[^/]+$/, 'broken.log.gz')
    await putObject(client, bucket, brokenKey, gzipSync('version account-id\n').subarray(0, 15))

    await t.test('run works, serves health, and on SIGTERM ends in time with code 0 and leaves its groups', async () => {
      const run = startFlowloom(['run'], { ...env, FLOWLOOM_LOG_LEVEL: 'info' })
      await until(() => run.said.err.includes('"msg":"running"'), 30_000, 'the start')
      const { port } = JSON.parse(run.said.err.split('\n').find(line => line.includes('"msg":"running"'))!) as { port: number }
      await until(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200, 30_000, 'readiness')
      assert.equal(await (await fetch(`http://127.0.0.1:${port}/healthz`)).text(), 'ok\n')
      await settled(store, objects.length, 60_000, 1)
      await until(async () => (await store.query("SELECT 1 FROM cloud_map WHERE ip = toIPv6('10.1.1.50')")).length > 0, 20_000, 'the map')
      const admin = await cluster.admin()
      const groups = ['s3-discover', 's3-fetch', 'enrich', 'ip-context', 'sink-flows'].map(role => cluster.groupOf(role))
      const members = async (): Promise<number[]> => (await admin.describeGroups(groups)).groups.map(group => group.members.length)
      assert.deepEqual(await members(), [1, 1, 1, 1, 1])
      const stopMs = performance.now()
      run.child.kill('SIGTERM')
      const { code, signal } = await run.ended
      assert.deepEqual([code, signal], [0, null], run.said.err)
      assert.ok(performance.now() - stopMs < shutdownGraceMs, 'within the grace time')
      assert.doesNotMatch(run.said.err, /did not stop|^\s+at /m)
      assert.deepEqual(await members(), [0, 0, 0, 0, 0], 'nobody waits for a session to time out')
    })

    await t.test(
      'lookup answers for now and for a time, as text and as JSON, with exit code 1 if nobody is known, and 4 if nothing was read of that day',
      async () => {
        const seenS = 1_690_329_610
        const iso = new Date(seenS * 1000).toISOString()
        const times = [iso, iso.slice(0, 19), String(seenS)]
        const [now, json, before, nobody, ...then] = await Promise.all([
          flowloom(['lookup', '10.1.1.50'], env),
          flowloom(['lookup', '10.1.1.50', '--json'], env),
          flowloom(['lookup', '10.1.1.50', '--at', '2020-01-01T00:00Z'], env),
          flowloom(['lookup', '2001:db8::77', '--at', iso], env),
          ...times.map(time => flowloom(['lookup', '10.1.1.50', '--at', time, '--json'], env)),
        ])
        assert.equal(now.code, 0, now.err + now.out)
        assert.match(
          now.out,
          /^10\.1\.1\.50 at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ:\nvpc-0844e5fb7dab616dd: eni-0ffa7e54f1ae8fa1b i-0826dea5238644ce7 .*\n {2}last-known: last seen before: 2023-07-26 00:00:25 UTC; not seen since\n$/,
        )
        assert.doesNotMatch(now.out, /\bnow\b/)
        interface Answer {
          holders: { state: string; interfaceId: string; nextOwnerFrom: string | null }[]
        }
        const [holder] = (JSON.parse(json.out) as Answer).holders
        assert.deepEqual([holder?.state, holder?.interfaceId, holder?.nextOwnerFrom], ['last-known', 'eni-0ffa7e54f1ae8fa1b', null])
        for (const [i, { code, out, err }] of then.entries()) {
          assert.equal(code, 0, `${times[i]!}: ${err}`)
          assert.deepEqual(
            (JSON.parse(out) as Answer).holders.map(({ state, interfaceId }) => [state, interfaceId]),
            [['held', 'eni-0ffa7e54f1ae8fa1b']],
            times[i],
          )
        }
        assert.deepEqual([before.code, before.out], [4, ''])
        assert.match(before.err, /no object of 2020-01-01 \(UTC\) was read; to read that day: flowloom backfill --from 2020-01-01/)
        assert.deepEqual([nobody.code, nobody.out], [1, `nobody is known to have held 2001:db8::77 at ${iso.slice(0, 19)}Z\n`])
      },
    )

    await t.test(
      'coverage knows as many flows as the table holds, without a look at them, and the object that could not be read',
      async () => {
        const { code, out, err } = await flowloom(['coverage', '--json'], env)
        assert.deepEqual([code, err], [3, ''], out)
        const report = JSON.parse(out) as { flowLogs: { flows: number }[]; unread: { key: string }[]; withoutSlot: { key: string }[] }
        const flows = report.flowLogs.reduce((sum, log) => sum + log.flows, 0)
        assert.equal(flows, (await tableCounts(store)).flows)
        assert.deepEqual(
          [...report.unread, ...report.withoutSlot].map(({ key }) => key),
          [brokenKey],
        )
      },
    )

    await t.test('audit agrees; after a row is gone it names the object and ends with 1', async () => {
      const good = await flowloom(['audit'], env)
      assert.deepEqual([good.code, good.err], [0, ''], good.out)
      assert.match(
        good.out,
        /every line of the objects that can be read is accounted for on every side; nobody knows the lines of 1 object that cannot be read\n$/,
      )
      assert.match(good.out, new RegExp(`unreadable, recorded as such: s3://${bucket}/.*broken\\.log\\.gz`))
      const flocon = objects.find(({ key }) => key.includes('snapshot'))!
      await store.command(
        `ALTER TABLE ${config.clickhouse.database}.flows DELETE WHERE line = 5 AND object_id IN (SELECT object_id FROM ${config.clickhouse.database}.objects WHERE key = '${flocon.key}') SETTINGS mutations_sync = 2`,
      )
      const [bad, json] = await Promise.all([flowloom(['audit'], env), flowloom(['audit', '--json', '--no-topics'], env)])
      assert.equal(bad.code, 1)
      assert.match(bad.err, /^flowloom: the audit found differences: 2\n$/)
      assert.ok(bad.out.includes(`DIFFERENT tables s3://${bucket}/${flocon.key}: flows 30 instead of 31`), bad.out)
      const report = JSON.parse(json.out) as { differences: { object: string; side: string }[] }
      assert.equal(json.code, 1)
      assert.ok(report.differences.some(({ object, side }) => side === 'tables' && object === `s3://${bucket}/${flocon.key}`))
    })

    await t.test('audit reads nothing from S3 where ClickHouse does not answer', async () => {
      let requests = 0
      const s3 = createHttpServer((_request, response) => {
        requests++
        response.writeHead(500).end()
      })
      await new Promise<void>(resolve => s3.listen(0, '127.0.0.1', resolve))
      const away = {
        FLOWLOOM_CLICKHOUSE_URL: 'http://127.0.0.1:1',
        FLOWLOOM_S3_ENDPOINT: `http://127.0.0.1:${(s3.address() as AddressInfo).port}`,
      }
      const { code, err } = await flowloom(['audit'], { ...env, ...away })
      s3.close()
      assert.equal(code, 1)
      assert.match(err, /^flowloom: ClickHouse at http:\/\/127\.0\.0\.1:1 does not answer: [^\n]+\n$/)
      assert.equal(requests, 0)
    })

    await t.test('retry announces what failed, and a mended object comes in', async () => {
      const dry = await flowloom(['retry', '--dry-run'], env)
      assert.deepEqual([dry.code, dry.out], [0, `s3://${bucket}/${brokenKey}: OBJECT_BROKEN, 2 attempts\n1 object, nothing done\n`])
      const other = await flowloom(['retry', '--prefix', 'elsewhere/'], env)
      assert.deepEqual(
        [other.code, other.out],
        [
          1,
          'with --prefix elsewhere/ (keys of any bucket; one bucket is s3://bucket/prefix): no object has failed or waits for another attempt: nothing to read again\n',
        ],
      )
      const sent = await flowloom(['retry'], env)
      assert.match(sent.out, /1 object announced again\n$/)
      const { end } = await cluster
        .loadTopics()
        .then(() => Promise.all([0, 1].map(partition => cluster.limits(topics.objectArrivals, partition))))
        .then(([a, b]) => ({ end: a!.end + b!.end }))
      assert.ok(end > objects.length + 1, 'one arrival more')
    })

    await t.test('reset clickhouse asks first; then the tables come back as they were before the row was lost', async () => {
      const asked = await flowloom(['reset', 'clickhouse'], env)
      assert.equal(asked.code, 0)
      assert.match(asked.out, /nothing done; add --yes/)
      const before = await tableCounts(store)
      const done = await flowloom(['reset', 'clickhouse', '--yes'], env)
      assert.deepEqual([done.code, done.err], [0, ''], done.out)
      const run = startFlowloom(['run', '--roles', 'clickhouse'], env)
      await settled(store, objects.length, 60_000, 1)
      await sleep(500)
      run.child.kill('SIGTERM')
      assert.equal((await run.ended).code, 0)
      assert.equal((await tableCounts(store)).flows, before.flows + 1)
      const { code, out } = await flowloom(['audit'], env)
      assert.equal(code, 0, out)
    })
  } finally {
    await store.close()
    await cluster.close()
  }
})
