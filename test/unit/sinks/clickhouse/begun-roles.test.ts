// What is remembered of the beginnings of roles: asked and written in one statement each, however many roles there are.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beginningsOf, rememberBeginnings } from '../../../../sinks/clickhouse/begun-roles.ts'
import type { Store } from '../../../../sinks/clickhouse/store.ts'

const inputs = ['sink-flows', 'sink-gaps'].map(ownGroup => ({ ownGroup, group: `g.${ownGroup}`, topic: "it's" }))

function storeWith(known: readonly { role: string; consumer_group: string; topic: string }[]): { store: Store; sent: string[] } {
  const sent: string[] = []
  const query = async (sql: string) => (sent.push(sql), known)
  const command = async (sql: string) => void sent.push(sql)
  return { store: { database: 'd', query, command } as unknown as Store, sent }
}

test('several roles are one question, and those that are not known yet one insert', async () => {
  const { store, sent } = storeWith([{ role: 'sink-gaps', consumer_group: 'g.sink-gaps', topic: "it's" }])
  await rememberBeginnings(store, inputs)
  assert.equal(sent.length, 2)
  for (const { ownGroup } of inputs) assert.ok(sent[0]!.includes(`('${ownGroup}', 'g.${ownGroup}', 'it\\'s')`), sent[0])
  assert.match(
    sent[1]!,
    /^INSERT INTO `d`\.begun_roles \(role, consumer_group, topic\) VALUES \('sink-flows', 'g\.sink-flows', 'it\\'s'\)$/,
  )
})

test('roles that are known write nothing', async () => {
  const { store, sent } = storeWith(inputs.map(({ ownGroup, group, topic }) => ({ role: ownGroup, consumer_group: group, topic })))
  await rememberBeginnings(store, inputs)
  assert.equal(sent.length, 1)
})

test('all tables are remembered by one function: it is called once for the roles of a process', () => {
  assert.equal(beginningsOf('flows').remember, beginningsOf('flow_gaps').remember)
})
