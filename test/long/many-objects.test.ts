/**
 * A bucket with 100,000 small objects goes through the whole path: each is read once, every process stays in its memory, and the audit, which
 * reads all of them again, agrees. FLOWLOOM_TEST_OBJECTS shortens it for a trial. Linux only: it asks /proc.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { audit } from '../../operations/audit.ts'
import { cpuSeconds } from '../../bench/enrich-measure.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { Fleet } from '../../harness/fleet.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { peakMiB } from '../support/runs/process-memory.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { tableCounts } from '../../harness/table-counts.ts'
import { settled } from '../support/kafka/settle.ts'

after(() => releaseStack())

const wanted = Number(process.env['FLOWLOOM_TEST_OBJECTS'] ?? 100_000)
const hours = 36
const lanes = 32
/**
 * Most resident memory. Most of it is garbage that V8 has not collected yet: of 470 MiB of discover and fetch 90 were in use when somebody
 * looked, of 490 MiB of ip-context 140, three quarters of them the state of its addresses.
 */
const mostMiB = { 'discover,fetch': 700, enrich: 400, 'ip-context': 700, clickhouse: 900 }

test('100,000 objects come in once, in bounded memory, and the audit agrees', { timeout: 3_600_000 }, async t => {
  const settings = await freshSettings({ lookups: { country: 'none', asn: 'none' }, s3: { pollIntervalMs: 5000 }, log: { level: 'warn' } })
  const run = await LocalRun.open(settings)
  const fleet = new Fleet(settings)
  const client = s3Client(run.session.config.s3.endpoint!)
  try {
    await createBucket(client, run.bucket)
    const startS = Math.floor(Date.now() / 300_000) * 300 - hours * 3600
    const generated = generateObjects({ seed: 41, records: wanted * 4, startS, slots: hours * 12, recordsPerObject: 4, badLineShare: 0.01 })
    const keys = new Set<string>()
    let startMs = performance.now()
    const seconds = (): string => ((performance.now() - startMs) / 1000).toFixed(0)
    const putSome = async (): Promise<void> => {
      for (const { key, body } of generated) {
        keys.add(key)
        await putObject(client, run.bucket, key, body)
      }
    }
    await Promise.all(Array.from({ length: lanes }, putSome))
    t.diagnostic(`${keys.size} objects put in ${seconds()} s`)
    assert.ok(keys.size >= wanted * 0.9, `${keys.size} objects`)

    startMs = performance.now()
    for (const roles of Object.keys(mostMiB)) fleet.add(roles, roles)
    await sleep(5000)
    const pids = fleet.pids
    const progress = setInterval(() => {
      void tableCounts(run.store).then(counts => t.diagnostic(`${JSON.stringify(counts)} after ${seconds()} s`))
    }, 30_000)
    await settled(run.store, keys.size, 2_400_000).finally(() => clearInterval(progress))
    const counts = await tableCounts(run.store)
    t.diagnostic(`${JSON.stringify(counts)} after ${seconds()} s`)
    assert.deepEqual([counts.objects, counts.failed], [keys.size, 0])
    assert.equal(fleet.said('task failed; starting again from what is committed'), 0, fleet.tail.join('\n'))
    assert.deepEqual(fleet.pids, pids, 'no process was started again')
    const peaks = Object.entries(mostMiB).map(([roles, most], i) => ({
      roles,
      most,
      peak: Math.round(peakMiB(pids[i]!)),
      cpuMsPerObject: +((cpuSeconds(pids[i]!) * 1000) / keys.size).toFixed(2),
    }))
    t.diagnostic(JSON.stringify(peaks))
    await fleet.stop()

    startMs = performance.now()
    const books = await audit(run.session, true, () => undefined)
    t.diagnostic(`audit of ${books.objects} objects in ${seconds()} s`)
    assert.deepEqual([books.differences, books.objects], [[], keys.size])
    for (const { roles, most, peak } of peaks) assert.ok(peak > 0 && peak < most, `${roles} took ${peak} MiB`)
  } catch (error) {
    t.diagnostic(fleet.tail.slice(-40).join('\n'))
    throw error
  } finally {
    await fleet.stop()
    await run.close()
    client.destroy()
  }
})
