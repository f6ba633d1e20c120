// What `lookup` says around midnight, and of times of which the tables know nothing.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { checkConfig } from '../../config/config.ts'
import { findHolders } from '../../operations/holders.ts'
import { blankOf, findRecorded } from '../../operations/look-up.ts'
import { nothingOnTheWay, type OnTheWay } from '../../operations/on-the-way.ts'
import { createIpContextRole } from '../../processors/ip-context/ip-context-processor.ts'
import type { FlowRecord } from '../../schemas/flow-record.ts'
import type { Owner } from '../../schemas/records.ts'
import { emptyLedger } from '../support/records/ledger.ts'
import { askingTogether } from '../support/clickhouse/asked-together.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { seen as record } from '../support/clickhouse/seen-records.ts'
import { setUpSink, testObjectId, type SinkSetup } from '../support/clickhouse/sink-setup.ts'

let server: LiveClickHouse
before(async () => (server = await liveClickHouse()))
afterEach(() => server.giveBack())
after(() => server.stop())

const scope = 'vpc-abcdefab012345678'
const midnight = 20_400 * 86_400
const nobody = { interfaceId: null, instanceId: null, interfaceType: null, subnetId: null, vpcId: scope, accountId: null, region: null, azId: null, service: null } // prettier-ignore
/** @param who Interface, and its instance after a space if it is named. */
const ownerOf = (who: string): Owner => {
  const [interfaceId, instanceId] = who.split(' ')
  return { ...nobody, interfaceId: interfaceId!, instanceId: instanceId ?? null }
}

/** Seconds from midnight: the old owner is seen to `until`, the new one from `from` on, each in windows of a minute with holes. */
interface HandOver {
  from: number
  until: number
  holes: [number, number]
}

/** Seeds of hand-overs; one that fails is added here. */
const seeds = [1, 2, 3]

const handOvers = (seed: number): HandOver[] =>
  fc.sample(
    fc.record({
      from: fc.integer({ min: -400, max: 300 }),
      until: fc.integer({ min: -300, max: 400 }),
      holes: fc.tuple(fc.integer({ min: 0, max: 59 }), fc.integer({ min: 0, max: 59 })),
    }),
    { numRuns: 5, seed },
  )

/** The old owner's windows and the new one's: in each minute the first seconds may be silent. */
const windows = (from: number, to: number, hole: number): { first: number; last: number }[] => {
  const found = []
  for (let minute = Math.floor(from / 60) * 60; minute <= to; minute += 60) {
    const first = Math.max(from, minute + (minute % 120 === 0 ? hole : 0))
    const last = Math.min(to, minute + 59)
    if (first <= last) found.push({ first: midnight + first, last: midnight + last })
  }
  return found
}

async function seen(
  { cluster, role }: SinkSetup,
  sightings: readonly { ip: string; id: string; ranges: { first: number; last: number }[] }[],
) {
  for (const { ip, id, ranges } of sightings) cluster.put('ipSightings', { scope, ip }, { kind: 'own', owner: ownerOf(id), ranges })
  const { ipContext, kafka } = checkConfig({})
  await cluster.runRole(createIpContextRole({ ...ipContext, ...kafka }))
  await cluster.runRole(role('clickhouse-runs'))
}

