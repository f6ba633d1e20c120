/** topology.ts as a value: every topic has a writer and a reader, names are unique, and neither importing nor building opens anything. */
import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { loadConfig } from '../../config/config.ts'
import { sections } from '../../config/sections.ts'
import type { DiscoverSource } from '../../producers/s3/discover/discover-source.ts'
import { Cluster, ownGroup } from '../../runtime/kafka/cluster.ts'
import { createLog } from '../../runtime/log.ts'
import type { Role } from '../../runtime/task.ts'
import { topicName, topics, type TopicId } from '../../schemas/topics.ts'

/** What keeps a process alive beside the test runner itself. */
const openResources = (): string[] =>
  process.getActiveResourcesInfo().filter(name => /TCP|UDP|FSReq|GetAddrInfo|Timeout|Immediate/.test(name))

/** What modules have put off to the end of their loading. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise(resolve => void setImmediate(resolve))
}

await settled()
const before = openResources()
const { commandTopics, outputs, topology } = await import('../../topology.ts')
await settled()
const after = openResources()
// these import the topology too
const { drawTopology } = await import('../../cli/print/topology-drawing.ts')
const { readerOf } = await import('../../operations/choose-parts.ts')
const ids = Object.keys(topics) as TopicId[]

test('importing the topology opens nothing', () => assert.deepEqual(after, before))

test('building every part opens nothing, and gives the roles that it names', async () => {
  const config = loadConfig({ env: {} })
  for (const part of topology) {
    const built = part.build({ config })
    assert.deepEqual(openResources(), before, `${part.name} opened something`)
    const shapeOf = (made: Partial<Role & DiscoverSource>): object => {
      const { createTask: _create, runShard: _run, ready: _ready, ...shape } = made
      return shape
    }
    assert.deepEqual((built.roles ?? []).map(shapeOf), part.roles, `${part.name} makes the roles that it names`)
    assert.deepEqual((built.sources ?? []).map(shapeOf), part.sources, `${part.name} makes the sources that it names`)
    assert.ok(part.roles.length + part.sources.length > 0, `${part.name} runs nothing`)
    await built.close?.()
  }
})

test('every topic has exactly the writers of its kind, and a reader or is an output', () => {
  for (const id of ids) {
    const writers = topology.filter(node => node.to.includes(id)).map(node => node.name)
    const readers = topology
      .filter(node => node.from.includes(id) || node.reads.includes(id) || node.sideTables.includes(id))
      .map(node => node.name)
    // lines that are too long are refused by the fetcher, lines that cannot be parsed by enrich
    // objects are found by listing and by notification
    const expected = id === 'deadLetters' || id === 'objectArrivals' ? 2 : commandTopics.includes(id) ? 0 : 1
    assert.deepEqual(writers.length, expected, `${id} is written by ${writers.join(', ') || 'nobody'}`)
    assert.equal(readers.length > 0, !outputs.includes(id), `${id} is read by ${readers.join(', ') || 'nobody'}`)
  }
})

test('a part comes after those that it reads from', () => {
  for (const [index, node] of topology.entries())
    for (const id of node.from)
      for (const writer of topology.filter(other => other.to.includes(id)))
        assert.ok(topology.indexOf(writer) < index, `${node.name} comes before ${writer.name}`)
})

test('a state is a compacted topic that only its owner writes, with as many partitions as the input', () => {
  for (const { roles } of topology)
    for (const { state, from, to } of roles) {
      if (state === undefined) continue
      assert.equal(topics[state].cleanup, 'compact')
      assert.equal(topics[state].partitionedWith, topics[from].partitionedWith)
      assert.ok(to.includes(state))
    }
})

test('keys are looked up in a compacted topic that only the part itself writes, with as many partitions as the input', () => {
  for (const node of topology)
    for (const id of node.reads) {
      assert.equal(topics[id].cleanup, 'compact')
      assert.equal(topics[id].partitionedWith, topics[node.from[0]!].partitionedWith)
      assert.ok(node.to.includes(id))
    }
})

test('names are unique: parts, roles, groups, topics', () => {
  const unique = (names: readonly string[]): void => assert.deepEqual([...new Set(names)], names)
  const owners = topology.flatMap(({ sources, roles }) => [...sources, ...roles])
  unique(topology.flatMap(({ name, formerName }) => [name, ...(formerName === undefined ? [] : [formerName])]))
  unique(owners.map(({ name }) => name))
  unique(owners.map(ownGroup))
  unique(Object.values(topics).map(topic => `${topic.name}.v${topic.version}`))
})

test('a part has one name: its role has it, or its roles begin with it', () => {
  for (const { name, sources, roles } of topology) {
    const own = [...sources, ...roles].map(role => role.name)
    for (const role of own) assert.ok(own.length === 1 ? role === name : role.startsWith(`${name}-`), `${name}: ${role}`)
  }
})

test('each part stands in a folder of its name, and topology.ts joins every part that stands in a folder', async () => {
  const root = join(import.meta.dirname, '../..')
  const found: string[] = []
  for (const path of globSync('{producers,processors,sinks}/**/*-part.ts', { cwd: root })) {
    const exported = (await import(pathToFileURL(join(root, path)).href)) as Record<string, unknown>
    const parts = topology.filter(part => Object.values(exported).includes(part)).map(({ name }) => name)
    assert.ok(parts.length > 0, `${path}: topology.ts does not join its part`)
    assert.deepEqual(parts, [basename(dirname(path))], `${path}: a part has the name of its folder`)
    found.push(...parts)
  }
  assert.deepEqual(found.sort(), topology.map(({ name }) => name).sort())
})

