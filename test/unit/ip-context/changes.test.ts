import assert from 'node:assert/strict'
import { test } from 'node:test'
import { differences } from '../../../processors/ip-context/changes.ts'
import { foldSighting, neverSeen } from '../../../processors/ip-context/ownership.ts'
import { deriveRuns } from '../../../processors/ip-context/ownership-runs.ts'
import type { CloudMapChange, IpSighting } from '../../../schemas/records.ts'
import { inShort, seen } from '../../support/sightings.ts'

const runsOf = (sightings: readonly IpSighting[]) =>
  deriveRuns(
    sightings.reduce((state, sighting) => foldSighting(state, sighting).state, neverSeen),
    120,
  ).runs
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
    upserts: ['a 0-95 seen 0-100', 'b 95- seen 95-300'],
    announced: ['changed at 95: a 0-95 seen 0-100 => b 95- seen 95-300'],
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
    known: [seen('a', [0, 9], [80, 89])],
    news: [seen('b', [50, 59])],
    upserts: ['a 0-50 seen 0-9', 'b 50-80 seen 50-59', 'a 80- seen 80-89'],
    announced: ['corrected at 50: a 0- seen 0-89 => b 50-80 seen 50-59'],
  },
  {
    name: 'an earlier first second moves the run: a tombstone and a correction',
    known: [seen('a', [100, 109])],
    news: [seen('a', [50, 59])],
    upserts: ['a 50- seen 50-109'],
    tombstones: [100],
    announced: ['corrected at 50: - => a 50- seen 50-109'],
  },
  {
    name: 'late data that fills a gap moves last seen only',
    known: [seen('a', [0, 9], [40, 49]), seen('b', [40, 44])],
    news: [seen('a', [10, 39])],
    upserts: ['a 0-40 seen 0-44'],
    announced: [],
  },
  {
    name: 'a conflict is announced once',
    known: [seen('a', [0, 999])],
    news: [seen('b', [100, 400])],
    upserts: ['a 0-100 seen 0-400', 'b 100-401 seen 100-400 conflict 301', 'a 401- seen 401-999'],
    announced: [
      'corrected at 100: a 0- seen 0-999 => b 100-401 seen 100-400 conflict 301',
      'conflict at 100: a 0-100 seen 0-400 => b 100-401 seen 100-400 conflict 301',
    ],
  },
  {
    name: 'a conflict that grows is not announced again',
    known: [seen('a', [0, 999]), seen('b', [100, 400])],
    news: [seen('b', [401, 500])],
    upserts: ['a 0-100 seen 0-500', 'b 100-501 seen 100-500 conflict 401', 'a 501- seen 501-999'],
    tombstones: [401],
    announced: ['corrected at 401: a 401- seen 401-999 => b 100-501 seen 100-500 conflict 401'],
  },
]
for (const { name, known, news, upserts, tombstones = [], announced } of tables) {
  test(name, () => {
    const found = differences(runsOf(known), runsOf([...known, ...news]))
    assert.deepEqual(found.upserts.map(inShort), upserts)
    assert.deepEqual(found.tombstones, tombstones)
    assert.deepEqual(found.announced.map(told), announced)
  })
}
