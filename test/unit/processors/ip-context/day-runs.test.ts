import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deriveDay } from '../../../../processors/ip-context/day-runs.ts'
import { joinDays, mostOwners, decodeClaims, encodeDay, type DayState } from '../../../../processors/ip-context/day-state.ts'
import { countedSchemaIds, createCodecs } from '../../../../runtime/avro.ts'
import type { IpSighting, Owner } from '../../../../schemas/records.ts'
import { daysOf, inShort, ownerNamed, seen, shown } from '../../../support/records/sightings.ts'

const runsOf = (sightings: readonly IpSighting[], overlapS = 120) =>
  [...daysOf(sightings)].flatMap(([day, state]) => deriveDay(day, state, overlapS).runs)
const by = (owner: Owner, first: number, last: number, kind: IpSighting['kind'] = 'own'): IpSighting => ({
  kind,
  owner,
  ranges: [{ first, last }],
})

/** Windows of every minute of an hour. */
const minutes = (name: string, first: number, last: number): IpSighting =>
  seen(name, ...Array.from({ length: 60 }, (_, i): [number, number] => [i * 60 + first, i * 60 + last]))

const tables: { name: string; sightings: IpSighting[]; expect: string[] }[] = [
  { name: 'one owner, one range', sightings: [seen('a', [100, 159])], expect: ['a 100- seen 100-159'] },
  { name: 'a gap of ten minutes does not end a run', sightings: [seen('a', [0, 9], [610, 619])], expect: ['a 0- seen 0-619'] },
  {
    name: 'a longer gap does, and nobody is held in it',
    sightings: [seen('a', [0, 9], [611, 619])],
    expect: ['a 0-611 seen 0-9', 'a 611- seen 611-619'],
  },
  {
    name: 'midnight ends a run',
    sightings: [seen('a', [86_000, 87_000])],
    expect: ['a 86000- seen 86000-86399', 'a 86400- seen 86400-87000'],
  },
  {
    name: 'an owner after another',
    sightings: [seen('b', [200, 259]), seen('a', [0, 59])],
    expect: ['a 0-200 seen 0-59', 'b 200- seen 200-259'],
  },
  {
    name: 'a hand-over overlap is no conflict, and the newcomer has its seconds',
    sightings: [seen('a', [0, 100]), seen('b', [95, 300])],
    expect: ['a 0-95 seen 0-94', 'b 95- seen 95-300'],
  },
  {
    name: 'a short stay inside the stay of another gives the address back',
    sightings: [seen('a', [0, 1000]), seen('b', [95, 99])],
    expect: ['a 0-95 seen 0-94', 'b 95-100 seen 95-99', 'a 100- seen 100-1000'],
  },
  {
    name: 'an overlap longer than overlapS is a conflict',
    sightings: [seen('a', [0, 1000]), seen('b', [100, 300])],
    expect: ['a 0-100 seen 0-99', 'b 100-301 seen 100-300 conflict 201', 'a 301- seen 301-1000'],
  },
  {
    name: 'an overlap of exactly overlapS is not',
    sightings: [seen('a', [0, 219]), seen('b', [100, 300])],
    expect: ['a 0-100 seen 0-99', 'b 100- seen 100-300'],
  },
  {
    name: 'of two that begin together the greater one holds it, however long it stays',
    sightings: [seen('a', [0, 299]), seen('b', [0, 99])],
    expect: ['b 0-100 seen 0-99', 'a 100- seen 100-299'],
  },
  {
    name: 'windows 5-50 and 10-55 of each minute for an hour are one conflict of an hour',
    sightings: [minutes('a', 5, 50), minutes('b', 10, 55)],
    expect: ['a 5-10 seen 5-9', 'b 10- seen 10-3595 conflict 3581'],
  },
  {
    name: 'a pod address that a forwarder claims belongs to its own interface',
    sightings: [shown('packet', 'forwarder', [0, 900]), seen('pod', [300, 400])],
    expect: ['pod 300- seen 300-400'],
  },
  {
    name: 'a packet claim stands where nobody shows the address as its own',
    sightings: [shown('packet', 'node', [0, 900])],
    expect: ['node 0- seen 0-900'],
  },
  {
    name: 'an interface that passes an address on does not hold it, another one may',
    sightings: [shown('packet', 'firewall', [0, 900]), shown('passed', 'firewall', [450, 451]), shown('packet', 'node', [10, 20])],
    expect: ['node 10- seen 10-20'],
  },
  {
    name: 'one hairpin record voids a pod for ten minutes around it, not for the whole day',
    sightings: [shown('packet', 'node', [0, 80_000]), shown('passed', 'node', [3600, 3660])],
    expect: ['node 0-4261 seen 0-2999', 'node 4261- seen 4261-80000'],
  },
  {
    name: 'a later own sighting of another interface voids nothing of a pod that was gone by then',
    sightings: [shown('packet', 'node', [0, 3600]), seen('later', [40_000, 40_100])],
    expect: ['node 0-40000 seen 0-3600', 'later 40000- seen 40000-40100'],
  },
  {
    name: 'a packet claim within ten minutes of an own sighting is void, the rest of it is not',
    sightings: [shown('packet', 'node', [0, 3600]), seen('later', [3700, 3800])],
    expect: ['node 0-3700 seen 0-3099', 'later 3700- seen 3700-3800'],
  },
  {
    name: 'between two own sightings of an interface the address is its own: packet claims of others are void',
    sightings: [seen('a', [0, 59], [50_000, 50_059]), shown('packet', 'forwarder', [20_000, 30_000])],
    expect: ['a 0-50000 seen 0-59', 'a 50000- seen 50000-50059'],
  },
  {
    name: 'A to B to A within ten minutes, with windows that never overlap, is no conflict',
    sightings: [seen('a', [0, 59], [600, 659]), seen('b', [120, 479])],
    expect: ['a 0-120 seen 0-119', 'b 120-480 seen 120-479', 'a 480- seen 480-659'],
  },
  {
    name: 'owners that take turns each two minutes for an hour are never there at once',
    sightings: [
      seen('a', ...Array.from({ length: 30 }, (_, i): [number, number] => [i * 240, i * 240 + 119])),
      seen('b', ...Array.from({ length: 30 }, (_, i): [number, number] => [i * 240 + 120, i * 240 + 239])),
    ],
    expect: ['a 0-120 seen 0-119', 'b 120- seen 120-7199'],
  },
  {
    name: 'owners that are there at once in as many minutes as overlapS has are in conflict, in the seconds in which their stays overlap',
    sightings: [seen('a', [0, 59], [500, 559], [1000, 1299]), seen('b', [30, 59], [530, 590], [1100, 1199])],
    expect: ['a 0-30 seen 0-29', 'b 30-1200 seen 30-1199 conflict 1170', 'a 1200- seen 1200-1299'],
  },
  {
    name: 'own and packet of one interface are one owner',
    sightings: [shown('packet', 'a', [0, 10]), seen('a', [500, 510])],
    expect: ['a 0- seen 0-510'],
  },
]
for (const { name, sightings, expect } of tables)
  test(`runs: ${name}`, () => {
    assert.deepEqual(runsOf(sightings).map(inShort), expect)
    assert.deepEqual(runsOf(sightings.toReversed()).map(inShort), expect)
  })

