/** The cloud map does not depend on order, splitting, repetition, lateness, transaction boundaries, restarts, failures and eviction: it is that of the model. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createIpContextRole, type IpContextOptions } from '../../processors/ip-context/ip-context-processor.ts'
import { FlowError } from '../../runtime/errors.ts'
import type { IpSighting, Owner, OwnershipRun, SecondsRange } from '../../schemas/records.ts'
import { modelRuns, type RecordedSighting, modelEntry } from '../support/references/map-model.ts'
import { MemoryCluster, type FailurePoint } from '../../harness/memory-context.ts'
import { inShort, ownerNamed } from '../support/records/sightings.ts'

const dayS = 86_400
const firstDay = 20_400
const overlapS = 40
const options: IpContextOptions = {
  horizonS: dayS,
  overlapS,
  idleDays: 20,
  historyDays: 0,
  maxStateBytes: 500_000,
  commitRows: 1_000_000,
  commitIntervalMs: 500,
}
/** Seeds that failed once. */
const keptSeeds: readonly number[] = [1, 20_261_130]

const owners: readonly Owner[] = [
  ownerNamed('a'),
  ownerNamed('a', { instanceId: null, vpcId: null, subnetId: 'subnet-1' }),
  ownerNamed('a', { instanceId: 'i-z', accountId: '999999999999' }),
  ownerNamed('b'),
  ownerNamed('b', { instanceId: null }),
  ownerNamed('c', { azId: 'use1-az1', instanceId: null }),
]
const ips = ['10.0.0.1', '10.0.0.2'] as const

interface Event extends RecordedSighting {
  readonly ip: string
}

/** Days of one scenario: neighbours, and some that are far apart. */
const offsets = [0, 1, 2, 3, 45, 46, 90] as const

const range = fc
  .record({
    day: fc.constantFrom(...offsets),
    // mostly on a grid, near midnight, or somewhere
    second: fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 0, max: 40 }).map(n => n * 60) },
      { weight: 2, arbitrary: fc.integer({ min: -900, max: 900 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: dayS - 1 }) },
    ),
    length: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(0, 59, 119, 660) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 5000 }) },
      { weight: 1, arbitrary: fc.constant(dayS) },
    ),
  })
  .map(({ day, second, length }): SecondsRange => {
    const first = (firstDay + day) * dayS + second
    return { first, last: first + length }
  })

const sighting = fc
  .record({
    kind: fc.oneof(
      { weight: 5, arbitrary: fc.constant('own' as const) },
      { weight: 3, arbitrary: fc.constant('packet' as const) },
      { weight: 1, arbitrary: fc.constant('passed' as const) },
    ),
    owner: fc.constantFrom(...owners),
    ranges: fc.array(range, { minLength: 1, maxLength: 3 }),
  })
  .map(({ kind, owner, ranges }): IpSighting => ({ kind, owner, ranges: ranges.sort((a, b) => a.first - b.first) }))

/** Most records are written long after; some claim a time after their own. */
const event = fc
  .record({
    ip: fc.constantFrom(...ips),
    sighting,
    recorded: fc.oneof(
      { weight: 9, arbitrary: fc.constant((firstDay + 100) * dayS) },
      { weight: 1, arbitrary: fc.constantFrom(...offsets).map(day => (firstDay + day) * dayS + 60) },
    ),
  })
  .map(({ ip, sighting, recorded }): Event => ({ ip, sighting, recordedMs: recorded * 1000 }))

const events = fc.array(event, { minLength: 1, maxLength: 14 })

/** Another order; some sightings are split into single ranges and halves, some repeated. */
function reordered(given: readonly Event[], seed: number): Event[] {
  let state = seed >>> 0
  const random = (n: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state >>> 8) % n
  }
  return given
    .flatMap((one): Event[] => {
      const pieces = random(3) === 0 ? one.sighting.ranges.flatMap(halves) : [one.sighting.ranges]
      const out = pieces.map(ranges => ({ ...one, sighting: { ...one.sighting, ranges } }))
      return random(3) === 0 ? [...out, one] : out
    })
    .map(one => ({ one, at: random(1 << 20) }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one)
}
const halves = ({ first, last }: SecondsRange): SecondsRange[][] => {
  const middle = Math.floor((first + last) / 2)
  return middle === last ? [[{ first, last }]] : [[{ first, last: middle }], [{ first: middle + 1, last }]]
}

