/** Whether the path gave what its input says: topics read by the Java client, table and cloud map against a plain computation. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Session } from '../../operations/session.ts'
import type { CloudMapDay } from '../../schemas/map-state.ts'
import { topics } from '../../schemas/topics.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { readWithJava } from './java-reader.ts'
import type { Reference } from './reference.ts'

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

type Stays = Map<string, [number, number][]>

/** Who showed the address when, in a record of the map. */
function staysOf(day: number, { owners, claims }: CloudMapDay): Stays {
  const all: Stays = new Map()
  for (const { kind, owner, stays } of claims) {
    if (kind === 'passed') continue
    const { interfaceId, instanceId, service } = owners[owner]!
    const name = `${interfaceId ?? ''}|${instanceId ?? ''}|${service ?? ''}`
    const ranges = all.get(name) ?? []
    let second = day * 86_400
    for (let i = 0; i < stays.length; i += 2) {
      const first = second + stays[i]!
      ranges.push([first, (second = first + stays[i + 1]!)])
    }
    all.set(name, ranges)
  }
  return all
}

/** All days of all addresses; a day that stands in an entry is not that of cloud-map-days. */
function mapOf(entries: ReadonlyMap<string, ReadonlyMap<number, Stays>>, stored: ReadonlyMap<string, Stays>): Map<string, Stays> {
  const map = new Map<string, Stays>()
  const add = (address: string, stays: Stays): void => {
    const owners = map.get(address) ?? new Map<string, [number, number][]>()
    map.set(address, owners)
    for (const [owner, ranges] of stays) owners.set(owner, [...(owners.get(owner) ?? []), ...ranges])
  }
  for (const [address, days] of entries) for (const stays of days.values()) add(address, stays)
  for (const [name, stays] of stored) {
    const [scope, ip, day] = name.split('|')
    if (entries.get(`${scope}|${ip}`)?.has(Number(day)) !== true) add(`${scope}|${ip}`, stays)
  }
  return map
}

/** Compares topics, table and map with the expectations. */
export async function checkBooks(session: Session, jars: string, store: Store, reference: Reference): Promise<void> {
  const { cluster, codecs } = session
  const flows = new Map<string, number>()
  const sums = { packets: 0, bytes: 0 }
  const stored = new Map<string, Stays>()
  const entries = new Map<string, Map<number, Stays>>()
  await readWithJava(
    jars,
    cluster.settings.brokers[0]!,
    [topics.flows, topics.cloudMapDays, topics.cloudMap].map(topic => cluster.topicName(topic)),
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
      if (record.topic === cluster.topicName(topics.cloudMapDays)) {
        const { scope, ip, day } = codecs.cloudMapDays.decodeKey(record.key!)
        stored.set(`${scope}|${ip}|${day}`, staysOf(day, codecs.cloudMapDays.decodeValue(record.value)))
        return
      }
      const { scope, ip } = codecs.cloudMap.decodeKey(record.key!)
      const { owners, days } = codecs.cloudMap.decodeValue(record.value)
      entries.set(`${scope}|${ip}`, new Map(days.map(({ day, claims }) => [day, staysOf(day, { owners, claims })])))
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
  // Only who is in it is compared, not when: with small blocks the plain computation and enrich differ in what unproven directions teach.
  const map = mapOf(entries, stored)
  const ownersOf = (source: ReadonlyMap<string, ReadonlyMap<string, unknown>>): Set<string> =>
    new Set([...source.values()].flatMap(owners => [...owners.keys()]))
  const known = ownersOf(reference.map)
  assert.ok(map.size > 0, 'the cloud map has addresses')
  assert.deepEqual(
    [...ownersOf(map)].filter(owner => !known.has(owner)),
    [],
    'every owner in the cloud map is one of the input',
  )
}
