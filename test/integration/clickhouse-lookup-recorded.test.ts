// An address that flows show at interfaces, and that no flow proves to be held by one: lookup says where it is recorded. The model counts by itself.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { findHolders } from '../../operations/holders.ts'
import { blankOf, findRecorded, type Recorded } from '../../operations/look-up.ts'
import { nothingOnTheWay } from '../../operations/on-the-way.ts'
import type { FlowRecord } from '../../schemas/flow-record.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { run, scope, seen, t, tablesOf } from '../support/clickhouse/seen-records.ts'

let server: LiveClickHouse
before(async () => (server = await liveClickHouse()))
afterEach(() => server.giveBack())
after(() => server.stop())

const dayS = 86_400
const midnight = Math.floor(t / dayS) * dayS
/** Seeds of worlds; one that fails is added here. */
const seeds = [1, 2]
const ips = ['10.0.0.5', '10.0.0.9', '2001:db8::5'] as const

/** A flow of two addresses at an interface, with whose side it is and how that is known. */
interface Shown {
  eni: string
  source: string
  destination: string
  direction: 'egress' | 'ingress' | 'unknown'
  directionSource: 'inferred_count' | 'none' | 'logged'
  packet: string | null
  timeSource: 'logged' | 'slot'
  first: number
  length: number
}

const shownFlow: fc.Arbitrary<Shown> = fc
  .record({
    eni: fc.constantFrom('eni-1', 'eni-2', 'eni-3'),
    source: fc.constantFrom(...ips, '10.0.0.77', '198.51.100.7'),
    destination: fc.constantFrom(...ips, '10.0.0.77', '198.51.100.7'),
    direction: fc.constantFrom('egress' as const, 'ingress' as const, 'unknown' as const),
    isLogged: fc.boolean(),
    packet: fc.option(fc.constantFrom(...ips), { freq: 2 }),
    timeSource: fc.constantFrom('logged' as const, 'slot' as const),
    // two days, and much of it near the midnight between them
    first: fc.oneof(fc.integer({ min: 0, max: 2 * dayS - 200 }), fc.integer({ min: dayS - 900, max: dayS + 900 })),
    length: fc.integer({ min: 0, max: 120 }),
  })
  .map(({ isLogged, ...rest }) => ({
    ...rest,
    // a logged one with logged times would be in the map, except if that is behind: then it says so
    directionSource: rest.direction === 'unknown' ? 'none' : isLogged ? 'logged' : 'inferred_count',
  }))

const recordOf = ({ eni, source, destination, direction, directionSource, packet, timeSource, first, length }: Shown): FlowRecord => ({
  ...seen(true, { interfaceId: eni, instanceId: null }),
  srcAddr: source,
  dstAddr: destination,
  pktSrcAddr: direction === 'egress' ? packet : null,
  pktDstAddr: direction === 'ingress' ? packet : null,
  direction,
  directionSource,
  timeSource,
  start: midnight + first,
  end: midnight + first + length,
})

// the model

/** On which side an interface shows an address; undefined: only on the other one. */
function sideOf({ source, destination, direction, packet }: Shown, ip: string): Recorded['side'] | undefined {
  if (direction === 'unknown') return source === ip || destination === ip ? 'either' : undefined
  const own = direction === 'egress' ? source : destination
  if (own === ip) return 'own'
  return packet === ip ? 'packet' : undefined
}

function truth(all: readonly Shown[], ip: string, at: number): string[] {
  const day = Math.floor(at / dayS) * dayS
  const from = Math.min(day, at - 600)
  const rows = new Map<string, { count: number; logged: number; first: number; last: number; before: number | null }>()
  for (const shown of all) {
    const side = sideOf(shown, ip)
    if (side === undefined || shown.first < from || shown.first >= day + dayS) continue
    const name = `${shown.eni} ${side}`
    const row = rows.get(name) ?? { count: 0, logged: 0, first: Infinity, last: -Infinity, before: null }
    const end = shown.first + shown.length
    row.count++
    if (side === 'own' && shown.directionSource === 'logged' && shown.timeSource === 'logged') row.logged++
    row.first = Math.min(row.first, shown.first)
    row.last = Math.max(row.last, end)
    if (shown.first <= at) row.before = Math.max(row.before ?? -Infinity, Math.min(end, at))
    rows.set(name, row)
  }
  return [...rows].map(([name, { count, logged, first, last, before }]) => `${name} ${count} ${logged} ${first} ${last} ${before}`).sort()
}

const said = ({ observer, side, flows, logged, first_at, last_at, last_before }: Recorded): string => {
  const after = (text: string): number => Number(text) - midnight
  return `${observer} ${side} ${flows} ${logged} ${after(first_at)} ${after(last_at)} ${last_before === null ? null : after(last_before)}`
}

describe('an address that is only recorded', () => {
  for (const seed of seeds)
    it(`is said with interface, side, times and number of flows, in random worlds (${seed})`, async () => {
      const [all] = fc.sample(fc.array(shownFlow, { minLength: 60, maxLength: 60 }), { numRuns: 1, seed })
      const store = await tablesOf(server, all!.map(recordOf))
      const edges = all!.flatMap(({ first, length }) => [first - 1, first, first + length, first + length + 600, first + length + 601])
      const asked = fc.sample(fc.tuple(fc.constantFrom(...ips), fc.constantFrom(...edges, 0, dayS - 1, dayS, dayS + 599, dayS + 600)), { numRuns: 25, seed }) // prettier-ignore
      for (const [ip, at] of asked) {
        const rows = await findRecorded(store, [], ip, midnight + at)
        assert.deepEqual(rows.map(said).sort(), truth(all!, ip, at), `${ip} ${at}`)
        assert.ok(rows.every(row => row.scope === scope))
      }
    })

  it('of a host that talks to private peers alone, in a format without directions, is not told that nobody held it', async () => {
    const private_ = { instanceId: null, directionSource: 'inferred_count' as const, pktSrcAddr: null, pktDstAddr: null }
    const flows = Array.from({ length: 40 }, (_, i) => seen(i % 2 === 0, { ...private_, far: `10.0.1.${i}`, at: i }))
    const store = await tablesOf(server, flows)
    const ask = async (ip: string): Promise<unknown> => {
      const holders = await findHolders(store, ip, t + 100)
      const recorded = await findRecorded(store, holders, ip, t + 100)
      const found = { holders, recorded, onTheWay: nothingOnTheWay }
      return [holders.length, recorded.map(said), await blankOf(store, found, t + 100)]
    }
    const s = t - midnight
    assert.deepEqual(await ask('10.0.0.5'), [0, [`eni-1 own 40 0 ${s} ${s + 39} ${s + 39}`], 'not-proven'])
    assert.deepEqual(await ask('10.0.1.5'), [0, [], 'nothing-proven'], 'a peer is recorded nowhere')
  })

  it('is not asked of an address that is held, and is of one that was seen days ago', async () => {
    const flows = [seen(true, { directionSource: 'inferred_count', instanceId: null })]
    const store = await tablesOf(server, flows, { runs: [['10.0.0.5', run('eni-1', t - 5 * dayS, t - 5 * dayS + 100)]] })
    const at = async (atS: number): Promise<unknown> => {
      const holders = await findHolders(store, '10.0.0.5', atS)
      return [holders[0]?.state, (await findRecorded(store, holders, '10.0.0.5', atS)).length]
    }
    assert.deepEqual(await at(t - 5 * dayS + 50), ['held', 0])
    assert.deepEqual(await at(t + 50), ['last-known', 1])
  })
})
