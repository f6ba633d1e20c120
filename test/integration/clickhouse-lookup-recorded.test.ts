// An address that flows show at interfaces, and that no flow proves to be held by one: lookup says where it is recorded, scope by scope. The model
// counts by itself.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { findHolders, type Holder } from '../../operations/holders.ts'
import { blankOf, findRecorded, type Recorded } from '../../operations/look-up.ts'
import { nothingOnTheWay, type OnTheWay } from '../../operations/on-the-way.ts'
import { clockSeconds } from '../../runtime/utc-text.ts'
import type { FlowRecord } from '../../schemas/flow-record.ts'
import { readQuery } from '../../sinks/clickhouse/queries.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { askingTogether } from '../support/clickhouse/asked-together.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { run, seen, t, tablesOf } from '../support/clickhouse/seen-records.ts'

let server: LiveClickHouse
before(async () => (server = await liveClickHouse()))
afterEach(() => server.giveBack())
after(() => server.stop())

const dayS = 86_400
const midnight = Math.floor(t / dayS) * dayS
/** Seeds of worlds; one that fails is added here. */
const seeds = [1, 2, 3]
const ips = ['10.0.0.5', '10.0.0.9', '2001:db8::5'] as const
/** Interfaces and their scopes; one that the format does not name, and one whose scope nothing names. */
const places = { 'eni-1': 'vpc-1', 'eni-2': 'vpc-1', 'eni-3': 'vpc-1', 'eni-4': 'vpc-2', 'eni-5': 'vpc-2', '-': 'vpc-2', 'eni-6': 'vpc-3', 'eni-7': '' } as const // prettier-ignore
type Place = keyof typeof places
const placeNames = Object.keys(places) as Place[]

/** A flow of two addresses at an interface, with whose side it is and how that is known. */
interface Shown {
  eni: Place
  source: string
  destination: string
  direction: 'egress' | 'ingress' | 'unknown'
  directionSource: 'inferred_count' | 'inferred' | 'none' | 'logged'
  packet: string | null
  timeSource: 'logged' | 'slot'
  first: number
  length: number
}

/** A run of the map; seconds after midnight, both seen. */
interface Stay {
  eni: Place
  ip: string
  first: number
  last: number
}

// two days, and much of it near the midnight between them
const second = fc.oneof(fc.integer({ min: 0, max: 2 * dayS - 700 }), { weight: 3, arbitrary: fc.integer({ min: dayS - 1500, max: dayS + 1500 }) }) // prettier-ignore

const shownFlow: fc.Arbitrary<Shown> = fc
  .record({
    eni: fc.constantFrom(...placeNames),
    source: fc.constantFrom(...ips, '10.0.0.77', '198.51.100.7'),
    destination: fc.constantFrom(...ips, '10.0.0.77', '198.51.100.7'),
    direction: fc.constantFrom('egress' as const, 'ingress' as const, 'unknown' as const),
    known: fc.constantFrom('logged' as const, 'inferred' as const, 'inferred_count' as const),
    packet: fc.option(fc.constantFrom(...ips), { freq: 2 }),
    timeSource: fc.constantFrom('logged' as const, 'slot' as const),
    first: second,
    length: fc.oneof(fc.integer({ min: 0, max: 120 }), fc.integer({ min: 590, max: 660 })),
  })
  .map(({ known, ...rest }) => ({ ...rest, directionSource: rest.direction === 'unknown' ? 'none' : known }))

/** Runs of the named interfaces, none at the time of another one of its scope, each within a day. */
const stays: fc.Arbitrary<Stay[]> = fc
  .array(
    fc.record({
      eni: fc.constantFrom('eni-1' as const, 'eni-2' as const, 'eni-4' as const, 'eni-5' as const),
      ip: fc.constantFrom(...ips),
      first: second,
      length: fc.integer({ min: 0, max: 900 }),
    }),
    { minLength: 30, maxLength: 30 },
  )
  .map(all => {
    const taken: Stay[] = []
    for (const { eni, ip, first, length } of all.sort((a, b) => a.first - b.first)) {
      const before = taken.findLast(other => other.ip === ip && places[other.eni] === places[eni])
      const last = Math.min(first + length, Math.floor(first / dayS) * dayS + dayS - 1)
      if (before === undefined || before.last + 1 < first) taken.push({ eni, ip, first, last })
    }
    return taken
  })