const doubts: { name: string; sightings: IpSighting[]; expect: [from: number, doubtTo: number | null][] }[] = [
  { name: 'one after the other leaves no doubt', sightings: [seen('a', [0, 59]), seen('b', [60, 119])], expect: [[0, null], [60, null]] },
  {
    name: 'a hand-over overlap leaves one until the newcomer was seen in a whole minute behind it',
    sightings: [seen('a', [0, 100]), seen('b', [95, 300])],
    expect: [[0, null], [95, 178]],
  },
  {
    name: 'a short stay inside the stay of another is in doubt, and who goes on until it was seen again',
    sightings: [seen('a', [0, 1000]), seen('b', [95, 99])],
    expect: [[0, null], [95, 99], [100, 178]],
  },
  {
    name: 'who goes on and is seen again only at the end of its stay is in doubt up to there',
    sightings: [seen('a', [0, 59], [600, 659]), seen('b', [120, 479])],
    expect: [[0, null], [120, 479], [480, 658]],
  },
  {
    name: 'nobody is unseen for more than ten minutes within a stay',
    sightings: [seen('a', [0, 59], [660, 1300]), seen('b', [61, 70])],
    expect: [[0, null], [61, 70], [71, 670]],
  },
  {
    name: 'owners that take turns are in doubt up to the last turn of the earlier one, and until the other was seen after it',
    sightings: [
      seen('a', ...Array.from({ length: 30 }, (_, i): [number, number] => [i * 240, i * 240 + 119])),
      seen('b', ...Array.from({ length: 30 }, (_, i): [number, number] => [i * 240 + 120, i * 240 + 239])),
    ],
    expect: [[0, null], [120, 7138]],
  },
  {
    name: 'a third one that takes over leaves the run before it in doubt up to its end',
    sightings: [seen('a', [0, 1000]), seen('b', [100, 900]), seen('c', [200, 2000])],
    expect: [[0, null], [100, 199], [200, 1078]],
  },
  {
    name: 'two with equal stays are in doubt for as long as they count as held',
    sightings: [seen('a', [0, 59]), seen('b', [0, 59])],
    expect: [[0, 659]],
  },
  {
    name: 'two that end together, too',
    sightings: [seen('a', [0, 300]), seen('b', [200, 300])],
    expect: [[0, null], [200, 900]],
  },
  {
    name: 'a third one that goes on ends that: its run is the one in doubt',
    sightings: [seen('a', [10, 59]), seen('b', [10, 59]), seen('c', [0, 400])],
    expect: [[0, null], [10, 59], [60, 118]],
  },
] // prettier-ignore
for (const { name, sightings, expect } of doubts)
  test(`doubt: ${name}`, () => {
    const of = (given: readonly IpSighting[]): unknown => runsOf(given).map(run => [run.validFrom, run.doubtTo])
    assert.deepEqual(of(sightings), expect)
    assert.deepEqual(of(sightings.toReversed()), expect)
  })

