/** Where a document ends that was cut off: what comes after it is read. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { documentLines } from '../../../../../audit/plain-documents.ts'
import { DocumentCutter } from '../../../../../producers/s3/text/document-cutter.ts'

/** Whole documents as text, others in angle brackets, however the text comes. */
function cut(text: string, size: number): string[] {
  const cutter = new DocumentCutter(1000)
  const bytes = Buffer.from(text)
  const found: string[] = []
  const note = (parts: Iterable<Buffer | { head: Buffer }>): void => {
    for (const part of parts) found.push(Buffer.isBuffer(part) ? part.toString() : `<${part.head.toString()}>`)
  }
  for (let at = 0; at < bytes.length; at += size) note(cutter.push(bytes.subarray(at, at + size)))
  note(cutter.end())
  return found
}

const [a, b] = ['{"message":"a"}', '{"message":"b"}'] as const
const cases = [
  { name: 'in a string', text: `{"message":"2 10.0\n${a}\n${b}`, expect: ['<{"message":"2 10.0>', a, b] },
  { name: 'behind a backslash', text: `{"message":"2 \\\n${a}\n${b}`, expect: ['<{"message":"2 \\>', a, b] },
  { name: 'in a key', text: `{"mess\n${a}`, expect: ['<{"mess>', a] },
  { name: 'behind a value', text: `{"t":1\n${a}\n${b}`, expect: ['<{"t":1\n>', a, b] },
  { name: 'behind a comma', text: `{"t":1,${a}${b}`, expect: ['<{"t":1,>', a, b] },
  { name: 'behind the brace', text: `{${a}`, expect: ['<{>', a] },
  { name: 'in a list', text: `{"t":[1 ${a}`, expect: ['<{"t":[1 >', a] },
  // the next one could be its value: it goes with it
  { name: 'behind a colon', text: `{"t":\n${a}\n${b}`, expect: [`<{"t":\n${a}\n>`, b] },
  {
    name: 'nowhere: values of all kinds',
    text: '{"a":[{},{"b":{}},[{}]],\n"c":{"d":"}{"}}',
    expect: ['{"a":[{},{"b":{}},[{}]],\n"c":{"d":"}{"}}'],
  },
]

describe('a document that was cut off', () => {
  for (const { name, text, expect } of cases)
    test(name, () => {
      for (const size of [1, 7, 1000]) assert.deepEqual(cut(text, size), expect)
    })

  test('takes at most one of those behind it with it, wherever it was cut, and the audit counts the same', () => {
    const value = fc.jsonValue({ maxDepth: 3 })
    const document = fc
      .dictionary(fc.string({ maxLength: 3 }), value, { maxKeys: 4 })
      .map(object => JSON.stringify({ message: 'x', ...object }))
    fc.assert(
      fc.property(document, fc.nat(), fc.integer({ min: 1, max: 40 }), (text, at, size) => {
        const head = text.slice(0, 1 + (at % (text.length - 1))).toWellFormed()
        const rest = ['{"message":"1"}', '{"message":"2"}', '{"message":"3"}']
        const whole = [head, ...rest].join('\n')
        assert.deepEqual(cut(whole, size).slice(-2), rest.slice(1))
        const plain = documentLines([rest[0], whole].join('\n'))!
        assert.equal(plain.text.endsWith('2\n3\n'), true)
      }),
      { seed: 13, numRuns: 300 },
    )
  })
})
