import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IpSighting } from '../../../schemas/records.ts'
import { foldSighting, mergeOwners, neverSeen, type Ownership } from '../../../processors/ip-context/ownership.ts'
import { deriveRuns } from '../../../processors/ip-context/ownership-runs.ts'
import { lateRuns, sealBefore, sealEarly } from '../../../processors/ip-context/ownership-seal.ts'
import { inShort, ownerNamed, seen } from '../../support/sightings.ts'

const fold = (sightings: readonly IpSighting[], from: Ownership = neverSeen): Ownership =>
  sightings.reduce((state, sighting) => foldSighting(state, sighting).state, from)
const runsOf = (state: Ownership, overlapS = 120): string[] => deriveRuns(state, overlapS).runs.map(inShort)

const tables: { name: string; sightings: IpSighting[]; expect: string[]; overlapS?: number }[] = [
  { name: 'one owner, one range', sightings: [seen('a', [100, 159])], expect: ['a 100- seen 100-159'] },
  { name: 'one owner joins over gaps', sightings: [seen('a', [0, 9], [5000, 5009])], expect: ['a 0- seen 0-5009'] },
  {
    name: 'an owner after another',
    sightings: [seen('b', [200, 259]), seen('a', [0, 59])],
    expect: ['a 0-200 seen 0-59', 'b 200- seen 200-259'],
  },
  {
    name: 'another owner in between splits a run',
    sightings: [seen('a', [0, 9], [100, 109]), seen('b', [50, 59])],
    expect: ['a 0-50 seen 0-9', 'b 50-100 seen 50-59', 'a 100- seen 100-109'],
  },
  {
    name: 'a hand-over overlap is no conflict, and last seen stays exact',
    sightings: [seen('a', [0, 100]), seen('b', [95, 300])],
    expect: ['a 0-95 seen 0-100', 'b 95- seen 95-300'],
  },
  {
    name: 'a short stay inside the range of another gives the address back',
    sightings: [seen('a', [0, 1000]), seen('b', [95, 99])],
    expect: ['a 0-95 seen 0-99', 'b 95-100 seen 95-99', 'a 100- seen 100-1000'],
  },
  {
    name: 'an overlap longer than overlapS is a conflict',
    sightings: [seen('a', [0, 1000]), seen('b', [100, 300])],
    expect: ['a 0-100 seen 0-300', 'b 100-301 seen 100-300 conflict 201', 'a 301- seen 301-1000'],
  },
  {
    name: 'an overlap of exactly overlapS is not',
    sightings: [seen('a', [0, 219]), seen('b', [100, 300])],
    expect: ['a 0-100 seen 0-219', 'b 100- seen 100-300'],
  },
  {
    name: 'of two that begin together the shorter one is first',
    sightings: [seen('a', [0, 99]), seen('b', [0, 9])],
    expect: ['b 0-10 seen 0-9', 'a 10- seen 10-99'],
  },
  {
    name: 'two equal ranges leave one run, and the conflict',
    sightings: [seen('a', [0, 299]), seen('b', [0, 299])],
    expect: ['b 0- seen 0-299 conflict 300'],
  },
  {
    name: 'three owners at once',
    sightings: [seen('a', [0, 59]), seen('b', [10, 49]), seen('c', [20, 39])],
    expect: ['a 0-10 seen 0-49', 'b 10-20 seen 10-39', 'c 20-40 seen 20-39', 'b 40-50 seen 40-49', 'a 50- seen 50-59'],
  },
]
for (const { name, sightings, expect, overlapS } of tables) {
  test(`runs: ${name}`, () => {
    assert.deepEqual(runsOf(fold(sightings), overlapS), expect)
    assert.deepEqual(runsOf(fold(sightings.toReversed()), overlapS), expect)
  })
}

test('formats with fewer columns agree on one owner, and a run has the attributes that were seen in it', () => {
  const plain: IpSighting = { kind: 'own', owner: ownerNamed('a', { vpcId: null }), ranges: [{ first: 0, last: 9 }] }
  const rich: IpSighting = {
    kind: 'own',
    owner: ownerNamed('a', { subnetId: 'subnet-2', azId: 'use1-az2' }),
    ranges: [{ first: 5, last: 20 }],
  }
  const later: IpSighting = { kind: 'own', owner: ownerNamed('a', { subnetId: 'subnet-9' }), ranges: [{ first: 100, last: 109 }] }
  const between = seen('b', [50, 59])
  const { runs } = deriveRuns(fold([later, rich, plain, between]), 120)
  assert.deepEqual(
    runs.map(run => [run.owner.interfaceId, run.owner.subnetId, run.owner.azId, run.owner.vpcId]),
    [
      ['eni-a', 'subnet-2', 'use1-az2', 'vpc-1'],
      ['eni-b', null, null, 'vpc-1'],
      ['eni-a', 'subnet-9', null, 'vpc-1'],
    ],
  )
})

