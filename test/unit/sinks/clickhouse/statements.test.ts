// Several processes start at once, and each applies the views.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlowError } from '../../../../runtime/errors.ts'
import { commandInTurn } from '../../../../sinks/clickhouse/statements.ts'
import type { Store } from '../../../../sinks/clickhouse/store.ts'

/** A store that refuses the first statement with a code. */
function refusing(code: string): { store: Store; sent: string[] } {
  const sent: string[] = []
  const store = {
    command: async (statement: string) => {
      if (sent.push(statement) === 1) throw new FlowError('CLICKHOUSE_REFUSED', { url: 'http://x', code, detail: 'refused' })
    },
  }
  return { store: store as unknown as Store, sent }
}

for (const [code, what] of [
  ['517', 'CANNOT_ASSIGN_ALTER'],
  ['521', 'ATOMIC_RENAME_FAIL'],
  ['218', 'TABLE_IS_DROPPED'],
  ['60', 'UNKNOWN_TABLE'],
] as const)
  test(`a process does not end because another one replaces the same view at this moment (${what})`, async () => {
    const { store, sent } = refusing(code)
    await commandInTurn(store, 'CREATE OR REPLACE VIEW v AS SELECT 1')
    assert.equal(sent.length, 2)
  })

test('a statement that is wrong is not sent again', async () => {
  const { store, sent } = refusing('62')
  await assert.rejects(commandInTurn(store, 'SELECTED 1'), { code: 'CLICKHOUSE_REFUSED' })
  assert.equal(sent.length, 1)
})
