/** Partitions that were added to the topics of a role with state: keys would go where nobody knows their state. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openSession } from '../../operations/session.ts'
import { FlowError } from '../../runtime/errors.ts'
import { partitionOf } from '../../runtime/partition.ts'
import { topics } from '../../schemas/topics.ts'
import { CopyBench } from '../support/kafka/copy-role.ts'
import { emptyLedger } from '../support/records/ledger.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'

after(() => releaseStack())

test('stops for good where partitions were added to its input and state', { timeout: 60_000 }, async t => {
  const overrides = await freshSettings({ kafka: { partitions: 2 } })
  const open = async (): Promise<CopyBench> => {
    const bench = new CopyBench(await openSession({ overrides }, new AbortController().signal))
    t.after(() => bench.close())
    return bench
  }
  const before = await open()
  const { cluster, codecs } = before.session
  const producer = before.lab.fenced('ledger')
  await producer.fence()
  for (let i = 0; i < 40; i++) {
    const name = { bucket: 'b', key: `k${i}` }
    const record = { key: codecs.objects.encodeKey(name), value: codecs.objects.encodeValue(emptyLedger) }
    await producer.send(cluster.topicName(topics.objects), partitionOf(codecs.objectArrivals.encodeKey(name), 2), [record])
  }
  await producer.commit()
  let restored = 0
  const restore = (): unknown => restored++
  const good = before.runner({ restore })
  await good.start()
  while (restored < 40) await sleep(50)
  await good.stop()

  const admin = await cluster.admin()
  const topicPartitions = [topics.objectArrivals, topics.objects].map(topic => ({ topic: cluster.topicName(topic), count: 4 }))
  await admin.createPartitions({ topicPartitions })
  const grown = await open()
  const runner = grown.runner({ restore })
  await runner.start()
  const error = await Promise.race([runner.failed.catch((reason: unknown) => reason), sleep(20_000, 'nothing', { ref: false })])
  assert.ok(error instanceof FlowError, String(error))
  assert.equal(error.code, 'PARTITIONS_CHANGED')
  assert.match(error.message, /objects\.v1" had another number of partitions when its state was written \(now 4\)/)
})
