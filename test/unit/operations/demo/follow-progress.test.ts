import assert from 'node:assert/strict'
import { test } from 'node:test'
import { followProgress } from '../../../../operations/demo/follow-progress.ts'
import { MemoryStore } from '../../../support/clickhouse/memory-store.ts'

test('the demo does not wait for objects that could not be put', { timeout: 10_000 }, async () => {
  const printed: number[] = []
  const store = Object.assign(new MemoryStore(), { query: async () => [{ objects: '0', lines: '0', rows: '0' }] as never })
  const broken = new Promise<never>((_resolve, reject) => setTimeout(() => reject(new Error('no space left')), 1200))
  const wait = followProgress(
    store,
    { metrics: async () => new Map() },
    broken,
    () => ({ expected: 3, complete: false }),
    ({ seconds }) => printed.push(seconds),
    new AbortController().signal,
  )
  await assert.rejects(wait, /no space left/)
  assert.equal(printed.length, 1)
})
