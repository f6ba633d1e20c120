import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newestOf } from '../../../../processors/ip-context/address.ts'
import { announcements } from '../../../../processors/ip-context/changes.ts'
import { deriveDay } from '../../../../processors/ip-context/day-runs.ts'
import { differences } from '../../../../processors/ip-context/run-differences.ts'
import type { Timeline } from '../../../../processors/ip-context/timeline.ts'
import type { CloudMapChange, IpSighting } from '../../../../schemas/records.ts'
import { daysOf, inShort, seen } from '../../../support/records/sightings.ts'

const timeline = (sightings: readonly IpSighting[]): Timeline => {
  const days = daysOf(sightings)
  return { days: [...days].map(([day, state]) => deriveDay(day, state, 120)), newest: newestOf(days) }
}
const told = ({ kind, at, before, after }: CloudMapChange): string => `${kind} at ${at}: ${inShort(before)} => ${inShort(after)}`

const tables: { name: string; known: IpSighting[]; news: IpSighting[]; upserts: string[]; tombstones?: number[]; announced: string[] }[] = [
  {
    name: 'the first owner appears',
    known: [],
    news: [seen('a', [0, 9])],
    upserts: ['a 0- seen 0-9'],
    announced: ['appeared at 0: - => a 0- seen 0-9'],
  },
  {
    name: 'the same owner later is no change, but its run is written',
    known: [seen('a', [0, 9])],
    news: [seen('a', [60, 69])],
    upserts: ['a 0- seen 0-69'],
    announced: [],
  },
  {
    name: 'the same owner after hours, or the next day, is no change either',
    known: [seen('a', [0, 9])],
    news: [seen('a', [9000, 9009], [90_000, 90_009])],
    upserts: ['a 0-9000 seen 0-9', 'a 9000- seen 9000-9009', 'a 90000- seen 90000-90009'],
    announced: [],
  },
  { name: 'a repetition writes nothing', known: [seen('a', [0, 9])], news: [seen('a', [3, 4])], upserts: [], announced: [] },
  {
    name: 'a new owner is a change, and ends the run before',
    known: [seen('a', [0, 9])],
    news: [seen('b', [60, 69])],
    upserts: ['a 0-60 seen 0-9', 'b 60- seen 60-69'],
    announced: ['changed at 60: a 0-60 seen 0-9 => b 60- seen 60-69'],
  },
  {
    name: 'a new owner that overlaps the old one for a moment is a change too',
    known: [seen('a', [0, 100])],
    news: [seen('b', [95, 300])],
    upserts: ['a 0-95 seen 0-94', 'b 95- seen 95-300'],
    announced: ['changed at 95: a 0-95 seen 0-94 => b 95- seen 95-300'],
  },
  {
    name: 'several owners in one transaction are a chain',
    known: [seen('a', [0, 9])],
    news: [seen('c', [90, 99]), seen('b', [60, 69])],
    upserts: ['a 0-60 seen 0-9', 'b 60-90 seen 60-69', 'c 90- seen 90-99'],
    announced: ['changed at 60: a 0-60 seen 0-9 => b 60-90 seen 60-69', 'changed at 90: b 60-90 seen 60-69 => c 90- seen 90-99'],
  },
  {
    name: 'late data in between corrects once',
    known: [seen('a', [0, 9], [2000, 2009])],
    news: [seen('b', [50, 59])],
    upserts: ['a 0-50 seen 0-9', 'b 50-2000 seen 50-59'],
    announced: ['corrected at 50: a 0-2000 seen 0-9 => b 50-2000 seen 50-59'],
  },
  {
    name: 'an earlier first second of the same owner moves its run and changes nobody',
    known: [seen('a', [100, 109])],
    news: [seen('a', [50, 59])],
    upserts: ['a 50- seen 50-109'],
    tombstones: [100],
    announced: [],
  },
  {
    name: 'an earlier owner corrects: nobody was known before',
    known: [seen('a', [100, 109])],
    news: [seen('b', [50, 59])],
    upserts: ['b 50-100 seen 50-59'],
    announced: ['corrected at 50: - => b 50-100 seen 50-59'],
  },
  {
    name: 'of two owners the one that is seen a moment later does not have the address again',
    known: [seen('a', [0, 50]), seen('b', [10, 55])],
    news: [seen('a', [60, 110])],
    upserts: ['b 10-56 seen 10-55', 'a 56- seen 56-110'],
    announced: [],
  },
  {
    name: 'it has it again when the other one is gone for ten minutes, and then the conflict has ended',
    known: [seen('a', [0, 500]), seen('b', [100, 300])],
    news: [seen('a', [600, 901])],
    upserts: ['a 301- seen 301-901'],
    announced: [
      'changed at 301: b 100-301 seen 100-300 conflict 201 => a 301- seen 301-901',
      'conflict_ended at 301: b 100-301 seen 100-300 conflict 201 => a 301- seen 301-901',
    ],
  },
  {
    name: 'a conflict that goes on, over midnight too, is not announced again',
    known: [seen('a', [80_000, 86_399]), seen('b', [81_000, 86_399])],
    news: [seen('a', [86_400, 87_900]), seen('b', [86_405, 87_900])],
    upserts: ['a 86400-86405 seen 86400-86404', 'b 86405- seen 86405-87900 conflict 1496'],
    announced: [],
  },
  {
    name: 'midnight changes nobody, even if both are seen from its first second on',
    known: [seen('b', [80_000, 86_399]), seen('a', [81_000, 86_399])],
    news: [seen('a', [86_400, 88_000]), seen('b', [86_400, 88_000])],
    upserts: ['b 86400- seen 86400-88000 conflict 1601'],
    announced: [],
  },
]
for (const { name, known, news, upserts, tombstones = [], announced } of tables) {
  test(name, () => {
    const before = timeline(known)
    const after = timeline([...known, ...news])
    const runs = ({ days }: Timeline) => days.flatMap(day => day.runs)
    const found = differences(runs(before), runs(after))
    assert.deepEqual(found.upserts.map(inShort), upserts)
    assert.deepEqual(found.tombstones, tombstones)
    const seenBefore: Timeline = known.length === 0 ? { days: [], newest: -Infinity } : before
    assert.deepEqual(announcements(seenBefore, after, known.length > 0).map(told), announced)
  })
}

test('a conflict is announced with who had the address before', () => {
  const known = [seen('a', [0, 999]), seen('b', [800, 850])]
  const after = timeline([...known, seen('b', [851, 1000])])
  assert.deepEqual(announcements(timeline(known), after, true).map(told), [
    'conflict at 800: a 0-800 seen 0-799 => b 800- seen 800-1000 conflict 200',
  ])
})

test('late data that voids a claim ends its conflict', () => {
  const packet: IpSighting = { ...seen('b', [100, 900]), kind: 'packet' }
  const other: IpSighting = { ...seen('c', [100, 900]), kind: 'packet' }
  const changes = announcements(timeline([packet, other]), timeline([packet, other, seen('a', [0, 10], [890, 900])]), true)
  assert.ok(changes.some(change => change.kind === 'conflict_ended'))
})
