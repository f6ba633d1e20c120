// Failures that last are told once, and again after a while.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EachToldOnce, ToldOnce } from '../../../runtime/told-once.ts'

test('one failure: another text is news, and the same one after a minute, or if the clock was set back', () => {
  const told = new ToldOnce()
  const said = (['a 0', 'a 1000', 'b 2000', 'a 3000', 'a 62000', 'a 63000', 'a 10'] as const).filter(each => {
    const [text, ms] = each.split(' ')
    return told.isNews(text!, Number(ms))
  })
  assert.deepEqual(said, ['a 0', 'b 2000', 'a 3000', 'a 63000', 'a 10'])
})

test('several failures side by side: each is told once, however they take turns', () => {
  const told = new EachToldOnce()
  const said = (['a 0', 'b 10', 'a 20', 'b 30', 'a 59999', 'a 60000', 'b 60005', 'b 60010', 'a 60020', 'a 5'] as const).filter(each => {
    const [text, ms] = each.split(' ')
    return told.isNews(text!, Number(ms))
  })
  assert.deepEqual(said, ['a 0', 'b 10', 'a 60000', 'b 60010', 'a 5'])
})
