// Owners of addresses around midnight, over random hand-overs: lookup and the views of owners say the same of every address and second, and no more
// than is true. What is true is worked out here from the sightings alone, second by second; nothing of that comes from the product.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { checkConfig } from '../../config/config.ts'
import { findHolders } from '../../operations/holders.ts'
import { createIpContextRole } from '../../processors/ip-context/ip-context-processor.ts'
import type { Owner } from '../../schemas/records.ts'
import { flow } from '../support/records/flow-records.ts'
import { askingTogether } from '../support/clickhouse/asked-together.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { natGatewayFlows, setUpSink } from '../support/clickhouse/sink-setup.ts'

let server: LiveClickHouse
before(async () => (server = await liveClickHouse()))
afterEach(() => server.giveBack())
after(() => server.stop())

const scope = 'vpc-abcdefab012345678'
const midnight = 20_400 * 86_400
const nobody: Owner = { interfaceId: null, instanceId: null, interfaceType: null, subnetId: null, vpcId: scope, accountId: null, region: null, azId: null, service: null } // prettier-ignore

/** Somebody (interface and instance) is seen with an address in whole seconds `first` to `last`, from midnight. */
interface Seen {
  who: string
  first: number
  last: number
  /** The records of that day do not name the instance. */
  unnamed?: boolean
}

/** Seeds of worlds; one that fails is added here. */
const seeds = [1, 2]
const addresses = 30
const secondsAsked = 5

/** Sightings of one address: hand-overs with overlap or gap, A-B-A, a third owner, an instance that changes, or is not named on one of the days, or nothing at all happens. */
const worldOf = (ids: readonly [string, string, string]): fc.Arbitrary<Seen[]> => {
  const [a, b, c] = ids
  const near = fc.integer({ min: -700, max: 700 })
  const part = (who: string, from: number, to: number, hole: number): Seen[] => {
    const found: Seen[] = []
    for (let first = from; first <= to; first += 60 + hole) found.push({ who, first, last: Math.min(to, first + 59) })
    return found
  }
  const hole = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 500 }))
  return fc
    .record({
      shape: fc.constantFrom('over', 'over', 'back', 'third', 'instance', 'unnamed', 'unnamed', 'alone'),
      cuts: fc.tuple(near, near, near, near),
      holes: fc.tuple(hole, hole),
    }) // prettier-ignore
    .map(({ shape, cuts, holes }) => {
      const [p, q, r, s] = shape === 'over' ? cuts : [...cuts].sort((x, y) => x - y)
      const begin = part(a, -5400, p!, holes[0])
      switch (shape) {
        case 'over':
          return [...begin, ...part(b, q!, 5400, holes[1])]
        case 'back':
          return [...begin, ...part(b, q!, r!, holes[1]), ...part(a, s!, 5400, holes[0])]
        case 'third':
          return [...begin, ...part(b, q!, r!, holes[1]), ...part(c, s!, 5400, 0)]
        case 'instance':
          return [...begin, ...part(`${a.split(' ')[0]!} i-2`, q!, 5400, holes[1])]
        case 'unnamed':
          return [...begin, ...part(b, q!, r!, holes[1]), ...part(a, s!, 5400, holes[0])].map(each => ({
            ...each,
            unnamed: each.who === a && each.first >= 0 === cuts[0] > 0,
          }))
        default:
          return part(a, -5400, 5400, holes[0])
      }
    })
}

/** Who was seen at most 10 minutes before a second. */
const recentAt = (seen: readonly Seen[], t: number): Set<string> =>
  new Set(seen.filter(({ first, last }) => first <= t && last + 600 >= t).map(({ who }) => who))

/** The owner that alone was seen from `before` to `t`; undefined if several were, or nobody. */
const aloneSince = (seen: readonly Seen[], since: number, t: number): string | undefined => {
  const who = new Set(seen.filter(({ first, last }) => first <= t && last >= since).map(each => each.who))
  return who.size === 1 ? [...who][0] : undefined
}

/** What is wrong with an answer. */
function faultOf(seen: readonly Seen[], t: number, id: string | undefined, state: string | undefined): string | undefined {
  const recent = recentAt(seen, t)
  const ever = seen.some(({ first }) => first <= t)
  if (state === undefined) return ever ? 'nobody, though somebody was seen before' : undefined
  if (state === 'last-known') return recent.size > 0 ? 'last-known though somebody was seen at most 10 minutes before' : undefined
  if (!recent.has(id!)) return 'the owner was not seen in the 10 minutes before'
  // 45 minutes are longer than all that happens around midnight: whoever was alone in them and is to be alone in the 10 minutes after is not in doubt
  const alone = aloneSince(seen, t - 2700, t + 600)
  if (alone !== undefined && state !== 'held') return 'ambiguous though nobody else was near'
  if (state !== 'held') return undefined
  // somebody else came after the owner was last seen
  const lastOf = (who: string): number => Math.max(...seen.filter(each => each.who === who && each.first <= t).map(each => Math.min(each.last, t))) // prettier-ignore
  const later = [...recent].find(who => who !== id && lastOf(who) - 600 > lastOf(id!))
  return later === undefined ? undefined : `held, though ${later} was seen for longer than 10 minutes after it`
}

