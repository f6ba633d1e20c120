/** Broker, registry, ClickHouse and S3 go away for 10 s each, one after the other, while objects arrive; a minute each in test/long. */
import { test } from 'node:test'
import { outageRun } from '../support/runs/outage-run.ts'

test('each service away for a while: every line is in the table once, memory stays bounded', { timeout: 600_000 }, async t => {
  const peakMiB = await outageRun({
    seed: 11,
    records: 80_000,
    awayMs: Number(process.env['FLOWLOOM_TEST_AWAY_MS'] ?? 10_000),
    services: ['clickhouse', 'kafka', 'registry', 's3'],
    memoryLimitMiB: 500,
    growthLimitMiB: 100,
    settleMs: 180_000,
    note: text => t.diagnostic(text),
  })
  t.diagnostic(`most memory of a role process: ${peakMiB.toFixed(0)} MiB`)
})