/**
 * Groups of released versions by role, which positions and fences depend on. A line is never changed. A new role is a new line, once a version
 * with it is released; until then it needs none, and its group is its name.
 */
const releasedGroups: Readonly<Record<string, string>> = {
  discover: 's3-discover',
  notify: 's3-notify',
  fetch: 's3-fetch',
  enrich: 'enrich',
  'ip-context': 'ip-context',
  'clickhouse-flows': 'sink-flows',
  'clickhouse-gaps': 'sink-gaps',
  'clickhouse-runs': 'sink-runs',
  'clickhouse-objects': 'sink-objects',
  'clickhouse-dead-letters': 'sink-dead-letters',
  'clickhouse-replays': 'sink-replays',
}

test('groups of released roles stay what they were; that of a new role is its name', () => {
  const cluster = new Cluster(loadConfig({ env: {} }).kafka, createLog('silent'))
  const owners = topology.flatMap(({ sources, roles }) => [...sources, ...roles])
  for (const owner of owners) {
    const released = Object.hasOwn(releasedGroups, owner.name)
    assert.equal(
      cluster.groupOf(owner),
      `flowloom.${released ? releasedGroups[owner.name]! : owner.name}`,
      released
        ? `${owner.name} would lose its positions: keep its group (\`group\` of the role)`
        : `${owner.name} is new: leave out its \`group\`, which is for roles that once had another name`,
    )
  }
  assert.deepEqual(
    Object.keys(releasedGroups).filter(name => !owners.some(owner => owner.name === name)),
    [],
    'a released role that is renamed keeps its group by `group`: say so in its line here',
  )
  assert.equal(cluster.transactionalIdOf(readerOf('objectArrivals'), 3), 'flowloom.s3-fetch.3')
  assert.equal(cluster.transactionalIdOf(readerOf('flows'), 3), 'flowloom.sink-flows.3')
})

test('sections of the settings are those of the parts, and those that all parts share', () => {
  const shared = ['kafka', 'registry', 'http', 'log', 'run']
  const own = new Map(topology.flatMap(({ settings }) => Object.entries(settings)))
  for (const [name, section] of own)
    assert.equal(
      (sections as Record<string, unknown>)[name],
      section,
      `config/sections.ts needs the line \`${name}\` with the section of the part`,
    )
  assert.deepEqual([...own.keys(), ...shared].sort(), Object.keys(sections).sort(), 'a section of config/sections.ts is that of no part')
})

test('the part that refuses a line is named in its dead letter', () => {
  const refusing = topology.filter(({ refuses }) => refuses !== undefined).map(({ name }) => name)
  const stage = topics.deadLetters.value.fields.find(({ name }) => name === 'stage')!
  assert.deepEqual((stage.type as unknown as { symbols: string[] }).symbols, refusing)
})

test('every role says what a lost position means', () => {
  for (const { name, sources, roles, guard } of topology)
    assert.deepEqual(Object.keys(guard).sort(), [...sources, ...roles].map(role => role.name).sort(), name)
})

test('the drawing names every part and every topic', () => {
  const drawing = drawTopology('p.')
  for (const node of topology) assert.ok(drawing.includes(`${node.kind} ${node.name}: ${node.doc}`))
  for (const id of ids) assert.ok(drawing.includes(topicName('p.', topics[id])))
})
