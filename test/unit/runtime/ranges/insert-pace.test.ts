/** When ranges are due: one partition, many, after a pause, and with a backlog. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InsertPace } from '../../../../runtime/ranges/insert-pace.ts'

const few = (sinceMs: number) => ({ sinceMs, fills: false })

test('the first rows, and those after a pause, wait for a quarter of the interval', () => {
  const pace = new InsertPace(1000)
  const task = {}
  assert.equal(pace.isDue(task, few(5000), 5249), false)
  assert.equal(pace.isDue(task, few(5000), 5250), true)
  pace.inserted(task, 5250)
  assert.equal(pace.isDue(task, few(90_000), 90_250), true)
})

test('one partition inserts once in an interval, whenever its rows came', () => {
  const pace = new InsertPace(1000)
  const task = {}
  pace.inserted(task, 5000)
  assert.equal(pace.isDue(task, few(5001), 5999), false)
  assert.equal(pace.isDue(task, few(5001), 6000), true)
  assert.equal(pace.isDue(task, few(5900), 6000), false)
})

for (const { partitions, waits } of [
  { partitions: 1, waits: 1000 },
  { partitions: 4, waits: 1000 },
  { partitions: 6, waits: 1500 },
  { partitions: 12, waits: 3000 },
  { partitions: 96, waits: 3000 },
])
  test(`${partitions} partitions that insert wait ${waits} ms between two inserts`, () => {
    const pace = new InsertPace(1000)
    const tasks = Array.from({ length: partitions }, () => ({}))
    for (const task of tasks) pace.inserted(task, 5000)
    assert.equal(pace.isDue(tasks[0]!, few(5001), 5000 + waits - 1), false)
    assert.equal(pace.isDue(tasks[0]!, few(5001), 5000 + waits), true)
  })

test('partitions that insert no more hold nobody up', () => {
  const pace = new InsertPace(1000)
  const tasks = Array.from({ length: 12 }, () => ({}))
  for (const task of tasks) pace.inserted(task, 5000)
  pace.inserted(tasks[0]!, 9000)
  assert.equal(pace.isDue(tasks[0]!, few(9001), 10_000), true)
})

test('rows that the topic fills up wait ten intervals; a clock that was set back holds nothing up', () => {
  const pace = new InsertPace(1000)
  const task = {}
  assert.equal(pace.isDue(task, { sinceMs: 5000, fills: true }, 14_999), false)
  assert.equal(pace.isDue(task, { sinceMs: 5000, fills: true }, 15_000), true)
  pace.inserted(task, 5000)
  assert.equal(pace.isDue(task, few(4000), 3000), true)
})
