// Evidence of one interface whose objects never came at random, window by window: test/support/planted-truth/planted-windows.ts is the model.
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { findEvidence, type InterfaceRequest } from '../../operations/coverage/interface-report.ts'
import { judge, type Evidence } from '../../operations/coverage/verdict.ts'
import { nothingWaits } from '../../operations/coverage/waiting.ts'
import { migrate } from '../../sinks/clickhouse/migrate.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { worldStart } from '../support/planted-truth/planted-logs.ts'
import { plant } from '../support/planted-truth/planted-tables.ts'
import { plantWindows, type WindowWorld } from '../support/planted-truth/planted-windows.ts'

const worlds = Array.from({ length: 20 }, (_unused, i) => plantWindows(20_001 + i))
let server: LiveClickHouse
let store: Store
before(async () => {
  server = await liveClickHouse()
  const fresh = server.fresh()
  store = fresh.store
  await migrate(store, fresh.settings)
  await plant(store, worlds)
})
after(() => server.stop())

/** All of a world is asked at once; its seconds are judged one by one. */
async function known({ eni }: WindowWorld, windowS: number | null): Promise<Evidence> {
  const time: Pick<InterfaceRequest, 'from' | 'to'> = { from: worldStart, to: worldStart + 41 * 300 }
  const request = { interfaceId: eni, ...time, account: '', region: '', flowLogs: [], windowS, everyS: 300, notDue: 2 ** 31, asked: 'any' } as const // prettier-ignore
  return (await findEvidence(store, request, nothingWaits)).evidence
}

it('coverage --interface never says evidence of a second of which a record never came, unless another one of its window did; and does of whole logs', async () => {
  const seen = { hidden: 0, evidence: 0, unknown: 0, quiet: 0 }
  for (const world of worlds) {
    const windowS = world.seed % 4 === 0 ? world.windowS : null
    const evidence = await known(world, windowS)
    for (const at of world.asked) {
      const { verdict, reasons } = judge(at, at, evidence)
      const message = `seed ${world.seed} at ${at}, stated ${windowS}: ${world.story}\n${reasons.join('\n')}`
      if (world.isHidden(at)) assert.equal(verdict, 'unknown', message)
      if (world.isHidden(at)) seen.hidden++
      else if (verdict === 'evidence') seen.evidence++
      else seen.unknown++
      if (!world.isWhole || world.windowS === null || world.traffic === 'sparse') continue
      assert.equal(verdict, 'evidence', message)
      if (world.traffic === 'quiet') seen.quiet++
    }
  }
  assert.ok(seen.hidden > 50 && seen.evidence > 100 && seen.unknown > 5 && seen.quiet > 10, JSON.stringify(seen))
})
