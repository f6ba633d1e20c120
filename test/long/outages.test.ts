/** Each service away for a minute: longer than session, transaction and request timeouts. FLOWLOOM_TEST_AWAY_MS shortens it for a trial. */
import { test } from 'node:test'
import { outageRun } from '../support/runs/outage-run.ts'

const awayMs = Number(process.env['FLOWLOOM_TEST_AWAY_MS'] ?? 60_000)

test('each service away for a minute: every line is in the table once, memory stays bounded', { timeout: 1_800_000 }, async t => {
  const peakMiB = await outageRun({
    seed: 12,
    records: 300_000,
    awayMs,
    services: ['kafka', 'clickhouse', 's3', 'registry', 'kafka'],
    memoryLimitMiB: 500,
    growthLimitMiB: 100,
    settleMs: 600_000,
    note: text => t.diagnostic(text),
  })
  t.diagnostic(`most memory of a role process: ${peakMiB.toFixed(0)} MiB`)
})
