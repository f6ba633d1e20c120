// The stored form of a range never changes: processes of several versions follow each other in one group.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { announce, pendingRange, tokenOf } from '../../../../runtime/ranges/announced-range.ts'

/** Metadata as released versions wrote it, and the token that they inserted it with. */
const released = [
  { metadata: '0-5@1795521601000', from: 0, to: 5, ms: 1795521601000, token: 'flowloom.flows.v1:3:0-5@1795521601000' },
  {
    metadata: '9007199254740000-9007199254740991@1',
    from: 9007199254740000,
    to: 9007199254740991,
    ms: 1,
    token: 'flowloom.flows.v1:3:9007199254740000-9007199254740991@1',
  },
  // before ranges had a time
  { metadata: '10-20', from: 10, to: 20, ms: undefined, token: 'flowloom.flows.v1:3:10-20' },
] as const

describe('the stored form of a range', () => {
  for (const { metadata, token, ...range } of released) {
    it(`is read as released versions wrote it: ${metadata}`, () => {
      assert.deepEqual(pendingRange(metadata), { ...range, text: metadata })
      assert.equal(tokenOf('flowloom.flows.v1', 3, pendingRange(metadata)!), token)
      assert.equal(tokenOf('flowloom.flows.v1', 3, pendingRange(metadata)!, true), `${token}:rest`)
    })
    if (range.ms !== undefined)
      it(`is written as released versions read it: ${metadata}`, () => {
        assert.equal(announce(range.from, range.to, range.ms).text, metadata)
        assert.equal(tokenOf('flowloom.flows.v1', 3, announce(range.from, range.to, range.ms)), token)
      })
  }

  it('comes back from its text', () => {
    const offset = fc.nat(Number.MAX_SAFE_INTEGER)
    fc.assert(
      fc.property(offset, offset, offset, (from, to, ms) => {
        const range = announce(from, to, ms)
        assert.deepEqual(pendingRange(range.text), range)
      }),
    )
  })

  for (const metadata of ['', 'cold=19000', 'start', '5', '1-', '-2', '1-2@', '1-2@x', ' 1-2', '1-2:rest', '1-2@3\n', '1-2@3 '])
    it(`is no other text: ${JSON.stringify(metadata)}`, () => assert.equal(pendingRange(metadata), undefined))
})
