/** Objects whose keys do not lie in the folders of flow logs, on the real services: polling alone brings them in, and the audit agrees. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { audit } from '../../operations/audit.ts'
import { parseRange } from '../../cli/backfill.ts'
import { backfill } from '../../operations/backfill/backfill.ts'
import { probe } from '../../operations/probe/probe.ts'
import { freshSettings, releaseStack, noTables } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { settled } from '../support/kafka/settle.ts'

after(() => releaseStack())

const hourMs = 3_600_000
const names = ['version', 'interface-id', 'srcaddr', 'dstaddr', 'packets', 'bytes', 'start', 'end', 'action', 'log-status']
const format = names.map(name => `\${${name}}`).join(' ')
const lines = (count: number, packets: number): string[] =>
  Array.from({ length: count }, (_unused, i) => {
    const startS = Math.floor(Date.now() / 1000) - 600
    return `2 eni-0a1b${i} 10.0.0.${i + 1} 10.0.1.1 ${packets} 40 ${startS} ${startS + 60} ACCEPT OK`
  })
const envelope = (messages: string[]): string =>
  JSON.stringify({ messageType: 'DATA_MESSAGE', owner: '1', logEvents: messages.map((message, id) => ({ id: String(id), message })) })
/** Key of a delivery so many hours ago. */
const delivered = (hours: number, name: string): string =>
  `hose/${new Date(Date.now() - hours * hourMs).toISOString().slice(0, 13).replaceAll(/[-T]/g, '/')}/${name}`

test('polling brings in deliveries of Firehose, exports and copies; backfill the older ones', { timeout: 180_000 }, async () => {
  const settings = await freshSettings({
    s3: { pollIntervalMs: 200 },
    kafka: { partitions: 3 },
    lookups: { country: 'none', asn: 'none' },
    log: { level: 'silent' },
  })
  const { bucket } = (settings['s3'] as { sources: [{ bucket: string }] }).sources[0]
  settings['s3'] = {
    ...settings['s3'],
    sources: [
      { bucket, prefix: 'hose', layout: 'firehose', format },
      { bucket, prefix: 'export', layout: 'any', keyPattern: '\\.gz$', format: `exported ${format}` },
      { bucket, prefix: 'copies', layout: 'any' },
    ],
  }
  const run = await LocalRun.open(settings)
  const { session, store } = run
  const client = s3Client(session.config.s3.endpoint!)
  const flows = async (): Promise<Record<string, [number, number]>> => {
    const rows = await store.query<{ key: string; flows: string; packets: string }>(
      'SELECT o.key AS key, count() AS flows, sum(f.packets) AS packets FROM flows AS f INNER JOIN (SELECT * FROM objects FINAL) AS o ON f.object_id = o.object_id GROUP BY o.key',
    )
    return Object.fromEntries(rows.map(row => [row.key, [Number(row.flows), Number(row.packets)]]))
  }
  const put = (key: string, body: string | Buffer): Promise<void> => putObject(client, bucket, key, Buffer.from(body))
  try {
    await createBucket(client, bucket)
    const [now, subscription, late, old] = [
      delivered(0, 'now'),
      delivered(1, 'subscription'),
      delivered(20, 'late'),
      delivered(80, 'old'),
    ] as const
    const exported = 'export/0a1b-2c3d/eni-0a1b0-all/000000.gz'
    const copy = 'copies/by-hand/some flow log'
    await put(now, lines(10, 1).join('\n'))
    await put(subscription, gzipSync(envelope(lines(20, 2))))
    await put(old, lines(5, 5).join('\n'))
    await put('hose/processing-failed/x', 'no flow log')
    await put('export/aws-logs-write-test', 'Permission Check Successful')
    await put(
      exported,
      gzipSync(
        lines(30, 3)
          .map(line => `${new Date().toISOString()} ${line}\n`)
          .join(''),
      ),
    )
    await put(copy, `${names.join(' ')}\n${lines(4, 4).join('\n')}\n`)
    run.start()
    await settled(store, 4, 60_000)
    await put(late, gzipSync(lines(6, 6).join('\n')))
    await settled(store, 5, 60_000)
    const polled = { [now]: [10, 10], [subscription]: [20, 40], [exported]: [30, 90], [copy]: [4, 16], [late]: [6, 36] }
    assert.deepEqual(await flows(), polled)
    const rows = await store.query<{ key: string; account_id: string; region: string; flow_log_id: string }>(
      'SELECT key, account_id, region, flow_log_id FROM objects FINAL',
    )
    assert.ok(
      rows.every(row => row.account_id === '' && row.region === '' && row.flow_log_id === ''),
      'keys that say nothing',
    )

    const from = new Date(Date.now() - 81 * hourMs).toISOString()
    const to = new Date(Date.now() - 79 * hourMs).toISOString()
    const range = parseRange({ positionals: [`s3://${bucket}/hose`], values: { from, to } }, Date.now())
    const again = (): ReturnType<typeof backfill> =>
      backfill(session, range, { ahead: 10, tell: () => undefined }, AbortSignal.timeout(60_000))
    const first = await again()
    assert.deepEqual([first.objects, first.announced, first.done], [1, 1, 1])
    assert.deepEqual([(await again()).announced], [0])
    await settled(store, 6, 60_000)
    assert.deepEqual(await flows(), { ...polled, [old]: [5, 25] })
    await run.stop()
    const report = await audit(session, true, () => undefined)
    assert.deepEqual([report.objects, report.differences, report.unreadable], [6, [], []])
    assert.ok(
      (await probe({ ...session.config, lookups: { ...session.config.lookups, ...noTables } })).every(({ result }) => result === 'ok'),
    )
  } finally {
    await run.close()
    client.destroy()
  }
})
