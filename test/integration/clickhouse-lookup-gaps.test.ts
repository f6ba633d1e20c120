// Who was seen last: lookup inside gaps of an owner, in random worlds. What is true is worked out here second by second from the sightings alone.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { checkConfig } from '../../config/config.ts'
import { findHolders, type Holder } from '../../operations/holders.ts'
import { createIpContextRole } from '../../processors/ip-context/ip-context-processor.ts'
import type { Owner } from '../../schemas/records.ts'
import { askingTogether } from '../support/clickhouse/asked-together.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { seen as record } from '../support/clickhouse/seen-records.ts'
import { natGatewayFlows, setUpSink } from '../support/clickhouse/sink-setup.ts'
import { flow } from '../support/records/flow-records.ts'
import {
  held,
  isSeen,
  lastOf,
  nextOf,
  overlaps,
  owners,
  shownBeside,
  stayBeside,
  staysOf,
  truth,
  type Seen,
} from '../support/references/seen-model.ts'

let server: LiveClickHouse
before(async () => (server = await liveClickHouse()))
afterEach(() => server.giveBack())
after(() => server.stop())

const scope = 'vpc-abcdefab012345678'
const noon = 20_400 * 86_400 + 43_200
const nobody: Owner = { interfaceId: null, instanceId: null, interfaceType: null, subnetId: null, vpcId: scope, accountId: null, region: null, azId: null, service: null } // prettier-ignore

/** Seeds of worlds; one that fails is added here. */
const seeds = [1, 2, 3]
const worldsOfSeed = 16
const askedOfWorld = 4

const part = (who: string, first: number, length: number): Seen => ({ who, first, last: first + length })
const ownerOf = (who: string): Owner => ({ ...nobody, interfaceId: who.split(' ')[0]!, instanceId: who.split(' ')[1]! })

/** Records that follow each other with pauses of a few seconds, as an interface has them that is busy all the time. */
const busy = (who: string, first: number, last: number, pause: number): Seen[] => {
  const records: Seen[] = []
  for (let from = first; from <= last; from += 60 + pause) records.push({ who, first: from, last: Math.min(last, from + 59) })
  return records
}

/** Two or three that are there at once, for less than a minute or for many: they begin and end together, one goes on, or one lies inside the other. */
const together: fc.Arbitrary<Seen[]> = fc
  .record({
    ids: fc.shuffledSubarray([...owners], { minLength: 3 }),
    isThird: fc.boolean(),
    begins: fc.tuple(fc.constantFrom(0, 0, 5, 35, 400), fc.constantFrom(0, 60, 300)),
    lengths: fc.tuple(fc.constantFrom(24, 59, 119, 120, 121, 239, 1185), fc.constantFrom(24, 54, 119, 239, 600)),
    isEndShared: fc.boolean(),
    pauses: fc.tuple(fc.constantFrom(0, 0, 10, 15, 90), fc.constantFrom(0, 0, 15)),
  })
  .map(({ ids: [p, q, r], isThird, begins, lengths, isEndShared, pauses }) => {
    const last = isEndShared ? Math.max(lengths[0], begins[0]) : begins[0] + lengths[1]
    const third = isThird ? busy(r!, begins[1], begins[1] + lengths[1], 0) : []
    return [...busy(p!, 0, lengths[0], pauses[0]), ...busy(q!, begins[0], last, pauses[1]), ...third]
  })

/** Several at once; P, Q, P with the gap of P closed; the same with a third one in it; two that take turns of some minutes; or anybody at any time. */
const world: fc.Arbitrary<Seen[]> = fc.oneof(
  { arbitrary: together, weight: 2 },
  fc
    .record({
      ids: fc.shuffledSubarray([...owners], { minLength: 3 }),
      gaps: fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 700 })),
      lengths: fc.tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 400 })),
      isThird: fc.boolean(),
    })
    .map(({ ids: [p, q, r], gaps, lengths, isThird }) => {
      const begin = part(p!, 0, lengths[0])
      const stray = part(q!, begin.last + gaps[0], lengths[1])
      const third = isThird ? [part(r!, stray.last + 1, lengths[2] % 60)] : []
      return [begin, stray, ...third, part(p!, (third[0] ?? stray).last + gaps[1], lengths[2]), part(q!, 3000 + gaps[2], 30)]
    }),
  fc
    .tuple(
      fc.shuffledSubarray([...owners], { minLength: 2, maxLength: 2 }),
      fc.array(fc.tuple(fc.integer({ min: 60, max: 540 }), fc.integer({ min: -20, max: 40 })), { minLength: 3, maxLength: 7 }),
    ) // prettier-ignore
    .map(([pair, turns]) => {
      let from = 0
      return turns.map(([length, pause], i) => {
        const turn = part(pair[i % 2]!, from, length)
        from = turn.last + 1 + pause
        return turn
      })
    }),
  fc.array(
    fc
      .tuple(fc.constantFrom(...owners), fc.integer({ min: 0, max: 2500 }), fc.integer({ min: 0, max: 300 }))
      .map(([who, first, length]) => part(who, first, length)),
    { minLength: 1, maxLength: 7 },
  ),
)

