import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clipRanges, uniteRanges } from '../../../processors/ip-context/ownership-ranges.ts'

const ranges = (...pairs: [number, number][]) => pairs.map(([first, last]) => ({ first, last }))

const unions = [
  { name: 'joins ranges that touch', a: ranges([0, 9]), b: ranges([10, 19]), expect: ranges([0, 19]) },
  { name: 'keeps a gap of one second', a: ranges([0, 9]), b: ranges([11, 19]), expect: ranges([0, 9], [11, 19]) },
  { name: 'swallows what lies inside', a: ranges([0, 100]), b: ranges([5, 6], [50, 60]), expect: ranges([0, 100]) },
  { name: 'bridges several ranges', a: ranges([0, 1], [10, 11], [20, 21]), b: ranges([1, 20]), expect: ranges([0, 21]) },
  { name: 'drops a range that ends before it begins', a: ranges([5, 4]), b: [], expect: [] },
]
for (const { name, a, b, expect } of unions) {
  test(`union ${name}`, () => {
    assert.deepEqual(uniteRanges(a, b), expect)
    assert.deepEqual(uniteRanges(b, a), expect)
  })
}

test('clipping keeps both ends of the window', () => {
  assert.deepEqual(clipRanges(ranges([0, 9], [20, 29], [40, 49]), 9, 40), ranges([9, 9], [20, 29], [40, 40]))
})
