/** The objects of a day and a half, over a midnight, that arrive in any order while the roles run: each is read once, and the audit agrees. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { audit } from '../../operations/audit.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { until } from '../support/kafka/kafka-lab.ts'
import { ledgerRecords } from '../support/records/ledger-records.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { tableCounts } from '../../harness/table-counts.ts'
import { settled } from '../support/kafka/settle.ts'

after(() => releaseStack())

const hours = 36
const waves = 6

test('objects of two days come in any order, and each is read once', { timeout: 240_000 }, async () => {
  const settings = await freshSettings({ lookups: { country: 'none', asn: 'none' }, s3: { pollIntervalMs: 300 }, log: { level: 'silent' } })
  const run = await LocalRun.open(settings)
  const { bucket, session, store } = run
  const client = s3Client(session.config.s3.endpoint!)
  try {
    await createBucket(client, bucket)
    const startS = Math.floor(Date.now() / 300_000) * 300 - hours * 3600
    const objects = [...generateObjects({ seed: 23, records: 8000, startS, slots: hours * 12, recordsPerObject: 100, badLineShare: 0.01 })]
      .filter((_object, i) => i % 8 === 0)
      .map((object, i) => ({ object, order: (i * 7919) % 10_007 }))
    objects.sort((a, b) => a.order - b.order)
    const days = new Set(objects.map(({ object }) => /\/(\d{4}\/\d\d\/\d\d)\//.exec(object.key.replaceAll(/(year|month|day)=/g, ''))?.[1]))
    assert.ok(days.size >= 2, [...days].join(' '))
    run.start()
    for (let wave = 0; wave < waves; wave++) {
      const before = (await tableCounts(store)).objects
      for (const [i, { object }] of objects.entries()) if (i % waves === wave) await putObject(client, bucket, object.key, object.body)
      await until(async () => (await tableCounts(store)).objects > before, 60_000, `objects of wave ${wave}`)
    }
    await settled(store, objects.length, 90_000)
    await run.stop()
    for (const [key, records] of await ledgerRecords(session)) assert.equal(records.filter(({ state }) => state === 'done').length, 1, key)
    const books = await audit(session, true, () => undefined)
    assert.deepEqual([books.differences, books.objects], [[], objects.length])
  } finally {
    await run.close()
    client.destroy()
  }
})
