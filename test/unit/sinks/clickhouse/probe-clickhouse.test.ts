/** What `check-config --probe` says of ClickHouse. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { probeText } from '../../../../cli/print/probe-text.ts'
import { probeStore } from '../../../../sinks/clickhouse/probe-clickhouse.ts'

for (const [name, isGranted, expected] of [
  ['everything granted', () => true, 'ok'],
  ['a user that only reads', (privilege: string) => privilege === 'SELECT', 'missing'],
  ['a server without CHECK GRANT', () => undefined, 'unknown'],
] as const)
  test(`ClickHouse: ${name} is ${expected}`, async () => {
    const asked: string[] = []
    const store = {
      query: () => Promise.resolve([]),
      isGranted: (privilege: string, on: string) => {
        asked.push(on)
        return Promise.resolve(isGranted(privilege))
      },
    }
    const results = await probeStore('c', store, 'flow`s')
    assert.deepEqual(
      results.map(({ step, result }) => `${result} ${step}`),
      ['ok ClickHouse', `${expected} ClickHouse grants`],
    )
    assert.ok(asked.every(on => on === '`flow\\`s`.*'))
    if (expected === 'missing')
      assert.match(probeText(results), /: CREATE DATABASE, CREATE TABLE, DROP TABLE, CREATE VIEW, .*, ALTER TTL, INSERT ON /)
  })

test('ClickHouse: one that does not answer is asked nothing more', async () => {
  const store = { query: () => Promise.reject(new Error('away')), isGranted: () => assert.fail() }
  assert.deepEqual(
    (await probeStore('c', store, 'd')).map(({ result, detail }) => `${result} ${detail}`),
    ['missing away'],
  )
})
