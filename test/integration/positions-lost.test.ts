/** A deployment that was stopped for so long that the broker has forgotten its positions: it refuses to write everything twice. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkPositions } from '../../operations/check-positions.ts'
import { goldenObjects } from '../../operations/demo/demo-objects.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { holdsRecords } from '../../runtime/kafka/group-progress.ts'
import { resetGroup } from '../../runtime/kafka/topic-admin.ts'
import { topics } from '../../schemas/topics.ts'
import { until } from '../support/kafka/kafka-lab.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { settled } from '../support/kafka/settle.ts'

after(() => releaseStack())

test('roles whose positions are gone refuse to start where they would write something twice', { timeout: 120_000 }, async t => {
  const run = await LocalRun.open(await freshSettings({ kafka: { partitions: 2 } }))
  t.after(() => run.close())
  const { session, store, bucket } = run
  await checkPositions(session, ['enrich', 'clickhouse'])
  const client = s3Client(session.config.s3.endpoint!)
  await createBucket(client, bucket)
  const slotS = Math.floor(Date.now() / 300_000) * 300 - 300
  const objects = [...goldenObjects(slotS), ...generateObjects({ seed: 3, records: 2000, startS: slotS - 3600, badLineShare: 0.01 })]
  for (const { key, body } of objects) await putObject(client, bucket, key, body)
  run.start()
  const { flows, gaps, dead } = await settled(store, objects.length, 60_000)
  assert.ok(flows > 0 && gaps > 0 && dead > 0)
  await sleep(500)
  await run.stop()
  await checkPositions(session, ['enrich', 'clickhouse'])

  // as the broker does after offsets.retention.minutes without a member
  for (const role of ['sink-objects', 'sink-runs', 'sink-dead-letters']) await resetGroup(session.cluster, role)
  await checkPositions(session, ['enrich'])
  await assert.rejects(checkPositions(session, ['clickhouse']), { code: 'POSITION_LOST', message: /sink-dead-letters" has no position/ })
  await resetGroup(session.cluster, 'enrich')
  await assert.rejects(checkPositions(session, ['enrich']), {
    code: 'POSITION_LOST',
    message: /enrich" has no position in .*raw-lines\.v1"/,
  })
})

test(
  'a new deployment beside old rows is none that was forgotten; one that begins behind lost records is told',
  { timeout: 120_000 },
  async t => {
    const first = await LocalRun.open(await freshSettings({ kafka: { partitions: 1 } }))
    t.after(() => first.close())
    const second = await LocalRun.open(
      await freshSettings({ kafka: { partitions: 1 }, clickhouse: { database: first.session.config.clickhouse.database } }),
    )
    t.after(() => second.close())
    const slotS = Math.floor(Date.now() / 300_000) * 300 - 300
    const client = s3Client(first.session.config.s3.endpoint!)
    for (const { bucket } of [first, second]) await createBucket(client, bucket)
    const [one, other] = [...generateObjects({ seed: 4, records: 2000, startS: slotS - 3600, badLineShare: 0.01 })]
    await putObject(client, first.bucket, one!.key, one!.body)
    first.start()
    await settled(first.store, 1, 60_000)
    await first.stop()

    const { session } = second
    await putObject(client, second.bucket, other!.key, other!.body)
    second.start(['discover', 'fetch'])
    await until(
      async () => holdsRecords(session.cluster, topics.rawLines, await session.cluster.ranges(topics.rawLines)),
      60_000,
      'raw lines',
    )
    await checkPositions(session, ['enrich', 'ip-context', 'clickhouse'])
    const admin = await session.cluster.admin()
    const topic = session.cluster.topicName(topics.rawLines)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '1' }] })
    await assert.rejects(checkPositions(session, ['enrich']), { code: 'OFFSET_LOST' })
    await second.stop()
    await putObject(client, second.bucket, one!.key, one!.body)
    second.start(['discover', 'fetch', 'enrich'])
    await until(async () => holdsRecords(session.cluster, topics.flows, await session.cluster.ranges(topics.flows)), 60_000, 'flows')
    await second.stop()
    await checkPositions(session, ['clickhouse'])
    const flows = session.cluster.topicName(topics.flows)
    await admin.deleteTopicRecords({ topic: flows, partitions: [{ partition: 0, offset: '1' }] })
    await assert.rejects(checkPositions(session, ['clickhouse']), { code: 'OFFSET_LOST', message: /^clickhouse-flows wants offset 0/ })
  },
)
