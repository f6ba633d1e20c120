// Times in which a flow log has no record of an interface.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silenceIn, silencesOf, type Silence, type RecordTimes } from '../../../../operations/coverage/silences.ts'

const cases: readonly { name: string; times: readonly RecordTimes[]; expect: readonly Silence[] }[] = [
  { name: 'no record', times: [], expect: [] },
  { name: 'one record', times: [[10, 20]], expect: [] },
  { name: 'records that follow one another', times: [[10, 20], [21, 30], [30, 40]], expect: [] }, // prettier-ignore
  { name: 'a time between', times: [[10, 20], [30, 40]], expect: [{ after: 20, until: 30 }] }, // prettier-ignore
  { name: 'a record inside of a longer one', times: [[10, 100], [20, 30], [101, 120]], expect: [] }, // prettier-ignore
  { name: 'a time after a longer one', times: [[10, 100], [20, 30], [150, 160]], expect: [{ after: 100, until: 150 }] }, // prettier-ignore
]

describe('silences', () => {
  for (const { name, times, expect } of cases) it(`are found: ${name}`, () => assert.deepEqual(silencesOf(times), expect))

  it('are of a time that has one of their seconds', () => {
    const silences = [{ after: 100, until: 200 }]
    const touched = (from: number, to: number): boolean => silenceIn(silences, from, to) !== undefined
    assert.deepEqual(
      [touched(101, 101), touched(199, 199), touched(100, 100), touched(200, 200), touched(0, 300), touched(0, 100), touched(200, 300)],
      [true, true, false, false, true, false, false],
    )
  })
})
