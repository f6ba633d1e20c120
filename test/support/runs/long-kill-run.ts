/** The kill run of test/long: hundreds of kills. One batch mode per process, because kafkajs is mended for one mode only. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { generateObjects } from '../../../producers/synthetic/generate-objects.ts'
import { killRun } from './kill-run.ts'

/** Kills; FLOWLOOM_TEST_KILLS shortens it for a trial. */
export const longKills = Number(process.env['FLOWLOOM_TEST_KILLS'] ?? 200)

/** Objects in an order of their own: a third of them large enough for several chunks. */
function objects(seed: number): { key: string; body: Buffer }[] {
  const startS = Math.floor(Date.now() / 300_000) * 300 - 6 * 3600
  const small = { seed, records: 600 * longKills, startS, slots: 36, recordsPerObject: 300, badLineShare: 0.01 }
  const large = {
    seed: seed + 1,
    records: 1500 * longKills,
    startS: startS + 3 * 3600,
    slots: 6,
    recordsPerObject: 4000,
    badLineShare: 0.005,
  }
  return [...generateObjects(small), ...generateObjects(large)]
    .map((object, i) => ({ object, order: (i * 7919) % 10_007 }))
    .sort((a, b) => a.order - b.order)
    .map(({ object }) => object)
}

/** Runs it and checks that enough went wrong on the way. */
export async function longKillRun(t: TestContext, encodedBatches: boolean): Promise<void> {
  const seed = Number(process.env['FLOWLOOM_TEST_SEED'] ?? 20261125)
  const report = await killRun({ seed, kills: longKills, objects: objects(seed), encodedBatches, note: text => t.diagnostic(text) })
  t.diagnostic(JSON.stringify({ seed, ...report }))
  assert.ok(report.kills >= longKills * 0.8, `only ${report.kills} kills`)
  assert.ok(report.abortedTransactions >= longKills / 5, `only ${report.abortedTransactions} transactions were aborted`)
  assert.ok(report.repeatedRanges >= longKills / 20, `only ${report.repeatedRanges} insert ranges were repeated`)
  assert.ok(report.resumedObjects >= longKills / 20, `only ${report.resumedObjects} objects were resumed`)
}
