/** The whole path on the real services: golden logs and generated ones, bad lines among them; the audit; a second run; a restart from nothing. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { audit } from '../../operations/audit.ts'
import { floconAddresses } from '../../operations/demo/answers.ts'
import { goldenObjects } from '../../operations/demo/demo-objects.ts'
import { findHolders } from '../../operations/holders.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { resetGroup } from '../../runtime/kafka/topic-admin.ts'
import { resetTables } from '../../sinks/clickhouse/reset.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { counted } from '../support/processes/counted.ts'
import { until } from '../support/kafka/kafka-lab.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { sumOfRows } from '../support/clickhouse/sum-of-rows.ts'
import { inputTaken, mapInTables, settled } from '../support/kafka/settle.ts'

after(() => releaseStack())

/** Checksums over all that the sink has written, without what a restart may change (offsets). */
async function checksums(store: Store): Promise<unknown> {
  return store.query(
    `SELECT (SELECT ${sumOfRows} FROM flows) AS flows, (SELECT ${sumOfRows} FROM flow_gaps) AS gaps,
       (SELECT groupBitXor(cityHash64(bucket, key, line, reason, bytes)) FROM dead_letters) AS dead, (SELECT count() FROM dead_letters) AS letters,
       (SELECT groupBitXor(cityHash64(scope, ip, valid_from, valid_to, first_seen, last_seen, interface_id, instance_id, service)) FROM cloud_map FINAL) AS map,
       (SELECT groupBitXor(cityHash64(bucket, key, object_id, state, lines)) FROM objects FINAL) AS objects`,
  )
}

test(
  'accounts for every line, answers the golden questions, repeats nothing, and comes back from nothing',
  { timeout: 480_000 },
  async () => {
    const run = await LocalRun.open(await freshSettings())
    const { session, store, bucket } = run
    try {
      const client = s3Client(session.config.s3.endpoint!)
      await createBucket(client, bucket)
      const slotS = Math.floor(Date.now() / 300_000) * 300 - 300
      const objects = [
        ...goldenObjects(slotS),
        ...generateObjects({ seed: 7, records: 200_000, startS: slotS - 2 * 3600, badLineShare: 0.002 }),
      ]
      for (const { key, body } of objects) await putObject(client, bucket, key, body)
      run.start()
      await settled(store, objects.length, 150_000)
      await mapInTables(session)

      const report = await audit(session, true, () => undefined)
      assert.deepEqual(report.differences, [])
      assert.equal(report.objects, objects.length)
      assert.deepEqual(report.totals.s3, report.totals.tables)
      assert.deepEqual(report.totals.s3, report.totals.topics)
      const [holder] = await findHolders(store, '10.1.1.50', Math.floor(Date.now() / 1000))
      assert.equal(holder?.interface_id, 'eni-0ffa7e54f1ae8fa1b')
      assert.deepEqual(
        await findHolders(store, '10.1.1.25', Math.floor(Date.now() / 1000)),
        [],
        'no record shows the interface of 10.1.1.25',
      )
      const services = await store.query<{ ip: string }>(
        `SELECT DISTINCT replaceOne(toString(ip), '::ffff:', '') AS ip FROM cloud_map FINAL WHERE scope = 'aws' AND toYear(first_seen) = 2023 ORDER BY ip`,
      )
      assert.deepEqual(
        services.map(row => row.ip),
        floconAddresses,
      )
      const before = await checksums(store)

      await run.stop()
      const skipped = await counted('flowloom_fetch_arrivals_skipped_total', { reason: 'done' })
      run.start()
      await until(
        async () => (await counted('flowloom_fetch_arrivals_skipped_total', { reason: 'done' })) - skipped >= objects.length,
        30_000,
        'the look at every object again',
      )
      // what comes twice may come late
      await sleep(1000)
      assert.deepEqual(await checksums(store), before, 'a second run over the same bucket adds nothing')
      await run.stop()

      for (const role of ['sink-flows', 'sink-gaps', 'sink-runs', 'sink-objects', 'sink-dead-letters', 'sink-replays'])
        await resetGroup(session.cluster, role)
      await resetTables(store, session.config.clickhouse)
      run.start(['clickhouse'])
      await settled(store, objects.length, 150_000)
      await inputTaken(session, 'sink-runs', 'cloudMapRuns')
      assert.deepEqual(await checksums(store), before, 'the tables come back from nothing as they were')
    } finally {
      await run.close()
    }
  },
)
