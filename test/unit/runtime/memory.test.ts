import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freeMemory } from '../../../runtime/memory.ts'

test('memory that is shared, as the pool of Buffer, is never given back', () => {
  const pooled = Buffer.from('abc')
  freeMemory(pooled)
  freeMemory(undefined)
  assert.equal(pooled.toString(), 'abc')
})

test('a large buffer is empty at once', () => {
  const large = Buffer.alloc(1_000_000)
  freeMemory(large)
  assert.equal(large.byteLength, 0)
})