/** Seconds around every end of a sighting, and of the ten minutes after it. */
const edges = (seen: readonly Seen[]): number[] => [
  ...new Set(seen.flatMap(({ first, last }) => [first, last, last + held, first - held].flatMap(s => [s - 1, s, s + 1]))),
]

const secondOf = (text: string | null): number | null => (text === null ? null : Date.parse(`${text.replace(' ', 'T')}Z`) / 1000 - noon)

/** What is wrong with an answer. */
function faultOf(seen: readonly Seen[], t: number, row: Holder | undefined, hasFlows: boolean): string | undefined {
  const wanted = truth(seen, t)
  if (row === undefined || wanted === undefined) return row === wanted ? undefined : 'somebody and nobody'
  const who = row.owner
  if (row.others.includes(who) || new Set(row.others).size !== row.others.length) return `others: ${row.others.join()}`
  if (row.state === 'ambiguous' && row.others.length === 0) return 'ambiguous, and nobody says with whom'
  if (who !== `${row.interface_id} ${row.instance_id}`) return `${who} for ${row.interface_id} ${row.instance_id}`
  const last = secondOf(row.last_seen)
  if ((row.state === 'last-known') !== (wanted.state === 'last-known')) return `${row.state} for ${wanted.state}`
  if (last === null ? hasFlows || t - lastOf(seen, who, t) > held : last !== lastOf(seen, who, t)) return `last seen ${last}`
  if (row.state === 'last-known') {
    const tied = owners.filter(o => o !== who && lastOf(seen, o, t) === last)
    if (tied.length === 0 ? row.others.length > 0 : !tied.every(o => row.others.includes(o)))
      return `others: ${row.others.join()}, not ${tied.join()}`
  }
  if (row.state === 'last-known')
    return last === Math.max(...owners.map(o => lastOf(seen, o, t))) ? nextFault(seen, row) : 'not the last one'
  if (row.state === 'ambiguous' && !overlaps(seen)) return 'ambiguous, and nobody else was near'
  if (hasFlows) {
    if (wanted.tie ? row.state !== 'ambiguous' : who !== wanted.who) return `named ${who} for ${wanted.who}`
    if (row.doubt === 'resumed' && !wanted.tie) return 'in doubt though flows say it'
    const later = owners.filter(o => o !== who && lastOf(seen, o, t) > last!).sort()
    if (row.state === 'held' && later.length > 0) return `held, and ${later.join()} was seen after it`
    const beside = shownBeside(seen, who, t)
    if (row.state === 'held' && beside.length > 0) return `held, and ${beside.join()} was seen at the same time`
    if (![...later, ...beside].every(o => row.others.includes(o))) return `beside ${row.others.join()}, not ${[...later, ...beside].join()}`
    if (row.doubt === 'overlap' && row.others.toSorted().join() !== [...new Set([...later, ...beside])].sort().join()) return `together with ${row.others.join()}` // prettier-ignore
    if (row.doubt === 'turns' && row.others.toSorted().join() !== later.join()) return `takes turns with ${row.others.join()}`
    if (!wanted.tie && later.join() !== row.seen_later.map(({ owner }) => owner).sort().join()) return `later: ${JSON.stringify(row.seen_later)}` // prettier-ignore
    if (row.seen_later.some(({ owner, at }) => secondOf(at) !== lastOf(seen, owner, t))) return 'a false second of one that was seen later'
    if (row.seen_again !== null && secondOf(row.seen_again) !== nextOf(seen, who, t)) return `seen again ${row.seen_again}`
    if (row.uncertain.length > 0) return `uncertain: ${row.uncertain.join()}`
  } else {
    const fault = mapFault(seen, t, row.state, who, Number(row.conflict_s) > 0)
    if (fault !== undefined) return fault
    const beside = stayBeside(seen, who, t)
    if (!beside.every(o => row.others.includes(o))) return `beside ${row.others.join()}, not ${beside.join()}`
  }
  return nextFault(seen, row)
}