const others: { name: string; sightings: IpSighting[]; expect: [from: number, others: string[]][] }[] = [
  { name: 'are none if one comes after the other', sightings: [seen('a', [0, 59]), seen('b', [60, 119])], expect: [[0, []], [60, []]] },
  { name: 'have one whose stay is equal, which has no run', sightings: [seen('a', [0, 59]), seen('b', [0, 59])], expect: [[0, ['eni-a i-a']]] },
  {
    name: 'are those that are there in any second of a run, however short',
    sightings: [seen('a', [0, 100]), seen('b', [100, 300]), seen('c', [200, 210])],
    expect: [[0, []], [100, ['eni-a i-a']], [200, ['eni-b i-b']], [211, []]],
  },
  {
    name: 'are those that began before a run that goes on, and do not end before it',
    sightings: [seen('a', [0, 400]), seen('b', [0, 150]), seen('c', [10, 500]), seen('d', [200, 300])],
    expect: [[0, ['eni-a i-a']], [10, ['eni-a i-a', 'eni-b i-b']], [200, ['eni-a i-a', 'eni-c i-c']], [301, ['eni-a i-a']]],
  },
  {
    name: 'are the first twenty of many',
    sightings: Array.from({ length: 31 }, (_, i) => seen(String.fromCharCode(65 + i), [0, 59])),
    expect: [[0, Array.from({ length: 20 }, (_, i) => String.fromCharCode(65 + i)).map(name => `eni-${name} i-${name}`)]],
  },
] // prettier-ignore
for (const { name, sightings, expect } of others)
  test(`others: ${name}`, () => {
    const of = (given: readonly IpSighting[]): unknown => runsOf(given).map(run => [run.validFrom, run.others])
    assert.deepEqual(of(sightings), expect)
    assert.deepEqual(of(sightings.toReversed()), expect)
  })

