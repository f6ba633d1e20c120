import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseSettings } from '../../../config/settings-text.ts'

describe('a settings file that is not YAML is refused in plain words, with line and column', () => {
  const table: { text: string; what: RegExp; at: string }[] = [
    { text: 'kafka:\n  brokers: [a:9092\n', what: /a \[ is not closed with \]/, at: 'line 3, column 1' },
    { text: 'kafka: { partitions: 3\n', what: /a \{ is not closed with \}/, at: 'line 2, column 1' },
    { text: '{"kafka": {"partitions": 3}', what: /a \{ is not closed with \}/, at: 'line 1, column 28' },
    { text: 'kafka: [a, b]]\n', what: /behind the end of a value|closing bracket/, at: 'line 1, column 14' },
    { text: 'kafka:\n\tpartitions: 3\n', what: /a tab stands where spaces are wanted/, at: 'line 2, column 1' },
    { text: 'kafka:\n  a: 1\n   b: 2\n', what: /a second "name:" follows/, at: 'line 2, column 6' },
    { text: 'kafka:\n  brokers: [a]\n   partitions: 3\n', what: /not indented as those/, at: 'line 3, column 1' },
    { text: 's3:\n  sources:\n    - bucket: a\n      prefix: b\n   - bucket: c\n', what: /not indented as those/, at: 'line 5, column 1' },
    { text: 'log:\n  level: "info\n', what: /a double quote is not closed/, at: 'line 3, column 1' },
    { text: "log:\n  level: 'info\n", what: /a single quote is not closed/, at: 'line 3, column 1' },
    { text: 'log:\n  level: info\n  level: warn\n', what: /this name stands twice/, at: 'line 3, column 3' },
    { text: 'kafka:\n  brokers:[a]\n  partitions: 3\n', what: /is a colon missing, or the space behind it/, at: 'line 2, column 3' },
    { text: 'kafka:\n  partitions: 3\nlog\n', what: /without "name: value"/, at: 'line 3, column 1' },
    { text: 'kafka:\n  password: a: b\n', what: /put the value in quotes if it has ": " in it/, at: 'line 2, column 13' },
    { text: 'kafka:\n  password: @x\n', what: /cannot begin with this character; put the value in quotes/, at: 'line 2, column 13' },
    { text: 'kafka:\n  password: *x\n', what: /put text that begins with \* in quotes/, at: 'line 2, column 13' },
    { text: 'kafka:\n  password: !x y\n', what: /put text that begins with ! in quotes/, at: 'line 2, column 13' },
    { text: 'kafka:\n  password: "\\q"\n', what: /a backslash in double quotes/, at: 'line 2, column 14' },
    { text: 'kafka:\n  password: "a"b\n', what: /text stands behind the end of a value/, at: 'line 2, column 16' },
    { text: 'log: {}\n---\nkafka: {}\n', what: /a second document/, at: 'line 2, column 1' },
    { text: '%hunter2---\n', what: /a line begins with %/, at: 'line 1, column 1' },
    { text: 'kafka:\n  password: |hunter2\n', what: /cannot stand here/, at: 'line 2, column 14' },
    { text: 'kafka:\n  password: &a &b c\n', what: /two anchors/, at: 'line 2, column 16' },
    { text: 'kafka: { a: 1 b: 2 }\n', what: /a comma is missing/, at: 'line 1, column 13' },
  ]
  for (const { text, what, at } of table)
    test(JSON.stringify(text), () => {
      const { faults } = parseSettings(text, 'a.yaml')
      assert.equal(faults.length, 1)
      assert.match(faults[0]!, what)
      assert.ok(faults[0]!.endsWith(`\n  → at a.yaml, ${at}`), faults[0])
    })

  test('no text makes it throw, and no fault shows a value, which may be a secret', () => {
    const word = fc.constantFrom('a', 'hunter2', ' ', '  ', '\n', '\t', ':', '- ', '[', ']', '{', '}', ',', '"', "'", '&', '*', '!', '%', '|', '>', '#', '---\n', '?', '@', '\\') // prettier-ignore
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), words => {
        const { faults } = parseSettings(words.join(''), 'a.yaml')
        assert.ok(faults.length <= 1)
        for (const fault of faults) assert.match(fault, /^✖ [^\n]+\n {2}→ at a\.yaml(, line \d+, column \d+)?$/)
        for (const fault of faults) assert.doesNotMatch(fault, /hunter2/)
      }),
      { numRuns: 3000 },
    )
  })

  test('aliases that grow without end are refused', () => {
    const lines = Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(', ')}]`)
    assert.match(parseSettings(`a0: &a0 x\n${lines.join('\n')}\n`, 'a.yaml').faults[0]!, /more than can be settings/)
  })
})
