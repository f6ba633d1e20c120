/** The task behind a fence on the real broker: exactly once over failures, rejoins and takeovers; state restored; both batch modes. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openSession, type Session } from '../../operations/session.ts'
import { topics } from '../../schemas/topics.ts'
import { RoleRunner } from '../../runtime/kafka/role-runner.ts'
import { countingOutcome, countingRole, produceArrivals } from '../support/kafka/counting-role.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'

const encodedBatches = process.env['FLOWLOOM_TEST_ENCODED'] !== 'false'

after(() => releaseStack())

async function until(condition: () => Promise<boolean> | boolean, timeoutMs: number): Promise<void> {
  const endMs = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error('did not happen in time')
    await sleep(100)
  }
}

const processed = async (session: Session): Promise<number> => {
  let sum = 0
  for (let p = 0; p < 4; p++) sum += (await session.cluster.committedPosition('counting', 'objectArrivals', p)).offset
  return sum
}
const end = async (session: Session): Promise<number> => {
  let sum = 0
  for (let p = 0; p < 4; p++) sum += (await session.cluster.limits(topics.objectArrivals, p)).end
  return sum
}

test('each record counts once over failing tasks, a second member and a restart', { timeout: 120_000 }, async () => {
  const signal = new AbortController().signal
  const settings = await freshSettings({ kafka: { encodedBatches } })
  const session = await openSession({ overrides: settings }, signal)
  const options = { ...session, loadSchema: (id: number) => session.registry.loadSchema(id), taskRestartMs: 20 }
  let calls = 0
  let failures = 0
  // bounded: a batch of more than 149 records would else never come to its end
  const flaky = countingRole(() => ++calls % 149 === 0 && ++failures <= 12)
  await produceArrivals(session, 200, 'producer-1')
  const first = new RoleRunner(flaky, options)
  await first.start()
  await sleep(1500)
  const second = new RoleRunner(flaky, options)
  await second.start()
  await produceArrivals(session, 200, 'producer-2')
  await until(async () => (await processed(session)) >= (await end(session)) - 4 * 20, 40_000).catch(() => undefined)
  await first.stop()
  await produceArrivals(session, 100, 'producer-3')
  await sleep(1000)
  await second.stop()
  const third = new RoleRunner(
    countingRole(() => false),
    options,
  )
  await third.start()
  await until(async () => (await countingOutcome(session)).copies.length >= 500, 40_000)
  await sleep(500)
  await third.stop()
  const { copies, counts } = await countingOutcome(session)
  assert.equal(new Set(copies).size, 500)
  assert.equal(copies.length, 500)
  assert.deepEqual(
    [...counts.values()],
    Array.from({ length: counts.size }, () => 50),
  )
  assert.equal(counts.size, 10)
  await session.cluster.close()
})
