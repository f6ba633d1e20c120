// Times in which a flow log has no record of an interface.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silenceIn, silencesOf, type Silence, type Span } from '../../../../operations/coverage/silences.ts'

const cases: readonly { name: string; spans: readonly Span[]; expect: readonly Silence[] }[] = [
  { name: 'no record', spans: [], expect: [] },
  { name: 'one record', spans: [[10, 20]], expect: [] },
  { name: 'records that follow one another', spans: [[10, 20], [21, 30], [30, 40]], expect: [] }, // prettier-ignore
  { name: 'a time between', spans: [[10, 20], [30, 40]], expect: [{ after: 20, until: 30 }] }, // prettier-ignore
  { name: 'a record inside of a longer one', spans: [[10, 100], [20, 30], [101, 120]], expect: [] }, // prettier-ignore
  { name: 'a time after a longer one', spans: [[10, 100], [20, 30], [150, 160]], expect: [{ after: 100, until: 150 }] }, // prettier-ignore
]

describe('silences', () => {
  for (const { name, spans, expect } of cases) it(`are found: ${name}`, () => assert.deepEqual(silencesOf(spans), expect))

  it('touch a time where one of its seconds is far enough from both ends', () => {
    const silences = [{ after: 100, until: 200 }]
    const touched = (from: number, to: number, reachS: number): boolean => silenceIn(silences, from, to, reachS) !== undefined
    assert.deepEqual(
      [
        touched(150, 150, 49),
        touched(150, 150, 50),
        touched(120, 120, 49),
        touched(100, 200, 49),
        touched(0, 149, 49),
        touched(0, 150, 49),
      ],
      [true, false, false, true, false, true],
    )
  })
})
