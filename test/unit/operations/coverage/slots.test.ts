// Which slots are missing: tables of cases, in slots from 1 on.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { firstNotDue, missingSlots, slotAfter, slotOf, slotsIn, type Expectation } from '../../../../operations/coverage/slots.ts'

const base = 1_763_978_400
const slot = (n: number): number => base + n * 300

interface Case {
  readonly name: string
  readonly done: readonly number[]
  readonly first: number
  readonly last: number
  readonly values?: Partial<Record<'from' | 'to' | 'notDue' | 'every', number>>
  readonly missing: readonly (readonly [number, number])[]
  readonly silent?: readonly [number, number]
}

const cases: readonly Case[] = [
  { name: 'nothing is missing', done: [1, 2, 3], first: 1, last: 3, values: { to: 4 }, missing: [] },
  { name: 'neighbours are one range', done: [1, 4, 6], first: 1, last: 6, values: { to: 7 }, missing: [[2, 4], [5, 6]] }, // prettier-ignore
  { name: 'nothing is expected before the first known slot', done: [5], first: 5, last: 5, values: { to: 6 }, missing: [] },
  { name: 'what is known outside of the time counts as first and last', done: [3], first: 0, last: 9, values: { from: 2, to: 5 }, missing: [[2, 3], [4, 5]] }, // prettier-ignore
  { name: 'a slot known by a failed object alone is missing', done: [1, 3], first: 1, last: 3, values: { to: 4 }, missing: [[2, 3]] },
  { name: 'what follows the last known slot is silence', done: [1, 2], first: 1, last: 2, values: { to: 6 }, missing: [], silent: [3, 6] },
  { name: 'the last known slot itself can be missing', done: [1], first: 1, last: 2, values: { to: 4 }, missing: [[2, 3]], silent: [3, 4] },
  { name: 'a slot that is not due is not missing', done: [1], first: 1, last: 5, values: { to: 6, notDue: 3 }, missing: [[2, 3]] },
  { name: 'silence ends where slots are not due', done: [1], first: 1, last: 1, values: { to: 9, notDue: 4 }, missing: [], silent: [2, 4] },
  { name: 'no silence while nothing is due', done: [1], first: 1, last: 1, values: { to: 9, notDue: 2 }, missing: [] },
  { name: 'an object every ten minutes stands for its neighbours', done: [1, 3, 7], first: 1, last: 7, values: { to: 8, every: 600 }, missing: [[5, 6]] }, // prettier-ignore
  { name: 'a time before the first known slot is empty', done: [], first: 8, last: 9, values: { to: 5 }, missing: [] },
]

describe('missing slots', () => {
  for (const { name, done, first, last, values, missing, silent } of cases)
    it(name, () => {
      const expected: Expectation = {
        firstKnown: slot(first),
        lastKnown: slot(last),
        done: done.map(slot),
        from: slot(values?.from ?? 0),
        to: slot(values?.to ?? 0),
        notDue: slot(values?.notDue ?? 1000),
        everyS: values?.every ?? 300,
      }
      const range = ([from, to]: readonly [number, number]): object => ({ from: slot(from), to: slot(to) })
      assert.deepEqual(missingSlots(expected), { missing: missing.map(range), silent: silent === undefined ? null : range(silent) })
    })

  it('are counted', () => {
    assert.equal(slotsIn([{ from: slot(1), to: slot(3) }, { from: slot(7), to: slot(8) }]), 3) // prettier-ignore
  })
})

describe('slots', () => {
  it('begin every five minutes', () => {
    assert.deepEqual([base - 1, base, base + 299].map(slotOf), [base - 300, base, base])
    assert.deepEqual([base - 1, base, base + 1].map(slotAfter), [base, base, base + 300])
  })

  it('are due when they and the time for delivery are over', () => {
    assert.equal(firstNotDue(base + 300 + 600, 600), slot(1))
    assert.equal(firstNotDue(base + 300 + 599, 600), slot(0))
  })
})
