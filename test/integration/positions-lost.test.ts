/** A deployment that was stopped for so long that the broker has forgotten its positions: it refuses to write everything twice. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkPositions } from '../../cli/check-positions.ts'
import { goldenObjects } from '../../cli/demo/demo-objects.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { resetGroup } from '../../runtime/kafka/topic-admin.ts'
import { freshSettings, releaseStack } from '../support/live-stack.ts'
import { LocalRun } from '../support/local-run.ts'
import { createBucket, putObject, s3Client } from '../support/s3.ts'
import { settled } from '../support/settle.ts'

after(() => releaseStack())

test('roles whose positions are gone refuse to start where they would write something twice', { timeout: 120_000 }, async t => {
  const run = await LocalRun.open(await freshSettings({ kafka: { partitions: 2 } }))
  t.after(() => run.close())
  const { session, store, bucket } = run
  await checkPositions(session, ['enrich', 'sink'])
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
  await checkPositions(session, ['enrich', 'sink'])

  // as the broker does after offsets.retention.minutes without a member
  for (const role of ['sink-objects', 'sink-runs', 'sink-dead-letters']) await resetGroup(session.cluster, role)
  await checkPositions(session, ['enrich'])
  await assert.rejects(checkPositions(session, ['sink']), { code: 'POSITION_LOST', message: /sink-dead-letters" has no position/ })
  await resetGroup(session.cluster, 'enrich')
  await assert.rejects(checkPositions(session, ['enrich']), {
    code: 'POSITION_LOST',
    message: /enrich" has no position in .*raw-lines\.v1"/,
  })
})
