/** What the type of a part demands, and what follows from its roles. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { harmless, part, type Part } from '../../../runtime/part.ts'

const said = {
  name: 'copy',
  kind: 'processor',
  doc: 'copies',
  settings: {},
  build: () => ({}),
} as const
const role = { name: 'copy', from: 'flows', to: ['flowGaps', 'objects'], state: 'objects' } as const

test('from, to and states are those of the roles, each topic once', () => {
  const two = part({
    ...said,
    roles: [role, { name: 'other', from: 'flows', to: ['flowGaps', 'cloudMapDays'], reads: ['cloudMapDays'] }],
    guard: { copy: harmless('a'), other: harmless('b') },
  })
  const { from, to, states, reads } = two
  assert.deepEqual({ from, to, states, reads }, {
    from: ['flows'],
    to: ['flowGaps', 'objects', 'cloudMapDays'],
    states: ['objects'],
    reads: ['cloudMapDays'],
  }) // prettier-ignore
})

test('a source reads nothing', () => {
  const source = part({ ...said, roles: [{ name: 's', to: ['flows'], shardBy: 'flows' }], guard: { s: harmless('a') } })
  assert.deepEqual([source.from, source.to, source.roles, source.sources.length], [[], ['flows'], [], 1])
})

test('a part that does not say what a lost position means does not compile', () => {
  // @ts-expect-error no guard for any role
  part({ ...said, roles: [role] })
  // @ts-expect-error no guard for the second role
  part({ ...said, roles: [role, { name: 'other', from: 'objects', to: [] }], guard: { copy: harmless('a') } })
  // @ts-expect-error a guard for a role that it has not
  part({ ...said, roles: [role], guard: { copy: harmless('a'), another: harmless('b') } })
  // @ts-expect-error a guard that does not say what records mean that retention has removed
  part({ ...said, roles: [role], guard: { copy: { repeated: { harmless: 'a' } } } })
})

test('a part whose settings the house does not have does not compile', () => {
  const demanding = part({
    ...said,
    roles: [role],
    guard: { copy: harmless('a') },
    wanted: ({ weather }: { readonly weather: { readonly fine: boolean } }) => weather.fine,
  })
  // @ts-expect-error the settings have no such section
  const joined: Part<{ readonly kafka: { readonly slot: string } }> = demanding
  assert.equal(joined.name, 'copy')
})
