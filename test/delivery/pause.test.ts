/** Exactly once where a process sleeps for longer than its session and then goes on as if nothing had happened. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { pauseRun } from '../support/runs/pause-run.ts'

/** Before a commit of each stateful role, and where a range is announced and not yet inserted. */
const stops = ['fetch:before-commit#4', 'enrich:before-commit#4', 'ip-context:before-commit#4', 'clickhouse-flows:committed#4']

test(
  'a process that sleeps through its session and goes on beside its successor loses and repeats nothing',
  { timeout: 400_000 },
  async t => {
    const startS = Math.floor(Date.now() / 300_000) * 300 - 8 * 3600
    const objects = [...generateObjects({ seed: 7, records: 240_000, startS, slots: 48, recordsPerObject: 200, badLineShare: 0.005 })]
    const report = await pauseRun({ stops, sessionTimeoutMs: 1500, pauseMs: 3500, objects, note: text => t.diagnostic(text) })
    t.diagnostic(JSON.stringify(report))
    assert.equal(report.stops, stops.length)
    assert.ok(report.failedTasks >= stops.length, `only ${report.failedTasks} tasks failed: nobody was replaced`)
  },
)
