/** When a transaction is due. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommitPace } from '../../../runtime/commit-pace.ts'

test('a task that keeps up commits after an interval from what it took first', () => {
  let nowMs = 0
  const pace = new CommitPace(500, () => nowMs)
  assert.equal(pace.isOpen, false)
  nowMs = 10_000
  assert.equal(pace.isDue, false)
  nowMs = 1000
  pace.take(10)
  nowMs = 1400
  pace.take(10)
  pace.waiting(19)
  assert.equal(pace.isOpen, true)
  nowMs = 1499
  assert.equal(pace.isDue, false)
  nowMs = 1500
  assert.equal(pace.isDue, true)
  pace.end()
  assert.equal(pace.isOpen, false)
  nowMs = 9000
  assert.equal(pace.isDue, false)
})

test('while as many records wait as were taken, after four; what was taken before the last commit does not count', () => {
  let nowMs = 0
  const pace = new CommitPace(500, () => nowMs)
  nowMs = 0
  pace.take(10)
  pace.waiting(10)
  nowMs = 1999
  assert.equal(pace.isDue, false)
  nowMs = 2000
  assert.equal(pace.isDue, true)
  nowMs = 1
  pace.take(1)
  nowMs = 500
  assert.equal(pace.isDue, true)
  pace.end()
  nowMs = 5000
  pace.take(9)
  nowMs = 5500
  assert.equal(pace.isDue, false)
})

test('a position that moves over nothing is committed after an interval; a clock that was set back holds nothing up', () => {
  let nowMs = 0
  const pace = new CommitPace(500, () => nowMs)
  nowMs = 1000
  pace.take(0)
  pace.waiting(100)
  nowMs = 1500
  assert.equal(pace.isDue, true)
  nowMs = 1
  assert.equal(pace.isDue, true)
})