test('merging owners does not depend on the order', () => {
  const a = ownerNamed('a', { region: 'us-east-1', azId: null })
  const b = ownerNamed('a', { region: 'eu-west-1', azId: 'euw1-az1' })
  assert.deepEqual(mergeOwners(a, b), mergeOwners(b, a))
  assert.equal(mergeOwners(a, b).region, 'us-east-1')
})

test('sealing keeps the run that goes on, and the runs that follow', () => {
  const state = fold([seen('a', [0, 9], [40, 99]), seen('b', [20, 29])])
  const sealed = sealBefore(state, 60, 120)
  assert.deepEqual(sealed.owners, [{ owner: ownerNamed('a'), ranges: [{ first: 60, last: 99 }] }])
  assert.equal(sealed.sealedBefore, 60)
  assert.deepEqual(runsOf(sealed), ['a 40- seen 40-99'])
  assert.deepEqual(runsOf(fold([seen('c', [60, 69])], sealed)), ['a 40-60 seen 40-69', 'c 60-70 seen 60-69', 'a 70- seen 70-99'])
})

test('sealing where nothing lies before the cut changes nothing', () => {
  const state = fold([seen('a', [100, 199])])
  assert.equal(sealBefore(state, 100, 120), state)
})

test('many small cuts give the state of one large cut', () => {
  const state = fold([seen('a', [0, 9], [40, 49]), seen('b', [20, 29], [70, 80])])
  assert.deepEqual(sealBefore(sealBefore(sealBefore(state, 12, 5), 35, 5), 65, 5), sealBefore(state, 65, 5))
})

test('a cut through an overlap is not clean', () => {
  const state = fold([seen('a', [0, 500]), seen('b', [100, 300])])
  assert.equal(deriveRuns(state, 120, 250).cleanCut, 100)
  assert.equal(deriveRuns(state, 120, 400).cleanCut, 400)
  // at 301 the address goes back to a: the holder changes, so the cut must be later or earlier
  assert.equal(deriveRuns(state, 120, 301).cleanCut, 100)
})

test('what falls into sealed time is counted and not folded', () => {
  const sealed = sealBefore(fold([seen('a', [0, 199])]), 100, 120)
  const { state, late } = foldSighting(sealed, seen('b', [50, 59], [90, 109]))
  assert.deepEqual(late, [
    { first: 50, last: 59 },
    { first: 90, last: 99 },
  ])
  assert.equal(state.lateRuns, 1)
  assert.deepEqual(state.owners[1], { owner: ownerNamed('b'), ranges: [{ first: 100, last: 109 }] })
})

const lateTables = [
  { name: 'another owner inside a sealed run is a run of its own', name2: 'b', range: [50, 59], expect: ['b 51-60 seen 50-59'] },
  { name: 'the owner of the sealed run is in it already', name2: 'a', range: [50, 59], expect: [] },
  { name: 'before the sealed run, its owner gets a run up to it', name2: 'a', range: [10, 59], expect: ['a 11-40 seen 10-39'] },
  { name: 'a run of one second has no second left', name2: 'b', range: [50, 50], expect: [] },
  { name: 'never takes the key of the sealed run', name2: 'b', range: [39, 60], expect: [] },
] as const
for (const { name, name2, range, expect } of lateTables) {
  test(`late: ${name}`, () => {
    const sealed = deriveRuns(fold([seen('a', [40, 99])]), 120).runs[0]!
    assert.deepEqual(lateRuns(sealed, ownerNamed(name2), [{ first: range[0], last: range[1] }]).map(inShort), expect)
  })
}

test('sealing early halves a state at a clean cut and keeps its runs', () => {
  const state = fold(Array.from({ length: 40 }, (_, i) => seen(i % 2 === 0 ? 'a' : 'b', [i * 60, i * 60 + 59])))
  const before = runsOf(state)
  const smaller = sealEarly(state, 120)
  assert.equal(smaller.state.owners.flatMap(owner => owner.ranges).length, 20)
  assert.deepEqual(smaller.runs.map(inShort), before.slice(-21))
})

test('sealing early always makes progress, even inside an endless overlap', () => {
  let state = fold([seen('a', [0, 1000]), seen('b', [0, 1000]), seen('c', [1, 999])])
  for (let i = 0; i < 5 && state.owners.length > 0; i++) {
    const { state: smaller } = sealEarly(state, 120)
    assert.notEqual(smaller, state)
    state = smaller
  }
  assert.equal(state.owners.length, 0)
})
