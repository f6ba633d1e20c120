// Roles that one place remembers are told to it together: each call opens a connection.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../../config/config.ts'
import { checkPositions, type PositionSession } from '../../../operations/check-positions.ts'
import { harmless, part, type BeginningLook } from '../../../runtime/part.ts'

const cluster = {
  groupOf: ({ name }: { name: string }) => `g.${name}`,
  topicName: ({ name }: { name: string }) => name,
  ranges: async () => new Map([[0, { start: 0, end: 0 }]]),
}
const session = { cluster, config: loadConfig({ env: {} }) } as unknown as PositionSession

const partWith = (name: string, looks: Readonly<Record<string, BeginningLook<unknown> | undefined>>) =>
  part({
    name,
    kind: 'sink',
    doc: 'a sink',
    settings: {},
    roles: Object.keys(looks).map(role => ({ name: role, from: 'flows', to: [] }) as const),
    guard: Object.fromEntries(
      Object.entries(looks).map(([role, look]) => [
        role,
        look === undefined ? harmless('it is') : { repeated: { harmless: 'it is' }, missed: { refusedIfBegun: look } },
      ]),
    ),
    build: () => ({}),
  })

test('roles with one memory are remembered in one call, those with another in theirs', async () => {
  const calls: string[] = []
  const lookOf = (memory: BeginningLook<unknown>['remember']) => ({ doc: 'it was', hasBegun: async () => false, remember: memory })
  const memory = (name: string) => async (inputs: readonly { ownGroup: string; group: string }[]) =>
    void calls.push(`${name}: ${inputs.map(({ ownGroup, group }) => `${ownGroup} ${group}`).join(', ')}`)
  const [table, tape] = [memory('table'), memory('tape')]
  const parts = [
    partWith('a', { 'a-1': lookOf(table), 'a-2': undefined, 'a-3': lookOf(table) }),
    partWith('b', { 'b-1': lookOf(tape) }),
    partWith('c', { 'c-1': lookOf(table) }),
  ]
  await checkPositions(session, ['a', 'b'], parts)
  assert.deepEqual(calls, ['table: a-1 g.a-1, a-3 g.a-3', 'tape: b-1 g.b-1'])
})
