import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AvroCursor } from '../../../../../sinks/clickhouse/columns/avro-cursor.ts'
import { SpanDictionary } from '../../../../../sinks/clickhouse/columns/span-dictionary.ts'
import { shortVarint } from '../../../../../sinks/clickhouse/columns/varint.ts'

/** Texts one behind the other, each longer or shorter than a compare of eight bytes. */
const texts = Array.from({ length: 300 }, (_, i) => `${i % 3 === 0 ? 'x' : 'a text that is longer than eight bytes '}${i};`)

describe('span dictionary', () => {
  for (const { name, hashOf } of [
    { name: 'hashes of their own', hashOf: (i: number) => Math.imul(i, 0x9e3779b1) },
    { name: 'one hash for several', hashOf: (i: number) => i % 7 },
    { name: 'the hash 0 for all', hashOf: () => 0 },
  ])
    it(`finds many at once what it was given, and stops where it was not: ${name}`, () => {
      const bytes = new TextEncoder().encode(texts.join(''))
      const view = new DataView(bytes.buffer)
      const starts = texts.map((_, i) => texts.slice(0, i).join('').length)
      const spans = new SpanDictionary()
      const hashes = Int32Array.from(texts, (_, i) => hashOf(i))
      for (let round = 0; round < 2; round++) {
        const at = Int32Array.from(starts)
        const out = new Uint32Array(texts.length + 5)
        const misses: number[] = []
        for (let i = 0; ; i++) {
          i = spans.findAll(view, at, hashes, i, texts.length, out, 5)
          if (i === texts.length) break
          misses.push(i)
          const end = starts[i]! + texts[i]!.length
          out[5 + i] = spans.add(bytes, starts[i]!, end, hashes[i]!)
          at[i] = end
        }
        const all = texts.map((_, i) => i)
        assert.deepEqual(misses, round === 0 ? all : [])
        assert.deepEqual([...out.subarray(5)], all)
        assert.deepEqual(
          [...at],
          texts.map((text, i) => starts[i]! + text.length),
        )
      }
      const cut = new DataView(bytes.buffer, 0, 1)
      assert.equal(spans.findAll(cut, new Int32Array(1), hashes, 0, 1, new Uint32Array(1), 0), 0, 'reads nothing behind the end')
    })
})

describe('short varint', () => {
  it('reads what the cursor reads, up to four bytes', () => {
    for (let power = 0; power < 36; power++)
      for (const value of [2 ** power - 1, 2 ** power, -(2 ** power)]) {
        const zigzag = value < 0 ? -2 * value - 1 : 2 * value
        const bytes = new Uint8Array(16).fill(0xff)
        let length = 0
        for (let rest = zigzag; ; rest = Math.floor(rest / 128)) {
          bytes[length++] = rest < 128 ? rest : (rest % 128) | 128
          if (rest < 128) break
        }
        const cursor = new AvroCursor(bytes)
        assert.equal(cursor.long(), value)
        assert.equal(cursor.at, length)
        assert.equal(shortVarint(cursor.view, 0), length > 4 ? 0 : zigzag * 8 + length)
      }
  })
})
