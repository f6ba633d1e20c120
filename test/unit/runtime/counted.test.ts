// Counts with their nouns.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { counted } from '../../../runtime/counted.ts'

it('one has no plural: "1 attempts"', () => {
  const said = [0, 1, 2, 1000].map(count => counted(count, 'attempt'))
  assert.deepEqual(said, ['0 attempts', '1 attempt', '2 attempts', '1,000 attempts'])
  assert.deepEqual([counted(1, 'copy', 'copies'), counted(2, 'copy', 'copies')], ['1 copy', '2 copies'])
})