const recordOf = ({ eni, source, destination, direction, directionSource, packet, timeSource, first, length }: Shown): FlowRecord => ({
  ...seen(true, { interfaceId: eni === '-' ? null : eni, instanceId: null }),
  vpcId: places[eni] === '' ? null : places[eni],
  accountId: null,
  region: null,
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

const dayOf = (s: number): number => Math.floor(s / dayS)

/** Whether the map has what a flow shows: that interface, or another one while both were there. */
function isInMap(shown: Shown, runs: readonly Stay[]): boolean {
  const { eni, first, direction, directionSource, timeSource } = shown
  const inScope = runs.filter(other => places[other.eni] === places[eni])
  const then = inScope.find(other => other.first <= first && first <= other.last)
  if (then === undefined) return false
  const teaches = direction !== 'unknown' && directionSource !== 'inferred_count' && timeSource === 'logged'
  return then.eni === eni || (teaches && inScope.some(other => other.eni === eni && dayOf(other.first) === dayOf(first)))
}

type Holding = Pick<Holder, 'scope' | 'state' | 'interface_id' | 'last_seen'>

/** Which flows the answer is about in the scope of an interface; undefined: not of this one. */
function aboutOf(eni: Place, holders: readonly Holding[]): { span: Recorded['span']; after: number } | undefined {
  const holder = holders.find(({ scope }) => scope === places[eni])
  if (holder === undefined) return { span: holders.some(({ state }) => state !== 'last-known') ? 'minutes' : 'day', after: 0 }
  if (holder.state === 'last-known') return { span: 'day', after: 0 }
  if (holder.interface_id === eni) return undefined
  return holder.last_seen === null ? { span: 'minutes', after: 0 } : { span: 'since', after: clockSeconds(holder.last_seen) - midnight }
}

function truth(all: readonly Shown[], runs: readonly Stay[], holders: readonly Holding[], ip: string, at: number): string[] {
  const rows = new Map<string, { count: number; first: number; last: number; before: number | null }>()
  for (const shown of all) {
    const { eni, first, length } = shown
    const side = sideOf(shown, ip)
    const about = aboutOf(eni, holders)
    if (side === undefined || about === undefined || isInMap(shown, runs)) continue
    const end = first + length
    const isMeant = {
      day: dayOf(first) === dayOf(at) || (first < at && first >= at - 600),
      minutes: first <= at && end >= at - 600,
      since: first <= at && Math.min(end, at) > about.after,
    }[about.span]
    if (!isMeant) continue
    const isNamed = eni !== '-' && places[eni] !== ''
    const proven = isNamed && side === 'own' && shown.directionSource === 'logged' && shown.timeSource === 'logged'
    const name = `${places[eni]} ${eni} ${side} ${proven} ${about.span}`
    const row = rows.get(name) ?? { count: 0, first: Infinity, last: -Infinity, before: null }
    row.count++
    row.first = Math.min(row.first, first)
    row.last = Math.max(row.last, end)
    if (first <= at) row.before = Math.max(row.before ?? -Infinity, Math.min(end, at))
    rows.set(name, row)
  }
  return [...rows].map(([name, { count, first, last, before }]) => `${name} ${count} ${first} ${last} ${before}`).sort()
}

const said = ({ scope, observer, side, proven, span, flows, first_at, last_at, last_before }: Recorded): string => {
  const after = (text: string): number => Number(text) - midnight
  return `${scope} ${observer} ${side} ${proven} ${span} ${flows} ${after(first_at)} ${after(last_at)} ${last_before === null ? null : after(last_before)}`
}

const isHeld = ({ state }: Holding): boolean => state !== 'last-known'

describe('an address that is only recorded', () => {
  for (const seed of seeds)
    it(`is said scope by scope with interface, side, times and number of flows, in random worlds (${seed})`, async () => {
      const [all] = fc.sample(fc.array(shownFlow, { minLength: 150, maxLength: 150 }), { numRuns: 1, seed })
      const [runs] = fc.sample(stays, { numRuns: 1, seed })
      const inMap = runs!.map(({ eni, ip, first, last }): [string, ReturnType<typeof run>, string] => [ip, run(eni, midnight + first, midnight + last, 0, { vpcId: places[eni] }), places[eni]]) // prettier-ignore
      const store = await tablesOf(server, all!.map(recordOf), { runs: inMap })
      const edges = [
        ...all!.flatMap(({ first, length }) => [first - 1, first, first + length, first + length + 600, first + length + 601]),
        ...runs!.flatMap(({ first, last }) => [first, last, last + 300, last + 600]),
      ]
      const asked = fc.sample(fc.tuple(fc.constantFrom(...ips), fc.constantFrom(...edges, 0, dayS - 1, dayS, dayS + 599, dayS + 600)), { numRuns: 40, seed }) // prettier-ignore
      const spans = new Set<string>()
      const mixed = new Set<boolean>()
      const together = askingTogether(store)
      const answers = await Promise.all(asked.map(([ip, at]) => findHolders(together, ip, midnight + at)))
      for (const [i, [ip, at]] of asked.entries()) {
        const mine = runs!.filter(each => each.ip === ip)
        const holders = answers[i]!
        const newest = (scope: string): Stay | undefined => mine.findLast(({ eni, first }) => places[eni] === scope && first <= at)
        const wanted = ['vpc-1', 'vpc-2'].filter(scope => newest(scope) !== undefined).map(scope => [scope, at <= newest(scope)!.last + 600]) // prettier-ignore
        assert.deepEqual(holders.map(each => [each.scope, isHeld(each)]), wanted, `${ip} ${at}`) // prettier-ignore
        const rows = await findRecorded(store, holders, ip, midnight + at)
        assert.deepEqual(rows.map(said).sort(), truth(all!, mine, holders, ip, at), `${ip} ${at} ${JSON.stringify(holders)}`)
        for (const { span } of rows) spans.add(span)
        if (holders.length === 2) mixed.add(isHeld(holders[0]!) !== isHeld(holders[1]!))
      }
      assert.deepEqual([[...spans].sort(), mixed.has(true)], [['day', 'minutes', 'since'], true], 'the world has all of it')
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
    assert.deepEqual(await ask('10.0.0.5'), [0, [`vpc-1 eni-1 own false day 40 ${s} ${s + 39} ${s + 39}`], 'not-proven'])
    assert.deepEqual(await ask('10.0.1.5'), [0, [], 'nothing-proven'], 'a peer is recorded nowhere')
  })

  it('is said beside a last-known owner, and not of the holder itself', async () => {
    const flows = [seen(true, { directionSource: 'inferred_count', instanceId: null })]
    const store = await tablesOf(server, flows, { runs: [['10.0.0.5', run('eni-1', t - 5 * dayS, t - 5 * dayS + 100)]] })
    const at = async (atS: number): Promise<unknown> => {
      const holders = await findHolders(store, '10.0.0.5', atS)
      return [holders[0]?.state, (await findRecorded(store, holders, '10.0.0.5', atS)).length]
    }
    assert.deepEqual(await at(t - 5 * dayS + 50), ['held', 0])
    assert.deepEqual(await at(t + 50), ['last-known', 1])
  })

  /** States of the scopes, and the rows, at a second after t. */
  const answerAt = async (store: Store, at: number): Promise<[states: string[], rows: string[]]> => {
    const holders = await findHolders(store, '10.0.0.5', t + at)
    const rows = await findRecorded(store, holders, '10.0.0.5', t + at)
    const brief = ({ scope, observer, side, proven, span, flows }: Recorded): string =>
      `${scope} ${observer} ${side} ${proven} ${span} ${flows}`
    return [holders.map(({ scope, state }) => `${scope} ${state}`), rows.map(brief)]
  }
  const unknownSide = { direction: 'unknown', directionSource: 'none', instanceId: null, pktSrcAddr: null, pktDstAddr: null } as const
  const heldRun: [string, ReturnType<typeof run>] = ['10.0.0.5', run('eni-1', t, t + 60)]

  it('in a second account is not hidden by the one that holds it in the first', async () => {
    const other = { ...unknownSide, interfaceId: 'eni-bb51', vpcId: null, accountId: '2', region: 'eu-central-1' }
    const store = await tablesOf(server, [seen(true, { at: 60 }), seen(true, { ...other, at: 20 }), seen(true, { ...other, at: 7200 })], { runs: [heldRun] }) // prettier-ignore
    const row = (span: string, flows: number): string => `2/eu-central-1 eni-bb51 either false ${span} ${flows}`
    assert.deepEqual(await answerAt(store, 60), [['vpc-1 held'], [row('minutes', 1)]], 'seen at that very second')
    assert.deepEqual(await answerAt(store, 620), [['vpc-1 held'], [row('minutes', 1)]])
    assert.deepEqual(await answerAt(store, 660), [['vpc-1 held'], []], 'not in the ten minutes before')
    assert.deepEqual(await answerAt(store, 661), [['vpc-1 last-known'], [row('day', 2)]])
  })

  it('in a scope that is last-known has its day, though the address is held in another one', async () => {
    const other = { ...unknownSide, interfaceId: 'eni-9', vpcId: 'vpc-2' }
    const runs = [heldRun, ['10.0.0.5', run('eni-8', t - 7200, t - 7100, 0, { vpcId: 'vpc-2' }), 'vpc-2']] as const
    const store = await tablesOf(server, [seen(true, { at: 60 }), seen(true, { ...other, at: -3000 }), seen(true, { ...other, at: 9000 })], { runs: runs.map(each => [...each]) }) // prettier-ignore
    assert.deepEqual(await answerAt(store, 50), [['vpc-1 held', 'vpc-2 last-known'], ['vpc-2 eni-9 either false day 2']])
  })

  it('in a scope that is last-known has ten minutes of the day before, and no more though another scope is held', async () => {
    const today = midnight - t
    const other = { ...unknownSide, interfaceId: 'eni-9', vpcId: 'vpc-2' }
    const old = run('eni-8', midnight - 7200, midnight - 7100, 0, { vpcId: 'vpc-2' })
    const flows = [-550, -450].map(at => seen(true, { ...other, at: today + at }))
    const store = await tablesOf(server, flows, { runs: [['10.0.0.5', run('eni-1', midnight, midnight + 60)], ['10.0.0.5', old, 'vpc-2']] }) // prettier-ignore
    assert.deepEqual(await answerAt(store, today + 100), [['vpc-1 held', 'vpc-2 last-known'], ['vpc-2 eni-9 either false day 1']])
  })

  it('at another interface since the holder was last seen is said, and not what was before, after the time, or its own', async () => {
    const other = { ...unknownSide, interfaceId: 'eni-2' }
    const own = { ...unknownSide, interfaceId: 'eni-1' }
    const flows = [seen(true, { at: 60 }), seen(true, { ...other, at: 60 }), seen(true, { ...other, at: 61 }), seen(true, { ...other, at: 90 }), seen(true, { ...own, at: 80 })] // prettier-ignore
    const store = await tablesOf(server, flows, { runs: [heldRun] })
    assert.deepEqual(await answerAt(store, 60), [['vpc-1 held'], []])
    assert.deepEqual(await answerAt(store, 61), [['vpc-1 held'], ['vpc-1 eni-2 either false since 1']])
    assert.deepEqual(await answerAt(store, 100), [['vpc-1 held'], ['vpc-1 eni-2 either false since 2']])
  })

  it('where the flows that say when the holder was seen are gone has the ten minutes before', async () => {
    const own = seen(true, { ...unknownSide, interfaceId: 'eni-1', at: -30 })
    const flows = [own, seen(true, { ...unknownSide, interfaceId: 'eni-2', at: 10, end: t + 20 })]
    const store = await tablesOf(server, flows, { runs: [['10.0.0.5', run('eni-1', t, t + 7200)]] })
    for (const at of [100, 620]) assert.deepEqual(await answerAt(store, at), [['vpc-1 held'], ['vpc-1 eni-2 either false minutes 1']])
    assert.deepEqual(await answerAt(store, 621), [['vpc-1 held'], []])
  })

  it('in a flow that is as long as one can be is found beside a holder while it reaches into the ten minutes before', async () => {
    const long = { ...unknownSide, interfaceId: 'eni-9', vpcId: 'vpc-2', start: t - 630, end: t + 30 }
    const store = await tablesOf(server, [seen(true, { at: 60 }), seen(true, long)], { runs: [heldRun] })
    assert.deepEqual(await answerAt(store, 630), [['vpc-1 held'], ['vpc-2 eni-9 either false minutes 1']])
    assert.deepEqual(await answerAt(store, 631), [['vpc-1 held'], []])
  })

  it('by flows that prove it is not hidden by a run that its interface had on the day before', async () => {
    const [yesterday, today] = [midnight - 7200, midnight - t]
    const flows = [seen(true, { interfaceId: 'eni-2', instanceId: null, at: today + 200 }), seen(true, { instanceId: null, at: today + 250 })] // prettier-ignore
    const store = await tablesOf(server, flows, { runs: [['10.0.0.5', run('eni-1', yesterday, yesterday + 60)], ['10.0.0.5', run('eni-2', midnight + 100, midnight + 400)]] }) // prettier-ignore
    assert.deepEqual(await answerAt(store, today + 300), [['vpc-1 held'], ['vpc-1 eni-1 own true since 1']])
  })

  it('is not what the map has from the same flows: of the next owner only what proves nothing is recorded', async () => {
    const next = { interfaceId: 'eni-bb41', instanceId: null, directionSource: 'inferred' as const }
    const flows = [seen(true, { at: 60 }), ...[7200, 7210, 7260].map(at => seen(true, { ...next, at })), seen(true, { ...next, ...unknownSide, at: 6000 })] // prettier-ignore
    const store = await tablesOf(server, flows, { runs: [heldRun, ['10.0.0.5', run('eni-bb41', t + 7200, t + 7260)]] })
    assert.deepEqual(await answerAt(store, 5000), [['vpc-1 last-known'], ['vpc-1 eni-bb41 either false day 1']])
    assert.deepEqual(await answerAt(store, -100), [[], ['vpc-1 eni-bb41 either false day 1']])
  })

  it('is said apart where some of its flows prove it and the map does not have them', async () => {
    const guess = { directionSource: 'inferred_count', instanceId: null } as const
    const store = await tablesOf(server, [seen(true, { instanceId: null }), seen(true, { ...guess, at: 5 }), seen(true, { ...guess, at: 6 })]) // prettier-ignore
    assert.deepEqual(await answerAt(store, 10), [[], ['vpc-1 eni-1 own true day 1', 'vpc-1 eni-1 own false day 2']])
  })

  it('by flows that prove it is told as on its way while something is, and not as a lack of the format', async () => {
    const store = await tablesOf(server, [seen(true)], { runs: [['10.0.0.9', run('eni-9', t, t + 60)]] })
    const waits: OnTheWay = { unknown: null, steps: [{ topic: 'ipSightings', records: 1, unclear: null }] }
    const recorded = await findRecorded(store, [], '10.0.0.5', t)
    const blank = (onTheWay: OnTheWay): Promise<unknown> => blankOf(store, { holders: [], recorded, onTheWay }, t)
    assert.deepEqual([recorded.length, await blank(waits), await blank(nothingOnTheWay)], [1, 'on-their-way', 'not-proven'])
  })

  it('does not hide another scope behind very many interfaces of one', async () => {
    const many = Array.from({ length: 250 }, (_, i) => seen(true, { ...unknownSide, interfaceId: `eni-${i}`, far: `10.0.1.${i}` }))
    const store = await tablesOf(server, [...many, seen(true, { ...unknownSide, interfaceId: 'eni-x', vpcId: 'vpc-9' })])
    const [, rows] = await answerAt(store, 10)
    assert.deepEqual([rows.length, rows.at(-1)], [21, 'vpc-9 eni-x either false day 1'])
  })

  it('of a held address reads the flows of minutes, of a last-known scope its own, and the day of all if nobody held it', async () => {
    const store = await tablesOf(server, [seen(true, { vpcId: 'vpc-1' }), seen(true, { vpcId: 'vpc-2', interfaceId: 'eni-2' })])
    // six five minutes of the day, the third of them at the time asked, with many interfaces of no scope: a dozen granules each
    await store.command(`INSERT INTO ${store.database}.flows (start, dur, interface, time_source) SELECT ${midnight} + 7200 + 14400 * intDiv(number, 100000), 0, cityHash64(number % 1000), 'logged' FROM numbers(600000)`) // prettier-ignore
    await store.command(`OPTIMIZE TABLE ${store.database}.flows FINAL`)
    const read = async (held: readonly string[], last_known: readonly string[]): Promise<number> => {
      const parameters = { ip: '10.0.0.5', at: '2026-11-20 10:00:00', held, held_by: held.map(() => 'eni-1'), held_seen: held.map(() => t - 1), last_known } // prettier-ignore
      const parts = await store.query<{ table: string; rows: string }>(`EXPLAIN ESTIMATE ${readQuery('recorded_at')}`, parameters)
      return parts.filter(({ table }) => table === 'flows').reduce((sum, { rows }) => sum + Number(rows), 0)
    }
    const [day, minutes, scoped] = [await read([], []), await read(['vpc-1'], []), await read(['vpc-1'], ['vpc-2'])]
    assert.ok(day >= 600_000, `${day}`)
    assert.ok(minutes > 0 && minutes < day / 4, `${minutes} of ${day}`)
    assert.ok(scoped > minutes && scoped < day / 2, `${scoped} of ${day}`)
  })
})
