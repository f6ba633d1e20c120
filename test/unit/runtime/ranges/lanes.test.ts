import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Lanes } from '../../../../runtime/ranges/lanes.ts'

test('so many run at once, the others in the order of asking', async () => {
  const lanes = new Lanes(2, () => undefined)
  const running: number[] = []
  const ended: number[] = []
  const release = new Map<number, () => void>()
  const all = [0, 1, 2, 3].map(i =>
    lanes.use(async () => {
      running.push(i)
      await new Promise<void>(resolve => release.set(i, resolve))
      ended.push(i)
    }),
  )
  await nextTurn()
  assert.deepEqual(running, [0, 1])
  release.get(1)!()
  await nextTurn()
  assert.deepEqual(running, [0, 1, 2])
  release.get(0)!()
  release.get(2)!()
  await nextTurn()
  assert.deepEqual(running, [0, 1, 2, 3])
  release.get(3)!()
  await Promise.all(all)
  assert.deepEqual(ended, [1, 0, 2, 3])
})

test('a lane whose work failed has its buffer made anew: the old one may still be on its way', async () => {
  let made = 0
  const lanes = new Lanes(1, () => ++made)
  assert.equal(await lanes.use(async lane => lane), 1)
  assert.equal(await lanes.use(async lane => lane), 1)
  const failing = lanes.use(() => Promise.reject(new Error('x')))
  const waiting = lanes.use(async lane => lane)
  await assert.rejects(failing)
  assert.equal(await waiting, 2)
  assert.equal(await lanes.use(async lane => lane), 2)
})
