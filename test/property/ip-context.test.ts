/** The cloud map does not depend on order, splitting, repetition, transaction boundaries, restarts or sealing, as long as nothing comes later than the horizon. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createIpContextRole, type IpContextOptions } from '../../processors/ip-context/ip-context-processor.ts'
import { foldSighting, neverSeen, type Ownership } from '../../processors/ip-context/ownership.ts'
import { deriveRuns } from '../../processors/ip-context/ownership-runs.ts'
import { sealBefore } from '../../processors/ip-context/ownership-seal.ts'
import type { CloudMapEntry, IpSighting, Owner, OwnershipRun } from '../../schemas/records.ts'
import { MemoryCluster, type FailurePoint } from '../support/memory-context.ts'
import { ownerNamed } from '../support/sightings.ts'

const horizonS = 600
const overlapS = 40
const longestS = 200
const options: IpContextOptions = { horizonS, overlapS, maxStateBytes: 1_000_000, commitRows: 1_000_000, commitIntervalMs: 500 }

const owners: readonly Owner[] = [
  ownerNamed('a'),
  ownerNamed('a', { vpcId: null, subnetId: 'subnet-1' }),
  ownerNamed('b'),
  ownerNamed('c', { azId: 'use1-az1' }),
]
const ips = ['10.0.0.1', '10.0.0.2'] as const

interface Event {
  ip: string
  sighting: IpSighting
  /** Order of arrival: at most `horizonS` of the address's own time behind the newest one. */
  arrival: number
}

const event = fc
  .record({
    ip: fc.constantFrom(...ips),
    owner: fc.constantFrom(...owners),
    // mostly on a grid, so that ranges often begin and end together
    first: fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 0, max: 60 }).map(n => n * 60) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 6 * horizonS }) },
    ),
    length: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(59, 119, 179) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: longestS - 1 }) },
    ),
    hole: fc.option(fc.record({ at: fc.integer({ min: 1, max: longestS }), size: fc.integer({ min: 1, max: 30 }) })),
    lag: fc.integer({ min: 0, max: horizonS - longestS }),
  })
  .map(({ ip, owner, first, length, hole, lag }): Event => {
    const last = first + length
    const ranges =
      hole === null || hole.at + hole.size >= length
        ? [{ first, last }]
        : [
            { first, last: first + hole.at - 1 },
            { first: first + hole.at + hole.size, last },
          ]
    return { ip, sighting: { kind: 'own', owner, ranges }, arrival: first + lag }
  })

const events = fc.array(event, { minLength: 1, maxLength: 60 })

/** Splits some sightings into single ranges, repeats some, each with a lag of its own. */
function reordered(given: readonly Event[], seed: number): Event[] {
  let state = seed >>> 0
  const random = (n: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state >>> 8) % n
  }
  return given
    .flatMap(({ ip, sighting, arrival }): Event[] => {
      const pieces = random(3) === 0 ? sighting.ranges.flatMap(halves) : [sighting.ranges]
      const first = sighting.ranges[0]!.first
      const moved = (): number => first + random(horizonS - longestS + 1)
      const out = pieces.map(ranges => ({ ip, sighting: { ...sighting, ranges }, arrival: moved() }))
      return random(3) === 0 ? [...out, { ip, sighting, arrival }] : out
    })
    .sort((a, b) => a.arrival - b.arrival)
}
const halves = ({ first, last }: { first: number; last: number }) => {
  const middle = (first + last) >> 1
  return middle === last ? [[{ first, last }]] : [[{ first, last: middle }], [{ first: middle + 1, last }]]
}

const foldAll = (given: readonly Event[], ip: string): Ownership =>
  given.filter(one => one.ip === ip).reduce((state, { sighting }) => foldSighting(state, sighting).state, neverSeen)

/** What cloud-map-runs must hold in the end: the runs of everything, derived at once and without any seal. */
function expectedRuns(given: readonly Event[]): Map<string, OwnershipRun> {
  const runs = new Map<string, OwnershipRun>()
  for (const ip of ips) for (const run of deriveRuns(foldAll(given, ip), overlapS).runs) runs.set(`${ip} ${run.validFrom}`, run)
  return runs
}

/** Without the prototypes of avsc. */
const plain = <V>(value: V): V => JSON.parse(JSON.stringify(value)) as V
const sorted = <V>(map: ReadonlyMap<string, V>): [string, V][] => plain([...map].sort(([a], [b]) => (a < b ? -1 : 1)))
const runsIn = (cluster: MemoryCluster): Map<string, OwnershipRun> => cluster.latest('cloudMapRuns', key => `${key.ip} ${key.first}`)
const entriesIn = (cluster: MemoryCluster): Map<string, CloudMapEntry> => cluster.latest('cloudMap', key => key.ip)
const put = (cluster: MemoryCluster, given: readonly Event[]): void => {
  for (const { ip, sighting } of given) cluster.put('ipSightings', { scope: 'vpc-1', ip }, sighting)
}
const inOrder = (given: readonly Event[]): Event[] => given.toSorted((a, b) => a.arrival - b.arrival)

