import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PairTable } from '../../../flow/pair-table.ts'

void describe('PairTable', () => {
  void it('gives each pair the id of its first appearance, at the ends of 32 bits too', () => {
    const number = fc.oneof(fc.integer(), fc.constantFrom(-(2 ** 31), 2 ** 31 - 1, 0, -1))
    fc.assert(
      fc.property(fc.array(fc.tuple(number, number), { maxLength: 300 }), pairs => {
        const table = new PairTable()
        const model = new Map<string, number>()
        for (const [a, b] of pairs) {
          const name = `${a} ${b}`
          assert.equal(table.find(a, b), model.get(name) ?? -1)
          if (!model.has(name)) model.set(name, model.size)
          assert.equal(table.idOf(a, b), model.get(name))
        }
        assert.equal(table.count, model.size)
      }),
    )
  })

  void it('a number above 32 bits is refused: it is never found again, nor taken for a small one', () => {
    for (const large of [2 ** 31, 2 ** 32 + 7, -(2 ** 31) - 1]) {
      const table = new PairTable()
      table.idOf(7, 1)
      assert.throws(() => table.idOf(large, 1), RangeError)
      assert.throws(() => table.idOf(1, large), RangeError)
    }
  })
})
