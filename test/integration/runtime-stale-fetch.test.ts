/** A fetch that begins behind what is due, as one from before a seek does: nothing between is left out, of the input and of the state. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openSession } from '../../operations/session.ts'
import { Membership } from '../../runtime/kafka/membership.ts'
import { RoleRunner } from '../../runtime/kafka/role-runner.ts'
import { topics } from '../../schemas/topics.ts'
import { countingRole, countingOutcome, produceArrivals } from '../support/kafka/counting-role.ts'
import { until } from '../support/kafka/kafka-lab.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'

after(() => releaseStack())

test('a fetch that begins too far is refused, and what is due is fetched', { timeout: 120_000 }, async t => {
  const overrides = await freshSettings({ kafka: { partitions: 2, fewPartitions: 2 } })
  const session = await openSession({ overrides }, new AbortController().signal)
  const options = { ...session, loadSchema: (id: number) => session.registry.loadSchema(id), taskRestartMs: 20 }
  const seek = Object.getOwnPropertyDescriptor(Membership.prototype, 'seek')!.value as Membership['seek']
  const first = new Set<string>()
  let ends = new Map<string, number>()
  let led = 0
  t.mock.method(Membership.prototype, 'seek', function (this: Membership, topic: string, partition: number, offset: number) {
    const place = `${topic}/${partition}`
    const astray = !first.has(place) && offset + 3 < (ends.get(place) ?? 0)
    first.add(place)
    if (astray) led++
    seek.call(this, topic, partition, astray ? offset + 3 : offset)
  })
  const noteEnds = async (): Promise<void> => {
    ends = new Map()
    for (const topic of [topics.objectArrivals, topics.objects])
      for (const [partition, { end }] of await session.cluster.ranges(topic))
        ends.set(`${session.cluster.topicName(topic)}/${partition}`, end)
  }
  try {
    for (const round of [1, 2]) {
      await produceArrivals(session, 100, `producer-${round}`)
      first.clear()
      led = 0
      await noteEnds()
      const runner = new RoleRunner(
        countingRole(() => false),
        options,
      )
      await runner.start()
      await until(async () => (await countingOutcome(session)).copies.length >= 100 * round, 40_000, 'copies')
      await runner.stop()
      assert.ok(led >= 1 + round, `${led} of the partitions were led astray`)
      const { copies, counts } = await countingOutcome(session)
      assert.equal(copies.length, 100 * round)
      assert.equal(new Set(copies).size, 100 * round)
      assert.deepEqual(new Set(counts.values()), new Set([10 * round]), 'the state was complete')
    }
  } finally {
    await session.cluster.close()
  }
})