interface Step {
  rows: number
  fail: FailurePoint | null
  after: number
  idleMs: number
}
const steps = fc.array(
  fc.record({
    rows: fc.integer({ min: 1, max: 12 }),
    fail: fc.option(fc.constantFrom<FailurePoint>('send', 'commit', 'commit-unknown')),
    after: fc.integer({ min: 0, max: 2 }),
    idleMs: fc.constantFrom(0, 1000, 7_200_000),
  }),
  { minLength: 1, maxLength: 20 },
)

/** Runs the role with transactions of the given sizes; a step with a failure kills the task, and a new one restores. */
async function run(given: readonly Event[], plan: readonly Step[], settings: IpContextOptions = options): Promise<MemoryCluster> {
  const cluster = new MemoryCluster()
  put(cluster, given)
  const role = createIpContextRole(settings)
  let task = await cluster.startTask(role, 0)
  for (let i = 0; cluster.positionOf(role, 0).offset < given.length; i++) {
    const step = plan[i % plan.length]!
    const fails = step.fail !== null && i < 3 * plan.length
    if (fails) task.context.failAt(step.fail!, step.fail === 'send' ? step.after : 0)
    try {
      await task.step(step.rows)
      cluster.clockMs += 1000 + step.idleMs
      await task.tick()
    } catch {
      task = await cluster.startTask(role, 0)
    }
  }
  await task.stop().catch(() => undefined)
  return cluster
}

test('folding is commutative, associative and idempotent', () => {
  fc.assert(
    fc.property(events, fc.integer(), (given, seed) => {
      for (const ip of ips) assert.deepEqual(foldAll(reordered(given, seed), ip), foldAll(given, ip))
    }),
  )
})

test('sealing at a clean cut changes no run, whatever comes after it', () => {
  fc.assert(
    fc.property(events, fc.integer({ min: 0, max: 7 * horizonS }), (given, limit) => {
      const past = given.filter(one => one.sighting.ranges[0]!.first < limit)
      const later = given.filter(one => one.sighting.ranges[0]!.first >= limit)
      for (const ip of ips) {
        const state = foldAll(past, ip)
        const { cleanCut } = deriveRuns(state, overlapS, limit - 1)
        if (cleanCut === null) continue
        let sealed = sealBefore(state, cleanCut, overlapS)
        for (const one of later) if (one.ip === ip) sealed = foldSighting(sealed, one.sighting).state
        const all = deriveRuns(foldAll(given, ip), overlapS).runs
        const runs = deriveRuns(sealed, overlapS).runs
        assert.deepEqual(runs, all.slice(all.length - runs.length))
        assert.equal(sealed.lateRuns, 0)
      }
    }),
    { numRuns: 300 },
  )
})

test('runs and state are the same for every order within the horizon, every transaction size and every restart', async () => {
  await fc.assert(
    fc.asyncProperty(events, fc.integer(), steps, steps, async (given, seed, plan, otherPlan) => {
      const one = await run(inOrder(given), plan)
      const other = await run(reordered(given, seed), otherPlan)
      assert.deepEqual(sorted(runsIn(one)), sorted(expectedRuns(given)))
      assert.deepEqual(sorted(runsIn(other)), sorted(expectedRuns(given)))
      for (const [ip, entry] of entriesIn(one)) assert.equal(entry.lateRuns + entriesIn(other).get(ip)!.lateRuns, 0)
      const noIdle = (steps: readonly Step[]): Step[] => steps.map(step => ({ ...step, idleMs: 0 }))
      assert.deepEqual(
        sorted(entriesIn(await run(inOrder(given), noIdle(plan)))),
        sorted(entriesIn(await run(reordered(given, seed), noIdle(otherPlan)))),
      )
    }),
    { numRuns: 60 },
  )
})

test('a small state is bounded, and the runs topic still says what the state says', async () => {
  await fc.assert(
    fc.asyncProperty(events, steps, async (given, plan) => {
      const cluster = await run(inOrder(given), plan, { ...options, horizonS: 100_000, maxStateBytes: 900 })
      const runs = runsIn(cluster)
      for (const [ip, entry] of entriesIn(cluster)) {
        assert.ok(entry.owners.length === 0 || cluster.codecs.cloudMap.encodeValue(entry).length <= 900)
        for (const kept of deriveRuns(entry, overlapS).runs) assert.deepEqual(plain(runs.get(`${ip} ${kept.validFrom}`)), plain(kept))
        assert.deepEqual(plain(entry.current), plain(deriveRuns(entry, overlapS).runs.at(-1)?.owner))
      }
    }),
    { numRuns: 60 },
  )
})
