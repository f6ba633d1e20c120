/** When a transaction is due. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommitPace } from '../../../runtime/commit-pace.ts'

test('a task that keeps up commits after an interval from what it took first', () => {
  const pace = new CommitPace(500)
  assert.equal(pace.isOpen, false)
  assert.equal(pace.isDue(10_000), false)
  pace.take(10, 1000)
  pace.take(10, 1400)
  pace.waiting(19)
  assert.equal(pace.isOpen, true)
  assert.equal(pace.isDue(1499), false)
  assert.equal(pace.isDue(1500), true)
  pace.end()
  assert.equal(pace.isOpen, false)
  assert.equal(pace.isDue(9000), false)
})

test('while as many records wait as were taken, after four; what was taken before the last commit does not count', () => {
  const pace = new CommitPace(500)
  pace.take(10, 0)
  pace.waiting(10)
  assert.equal(pace.isDue(1999), false)
  assert.equal(pace.isDue(2000), true)
  pace.take(1, 1)
  assert.equal(pace.isDue(500), true)
  pace.end()
  pace.take(9, 5000)
  assert.equal(pace.isDue(5500), false)
})

test('a position that moves over nothing is committed after an interval; a clock that was set back holds nothing up', () => {
  const pace = new CommitPace(500)
  pace.take(0, 1000)
  pace.waiting(100)
  assert.equal(pace.isDue(1500), true)
  assert.equal(pace.isDue(1), true)
})
