import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeStays, encodeStays, joinStays, withoutStays } from '../../../../processors/ip-context/day-stays.ts'
import { splitByDay } from '../../../../processors/ip-context/sighting-days.ts'

const unions = [
  { name: 'joins stays that touch', a: [0, 9], b: [10, 19], expect: [0, 19] },
  { name: 'closes a gap of 600 seconds', a: [0, 9], b: [610, 619], expect: [0, 619] },
  { name: 'keeps a gap of 601 seconds', a: [0, 9], b: [611, 619], expect: [0, 9, 611, 619] },
  { name: 'swallows what lies inside', a: [0, 9000], b: [5, 6, 50, 60], expect: [0, 9000] },
  { name: 'bridges several stays', a: [0, 1, 1000, 1001, 2000, 2001], b: [500, 1500], expect: [0, 2001] },
]
for (const { name, a, b, expect } of unions)
  test(`a union ${name}`, () => {
    assert.deepEqual(joinStays(a, b), expect)
    assert.deepEqual(joinStays(b, a), expect)
  })

test('a union that adds nothing is the first set itself', () => {
  const stays = [0, 9, 5000, 5009]
  assert.equal(joinStays(stays, [3, 4]), stays)
  assert.equal(joinStays(stays, [0, 9, 5003, 5009]), stays)
})

test('what is left of a set without another', () => {
  assert.deepEqual(withoutStays([0, 100, 200, 300], [10, 20, 90, 210, 300, 300]), [0, 9, 21, 89, 211, 299])
  assert.deepEqual(withoutStays([5, 6], [0, 10]), [])
})

test('stays are small numbers in a record', () => {
  assert.deepEqual(encodeStays([60, 119, 1000, 1000]), [60, 59, 881, 0])
  assert.deepEqual(decodeStays([60, 59, 881, 0]), [60, 119, 1000, 1000])
})

test('a sighting is cut at midnight, at what can be true, and at the oldest day', () => {
  const { days, clipped, tooOld } = splitByDay(
    [
      { first: -5, last: 3 },
      { first: 86_390, last: 86_409 },
      { first: 200_000, last: 4_000_000_000 },
    ],
    200_009,
  )
  assert.deepEqual(
    [...days].map(([day, { stays, minutes }]) => [day, stays, minutes]),
    [
      [0, [0, 3, 86_390, 86_399], undefined],
      [1, [0, 9], undefined],
      [2, [27_200, 27_209], undefined],
    ],
  )
  assert.deepEqual([clipped, tooOld], [2, 0])
  const young = splitByDay([{ first: 10, last: 86_409 }], Infinity, 1)
  assert.deepEqual([[...young.days].map(([day, { stays }]) => [day, stays]), young.tooOld], [[[1, [0, 9]]], 1])
})
