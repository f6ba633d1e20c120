import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assignerName, sharePartitions, stickyAssigner } from '../../../../runtime/kafka/assigner.ts'

const table = [
  { name: 'one member has all', partitions: 3, members: { a: [] }, expect: { a: [0, 1, 2] } },
  {
    name: 'a newcomer gets its share, the other keeps the rest',
    partitions: 4,
    members: { a: [0, 1, 2, 3], b: [] },
    expect: { a: [0, 1], b: [2, 3] },
  },
  {
    name: 'what nobody has goes to the one with the fewest',
    partitions: 4,
    members: { a: [3], b: [0, 1] },
    expect: { a: [2, 3], b: [0, 1] },
  },
  { name: 'more members than partitions', partitions: 1, members: { a: [], b: [0], c: [] }, expect: { a: [], b: [0], c: [] } },
  { name: 'two members that claim the same', partitions: 2, members: { a: [0, 1], b: [0, 1] }, expect: { a: [0], b: [1] } },
  { name: 'one that leaves gets nothing new', partitions: 4, members: { a: [-1], b: [] }, expect: { a: [], b: [0, 1, 2, 3] } },
  {
    name: 'one that leaves keeps what it still works on, and others share the rest',
    partitions: 6,
    members: { a: [0, 1, -1], b: [2, 3], c: [] },
    expect: { a: [0, 1], b: [2, 3], c: [4, 5] },
  },
  { name: 'if all leave, nobody gets what is free', partitions: 3, members: { a: [1, -1], b: [-1] }, expect: { a: [1], b: [] } },
  { name: 'partitions that the topic does not have', partitions: 2, members: { a: [7, 1] }, expect: { a: [0, 1] } },
]
for (const { name, partitions, members, expect } of table)
  test(`shares partitions: ${name}`, () => {
    const list = Object.entries(members).map(([id, owned]) => ({ id, owned }))
    assert.deepEqual(Object.fromEntries(sharePartitions(partitions, list)), expect)
  })

const membership = fc.record({
  partitions: fc.integer({ min: 1, max: 40 }),
  owned: fc.array(fc.uniqueArray(fc.nat(45), { maxLength: 20 }), { minLength: 1, maxLength: 8 }),
})
const members = (owned: readonly number[][]) => owned.map((list, i) => ({ id: `member-${i}`, owned: list }))

test('every partition once, balanced within one, in any order of the members', () => {
  fc.assert(
    fc.property(membership, ({ partitions, owned }) => {
      const shares = sharePartitions(partitions, members(owned))
      assert.deepEqual(
        [...shares.values()].flat().sort((a, b) => a - b),
        Array.from({ length: partitions }, (_, p) => p),
      )
      const sizes = [...shares.values()].map(share => share.length)
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1)
      const reversed = sharePartitions(partitions, members(owned).reverse())
      assert.deepEqual(Object.fromEntries(reversed), Object.fromEntries(shares))
    }),
  )
})

test('the same members keep exactly what they have', () => {
  fc.assert(
    fc.property(membership, ({ partitions, owned }) => {
      const first = sharePartitions(partitions, members(owned))
      const again = sharePartitions(
        partitions,
        [...first].map(([id, list]) => ({ id, owned: list })),
      )
      assert.deepEqual(Object.fromEntries(again), Object.fromEntries(first))
    }),
  )
})

test('nobody loses a partition beyond the fair share when a member joins or leaves', () => {
  fc.assert(
    fc.property(membership, fc.boolean(), ({ partitions, owned }, joins) => {
      const first = sharePartitions(partitions, members(owned))
      const staying = [...first].map(([id, list]) => ({ id, owned: list })).slice(joins || first.size === 1 ? 0 : 1)
      const next = sharePartitions(partitions, joins ? [...staying, { id: 'newcomer', owned: [] }] : staying)
      for (const { id, owned: before } of staying) {
        const kept = next.get(id)!.filter(p => before.includes(p)).length
        assert.ok(kept >= Math.min(before.length, Math.floor(partitions / next.size)), `${id} kept ${kept} of ${before.length}`)
      }
    }),
  )
})

test('through the protocol of kafkajs each member gets the same partitions of all topics', async () => {
  const assigners = [[0, 1, 2], []].map(owned => stickyAssigner(4, () => owned)({} as never))
  const joined = assigners.map((assigner, i) => ({
    memberId: `m${i}`,
    memberMetadata: assigner.protocol({ topics: ['in', 'state'] }).metadata,
  }))
  assert.equal(assigners[0]!.protocol({ topics: ['in'] }).name, assignerName)
  const assignment = await assigners[0]!.assign({ members: joined, topics: ['in', 'state'] })
  const { createRequire } = await import('node:module')
  const { MemberAssignment } = createRequire(import.meta.url)('kafkajs/src/consumer/assignerProtocol.js') as {
    MemberAssignment: { decode(bytes: Buffer): { assignment: Record<string, number[]> } }
  }
  const decoded = Object.fromEntries(
    assignment.map(({ memberId, memberAssignment }) => [memberId, { ...MemberAssignment.decode(memberAssignment).assignment }]),
  )
  assert.deepEqual(decoded, { m0: { in: [0, 1], state: [0, 1] }, m1: { in: [2, 3], state: [2, 3] } })
})

test('members that leave get nothing that they do not have; those that stay share all the rest, balanced', () => {
  fc.assert(
    fc.property(membership, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), ({ partitions, owned }, leaves) => {
      const list = members(owned.map((had, i) => (leaves[i] ? [...had, -1] : had)))
      const shares = sharePartitions(partitions, list)
      const sizes: number[] = []
      for (const [i, { id }] of list.entries()) {
        const share = shares.get(id)!
        if (leaves[i]) assert.ok(share.every(p => owned[i]!.includes(p)))
        else sizes.push(share.length)
      }
      const given = [...shares.values()].flat()
      assert.equal(new Set(given).size, given.length)
      if (sizes.length === 0) return
      assert.equal(given.length, partitions)
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1)
    }),
  )
})
