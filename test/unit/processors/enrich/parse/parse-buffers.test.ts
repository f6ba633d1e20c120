// Blocks and headers that do not fit the parser's fixed memory at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blockCapacity, maxColumns, rowCapacity } from '../../../../../processors/enrich/parse/parse-buffers.ts'
import { TestEnricher } from '../../../../../harness/enrich-blocks.ts'

const header = 'interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status'
const line = (i: number, packets: number | string = i): string =>
  `eni-0123456789abcdef${i % 7} 10.0.0.${i % 250} 198.51.100.7 ${1024 + (i % 5)} 443 6 ${packets} 5 1700000000 1700000060 ACCEPT OK`

test('a block with more rows than are read together, faults and gaps at the seams', () => {
  const count = 3 * rowCapacity + 5
  const faulty = new Set([0, rowCapacity - 1, rowCapacity, 2 * rowCapacity + 1, count - 1])
  const gaps = new Set([1, rowCapacity + 1, 2 * rowCapacity])
  const lines = Array.from({ length: count }, (_, i) =>
    gaps.has(i) ? 'eni-0123456789abcdef0 - - - - - - - 1700000000 1700000060 - NODATA' : line(i, faulty.has(i) ? 'x' : i),
  )
  const { rows, deadLetters, gaps: found } = new TestEnricher().run(header, lines.join('\n'))
  const expected = lines.flatMap((_, i) => (faulty.has(i) || gaps.has(i) ? [] : [i]))
  assert.deepEqual(
    rows.map(({ line, packets, interfaceId, srcPort }) => [line, packets, interfaceId, srcPort]),
    expected.map(i => [i + 2, i, `eni-0123456789abcdef${i % 7}`, 1024 + (i % 5)]),
  )
  assert.deepEqual(
    deadLetters.map(({ line, reason, bytes }) => [line, reason, bytes.toString()]),
    [...faulty].map(i => [i + 2, 'bad-number', lines[i]]),
  )
  assert.deepEqual(
    found.map(gap => gap.line),
    [...gaps].map(i => i + 2),
  )
})

test('a block longer than is parsed at once, with a line longer than that', () => {
  const many = Array.from({ length: 45_000 }, (_, i) => line(i))
  const long = `${line(7)}${' x'.repeat(blockCapacity / 2)}`
  const lines = [...many, long, ...many]
  assert.ok(many.join('\n').length > blockCapacity)
  const { lines: count, flows, deadLetters, rows } = new TestEnricher().run(header, `${lines.join('\n')}\n`)
  assert.deepEqual([count, flows], [lines.length, 90_000])
  assert.deepEqual(
    deadLetters.map(({ line: at, reason, length }) => [at, reason, length]),
    [[45_002, 'line-too-long', long.length]],
  )
  assert.deepEqual(
    [0, 44_999, 45_000, 89_999].map(i => [rows[i]!.line, rows[i]!.packets]),
    [
      [2, 0],
      [45_001, 44_999],
      [45_003, 0],
      [90_002, 44_999],
    ],
  )
})

test('a header line with more spans than fit for all rows at once', () => {
  // an unknown column before every known one: each text column is a span of its own
  const names = Array.from({ length: 700 }, (_, i) => (i % 2 === 0 ? `own-${i}` : i === 1 ? 'interface-id' : `tag-${i}`))
  const mixed = names.flatMap((name, i) => (i % 3 === 0 ? [name, i === 0 ? 'packets' : `n${i}`] : [name]))
  const lines = Array.from({ length: 300 }, (_, r) => mixed.map((name, i) => (name === 'packets' ? r : `${i}`)).join(' '))
  const { rows, flows } = new TestEnricher().run(mixed.join(' '), lines.join('\n'))
  assert.equal(flows, 300)
  assert.deepEqual(
    rows.map(row => row.packets),
    lines.map((_, r) => r),
  )
  assert.equal(Object.keys(rows[299]!.extra!).length, mixed.length - 2)
})

test('a header line with too many columns is none', () => {
  const names = Array.from({ length: maxColumns }, (_, i) => `own-${i}`)
  const { flows, deadLetters } = new TestEnricher().run(['packets', ...names].join(' '), '1 2 3\n')
  assert.deepEqual([flows, deadLetters.map(({ reason }) => reason)], [0, ['no-columns']])
})