describe('an address around midnight, in random worlds', () => {
  for (const seed of seeds)
    it(`has the same owner and state in lookup and in the views of owners, and none that is not true (${seed})`, async () => {
      const { cluster, role, store, putFlows } = await setUpSink(server)
      const random = fc.sample(fc.tuple(fc.shuffledSubarray(['eni-a i-1', 'eni-b i-1', 'eni-c i-1'], { minLength: 3 }).chain(ids => worldOf(ids as [string, string, string])), fc.array(fc.integer({ min: -300, max: 700 }), { minLength: secondsAsked, maxLength: secondsAsked })), { numRuns: addresses, seed }) // prettier-ignore
      const worlds = random.map(([seen, times], i) => ({ ip: `10.0.${i}.1`, seen, times: [...times, 0, 599] }))
      for (const { ip, seen } of worlds)
        for (const [who, all] of Map.groupBy(seen, each => (each.unnamed === true ? each.who.split(' ')[0]! : each.who))) {
          const [interfaceId, instanceId] = who.split(' ')
          const ranges = all.map(({ first, last }) => ({ first: midnight + first, last: midnight + last }))
          cluster.put('ipSightings', { scope, ip }, { kind: 'own', owner: { ...nobody, interfaceId: interfaceId!, instanceId: instanceId ?? null }, ranges }) // prettier-ignore
        }
      const { ipContext, kafka } = checkConfig({})
      await cluster.runRole(createIpContextRole({ ...ipContext, ...kafka }))
      await cluster.runRole(role('clickhouse-runs'))
      const asked = worlds.flatMap(({ ip, seen, times }) => times.map(t => ({ ip, seen, t })))
      const base = { ...natGatewayFlows()[0]!, pktSrcAddr: null, pktDstAddr: null, vpcId: scope, direction: 'unknown', flowDirection: null } as const // prettier-ignore
      putFlows(
        asked.map(({ ip, t }, i) => {
          const ends = i % 2 === 0 ? { srcAddr: ip, dstAddr: '198.51.100.9' } : { srcAddr: '198.51.100.9', dstAddr: ip }
          return flow({ ...base, ...ends, start: midnight + t, end: midnight + t, line: i + 1 })
        }),
      )
      await cluster.runRole(role('clickhouse-flows'))
      const together = askingTogether(store)
      const looked = await Promise.all(
        asked.map(async ({ ip, t }) => {
          const [row] = await findHolders(together, ip, midnight + t)
          return row === undefined
            ? [null, null, null, null]
            : [row.interface_id, row.instance_id === '' ? null : row.instance_id, row.state, row.owner]
        }),
      )
      const text = (i: number): string => `${asked[i]!.ip} ${asked[i]!.t} s from midnight, seen ${JSON.stringify(asked[i]!.seen)}`
      for (const view of [
        'flow_owners',
        `flow_owners_between(from = ${midnight - 1000}, to = ${midnight + 1000})`,
        `flow_owners_between(from = ${midnight}, to = ${midnight + 600})`,
      ]) {
        const rows = await store.query<Record<string, string | null> & { line: number }>(
          `SELECT line, local_interface_id, local_instance_id, local_state, remote_interface_id, remote_instance_id, remote_state FROM ${view}`,
        )
        assert.ok(rows.length > asked.length / 8)
        for (const row of rows) {
          const i = row.line - 1
          const side = i % 2 === 0 ? 'local' : 'remote'
          assert.deepEqual(
            [row[`${side}_interface_id`], row[`${side}_instance_id`], row[`${side}_state`]],
            looked[i]!.slice(0, 3),
            `${view}: ${text(i)}`,
          )
        }
      }
      looked.forEach(([, , state, id], i) =>
        assert.equal(faultOf(asked[i]!.seen, asked[i]!.t, id ?? undefined, state ?? undefined), undefined, `${text(i)}: ${state} ${id}`),
      )
      assert.ok(looked.some(([, , state], i) => state === 'ambiguous' && asked[i]!.t >= 0 && asked[i]!.t < 600))
    })
})
