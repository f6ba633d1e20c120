import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { isHeader } from '../../producers/s3/text/header-line.ts'
import { LineCutter, type CutLimits, type Piece } from '../../producers/s3/text/line-blocks.ts'

const header = 'version srcaddr bytes'
const line = fc.oneof(
  { weight: 6, arbitrary: fc.stringMatching(/^[0-9. ]{1,30}$/) },
  { weight: 2, arbitrary: fc.constantFrom('', '\r', '  ', '  \r', ' \t\r', '\r\r', '\r ', 'x\r') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      header,
      'bytes  srcaddr\r',
      '\ufeffversion bytes',
      'eni-1 use1-az1',
      'bytes eni-1',
      'version',
      'start end 1',
    ),
  },
  { weight: 1, arbitrary: fc.integer({ min: 20, max: 400 }).map(length => 'l'.repeat(length)) },
)
const laterHeaders = [header, 'bytes  srcaddr\r', '\ufeffversion bytes']
const text = fc.record({
  before: fc.array(fc.constantFrom('', '\r', '  '), { maxLength: 3 }),
  lines: fc.array(line, { maxLength: 60 }),
  ended: fc.boolean(),
})
const limits = fc.record({
  blockBytes: fc.integer({ min: 8, max: 200 }),
  linesPerRecord: fc.integer({ min: 1, max: 20 }),
  maxLineBytes: fc.integer({ min: 22, max: 100 }),
})

const textOf = (input: { before: string[]; lines: string[]; ended: boolean }): Buffer =>
  Buffer.from([...input.before, header, ...input.lines].join('\n') + (input.ended ? '\n' : ''))

function cut(bytes: Buffer, bounds: CutLimits, sizes: readonly number[]): Piece[] {
  const cutter = new LineCutter(bounds, isHeader)
  const pieces: Piece[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? bytes.length)
    pieces.push(...cutter.push(bytes.subarray(at, at + size)))
    at += size
  }
  pieces.push(...cutter.end())
  return merged(pieces)
}

/** Blank lines before the header may come in several pieces. */
function merged(pieces: readonly Piece[]): Piece[] {
  const all: Piece[] = []
  for (const piece of pieces) {
    const last = all.at(-1)
    if (piece.kind === 'blank' && last?.kind === 'blank')
      all[all.length - 1] = { ...last, lines: last.lines + piece.lines, textBytes: last.textBytes + piece.textBytes }
    else all.push(piece)
  }
  return all
}

test('any chunking of the text gives the same pieces', () => {
  fc.assert(
    fc.property(text, limits, fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 }), (input, bounds, sizes) => {
      const bytes = textOf(input)
      assert.deepEqual(cut(bytes, bounds, sizes), cut(bytes, bounds, [bytes.length]))
    }),
    { numRuns: 500 },
  )
})

test('header, blocks and long lines are the object again, with consecutive line numbers and within the bounds', () => {
  fc.assert(
    fc.property(text, limits, (input, bounds) => {
      const bytes = textOf(input)
      let at = 0
      let next = 1
      let blank = 0
      for (const piece of cut(bytes, bounds, [37])) {
        const own = bytes.subarray(at, at + piece.textBytes)
        assert.equal(piece.line, next)
        if (piece.kind === 'blank') blank += piece.lines
        if (piece.kind === 'block') {
          assert.deepEqual(piece.bytes, own)
          assert.ok(piece.bytes.length <= bounds.blockBytes || piece.lines === 1)
          assert.ok(piece.lines <= bounds.linesPerRecord)
          const lines = own.toString().split('\n')
          if (lines.at(-1) === '') lines.pop()
          assert.equal(lines.length, piece.lines)
          assert.equal(lines.filter(each => /^ *\r?$/.test(each)).length, piece.blankLines)
          assert.ok(lines.every(each => Buffer.byteLength(each) <= bounds.maxLineBytes))
          assert.ok(!lines.some(each => laterHeaders.includes(each)))
          blank += piece.blankLines
        }
        if (piece.kind === 'header') {
          assert.equal(piece.text, own.toString().trim())
          assert.ok(piece.text === header || laterHeaders.includes(own.toString().replace(/\n$/, '')))
        }
        if (piece.kind === 'long') {
          const content = own.toString().replace(/\n$/, '')
          assert.ok(content.length > bounds.maxLineBytes)
          assert.equal(piece.length, content.length)
          assert.deepEqual(piece.sha256, createHash('sha256').update(content).digest())
          assert.equal(piece.head.toString(), content.slice(0, 4096))
        }
        at += piece.textBytes
        next += piece.lines
      }
      const lines = bytes.toString().split('\n')
      if (lines.at(-1) === '') lines.pop()
      assert.equal(at, bytes.length)
      assert.equal(next - 1, lines.length)
      assert.equal(blank, lines.filter(each => /^ *\r?$/.test(each)).length)
    }),
    { numRuns: 500 },
  )
})

test('cutting on from any block boundary gives the same rest', () => {
  fc.assert(
    fc.property(text, limits, fc.nat(), (input, bounds, pick) => {
      const bytes = textOf(input)
      const pieces = cut(bytes, bounds, [50])
      const cuts = pieces.filter(piece => piece.kind === 'block' || piece.kind === 'long')
      const from = cuts[pick % Math.max(1, cuts.length)]
      if (from === undefined) return
      const index = pieces.indexOf(from)
      const offset = pieces.slice(0, index).reduce((sum, piece) => sum + piece.textBytes, 0)
      const current = pieces.slice(0, index).findLast(piece => piece.kind === 'header')!.text
      const cutter = new LineCutter(bounds, isHeader, { line: from.line, header: current })
      assert.deepEqual([...cutter.push(bytes.subarray(offset)), ...cutter.end()], pieces.slice(index))
    }),
    { numRuns: 300 },
  )
})

test('random bytes never throw and are accounted for up to the refusal', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), limits, (bytes, bounds) => {
      for (const piece of cut(Buffer.from(bytes), bounds, [7])) assert.ok(piece.lines >= 0)
    }),
  )
})

test('a line of exactly the limit is read, one byte more is not, in one chunk and byte by byte', () => {
  const bounds = { blockBytes: 1000, linesPerRecord: 100, maxLineBytes: 50 }
  for (const [length, kinds] of [
    [50, ['header', 'block']],
    [51, ['header', 'block', 'long', 'block']],
  ] as const)
    for (const size of [1, 10_000]) {
      const bytes = Buffer.from(`${header}\na\n${'l'.repeat(length)}\nb\n`)
      assert.deepEqual(
        cut(bytes, bounds, [size]).map(piece => piece.kind),
        kinds,
      )
    }
})

test('a block of exactly the limit is full, one byte more begins another', () => {
  for (const [blockBytes, blocks] of [
    [8, [2, 2]],
    [7, [1, 1, 1, 1]],
    [9, [2, 2]],
    [12, [3, 1]],
  ] as const) {
    const pieces = cut(Buffer.from(`${header}\naaa\nbbb\nccc\nddd\n`), { blockBytes, linesPerRecord: 100, maxLineBytes: 50 }, [3])
    assert.deepEqual(
      pieces.slice(1).map(piece => piece.lines),
      blocks,
    )
  }
})
