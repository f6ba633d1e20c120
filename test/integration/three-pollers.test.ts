/** Three pollers share the objects; some are killed, some are added; each object is read once. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { audit } from '../../cli/audit.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { Fleet } from '../support/fleet.ts'
import { until } from '../support/kafka-lab.ts'
import { ledgerRecords } from '../support/ledger-records.ts'
import { freshSettings, releaseStack } from '../support/live-stack.ts'
import { LocalRun } from '../support/local-run.ts'
import { createBucket, putObject, s3Client } from '../support/s3.ts'
import { settled, tableCounts } from '../support/settle.ts'

after(() => releaseStack())

test('three pollers, some killed and some added, read each object once', { timeout: 240_000 }, async t => {
  const settings = await freshSettings({ lookups: { country: 'none', asn: 'none' }, s3: { pollIntervalMs: 300 } })
  const run = await LocalRun.open(settings)
  const { bucket, session, store } = run
  const client = s3Client(session.config.s3.endpoint!)
  const fleet = new Fleet(settings)
  try {
    await createBucket(client, bucket)
    const startS = Math.floor(Date.now() / 300_000) * 300 - 7200
    const objects = [...generateObjects({ seed: 91, records: 4000, startS, slots: 12, recordsPerObject: 100, badLineShare: 0.01 })]
    run.start(['enrich', 'ip-context', 'sink'])
    for (const name of ['a', 'b', 'c']) fleet.add('discover,fetch', name)
    const step = Math.ceil(objects.length / 4)
    for (let part = 0; part < 4; part++) {
      for (const { key, body } of objects.slice(part * step, (part + 1) * step)) await putObject(client, bucket, key, body)
      const before = (await tableCounts(store)).objects
      await until(async () => (await tableCounts(store)).objects > before, 60_000, 'the next objects')
      if (part === 0) await fleet.killAtPoint('discover,fetch', 'fetch-sent#1', 15_000)
      if (part === 1) {
        fleet.kill(1)
        fleet.add('discover,fetch', 'd')
        fleet.add('discover,fetch', 'e')
      }
      if (part === 2) for (const index of [0, 2, 3]) fleet.kill(index)
    }
    await settled(store, objects.length, 90_000)
    await fleet.stop()
    await run.stop()
    t.diagnostic(`${objects.length} objects, ${fleet.kills} kills, ${fleet.pointKills} more at a point`)
    assert.ok(fleet.kills >= 5)
    for (const [key, records] of await ledgerRecords(session)) assert.equal(records.filter(({ state }) => state === 'done').length, 1, key)
    const books = await audit(session, true, () => undefined)
    assert.deepEqual([books.differences, books.objects], [[], objects.length])
  } catch (error) {
    t.diagnostic(fleet.tail.slice(-40).join('\n'))
    throw error
  } finally {
    await fleet.stop(2000)
    await run.close()
    client.destroy()
  }
})