describe('an address that is handed over around midnight', () => {
  for (const seed of seeds)
    it(`has the same owner whatever the ids, or is ambiguous (${seed})`, async () => {
      const setup = await setUpSink(server)
      const all = [{ from: -120, until: 30, holes: [0, 0] as [number, number] }, ...handOvers(seed)]
      const ends = all.flatMap(({ from, until, holes }, i) =>
        [
          { ip: `10.0.${i}.1`, old: 'eni-b4', young: 'eni-a4' },
          { ip: `10.0.${i}.2`, old: 'eni-a4', young: 'eni-b4' },
        ].map(ids => ({ ...ids, from, until, holes })),
      )
      await seen(
        setup,
        ends.flatMap(({ ip, old, young, from, until, holes }) => [
          { ip, id: old, ranges: windows(-7200, until, holes[0]) },
          { ip, id: young, ranges: windows(from, 3600, holes[1]) },
        ]),
      )
      const together = askingTogether(setup.store)
      const times = [-300, -121, -30, -1, 0, 10, 59, 100, 200, 300, 599]
      const saidAt = times.map(t =>
        Promise.all(
          ends.map(async ({ ip, old }) => {
            const [row] = await findHolders(together, ip, midnight + t)
            if (row!.state === 'ambiguous') return 'ambiguous'
            return `${row!.state} ${row!.interface_id === old ? 'old' : 'young'}`
          }),
        ),
      )
      for (const [n, said] of (await Promise.all(saidAt)).entries()) {
        const t = times[n]!
        all.forEach((handOver, i) => {
          const [one, other] = said.slice(2 * i, 2 * i + 2)
          const text = `${t} s from midnight, ${JSON.stringify(handOver)}: ${one!} and ${other!}`
          assert.ok(one === other || one === 'ambiguous' || other === 'ambiguous', text)
          // who came last holds it while it is seen; in a silent start of a minute the other one may be the only one that was seen
          if (t > handOver.from + 120 && t > handOver.until) assert.ok(![one, other].includes('held old'), text)
          if (t < handOver.from) assert.ok(![one, other].includes('held young'), text)
        })
      }
    })

  it('is ambiguous with both owners named, though their overlap is counted on neither day', async () => {
    const setup = await setUpSink(server)
    await seen(setup, [
      { ip: '10.0.1.1', id: 'eni-b4', ranges: [{ first: midnight - 3600, last: midnight + 30 }] },
      { ip: '10.0.1.1', id: 'eni-a4', ranges: [{ first: midnight - 120, last: midnight + 3600 }] },
    ])
    const [row] = await findHolders(setup.store, '10.0.1.1', midnight + 10)
    assert.deepEqual([row!.state, row!.interface_id, row!.others, Number(row!.conflict_s)], ['ambiguous', 'eni-b4', ['eni-a4'], 0])
    const at = async (t: number): Promise<unknown[]> => {
      const [said] = await findHolders(setup.store, '10.0.1.1', midnight + t)
      return [said!.state, said!.interface_id, said!.doubt]
    }
    assert.deepEqual(await at(-180), ['held', 'eni-b4', ''])
    // both hold it, and no flow says which of them was seen last
    assert.deepEqual(await at(-60), ['ambiguous', 'eni-a4', 'turns'])
    // nobody knows if it was seen since, until it was in a whole minute
    assert.deepEqual(await at(40), ['ambiguous', 'eni-a4', 'turns'])
    for (const t of [120, 700]) assert.deepEqual(await at(t), ['held', 'eni-a4', ''])
  })

  it('is held as ever if nobody else was seen around midnight', async () => {
    const setup = await setUpSink(server)
    await seen(setup, [
      { ip: '10.0.1.2', id: 'eni-b4', ranges: [{ first: midnight - 3600, last: midnight + 3600 }] },
      { ip: '10.0.1.2', id: 'eni-a4', ranges: [{ first: midnight + 7200, last: midnight + 9000 }] },
    ])
    for (const t of [-1, 0, 30, 599]) assert.equal((await findHolders(setup.store, '10.0.1.2', midnight + t))[0]!.state, 'held')
  })
})

