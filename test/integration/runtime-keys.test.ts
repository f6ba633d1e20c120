/** A topic whose keys carry another schema id (its registry was lost or is another one): the role stops instead of splitting its keys. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { confluentHeader } from '../../runtime/avro.ts'
import { FlowError } from '../../runtime/errors.ts'
import { topics } from '../../schemas/topics.ts'
import { CopyBench } from '../support/kafka/copy-role.ts'
import { releaseStack } from '../../harness/live-stack.ts'

after(() => releaseStack())

for (const [where, topic, restore] of [
  ['input', topics.objectArrivals, undefined],
  ['state', topics.objects, () => undefined],
] as const)
  test(`stops for good where the keys of its ${where} have another schema id`, { timeout: 60_000 }, async t => {
    const bench = await CopyBench.open()
    t.after(() => bench.close())
    const { cluster, codecs } = bench.session
    const key = codecs.objects.encodeKey({ bucket: 'b', key: 'k' })
    const foreign = Buffer.concat([confluentHeader(codecs.objects.ids.key + 1000), key.subarray(5)])
    const producer = bench.lab.fenced('foreign')
    await producer.fence()
    await producer.send(cluster.topicName(topic), 0, [{ key: foreign, value: Buffer.from('x') }])
    await producer.commit()
    const runner = bench.runner(restore === undefined ? {} : { restore })
    await runner.start()
    const error = await Promise.race([runner.failed.catch((reason: unknown) => reason), sleep(20_000, 'nothing', { ref: false })])
    assert.ok(error instanceof FlowError, String(error))
    assert.equal(error.code, 'KEY_SCHEMA_CHANGED')
    assert.deepEqual(await bench.copied(), [])
  })