/** What is wrong with an owner and its state that the map alone gives: it knows minutes, not seconds, and may doubt for that long. */
function mapFault(seen: readonly Seen[], t: number, state: string | null, who: string | null, isConflict: boolean): string | undefined {
  const wanted = truth(seen, t)
  if (wanted === undefined || who === null || state === null)
    return wanted === undefined && who === null && state === null ? undefined : 'somebody and nobody'
  if ((state === 'last-known') !== (wanted.state === 'last-known')) return `${state} for ${wanted.state}`
  const later = owners.filter(o => lastOf(seen, o, t) > lastOf(seen, who, t))
  if (state === 'held' && later.length > 0) return `held by ${who}, and ${later.join()} was seen later`
  const beside = stayBeside(seen, who, t)
  if (state === 'held' && beside.length > 0) return `held by ${who}, and ${beside.join()} was there too`
  const isNear = owners.some(o => o !== who && staysOf(seen, o).some(([first, last]) => first <= t && last >= t - held - 1))
  // a conflict counts for all of its run
  return state === 'ambiguous' && !isNear && !isConflict ? 'ambiguous, and nobody else was near' : undefined
}

/** Every second that is said must be one in which that owner was seen, or say that it may be up to 10 minutes later. */
function nextFault(seen: readonly Seen[], row: Holder): string | undefined {
  const others = owners.filter(o => o !== row.owner)
  const wrong = (['held_since', 'first_seen', 'next_seen', 'valid_to'] as const).filter(name => {
    const second = secondOf(row[name])
    if (second === null) return false
    const who = name === 'valid_to' ? others : name === 'next_seen' ? [row.next_owner] : [row.owner]
    if (!row.uncertain.includes(name)) return !who.some(o => isSeen(seen, o, second))
    return !owners.some(o => nextOf(seen, o, second - 1) <= second + held)
  })
  return wrong.length === 0 ? undefined : `nobody saw ${wrong.map(name => `${name} ${secondOf(row[name])}`).join()}`
}