describe('an interface that moves between instances', () => {
  const hour = 3600
  const minute = 60
  const noon = midnight + 43_200
  /** Minutes of a time, as records of one-minute windows show them. */
  const minutes = (first: number, last: number): { first: number; last: number }[] =>
    Array.from({ length: (last - first) / minute }, (_, i) => ({ first: first + minute * i, last: first + minute * i + 58 }))

  it('is another owner under each, and the same one where no format names the instance', async () => {
    const setup = await setUpSink(server)
    const { cluster, role, putFlows, store } = setup
    const worlds: Record<string, [id: string, first: number, last: number][]> = {
      // hours between them
      '10.0.1.1': [
        ['eni-mo i-old', noon, noon + 30 * minute],
        ['eni-mo i-new', noon + 210 * minute, noon + 240 * minute],
      ],
      // within ten minutes
      '10.0.1.2': [
        ['eni-mo i-aaa', noon, noon + 30 * minute],
        ['eni-mo i-bbb', noon + 35 * minute, noon + 60 * minute],
      ],
      // around midnight
      '10.0.1.3': [['eni-mo i-z', midnight - 30 * minute, midnight], ['eni-mo i-a', midnight, midnight + 5 * minute], ['eni-mo i-z', midnight + 5 * minute, midnight + 30 * minute]], // prettier-ignore
      // days whose format does not name it: before all others, between two of one, and between two others
      '10.0.1.4': [['eni-mo', midnight, midnight + hour], ['eni-mo i-one', midnight + 24 * hour, midnight + 25 * hour], ['eni-mo', midnight + 48 * hour, midnight + 49 * hour], ['eni-mo i-one', midnight + 72 * hour, midnight + 73 * hour], ['eni-mo', midnight + 96 * hour, midnight + 97 * hour], ['eni-mo i-two', midnight + 120 * hour, midnight + 121 * hour]], // prettier-ignore
      // never named
      '10.0.1.5': [
        ['eni-mo', midnight, midnight + hour],
        ['eni-mo', midnight + 24 * hour, midnight + 25 * hour],
      ],
    }
    await seen(setup, Object.entries(worlds).flatMap(([ip, parts]) => parts.map(([id, first, last]) => ({ ip, id, ranges: minutes(first, last) })))) // prettier-ignore
    const shown = Object.entries(worlds).flatMap(([own, parts]) =>
      parts.flatMap(([id, first, last]) => {
        const { interfaceId, instanceId } = ownerOf(id)
        return minutes(first, last).map(({ first: start, last: end }) => record(true, { own, interfaceId, instanceId, vpcId: scope, start, end })) // prettier-ignore
      }),
    )
    putFlows(shown.map((each, i) => ({ ...each, line: i + 1 })))
    await cluster.runRole(role('clickhouse-flows'))
    const at = async (ip: string, t: number, from: number): Promise<unknown[]> => {
      const [holder] = await findHolders(store, ip, from + t)
      const after = (text: string | null): number | null => (text === null ? null : Date.parse(`${text.replace(' ', 'T')}Z`) / 1000 - from)
      const { owner, state, held_since, gaps, next_owner, next_seen, valid_to, others } = holder!
      return [owner, state, after(held_since), gaps, next_owner, after(next_seen), after(valid_to), others.join()]
    }
    const ofHours = (t: number): Promise<unknown[]> => at('10.0.1.1', t * minute, noon)
    const [second, third] = [210 * minute, 35 * minute]
    assert.deepEqual(await ofHours(220), ['eni-mo i-new', 'held', second, 0, '', null, null, ''])
    assert.deepEqual(await ofHours(120), ['eni-mo i-old', 'last-known', 0, 0, 'eni-mo i-new', second, second, ''])
    assert.deepEqual(await ofHours(10), ['eni-mo i-old', 'held', 0, 0, 'eni-mo i-new', second, second, ''])
    assert.deepEqual(await at('10.0.1.2', 40 * minute, noon), ['eni-mo i-bbb', 'held', third, 0, '', null, null, ''])
    assert.deepEqual(await at('10.0.1.2', 20 * minute, noon), ['eni-mo i-aaa', 'held', 0, 0, 'eni-mo i-bbb', third, third, ''])
    const start = -30 * minute
    assert.deepEqual(await at('10.0.1.3', -60, midnight), ['eni-mo i-z', 'held', start, 0, 'eni-mo i-a', 0, 0, ''])
    // i-z was there before midnight and after it: the map of the day cannot say that it was not there in between
    assert.deepEqual(await at('10.0.1.3', 60, midnight), ['eni-mo i-a', 'ambiguous', 0, 0, 'eni-mo i-z', 300, 300, 'eni-mo i-z'])
    assert.deepEqual(await at('10.0.1.3', 900, midnight), ['eni-mo i-z', 'held', 300, 0, '', null, null, ''])
    const day = 24 * hour
    const ofDays = (t: number): Promise<unknown[]> => at('10.0.1.4', t * day + 60, midnight)
    assert.deepEqual(await ofDays(0), ['eni-mo i-one', 'held', 0, 0, 'eni-mo i-one', day, 5 * day, ''])
    assert.deepEqual(await ofDays(2), ['eni-mo i-one', 'held', 0, 2, 'eni-mo i-one', 3 * day, 5 * day, ''])
    assert.deepEqual(await ofDays(4), ['eni-mo i-one', 'held', 0, 4, 'eni-mo i-two', 5 * day, 5 * day, ''])
    assert.deepEqual(await ofDays(5), ['eni-mo i-two', 'held', 5 * day, 0, '', null, null, ''])
    assert.deepEqual(await at('10.0.1.5', day + 60, midnight), ['eni-mo', 'held', 0, 1, '', null, null, ''])
    const [unnamed] = await findHolders(store, '10.0.1.4', midnight + 4 * day + 60)
    assert.equal(unnamed!.instance_id, '', 'the answer says only what that day says')
  })
})

