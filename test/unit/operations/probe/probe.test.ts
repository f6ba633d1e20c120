// The probe was silent for the sum of all time limits if services were away.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../../../config/config.ts'
import { probe } from '../../../../operations/probe/probe.ts'
import { ok, type ProbeResult } from '../../../../runtime/probe-result.ts'
import { topology } from '../../../../topology.ts'

test('all is asked side by side, and told from the outside in', { timeout: 10_000 }, async () => {
  const all = Promise.withResolvers<undefined>()
  let asked = 0
  // nobody answers before everybody was asked
  const answer = async (step: string): Promise<ProbeResult[]> => {
    if (++asked === topology.length + 1) all.resolve(undefined)
    await all.promise
    return [ok('s', step)]
  }
  const parts = topology.map(part => ({ ...part, probe: () => answer(part.kind) }))
  const results = await probe(loadConfig({ env: {} }), parts, () => answer('services'))
  const kinds = results.map(({ step }) => step)
  assert.deepEqual([...new Set(kinds)], ['source', 'services', 'sink', 'processor'])
  assert.equal(kinds.length, topology.length + 1)
})