/** Without the prototypes of avsc. */
const plain = <V>(value: V): V => JSON.parse(JSON.stringify(value)) as V
const sorted = (runs: Iterable<[string, OwnershipRun]>): [string, OwnershipRun][] => plain([...runs].sort(([a], [b]) => (a < b ? -1 : 1)))
const runsIn = (cluster: MemoryCluster): [string, OwnershipRun][] => sorted(cluster.latest('cloudMapRuns', key => `${key.ip} ${key.first}`))
const expectedRuns = (given: readonly Event[]): [string, OwnershipRun][] =>
  sorted(
    ips.flatMap(ip =>
      modelRuns(
        given.filter(one => one.ip === ip),
        overlapS,
      ).map((run): [string, OwnershipRun] => [`${ip} ${run.validFrom}`, run]),
    ),
  )

/** The entries of the map, and what the model says of the days that they know. */
function entriesIn(cluster: MemoryCluster, given: readonly Event[]): { is: string[]; wanted: string[] } {
  const is: string[] = []
  const wanted: string[] = []
  for (const [ip, { current, currentSince, lastSeen, days }] of cluster.latest('cloudMap', key => key.ip)) {
    const known = modelEntry(
      given.filter(one => one.ip === ip),
      days.map(({ day }) => day),
      overlapS,
    )
    is.push(JSON.stringify([ip, current, currentSince, lastSeen]))
    wanted.push(JSON.stringify([ip, known?.current ?? null, known?.currentSince ?? null, known?.lastSeen ?? null]))
  }
  return { is, wanted }
}

/** As assert.deepEqual, which takes minutes to show the difference of large values. */
function assertSame(actual: readonly [string, OwnershipRun][], expected: readonly [string, OwnershipRun][]): void {
  const lines = ([name, run]: [string, OwnershipRun]): string =>
    `${name} ${inShort(run)} doubt to ${run.doubtTo} beside ${run.others.join()} ${JSON.stringify(run.owner)}`
  const [is, wanted] = [actual.map(lines), expected.map(lines)]
  const wrong = [
    ...is.filter(line => !wanted.includes(line)).map(line => `+ ${line}`),
    ...wanted.filter(line => !is.includes(line)).map(line => `- ${line}`),
  ]
  if (wrong.length > 0) throw new Error(wrong.slice(0, 6).join('\n'))
  assert.equal(is.length, wanted.length)
}

interface Step {
  rows: number
  fail: FailurePoint | null
  after: number
}
const steps = fc.array(
  fc.record({
    rows: fc.integer({ min: 1, max: 8 }),
    fail: fc.option(fc.constantFrom<FailurePoint>('send', 'commit', 'commit-unknown')),
    after: fc.integer({ min: 0, max: 3 }),
  }),
  { minLength: 1, maxLength: 12 },
)

/** Runs the role with transactions of the given sizes; a step with a failure kills the task, and a new one restores. */
async function run(given: readonly Event[], plan: readonly Step[], settings: IpContextOptions): Promise<MemoryCluster> {
  const cluster = new MemoryCluster()
  for (const { ip, sighting: value, recordedMs } of given) {
    cluster.clockMs = recordedMs
    cluster.put('ipSightings', { scope: 'vpc-1', ip }, value)
  }
  const role = createIpContextRole(settings)
  let task = await cluster.startTask(role, 0)
  for (let i = 0; cluster.positionOf(role, 0).offset < given.length; i++) {
    const step = plan[i % plan.length]!
    const fails = step.fail !== null && i < 3 * plan.length
    if (fails) task.context.failAt(step.fail!, step.fail === 'send' ? step.after : 0)
    try {
      await task.step(step.rows)
      cluster.clockMs += 1000
      await task.tick()
    } catch (error) {
      // only what the plan injected
      if (!(error instanceof FlowError)) throw error
      task = await cluster.startTask(role, 0)
    }
  }
  await task.stop().catch(() => undefined)
  return cluster
}

