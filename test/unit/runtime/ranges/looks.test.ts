import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Looks } from '../../../../runtime/ranges/looks.ts'

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const pieces = { mostPlaces: 8, mostWeight: 100, weightOf: () => 1 }

/** Asks for places; pieces of more than `most` fail. */
function slowLook(places: readonly number[], most: () => number) {
  const asked: number[][] = []
  const seen = { failed: 0 }
  const look = {
    places,
    ask: async (piece: readonly number[]) => {
      await nextTurn()
      asked.push([...piece])
      if (piece.length > most()) throw new Error('too much')
    },
    failed: () => {
      seen.failed++
    },
  }
  return { look, asked, seen }
}

test('all places are asked for in order, as many at once as may be', async () => {
  const { look, asked } = slowLook(upTo(20), () => 8)
  await new Looks(pieces).run(look)
  assert.deepEqual(
    asked.map(piece => piece.length),
    [8, 8, 4],
  )
  assert.deepEqual(asked.flat(), upTo(20))
})

test('a piece that fails is asked again with half its places, and what was too much is not asked again', async () => {
  const { look, asked, seen } = slowLook(upTo(20), () => 3)
  await new Looks(pieces).run(look)
  assert.deepEqual(asked.filter(piece => piece.length <= 3).flat(), upTo(20))
  assert.deepEqual(
    asked.slice(0, 3).map(piece => piece.length),
    [8, 4, 2],
  )
  assert.equal(seen.failed, 2)
  assert.ok(asked.slice(3).every(piece => piece.length <= 2))
})

test('one place that fails is the end of the look, and the next look is asked all the same', async () => {
  const looks = new Looks<number>(pieces)
  await assert.rejects(looks.run(slowLook(upTo(5), () => 0).look), /too much/)
  const { look, asked } = slowLook(upTo(4), () => 8)
  await looks.run(look)
  assert.deepEqual(asked.flat(), upTo(4))
})

test('a heavy place is asked for alone, light ones together', async () => {
  const { look, asked } = slowLook([60, 60, 200, 10, 20], () => 8)
  await new Looks<number>({ mostPlaces: 8, mostWeight: 100, weightOf: place => place }).run(look)
  assert.deepEqual(asked, [[60], [60], [200], [10, 20]])
})

test('two looks are never under way at once; an ended signal asks for no further piece', async () => {
  const looks = new Looks<number>(pieces)
  const order: string[] = []
  const stop = new AbortController()
  const look = (name: string) => ({
    places: upTo(16),
    begin: async () => void order.push(`${name} begins`),
    ask: async () => {
      order.push(name)
      await nextTurn()
      if (name === 'b') stop.abort()
    },
    failed: () => undefined,
  })
  const [a, b] = await Promise.allSettled([looks.run(look('a')), looks.run(look('b'), stop.signal)])
  assert.deepEqual(order, ['a begins', 'a', 'a', 'b begins', 'b'])
  assert.equal(a.status, 'fulfilled')
  assert.equal(b.status, 'rejected')
})