describe('lookup inside of gaps, in random worlds', () => {
  for (const seed of seeds)
    it(`names who was seen last, with seconds in which it was seen; if the flows are gone, says what it cannot know (${seed})`, async () => {
      const { cluster, role, store, putFlows } = await setUpSink(server)
      const asked = fc
        .sample(fc.tuple(world, fc.infiniteStream(fc.nat())), { numRuns: worldsOfSeed, seed })
        .flatMap(([seen, chance], i) => {
          const all = edges(seen).map(t => ({ ip: `10.0.${i}.1`, seen, t, by: chance.next().value! }))
          const shuffled = all.sort((a, b) => a.by - b.by)
          const inGap = shuffled.filter(({ t }) => truth(seen, t)?.isGap === true).slice(0, 2)
          return [...new Set([...inGap, ...shuffled])].slice(0, askedOfWorld).sort((a, b) => (a.t % 7) - (b.t % 7))
        })
      const worlds = new Map(asked.map(({ ip, seen }) => [ip, seen]))
      for (const [ip, seen] of worlds)
          for (const { who, first, last } of seen)
            cluster.put('ipSightings', { scope, ip }, { kind: 'own', owner: ownerOf(who), ranges: [{ first: noon + first, last: noon + last }] }) // prettier-ignore
      const { ipContext, kafka } = checkConfig({})
      await cluster.runRole(createIpContextRole({ ...ipContext, ...kafka }))
      await cluster.runRole(role('clickhouse-runs'))
      const shown = [...worlds].flatMap(([own, seen], i) =>
        seen.map(({ who, first, last }, j) =>
          record((i + j) % 2 === 0, {
            own,
            interfaceId: ownerOf(who).interfaceId,
            instanceId: ownerOf(who).instanceId,
            vpcId: scope,
            start: noon + first,
            end: noon + last,
          }),
        ),
      )
      const check = async (hasFlows: boolean): Promise<void> => {
        const together = askingTogether(store)
        const said = await Promise.all(asked.map(async ({ ip, t }) => (await findHolders(together, ip, noon + t))[0]))
        asked.forEach(({ seen, t }, i) => {
          const fault = faultOf(seen, t, said[i], hasFlows)
          assert.equal(
            fault,
            undefined,
            `${hasFlows ? 'with flows' : 'without flows'}, ${t} s, seen ${JSON.stringify(seen)}: ${JSON.stringify(said[i])}`,
          )
        })
      }
      /** The views of owners, of a flow with the address at each second asked: on its remote side, or on either one of which nobody knows the direction. */
      const checkViews = async (): Promise<void> => {
        const peer = { ...natGatewayFlows()[0]!, pktSrcAddr: null, pktDstAddr: null, vpcId: scope, direction: 'unknown', flowDirection: null } as const // prettier-ignore
        const firstLine = shown.length + 1
        const firstNamed = firstLine + asked.length
        const namedBy = asked.map((_, i) => ownerOf(owners[i % owners.length]!))
        putFlows(
          asked.map(({ ip, t }, i) => {
            const ends = i % 2 === 0 ? { srcAddr: ip, dstAddr: '198.51.100.9' } : { srcAddr: '198.51.100.9', dstAddr: ip }
            return flow({ ...peer, ...ends, start: noon + t, end: noon + t, line: firstLine + i })
          }),
        )
        // and of a record of one of the owners, whose direction is only inferred
        putFlows(
          asked.map(({ ip, t }, i) => {
            const { interfaceId, instanceId } = namedBy[i]!
            return { ...record(true, { own: ip, interfaceId, instanceId, vpcId: scope, start: noon + t, end: noon + t, directionSource: 'inferred', flowDirection: null }), line: firstNamed + i } // prettier-ignore
          }),
        )
        await cluster.runRole(role('clickhouse-flows'))
        for (const view of ['flow_owners', `flow_owners_between(from = ${noon - 5000}, to = ${noon + 9000})`]) {
          const rows = await store.query<Record<string, string | null> & { line: number }>(
            `SELECT line, local_interface_id, local_instance_id, local_state, remote_interface_id, remote_instance_id, remote_state, local_conflict_s, remote_conflict_s FROM ${view} WHERE line >= ${firstLine}`,
          )
          assert.equal(rows.length, 2 * asked.length)
          const states = new Map(rows.map(row => [row.line, row]))
          for (const i of asked.keys()) {
            const side = i % 2 === 0 ? 'local' : 'remote'
            const [map, named] = [states.get(firstLine + i)!, states.get(firstNamed + i)!]
            const { interfaceId } = namedBy[i]!
            const agrees = map[`${side}_interface_id`] === interfaceId && map[`${side}_state`] === 'held'
            const { seen, t } = asked[i]!
            assert.deepEqual([named['local_interface_id'], named['local_state']], [interfaceId, agrees ? 'held' : 'ambiguous'], `${view}, ${t} s, seen ${JSON.stringify(seen)}`) // prettier-ignore
          }
          for (const row of rows) {
            if (row.line >= firstNamed) continue
            const i = row.line - firstLine
            const side = i % 2 === 0 ? 'local' : 'remote'
            const { seen, t } = asked[i]!
            const id = row[`${side}_interface_id`]
            const who = id === null ? null : `${id} ${row[`${side}_instance_id`]}`
            const fault = mapFault(seen, t, row[`${side}_state`] ?? null, who, Number(row[`${side}_conflict_s`]) > 0)
            assert.equal(fault, undefined, `${view}, ${t} s, seen ${JSON.stringify(seen)}: ${JSON.stringify(row)}`)
          }
        }
      }
      await check(false)
      putFlows(shown.map((each, i) => ({ ...each, line: i + 1 })))
      await cluster.runRole(role('clickhouse-flows'))
      await check(true)
      await checkViews()
      assert.ok(
        asked.some(({ seen, t }) => truth(seen, t)?.isGap),
        'a gap was asked about',
      )
    })

  it('names both of two that are there at once, whoever came last', async () => {
    const { cluster, role, store, putFlows } = await setUpSink(server)
    const [a, b] = [owners[0], owners[2]]
    const worlds: Seen[][] = [
      // equal stays, shorter and longer than ipContext.overlapS
      [part(a, 5, 59), part(b, 5, 59)],
      [part(a, 5, 239), part(b, 5, 239)],
      // one that is there all the time, and one that is there for less than a minute
      [...busy(a, 5, 1190, 15), part(b, 610, 54)],
      // the second one begins before the first one ends
      [part(a, 5, 59), part(b, 40, 50)],
    ]
    const { ipContext, kafka } = checkConfig({})
    const addressOf = (i: number): string => `10.0.65.${i + 1}`
    const flows = worlds.flatMap((seen, i) =>
      seen.map(({ who, first, last }) => {
        cluster.put('ipSightings', { scope, ip: addressOf(i) }, { kind: 'own', owner: ownerOf(who), ranges: [{ first: noon + first, last: noon + last }] }) // prettier-ignore
        return record(true, { own: addressOf(i), interfaceId: ownerOf(who).interfaceId, instanceId: ownerOf(who).instanceId, vpcId: scope, start: noon + first, end: noon + last }) // prettier-ignore
      }),
    )
    await cluster.runRole(createIpContextRole({ ...ipContext, ...kafka }))
    await cluster.runRole(role('clickhouse-runs'))
    const at = async (i: number, t: number): Promise<unknown[]> => {
      const [row] = await findHolders(store, addressOf(i), noon + t)
      return [row!.owner, row!.state, row!.doubt, row!.others]
    }
    const asked = [[0, 30], [0, 64], [0, 300], [1, 90], [2, 630], [2, 690], [3, 50], [3, 64]] as const // prettier-ignore
    const all = (): Promise<unknown[][]> => Promise.all(asked.map(([i, t]) => at(i, t)))
    // the map alone knows stays, and minutes of them
    assert.deepEqual(await all(), [
      [b, 'ambiguous', 'turns', [a]],
      [b, 'ambiguous', 'turns', [a]],
      [b, 'ambiguous', 'turns', [a]],
      [b, 'ambiguous', 'conflict', [a]],
      [b, 'ambiguous', 'turns', [a]],
      [a, 'ambiguous', 'resumed', [b]],
      [b, 'ambiguous', 'turns', [a]],
      [b, 'ambiguous', 'turns', [a]],
    ])
    assert.deepEqual(await at(0, 1000), [b, 'last-known', '', [a]])
    assert.deepEqual(await at(3, 1000), [b, 'last-known', '', []])
    putFlows(flows.map((each, i) => ({ ...each, line: i + 1 })))
    await cluster.runRole(role('clickhouse-flows'))
    assert.deepEqual(await all(), [
      [b, 'ambiguous', 'overlap', [a]],
      [b, 'ambiguous', 'overlap', [a]],
      [b, 'ambiguous', 'overlap', [a]],
      [b, 'ambiguous', 'conflict', [a]],
      [b, 'ambiguous', 'overlap', [a]],
      [a, 'held', '', []],
      [b, 'ambiguous', 'overlap', [a]],
      [b, 'ambiguous', 'overlap', [a]],
    ])
    assert.deepEqual(await at(3, 65), [b, 'held', '', []])
  })

  it('does not name one that was not seen, of two that take turns, as the holder while the other one is seen', async () => {
    const { cluster, role, store, putFlows } = await setUpSink(server)
    const ip = '10.0.64.8'
    const [a, b] = [owners[0], owners[2]]
    const seen = [0, 1, 2, 3, 4].map(turn => part(turn % 2 === 0 ? a : b, 300 * turn, 298))
    for (const { who, first, last } of seen)
      cluster.put('ipSightings', { scope, ip }, { kind: 'own', owner: ownerOf(who), ranges: [{ first: noon + first, last: noon + last }] }) // prettier-ignore
    const { ipContext, kafka } = checkConfig({})
    await cluster.runRole(createIpContextRole({ ...ipContext, ...kafka }))
    await cluster.runRole(role('clickhouse-runs'))
    putFlows(seen.map(({ who, first, last }, i) => ({ ...record(true, { own: ip, interfaceId: ownerOf(who).interfaceId, instanceId: ownerOf(who).instanceId, vpcId: scope, start: noon + first, end: noon + last }), line: i + 1 }))) // prettier-ignore
    await cluster.runRole(role('clickhouse-flows'))
    const at = async (t: number): Promise<unknown[]> => {
      const [row] = await findHolders(store, ip, noon + t)
      return [row!.owner, row!.state, row!.doubt, row!.others]
    }
    assert.deepEqual(await at(150), [a, 'held', '', []])
    assert.deepEqual(await at(450), [b, 'held', '', []])
    assert.deepEqual(await at(750), [b, 'ambiguous', 'turns', [a]])
    assert.deepEqual(await at(1050), [b, 'held', '', []])
    assert.deepEqual(await at(1350), [a, 'held', '', []])
  })
})
