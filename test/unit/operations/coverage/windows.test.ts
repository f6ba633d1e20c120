// Which silences of an interface can hide a whole window, and random worlds in which objects never came.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silencesOf, silenceIn, type Silence, type RecordTimes } from '../../../../operations/coverage/silences.ts'
import { hidingSilences, type WindowMarks } from '../../../../operations/coverage/windows.ts'
import { plantWindows, type WindowWorld } from '../../../support/planted-truth/planted-windows.ts'

const nothing: WindowMarks = { wholes: [], longs: [] }
/** A silence of so many seconds behind second 10,000. */
const silent = (seconds: number): Silence => ({ after: 10_000, until: 10_001 + seconds })
/** Windows of NODATA on both sides: the last one begins at second 10,000 less `before`, the next one `behind` after that. */
const between = (windowS: number, before: number, behind: number): WindowMarks => ({
  wholes: [[10_000 - before, 10_000 - before + windowS - 1], [10_000 + behind, 10_000 + behind + windowS - 1]], // prettier-ignore
  longs: [],
})
const longBoth: WindowMarks = { wholes: [], longs: [9000, 12_000] }

const cases: readonly { name: string; silence: Silence; marks?: WindowMarks; stated?: number | null; hides: boolean }[] = [
  { name: 'less than a minute', silence: silent(59), hides: false },
  { name: 'a minute, and nothing proves longer windows', silence: silent(60), hides: true },
  { name: 'a minute, and ten are stated', silence: silent(599), stated: 600, hides: false },
  { name: 'ten minutes, as stated', silence: silent(600), stated: 600, hides: true },
  { name: 'ten are stated, but a record of NODATA is of one minute', silence: silent(60), marks: { wholes: [[9000, 9059]], longs: [] }, stated: 600, hides: true }, // prettier-ignore
  { name: 'flows of more than two minutes on both sides', silence: silent(599), marks: longBoth, hides: false },
  { name: 'ten minutes between such flows', silence: silent(600), marks: longBoth, hides: true },
  { name: 'one minute is stated, whatever records say', silence: silent(60), marks: longBoth, stated: 60, hides: true },
  { name: 'a long flow on one side alone', silence: silent(60), marks: { wholes: [], longs: [9000] }, hides: true },
  { name: 'long flows too far away', silence: silent(60), marks: { wholes: [], longs: [6399, 12_000] }, hides: true },
  { name: 'NODATA of ten minutes on both sides', silence: silent(500), marks: between(600, 600, 1200), hides: false },
  { name: 'the interface moved: long windows before, short ones behind', silence: silent(60), marks: { wholes: [[9400, 9999], [10_061, 10_120]], longs: [] }, hides: true }, // prettier-ignore
  { name: 'two short flows in windows that follow one another, by the NODATA around them', silence: silent(100), marks: between(60, 70, 110), hides: false }, // prettier-ignore
  { name: 'a window between them, by the NODATA around them', silence: silent(100), marks: between(60, 110, 190), hides: true },
  { name: 'NODATA that begins at other seconds tells nothing', silence: silent(100), marks: between(60, 90, 170), hides: true },
  { name: 'two windows', silence: silent(120), marks: between(60, 90, 150), hides: true },
]

/** Shares of the seconds of whole logs that a silence makes unknown, at most; of quiet and of busy interfaces none. */
const mostSilent: Readonly<Record<string, number>> = {
  'sparse 60': 0.03,
  'sparse 60 stated': 0.03,
  'sparse 600': 0.15,
  'sparse 600 stated': 0.05,
}

/** What the question says of a world. */
function timesOf({ rows }: WindowWorld): { times: RecordTimes[]; marks: WindowMarks } {
  const times = rows.map(({ record }): RecordTimes => [record.start, record.end]).sort((a, b) => a[0] - b[0])
  const ofKind = (isGap: boolean): RecordTimes[] =>
    rows
      .filter(({ record }) => (record.port === null) === isGap)
      .map(({ record }): RecordTimes => [record.start, record.end])
      .sort((a, b) => a[0] - b[0])
  return {
    times,
    marks: {
      wholes: ofKind(true),
      longs: ofKind(false)
        .filter(([first, last]) => last - first > 120)
        .map(([first]) => first),
    },
  }
}

describe('a silence', () => {
  for (const { name, silence, marks = nothing, stated = null, hides } of cases)
    it(`${hides ? 'can hide' : 'cannot hide'} a window: ${name}`, () =>
      assert.deepEqual(hidingSilences([silence], marks, stated), hides ? [silence] : []))

  it('covers every second of a lost record whose window has no other, in random worlds; and whole logs have few', () => {
    let hidden = 0
    const whole = new Map<string, { asked: number; silent: number }>()
    for (let seed = 1; seed <= 1500; seed++) {
      const world = plantWindows(seed)
      const { times, marks } = timesOf(world)
      const silences = silencesOf(times)
      for (const stated of [null, world.windowS]) {
        const hiding = hidingSilences(silences, marks, stated)
        for (const at of world.asked) {
          const isSilent = silenceIn(hiding, at, at) !== undefined
          if (world.isHidden(at)) assert.ok(isSilent, `seed ${seed} at ${at}, stated ${stated}: ${world.story}`)
          if (world.isHidden(at)) hidden++
          if (!world.isWhole || world.windowS === null) continue
          const name = `${world.traffic} ${world.windowS}${stated === null ? '' : ' stated'}`
          const count = whole.get(name) ?? { asked: 0, silent: 0 }
          whole.set(name, { asked: count.asked + 1, silent: count.silent + Number(isSilent) })
        }
      }
    }
    assert.ok(hidden > 4000, String(hidden))
    const shares = Object.fromEntries([...whole].map(([name, { asked, silent: those }]) => [name, those / asked]))
    for (const [name, share] of Object.entries(shares)) assert.ok(share <= (mostSilent[name] ?? 0), JSON.stringify(shares))
    assert.equal(whole.size, 12)
  })
})
