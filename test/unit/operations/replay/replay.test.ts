// A replay that fails says what it left, if it made something.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkConfig } from '../../../../config/config.ts'
import { replay } from '../../../../operations/replay/replay.ts'
import { sideDeployment } from '../../../../operations/replay/side-deployment.ts'
import { createLog } from '../../../../runtime/log.ts'

/** Nothing listens at port 1: registry and ClickHouse do not answer. */
const live = checkConfig({ registry: { url: 'http://127.0.0.1:1' }, clickhouse: { url: 'http://127.0.0.1:1' } })
const plan = { fromMs: 0, toMs: 1, database: 'd', ranges: new Map() }

for (const { name, found, left } of [
  { name: 'one that was begun before is left as it was', found: plan, left: 1 },
  { name: 'one that fails before it makes anything leaves nothing', found: undefined, left: 0 },
])
  test(name, async () => {
    let told = 0
    const listener = { begun: () => undefined, progress: () => undefined, left: () => (told += 1) }
    const side = sideDeployment(live, 'x', 'd', createLog('silent'))
    await assert.rejects(replay({ side, plan: found }, { fromMs: 0, toMs: 1 }, listener, new AbortController().signal), {
      code: found === undefined ? 'CLICKHOUSE_UNAVAILABLE' : 'REGISTRY_UNAVAILABLE',
    })
    assert.equal(told, left)
  })
