/** Whether the path gave what its input says: topics read by the Java client, table and cloud map against a plain computation. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Session } from '../../../operations/session.ts'
import type { CloudMapDay } from '../../../schemas/map-state.ts'
import { rawLineHeaders, topics, type TopicId } from '../../../schemas/topics.ts'
import type { Store } from '../../../sinks/clickhouse/store.ts'
import { readWithJava, type WitnessedRecord } from '../kafka/java-reader.ts'
import { mapOfBlocks, tallyOf, type PublishedBlock, type ReferenceMap } from '../references/reference.ts'

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
function mapOf(entries: ReadonlyMap<string, ReadonlyMap<number, Stays>>, stored: ReadonlyMap<string, Stays>): ReferenceMap {
  const map: ReferenceMap = new Map()
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

/** Cuts ranges at midnight and joins those that are at most ten minutes apart. */
function joinByDay(ranges: readonly [number, number][]): [number, number][] {
  const cut = ranges.flatMap(([first, last]): [number, number][] => {
    const days = Array.from(
      { length: Math.floor(last / 86_400) - Math.floor(first / 86_400) + 1 },
      (_, i) => Math.floor(first / 86_400) + i,
    )
    return days.map(day => [Math.max(first, day * 86_400), Math.min(last, day * 86_400 + 86_399)])
  })
  const joined: [number, number][] = []
  for (const [first, last] of cut.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    const newest = joined.at(-1)
    const sameDay = newest !== undefined && Math.floor(newest[1] / 86_400) === Math.floor(first / 86_400)
    if (sameDay && first - newest[1] - 1 <= 600) newest[1] = Math.max(newest[1], last)
    else joined.push([first, last])
  }
  return joined
}

const sorted = (map: ReferenceMap): unknown =>
  [...map]
    .map(([address, owners]) => [address, [...owners].map(([owner, ranges]) => [owner, joinByDay(ranges)]).sort()])
    .sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))

/** What the topics hold, as the Java client reads them. */
interface Witnessed {
  /** Object version and line of each flow, and how often it stands there. */
  readonly flows: Map<string, number>
  readonly sums: { packets: number; bytes: number }
  /** Blocks of lines by object key. */
  readonly blocks: Map<string, PublishedBlock[]>
  readonly map: ReferenceMap
}

async function witness({ cluster, codecs }: Session, jars: string): Promise<Witnessed> {
  const flows = new Map<string, number>()
  const sums = { packets: 0, bytes: 0 }
  const blocks = new Map<string, PublishedBlock[]>()
  const stored = new Map<string, Stays>()
  const entries = new Map<string, Map<number, Stays>>()
  const visits: Partial<Record<TopicId, (record: WitnessedRecord) => void>> = {
    rawLines({ key, value, headers }) {
      const object = codecs.rawLines.decodeKey(key!).key
      const block = { firstLine: Number(headers[rawLineHeaders.firstLine]!.toString()), bytes: value! }
      blocks.set(object, [...(blocks.get(object) ?? []), block])
    },
    flows({ value }) {
      const flow = codecs.flows.decodeValue(value!)
      const id = `${flow.objectId.toString('hex')}:${flow.line}`
      flows.set(id, (flows.get(id) ?? 0) + 1)
      sums.packets += flow.packets ?? 0
      sums.bytes += flow.bytes ?? 0
    },
    cloudMapDays({ key, value }) {
      if (value === null) return
      const { scope, ip, day } = codecs.cloudMapDays.decodeKey(key!)
      stored.set(`${scope}|${ip}|${day}`, staysOf(day, codecs.cloudMapDays.decodeValue(value)))
    },
    cloudMap({ key, value }) {
      if (value === null) return
      const { scope, ip } = codecs.cloudMap.decodeKey(key!)
      const { owners, days } = codecs.cloudMap.decodeValue(value)
      entries.set(`${scope}|${ip}`, new Map(days.map(({ day, claims }) => [day, staysOf(day, { owners, claims })])))
    },
  }
  const byName = new Map(Object.entries(visits).map(([id, visit]) => [cluster.topicName(topics[id as TopicId]), visit]))
  await readWithJava(jars, cluster.settings.brokers[0]!, [...byName.keys()], record => byName.get(record.topic)!(record))
  return { flows, sums, blocks, map: mapOf(entries, stored) }
}

/**
 * Compares topics, table and map with what the objects say, computed the plain way.
 *
 * @param jars Folder with the Kafka jars of the local stack.
 */
export async function checkBooks(
  session: Session,
  jars: string,
  store: Store,
  objects: readonly { readonly key: string; readonly body: Buffer }[],
): Promise<void> {
  const tally = tallyOf(objects)
  const { flows, sums, blocks, map } = await witness(session, jars)
  assert.deepEqual(
    [...flows].filter(([, count]) => count !== 1),
    [],
    'every flow stands in the topic once',
  )
  assert.equal(flows.size, tally.flows, 'no flow is missing in the topic')
  assert.deepEqual(sums, { packets: tally.packets, bytes: tally.bytes }, 'sums of the topic')
  const [table] = await store.query<Record<string, string>>(
    'SELECT count() AS rows, uniqExact(object_id, line) AS distinct, sum(packets) AS packets, sum(bytes) AS bytes FROM flows',
  )
  assert.deepEqual(
    table && Object.values(table).map(Number),
    [tally.flows, tally.flows, tally.packets, tally.bytes],
    'rows, distinct rows and sums of the table',
  )
  assert.ok(map.size > 0, 'the cloud map has addresses')
  const expected = mapOfBlocks(objects, key => blocks.get(key) ?? [])
  assert.deepEqual(sorted(map), sorted(expected), 'the cloud map is the one computed from the input')
}
