import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FlowBatch } from '../../../../flow/flow-batch.ts'
import { Parsers } from '../../../../processors/enrich/parsers.ts'

const header = 'account-id interface-id srcaddr dstaddr start end'
const accounts = (count: number): { accountId: string; region: string }[] =>
  Array.from({ length: count }, (_, i) => ({ accountId: String(100_000_000_000 + i), region: `region-${i % 5}` }))
const lines = (count: number): Buffer =>
  Buffer.from(Array.from({ length: count }, (_, i) => `- eni-${'0'.repeat(12)}${i} 10.0.0.1 10.0.0.2 1 2`).join('\n'))

void describe('parsers of a process', () => {
  void it('an organisation of 100 accounts and 5 regions has a parser for each: none is made anew', () => {
    const parsers = new Parsers(1000)
    const organisation = accounts(500)
    const first = organisation.map(one => parsers.parserOf(header, one))
    for (let round = 0; round < 3; round++) assert.ok(organisation.every((one, i) => parsers.parserOf(header, one) === first[i]))
    // the header line is compiled once
    assert.equal(new Set(first.map(parser => parser!.plan)).size, 1)
  })

  void it('what is longest unused goes if they are too many, or take too many bytes; some stay whatever they take', () => {
    const many = new Parsers(1000, { parsers: 10, bytes: 1e9, few: 2, plans: 4 })
    for (const one of accounts(30)) many.parserOf(header, one)
    assert.equal(many.size, 10)
    const batch = new FlowBatch()
    const large = new Parsers(1000, { parsers: 1000, bytes: 8_000_000, few: 2, plans: 4 })
    for (const one of accounts(300)) large.parserOf(header, one)!.parse(lines(400), 2, batch)
    for (let i = 0; i < 256; i++) large.parserOf(header, accounts(300).at(-1)!)
    assert.ok(large.size > 2 && large.size < 20, String(large.size))
    const none = new Parsers(1000, { parsers: 1000, bytes: 0, few: 2, plans: 4 })
    for (const one of accounts(300)) none.parserOf(header, one)
    for (let i = 0; i < 256; i++) none.parserOf(header, accounts(300).at(-1)!)
    assert.equal(none.size, 2)
  })
})
