import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compare } from '../../../audit/audit.ts'
import type { ObjectReading } from '../../../audit/read-buckets.ts'
import { addTally, emptyTally, type Tallies, type Tally } from '../../../schemas/tally.ts'

const tally = (part: Partial<Tally> = {}): Tally => ({ ...emptyTally(), lines: 3, headers: 1, flows: 2, packets: 20, bytes: 900, ...part })
const read = (part: Partial<Tally> = {}): ObjectReading => ({ bucket: 'b', key: 'k', reading: { ok: true, tally: tally(part) } })
const unreadable: ObjectReading = { bucket: 'b', key: 'k', reading: { ok: false, reason: 'cut' } }
const map = (value: Tally | undefined): Tallies => new Map(value === undefined ? [] : [['01', value]])
type State = 'done' | 'failed' | 'retrying'

const table: { name: string; s3?: ObjectReading; state?: State; topics?: Tally | 'not looked at'; tables?: Tally; expect: string[] }[] = [
  { name: 'all equal', s3: read(), state: 'done', topics: tally(), tables: tally(), expect: [] },
  {
    name: 'a flow missing in the table',
    s3: read(),
    state: 'done',
    topics: tally(),
    tables: tally({ flows: 1 }),
    expect: ['tables: flows 1 instead of 2', 'equation: tables: 3 lines, but 2'],
  },
  {
    name: 'a flow twice in the table',
    s3: read(),
    state: 'done',
    topics: tally(),
    tables: tally({ flows: 3, lines: 4 }),
    expect: ['tables: lines 4 instead of 3, flows 3 instead of 2'],
  },
  {
    name: 'bytes that differ, the rows do not',
    s3: read(),
    state: 'done',
    topics: tally(),
    tables: tally({ bytes: 901 }),
    expect: ['tables: bytes 901 instead of 900'],
  },
  { name: 'an object that nobody has read', s3: read(), expect: ['topics: lines 0 instead of 3', 'tables: lines 0 instead of 3'] },
  { name: 'topics that are not looked at', s3: read(), topics: 'not looked at', tables: tally(), expect: [] },
  { name: 'an object that cannot be read and is recorded as failed', s3: unreadable, state: 'failed', expect: [] },
  { name: 'an object that cannot be read and is retried', s3: unreadable, state: 'retrying', expect: [] },
  {
    name: 'an object that cannot be read, but the ledger says done',
    s3: unreadable,
    state: 'done',
    expect: ['topics: S3 object cannot be read (cut), ledger says done'],
  },
  {
    name: 'the readable part of a broken object, not in the table',
    s3: unreadable,
    state: 'failed',
    topics: tally(),
    expect: ['tables: lines 0 instead of 3'],
  },
  {
    name: 'lines that are nowhere',
    s3: read({ lines: 4 }),
    state: 'done',
    topics: tally({ lines: 4 }),
    tables: tally({ lines: 4 }),
    expect: ['equation: topics: 4 lines, but 3', 'equation: tables: 4 lines, but 3'],
  },
  { name: 'an object that S3 has no more', state: 'done', topics: tally(), tables: tally(), expect: [] },
]
for (const { name, s3, state, topics, tables, expect } of table)
  test(`the audit of ${name}`, () => {
    const readings = new Map(s3 === undefined ? [] : [['01', s3]])
    const ledger = new Map(state === undefined ? [] : [['01', { state }]])
    const report = compare(readings, ledger, topics === 'not looked at' ? undefined : map(topics), map(tables))
    const found = report.differences.map(({ side, detail }) => `${side}: ${detail}`)
    assert.equal(found.length, expect.length, found.join('\n'))
    for (const [i, text] of expect.entries()) assert.ok(found[i]!.startsWith(text), `${found[i]!} begins with ${text}`)
    assert.deepEqual([report.objects, report.gone], [s3 === undefined ? 0 : 1, s3 === undefined ? 1 : 0])
    assert.equal(report.unreadable.length, s3 === unreadable ? 1 : 0)
  })

test('totals are of all objects of each side', () => {
  const two = new Map([
    ['01', read()],
    ['02', read({ flows: 5, lines: 6 })],
  ])
  const tallies: Tallies = new Map([
    ['01', tally()],
    ['02', tally({ flows: 5, lines: 6 })],
  ])
  const { totals, differences } = compare(two, new Map(), tallies, tallies)
  assert.deepEqual(differences, [])
  for (const side of ['s3', 'topics', 'tables'] as const)
    assert.deepEqual([totals[side].lines, totals[side].flows, totals[side].bytes], [9, 7, 1800])
})

test('sums above 2^53 are exact, in whatever order they are made', () => {
  const bytes = [2 ** 53 - 2, 3, 2 ** 53 - 2, 5]
  const sums = [bytes, [...bytes].reverse()].map(
    values => values.reduce((sum, value) => addTally(sum, { bytes: value }), emptyTally()).bytes,
  )
  assert.deepEqual(sums, [2n ** 54n + 4n, 2n ** 54n + 4n])
  const differences = compare(
    new Map([['01', read({ bytes: sums[0]! })]]),
    new Map(),
    undefined,
    map(tally({ bytes: 2n ** 54n + 5n })),
  ).differences
  assert.deepEqual(
    differences.map(({ detail }) => detail),
    ['bytes 18014398509481989 instead of 18014398509481988'],
  )
})