test('two flow logs, one without instance-id, name one owner', () => {
  const with_ = by(ownerNamed('a'), 0, 600)
  const without = by(ownerNamed('a', { instanceId: null, subnetId: 'subnet-1' }), 300, 900)
  const runs = runsOf([with_, without])
  assert.deepEqual(runs.map(inShort), ['a 0- seen 0-900'])
  assert.deepEqual([runs[0]!.owner.instanceId, runs[0]!.owner.subnetId], ['i-a', 'subnet-1'])
})

test('an interface that moved to another instance: seconds without instance-id are of the one seen last before them', () => {
  const one = by(ownerNamed('a', { instanceId: 'i-1' }), 100, 200)
  const two = by(ownerNamed('a', { instanceId: 'i-2' }), 5000, 5100)
  const without = by(ownerNamed('a', { instanceId: null }), 0, 6000)
  assert.deepEqual(
    runsOf([two, without, one]).map(run => [run.owner.instanceId, run.validFrom, run.lastSeen]),
    [
      ['i-1', 0, 4999],
      ['i-2', 5000, 6000],
    ],
  )
})

test('formats with fewer columns agree on one owner, whose attributes are those of its interface that day', () => {
  const plain = by(ownerNamed('a', { vpcId: null }), 0, 9)
  const rich = by(ownerNamed('a', { subnetId: 'subnet-2', azId: 'use1-az2' }), 5000, 5009)
  assert.deepEqual(
    runsOf([rich, plain]).map(run => [run.validFrom, run.owner.subnetId, run.owner.azId, run.owner.vpcId]),
    [
      [0, 'subnet-2', 'use1-az2', 'vpc-1'],
      [5000, 'subnet-2', 'use1-az2', 'vpc-1'],
    ],
  )
})

/** The largest state that a day can have: every owner with the longest texts and a gap after each second. */
function crowdedDay(): DayState {
  const long = (n: number, text: string): string => `${String(n).padStart(4, '0')}${text.padEnd(60, 'x')}`
  const stays = Array.from({ length: 143 }, (_, i): [number, number] => [i * 602, i * 602])
  let state: DayState | undefined
  for (const kind of ['own', 'packet', 'passed'] as const)
    for (let n = 0; n < mostOwners[kind] + 20; n++) {
      const owner = Object.fromEntries(Object.keys(ownerNamed('a')).map(name => [name, long(n, name)])) as unknown as Owner
      const day = daysOf([{ kind, owner, ranges: stays.map(([first, last]) => ({ first, last })) }]).get(0)!
      state = state === undefined ? day : joinDays(state, day)
    }
  return state!
}

test('an address that everybody claims stays below the record limit of the broker, and its day is derived at once', () => {
  const state = crowdedDay()
  assert.deepEqual([state.own.length, state.packet.length, state.passed.length], [512, 128, 128])
  const { owners, claims } = encodeDay(state)
  const codecs = createCodecs(countedSchemaIds())
  const bytes = codecs.cloudMapDays.encodeValue({ owners, claims }).length
  assert.ok(bytes < 800_000, String(bytes))
  assert.deepEqual(decodeClaims(owners, claims), state)
  const before = process.cpuUsage()
  assert.ok(deriveDay(0, state, 120).runs.length > 100)
  assert.ok(process.cpuUsage(before).user < 1_000_000)
})

test('owners beyond the bound are left out in the same way in any order', () => {
  const sightings = Array.from({ length: 600 }, (_, n) => seen(String(n).padStart(4, '0'), [n * 60, n * 60 + 30]))
  const one = daysOf(sightings)
  const other = daysOf(sightings.toReversed())
  assert.equal(one.get(0)!.own.length, 512)
  assert.deepEqual(one, other)
})
