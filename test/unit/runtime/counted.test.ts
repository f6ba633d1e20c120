// Counts with their nouns.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { counted as exampleCounted } from '../../../examples/typescript/connect.ts'
import { counted, plural } from '../../../runtime/counted.ts'

const root = join(import.meta.dirname, '../../..')

it('one has no plural: "1 attempts"', () => {
  const said = [0, 1, 2, 1000].map(count => counted(count, 'attempt'))
  assert.deepEqual(said, ['0 attempts', '1 attempt', '2 attempts', '1,000 attempts'])
  assert.deepEqual([counted(1, 'copy', 'copies'), counted(2, 'copy', 'copies')], ['1 copy', '2 copies'])
  for (const digitsAlone of [plural, exampleCounted]) {
    assert.deepEqual([1, 2, 1000].map(count => digitsAlone(count, 'flow')), ['1 flow', '2 flows', '1000 flows']) // prettier-ignore
    assert.deepEqual([digitsAlone(1, 'entry', 'entries'), digitsAlone(2, 'entry', 'entries')], ['1 entry', '2 entries'])
  }
})

const nouns =
  'addresses|bits|bytes|characters|chunks|columns|days|differences|documents|elements|entries|fields|files|flows|groups|keys|letters|levels|' +
  'lines|messages|minutes|objects|partitions|prefixes|processes|records|requests|rows|seconds|tables|topics|values'
/** A count before a noun. */
const templates = new RegExp(`\\$\\{([^{}]*)\\} (?:${nouns})\\b(?!/)`, 'g')
/** Bounds, which are large. */
const bound = /^(?:\w+\.|this\.#\w+\.)?(?:most\w*|largest|deepest|widest|heapBytes)$/
/** More than a bound, which is large. */
const beyondBounds = ['block.header.length', 'bytes.length', 'length', 'letter.length']
/** A text for one is there beside it. */
const withOne = ['this.lines', 'count.lines']

it('no shipped text puts a count before a noun that is always plural', () => {
  const odd: string[] = []
  const sources = globSync(['aws', 'audit', 'cli', 'config', 'flow', 'operations', 'processors', 'producers', 'runtime', 'sinks', 'examples'].map(folder => `${folder}/**/*.{ts,py}`), { cwd: root }) // prettier-ignore
  assert.ok(sources.length > 250)
  for (const path of sources) {
    const written = readFileSync(join(root, path), 'utf8')
    for (const [text, count] of (path.endsWith('.py') ? written.replaceAll('{', '${') : written).matchAll(templates))
      if (!/\b(?:plural|counted)\(|\? '/.test(count!) && !bound.test(count!) && ![...beyondBounds, ...withOne].includes(count!))
        odd.push(`${path}: ${text}`)
  }
  assert.deepEqual(odd, [])
})