describe('a question about a time', () => {
  const nowS = midnight + 40 * 86_400

  it('of which nothing was read, or before the sink has filled the map, is told from "nobody held it"', async () => {
    const setup = await setUpSink(server)
    const { cluster, role, store, putFlows } = setup
    const blankAt = async (ip: string, atS: number, onTheWay = nothingOnTheWay): Promise<unknown> => {
      const holders = await findHolders(store, ip, atS)
      return blankOf(store, { holders, recorded: await findRecorded(store, holders, ip, atS), onTheWay }, atS)
    }
    const waits: OnTheWay = { unknown: null, steps: [{ topic: 'rawLines', records: 1, unclear: null }] }
    const unasked: OnTheWay = { unknown: 'no broker answers', steps: [] }
    assert.equal(await blankAt('10.0.1.1', midnight), 'nothing-read', 'tables without rows')
    assert.equal(await blankAt('10.0.1.1', midnight, waits), 'map-empty', 'and something may fill them')
    // flows of private hosts alone, whose direction is a guess: the map is rightly empty
    const guess = { directionSource: 'inferred_count', instanceId: null, pktSrcAddr: null, pktDstAddr: null } as const
    const of = (line: number, more: Partial<FlowRecord>): FlowRecord => ({ ...record(true, { own: '10.0.7.7', far: '10.0.7.8', start: midnight + 100, end: midnight + 150, ...more }), line }) // prettier-ignore
    putFlows([of(1, guess), of(2, { timeSource: 'slot' }), of(3, { direction: 'unknown', directionSource: 'none' })])
    await cluster.runRole(role('clickhouse-flows'))
    assert.equal(await blankAt('10.0.7.9', midnight + 120), 'nothing-proven')
    assert.equal(await blankAt('10.0.7.9', midnight + 120, waits), 'map-empty')
    assert.equal(await blankAt('10.0.7.9', midnight + 120, unasked), 'kafka-unknown')
    putFlows([of(4, {})])
    await cluster.runRole(role('clickhouse-flows'))
    assert.equal(await blankAt('10.0.7.9', midnight + 120), 'map-empty', 'a flow proves that it should have a row')
    await seen(setup, [{ ip: '10.0.1.1', id: 'eni-1', ranges: [{ first: midnight, last: midnight + 100 }] }])
    const ledger = { ...emptyLedger, objectId: testObjectId, state: 'done' as const, lines: 3, slotStart: midnight + 300 }
    cluster.put('objects', { bucket: 'b', key: 'k' }, ledger)
    await cluster.runRole(role('clickhouse-objects'))
    assert.equal(await blankAt('10.0.1.1', midnight + 50), undefined, 'held')
    assert.equal(await blankAt('10.0.1.9', midnight + 50), undefined, 'nobody, and the day was read')
    assert.equal(await blankAt('10.0.1.1', midnight + 80_000), undefined, 'last-known, and the day was read')
    assert.equal(await blankAt('10.0.1.9', midnight + 86_400), 'nothing-read')
    assert.equal(await blankAt('10.0.1.1', midnight + 86_400), 'nothing-read')
    assert.equal(await blankAt('10.0.1.1', nowS), 'nothing-read')
    assert.equal(await blankAt('10.0.1.9', midnight + 50, waits), 'on-their-way', 'nobody yet')
    assert.equal(await blankAt('10.0.1.9', midnight + 50, unasked), 'kafka-unknown')
    assert.equal(await blankAt('10.0.1.1', midnight + 50, waits), undefined, 'held, whatever comes')
    assert.equal(await blankAt('10.0.1.1', midnight + 80_000, unasked), undefined, 'last-known, which says so itself')
  })
})
