/** Whether the path gave what its input says: topics read by the Java client, table and cloud map against a plain computation. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Session } from '../../cli/session.ts'
import { topics } from '../../schemas/topics.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { readWithJava } from './java-reader.ts'
import { joinRanges, type Reference } from './reference.ts'

/** Waits until ip-context has taken every sighting. */
export async function mapSettled(session: Session, timeoutMs: number): Promise<void> {
  const endMs = Date.now() + timeoutMs
  const partitions = session.cluster.partitionsOf(topics.ipSightings)
  for (;;) {
    let behind = 0
    for (let p = 0; p < partitions; p++) {
      const { offset } = await session.cluster.committedPosition('ip-context', 'ipSightings', p)
      const { end } = await session.cluster.limits(topics.ipSightings, p)
      // Commit markers take offsets too: two processes wrote, so a few may stand at the end.
      if (end - offset > 3) behind++
    }
    if (behind === 0) return
    if (Date.now() > endMs) throw new Error('the cloud map did not settle')
    await sleep(200)
  }
}

/** Compares topics, table and map with the expectations. */
export async function checkBooks(session: Session, jars: string, store: Store, reference: Reference): Promise<void> {
  const { cluster, codecs } = session
  const flows = new Map<string, number>()
  const sums = { packets: 0, bytes: 0 }
  const map = new Map<string, Map<string, [number, number][]>>()
  await readWithJava(
    jars,
    cluster.settings.brokers[0]!,
    [topics.flows, topics.cloudMap].map(topic => cluster.topicName(topic)),
    record => {
      if (record.topic === cluster.topicName(topics.flows)) {
        const flow = codecs.flows.decodeValue(record.value!)
        const id = `${flow.objectId.toString('hex')}:${flow.line}`
        flows.set(id, (flows.get(id) ?? 0) + 1)
        sums.packets += flow.packets ?? 0
        sums.bytes += flow.bytes ?? 0
        return
      }
      if (record.value === null) return
      const { scope, ip } = codecs.cloudMap.decodeKey(record.key!)
      const entry = codecs.cloudMap.decodeValue(record.value)
      map.set(
        `${scope}|${ip}`,
        new Map(
          entry.owners.map(({ owner, ranges }) => [
            `${owner.interfaceId ?? ''}|${owner.instanceId ?? ''}|${owner.service ?? ''}`,
            ranges.map(({ first, last }) => [first, last]),
          ]),
        ),
      )
    },
  )
  assert.deepEqual(
    [...flows].filter(([, count]) => count !== 1),
    [],
    'every flow stands in the topic once',
  )
  assert.equal(flows.size, reference.tally.flows, 'no flow is missing in the topic')
  assert.deepEqual(sums, { packets: reference.tally.packets, bytes: reference.tally.bytes }, 'sums of the topic')
  const [table] = await store.query<Record<string, string>>(
    'SELECT count() AS rows, uniqExact(object_id, line) AS distinct, sum(packets) AS packets, sum(bytes) AS bytes FROM flows',
  )
  assert.deepEqual(
    table && Object.values(table).map(Number),
    [reference.tally.flows, reference.tally.flows, reference.tally.packets, reference.tally.bytes],
    'rows, distinct rows and sums of the table',
  )
  const sorted = (source: ReadonlyMap<string, ReadonlyMap<string, [number, number][]>>): unknown =>
    [...source]
      .map(([key, owners]) => [key, [...owners].map(([owner, ranges]) => [owner, joinRanges(ranges)]).sort()])
      .sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))
  assert.deepEqual(sorted(map), sorted(reference.map), 'the cloud map is the one computed from the input')
}
