/** The cloud map on the real broker: late data is joined with days that have left the state, over restarts of the role. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createKafka } from '../../runtime/kafka/client.ts'
import { FencedProducer } from '../../runtime/kafka/fenced-producer.ts'
import { readTopic } from '../../runtime/kafka/topic-reader.ts'
import { partitionOf } from '../../runtime/partition.ts'
import { topics } from '../../schemas/topics.ts'
import type { CloudMapRun, IpSighting } from '../../schemas/records.ts'
import { until } from '../support/kafka/kafka-lab.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { inShort, seen } from '../support/records/sightings.ts'

const day = (n: number): number => n * 86_400
const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4']
let run: LocalRun

before(async () => (run = await LocalRun.open(await freshSettings({ kafka: { partitions: 2, fewPartitions: 1 } }))))
after(async () => {
  await run.close()
  await releaseStack()
})

/** Writes a sighting of every address, and waits until the map has taken it. */
async function sight(sighting: IpSighting): Promise<void> {
  const { cluster, codecs } = run.session
  const id = `${cluster.settings.deployment}.test`
  const producer = new FencedProducer(createKafka(cluster.settings, id, run.session.log), cluster.settings, id)
  await producer.fence()
  for (const ip of addresses) {
    const key = codecs.ipSightings.encodeKey({ scope: 'vpc-1', ip })
    const partition = partitionOf(key, cluster.partitionsOf(topics.ipSightings))
    await producer.send(cluster.topicName(topics.ipSightings), partition, [{ key, value: codecs.ipSightings.encodeValue(sighting) }])
  }
  await producer.commit()
  await producer.close(true)
  await until(
    async () => {
      for (const partition of [0, 1]) {
        const { end } = await cluster.limits(topics.ipSightings, partition)
        const { offset } = await cluster.committedPosition('ip-context', 'ipSightings', partition)
        // the marker of the last transaction takes an offset too
        if (end - offset > 1) return false
      }
      return true
    },
    60_000,
    'the end of the sightings',
  )
}

async function runs(): Promise<Map<string, string[]>> {
  const { cluster, codecs } = run.session
  const newest = new Map<string, { ip: string; run: CloudMapRun }>()
  await readTopic(cluster, topics.cloudMapRuns, ({ key, value }) => {
    const { ip, first } = codecs.cloudMapRuns.decodeKey(key!)
    if (value === null) newest.delete(`${ip} ${first}`)
    else newest.set(`${ip} ${first}`, { ip, run: codecs.cloudMapRuns.decodeValue(value) })
  })
  const found = new Map<string, string[]>()
  for (const { ip, run: each } of newest.values()) found.set(ip, [...(found.get(ip) ?? []), inShort(each)].sort())
  return found
}

test('late data for days that have left the state gives the runs of data in order, over restarts', { timeout: 300_000 }, async () => {
  run.start(['ip-context'])
  await sight(seen('a', [day(100), day(100) + 59]))
  await sight(seen('a', [day(110), day(110) + 59]))
  await sight(seen('b', [day(100) + 30, day(100) + 40]))
  await run.stop()
  run.start(['ip-context'])
  await sight(seen('c', [day(100) + 50, day(100) + 900], [day(105), day(105) + 9]))
  await run.stop()
  const at = day(100)
  const expected = [
    `a ${at + 41}-${at + 50} seen ${at + 41}-${at + 49}`,
    `a ${at}-${at + 30} seen ${at}-${at + 29}`,
    `b ${at + 30}-${at + 41} seen ${at + 30}-${at + 40}`,
    `c ${at + 50}- seen ${at + 50}-${at + 900}`,
    `c ${day(105)}- seen ${day(105)}-${day(105) + 9}`,
    `a ${day(110)}- seen ${day(110)}-${day(110) + 59}`,
  ].sort()
  const found = await runs()
  for (const ip of addresses) assert.deepEqual(found.get(ip), expected, ip)
})
