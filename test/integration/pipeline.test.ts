/** The whole path on the real services: golden logs and generated ones, bad lines among them, then the audit. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { audit } from '../../cli/audit.ts'
import { goldenObjects } from '../../cli/demo/demo-objects.ts'
import { findHolders } from '../../cli/lookup.ts'
import { buildParts, migrateTables } from '../../cli/run.ts'
import { openSession } from '../../cli/session.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { runParts } from '../../runtime/lifecycle.ts'
import { connectClickHouse } from '../../sinks/clickhouse/clickhouse-client.ts'
import { freshSettings, releaseStack } from '../support/live-stack.ts'
import { createBucket, putObject, s3Client } from '../support/s3.ts'

after(() => releaseStack())

test('accounts for every line from S3 to the table, and answers the golden questions', { timeout: 180_000 }, async () => {
  const stop = new AbortController()
  const settings = await freshSettings()
  const session = await openSession({ overrides: settings }, stop.signal)
  const { config } = session
  const client = s3Client(config.s3.endpoint!)
  const bucket = config.s3.sources[0]!.bucket
  await createBucket(client, bucket)
  await migrateTables(config.clickhouse)
  const slotS = Math.floor(Date.now() / 300_000) * 300 - 300
  const objects = [...goldenObjects(slotS), ...generateObjects({ seed: 7, records: 20_000, startS: slotS - 3600, badLineShare: 0.01 })]
  for (const { key, body } of objects) await putObject(client, bucket, key, body)

  const { parts } = buildParts(session, ['discover', 'fetch', 'enrich', 'ip-context', 'sink'])
  const running = runParts(parts, stop.signal, 20_000, session.log)
  running.catch(() => undefined)
  const store = connectClickHouse(config.clickhouse)
  for (let i = 0; ; i++) {
    const [row] = await store.query<{ objects: string; open: string }>(
      `SELECT (SELECT count() FROM objects FINAL WHERE state = 'done') AS objects,
         (SELECT sum(lines - header_lines - blank_lines) FROM objects FINAL) - (SELECT count() FROM flows) - (SELECT count() FROM flow_gaps) - (SELECT count() FROM dead_letters) AS open`,
    )
    if (Number(row?.objects) === objects.length && Number(row?.open) === 0) break
    assert.ok(i < 300, `not settled: ${JSON.stringify(row)} of ${objects.length} objects`)
    await sleep(200)
  }
  await sleep(1500)
  const report = await audit(session, true, () => undefined)
  assert.deepEqual(report.differences, [])
  assert.equal(report.objects, objects.length)
  assert.deepEqual(report.totals.s3, report.totals.tables)
  const [holder] = await findHolders(store, '10.1.1.50', undefined)
  assert.equal(holder?.interface_id, 'eni-0ffa7e54f1ae8fa1b')
  const services = await store.query<{ ip: string }>(`SELECT DISTINCT replaceOne(toString(ip), '::ffff:', '') AS ip FROM cloud_map FINAL WHERE scope = 'aws' AND first_seen < '2024-01-01' AND last_seen > '2023-01-01' ORDER BY ip`)
  assert.deepEqual(
    services.map(row => row.ip),
    ['16.182.72.112', '52.216.215.0', '52.217.111.214', '52.217.118.120', '52.217.170.248', '52.217.99.126', '54.231.135.64', '54.231.139.192'],
  )
  stop.abort()
  await running
  await store.close()
})
