/** Exactly once under 200 SIGKILLs, with batches encoded by us and by kafkajs. FLOWLOOM_TEST_KILLS shortens it for a trial. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { killRun } from '../support/kill-run.ts'

const kills = Number(process.env['FLOWLOOM_TEST_KILLS'] ?? 200)
const seed = Number(process.env['FLOWLOOM_TEST_SEED'] ?? 20261125)

/** Objects in an order of their own: a third of them large enough for several chunks. */
function objects(): { key: string; body: Buffer }[] {
  const startS = Math.floor(Date.now() / 300_000) * 300 - 6 * 3600
  const small = { seed, records: 600 * kills, startS, slots: 36, recordsPerObject: 300, badLineShare: 0.01 }
  const large = { seed: seed + 1, records: 1500 * kills, startS: startS + 3 * 3600, slots: 6, recordsPerObject: 4000, badLineShare: 0.005 }
  return [...generateObjects(small), ...generateObjects(large)]
    .map((object, i) => ({ object, order: (i * 7919) % 10_007 }))
    .sort((a, b) => a.order - b.order)
    .map(({ object }) => object)
}

for (const encodedBatches of [true, false])
  test(
    `nothing is lost and nothing is there twice after ${kills} kills, batches encoded by ${encodedBatches ? 'flowloom' : 'kafkajs'}`,
    { timeout: 3_600_000 },
    async t => {
      const report = await killRun({ seed, kills, objects: objects(), encodedBatches, note: text => t.diagnostic(text) })
      t.diagnostic(JSON.stringify({ seed, ...report }))
      assert.ok(report.kills >= kills * 0.8, `only ${report.kills} kills`)
      assert.ok(report.abortedTransactions >= kills / 5, `only ${report.abortedTransactions} transactions were aborted`)
      assert.ok(report.repeatedRanges >= kills / 8, `only ${report.repeatedRanges} insert ranges were repeated`)
      assert.ok(report.resumedObjects >= kills / 8, `only ${report.resumedObjects} objects were resumed`)
    },
  )
