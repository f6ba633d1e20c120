/** Exactly once under SIGKILL: 20 kills here, 200 in test/long. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { killRun } from '../support/runs/kill-run.ts'

const startS = Math.floor(Date.now() / 300_000) * 300 - 4 * 3600

/** Many small objects and some that take several chunks. */
function objects(seed: number): { key: string; body: Buffer }[] {
  const small = [...generateObjects({ seed, records: 24_000, startS, slots: 24, recordsPerObject: 300, badLineShare: 0.01 })]
  const large = [
    ...generateObjects({
      seed: seed + 1,
      records: 60_000,
      startS: startS + 2 * 3600,
      slots: 4,
      recordsPerObject: 4000,
      badLineShare: 0.005,
    }),
  ]
  return [...small, ...large]
    .map((object, i) => ({ object, order: (i * 7919) % 1009 }))
    .sort((a, b) => a.order - b.order)
    .map(({ object }) => object)
}

/** Some that take several chunks, should the draw not have hit enough of the others. */
const spareObjects = (seed: number): { key: string; body: Buffer }[] => [
  ...generateObjects({ seed: seed + 2, records: 32_000, startS: startS + 3 * 3600, slots: 2, recordsPerObject: 4000, badLineShare: 0.005 }),
]

test('nothing is lost and nothing is there twice, whoever is killed when', { timeout: 420_000 }, async t => {
  const seed = Number(process.env['FLOWLOOM_TEST_SEED'] ?? 20261124)
  const report = await killRun({
    seed,
    kills: 24,
    objects: objects(seed),
    spare: { objects: spareObjects(seed), resumed: 5 },
    encodedBatches: process.env['FLOWLOOM_TEST_ENCODED'] !== 'false',
    note: text => t.diagnostic(text),
  })
  t.diagnostic(JSON.stringify({ seed, ...report }))
  assert.ok(report.kills >= 20, `only ${report.kills} kills`)
  assert.ok(report.abortedTransactions >= 5, `only ${report.abortedTransactions} transactions were aborted`)
  assert.ok(report.repeatedRanges >= 3, `only ${report.repeatedRanges} insert ranges were repeated`)
  assert.ok(report.resumedObjects >= 3, `only ${report.resumedObjects} objects were resumed`)
})
