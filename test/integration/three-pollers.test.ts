/** Three pollers share the objects; some are killed, some are added; each object is read once. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { audit } from '../../operations/audit.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { Fleet } from '../../harness/fleet.ts'
import { until } from '../support/kafka/kafka-lab.ts'
import { ledgerRecords } from '../support/records/ledger-records.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { tableCounts } from '../../harness/table-counts.ts'
import { settled } from '../support/kafka/settle.ts'

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
    run.start(['enrich', 'ip-context', 'clickhouse'])
    for (const name of ['a', 'b', 'c']) fleet.add('discover,fetch', name)
    const waiting = [...objects]
    const put = async (count: number): Promise<void> => {
      for (const { key, body } of waiting.splice(0, count)) await putObject(client, bucket, key, body)
    }
    /** Puts objects and waits until more than before are in the table. */
    const bring = async (count: number): Promise<void> => {
      const before = (await tableCounts(store)).objects
      await put(count)
      await until(async () => (await tableCounts(store)).objects > before, 120_000, 'the next objects')
    }
    await bring(12)
    // the successor of the first dies between sending and commit, at an object of its own: they come until there is one
    const died = fleet.killAtPoint('discover,fetch', 'fetch-sent#1', 60_000)
    await put(12)
    const reached = (): boolean => fleet.pointKills > 0
    while (!reached() && waiting.length > 0) {
      await Promise.race([died, sleep(2000)])
      if (!reached()) await put(1)
    }
    await died
    fleet.kill(1)
    fleet.add('discover,fetch', 'd')
    fleet.add('discover,fetch', 'e')
    await bring(12)
    for (const index of [0, 2, 3]) fleet.kill(index)
    await put(waiting.length)
    await settled(store, objects.length, 90_000)
    await fleet.stop()
    await run.stop()
    t.diagnostic(`${objects.length} objects, ${fleet.kills} kills, ${fleet.pointKills} more at a point`)
    assert.deepEqual([fleet.kills, fleet.pointKills], [5, 1])
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
