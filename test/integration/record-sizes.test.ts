/** The largest record of each topic passes a broker with its default limits: neither the broker nor the topics have a setting for it. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ConfigResourceTypes } from '../../runtime/kafka/kafka-constants.ts'
import { topics } from '../../schemas/topics.ts'
import { Lab } from '../support/kafka/kafka-lab.ts'
import { largestRecords } from '../support/records/largest-records.ts'
import { releaseStack } from '../../harness/live-stack.ts'

const lab = await Lab.open({ compression: 'none' })
after(async () => {
  await lab.close()
  await releaseStack()
})

test('the broker has the default limit, for all topics that are made on it', async () => {
  const topic = await lab.topic()
  const admin = await lab.cluster.admin()
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.topic, name: lab.nameOf(topic), configNames: ['max.message.bytes'] }],
  })
  assert.equal(resources[0]!.configEntries[0]!.configValue, '1048588')
})

for (const { topic: id, what, record } of largestRecords())
  for (const encodedBatches of [true, false])
    test(`${topics[id].name}: ${what} at the limit of the settings, uncompressed${encodedBatches ? '' : ', encoded by kafkajs'}`, async () => {
      const topic = await lab.topic()
      const producer = lab.fenced(`${id}.${what.replaceAll(' ', '-')}.${encodedBatches}`, { encodedBatches })
      await producer.fence()
      await producer.send(lab.nameOf(topic), 0, [record])
      await producer.commit()
      const [found] = await lab.read(topic)
      assert.ok(found?.value?.equals(record.value!))
    })