const settingsOf = fc.record({
  horizonS: fc.constantFrom(60, dayS, 2 * dayS),
  idleDays: fc.constantFrom(1, 20, 400),
  maxStateBytes: fc.constantFrom(200, 500_000),
})

for (const seed of [undefined, ...keptSeeds])
  test(`any order, repetition, lateness and restart gives the runs of the model${seed === undefined ? '' : ` (seed ${seed})`}`, async () => {
    await fc.assert(
      fc.asyncProperty(events, fc.integer(), steps, settingsOf, async (given, order, plan, settings) => {
        const expected = expectedRuns(given)
        const cluster = await run(reordered(given, order), plan, { ...options, ...settings })
        assertSame(runsIn(cluster), expected)
        const { is, wanted } = entriesIn(cluster, given)
        assert.deepEqual(is, wanted)
      }),
      { numRuns: Number(process.env['RUNS'] ?? (seed === undefined ? 40 : 15)), ...(seed === undefined ? {} : { seed }) },
    )
  })

/** Owners of one address around one midnight, so that they take turns, meet, and end together. */
const meetings = fc.array(
  fc
    .record({
      kind: fc.constantFrom('own' as const, 'own' as const, 'own' as const, 'packet' as const),
      owner: fc.constantFrom(...owners),
      minute: fc.integer({ min: -40, max: 40 }),
      second: fc.constantFrom(0, 0, 35),
      length: fc.constantFrom(0, 59, 119, 660, 1500),
    })
    .map(({ kind, owner, minute, second, length }): Event => {
      const first = (firstDay + 1) * dayS + 60 * minute + second
      return { ip: ips[0], sighting: { kind, owner, ranges: [{ first, last: first + length }] }, recordedMs: (firstDay + 2) * dayS * 1000 }
    }),
  { minLength: 1, maxLength: 12 },
)

for (const seed of [undefined, ...keptSeeds])
  test(`owners that take turns, overlap, and begin and end together: the runs are those of the model, and the entry names the newest one${seed === undefined ? '' : ` (seed ${seed})`}`, async () => {
    await fc.assert(
      fc.asyncProperty(meetings, fc.integer(), settingsOf, async (given, order, settings) => {
        const cluster = await run(reordered(given, order), [{ rows: 3, fail: null, after: 0 }], { ...options, ...settings })
        const { is, wanted } = entriesIn(cluster, given)
        assert.deepEqual(is, wanted)
        assertSame(runsIn(cluster), expectedRuns(given))
      }),
      { numRuns: Number(process.env['RUNS'] ?? 15), ...(seed === undefined ? {} : { seed }) },
    )
  })

test('a conflict is announced once when it begins and once when it ends, however transactions cut it', async () => {
  const a = fc.integer({ min: 0, max: 50 })
  await fc.assert(
    fc.asyncProperty(
      fc.record({ aFrom: a, bFrom: a, minutes: fc.integer({ min: 10, max: 120 }), start: fc.integer({ min: 0, max: dayS }) }),
      steps,
      async ({ aFrom, bFrom, minutes, start }, plan) => {
        const base = firstDay * dayS + start
        const given: Event[] = []
        const put = (name: string, first: number, length: number): number =>
          given.push({
            ip: ips[0],
            sighting: { kind: 'own', owner: ownerNamed(name), ranges: [{ first, last: first + length }] },
            recordedMs: (firstDay + 3) * dayS * 1000,
          })
        put('a', base - 600, 59)
        for (let i = 0; i < minutes; i++) {
          put('a', base + i * 60 + aFrom, 40)
          put('b', base + i * 60 + bFrom, 40)
        }
        put('a', base + minutes * 60 + 2000, 59)
        const cluster = await run(given, plan, options)
        const kinds = cluster.readCommitted('cloudMapChanges').map(change => change.value!.kind)
        const count = (kind: string): number => kinds.filter(each => each === kind).length
        assert.deepEqual([count('conflict'), count('conflict_ended'), count('appeared')], [1, 1, 1], kinds.join())
        // to b and back to a, which may be seen again before b is known to be gone
        assert.ok(kinds.length <= 5, kinds.join())
      },
    ),
    { numRuns: 30 },
  )
})
