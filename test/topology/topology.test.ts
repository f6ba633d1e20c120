/** topology.ts as a value: every topic has a writer and a reader, names are unique, and neither importing nor building opens anything. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawTopology } from '../../cli/print/topology-drawing.ts'
import { loadConfig } from '../../config/config.ts'
import { topicName, topics, type TopicId } from '../../schemas/topics.ts'

/** What keeps a process alive beside the test runner itself. */
const openResources = (): string[] =>
  process.getActiveResourcesInfo().filter(name => /TCP|UDP|FSReq|GetAddrInfo|Timeout|Immediate/.test(name))

const before = openResources()
const { commandTopics, outputs, topology } = await import('../../topology.ts')
const ids = Object.keys(topics) as TopicId[]

test('importing the topology opens nothing', () => assert.deepEqual(openResources(), before))

test('building every part opens nothing, and gives the roles that it names', async () => {
  const config = loadConfig({ env: {} })
  for (const node of topology) {
    const built = node.build({ config })
    assert.deepEqual(openResources(), before, `${node.name} opened something`)
    const made = [...(built.sources ?? []), ...(built.roles ?? [])]
    assert.ok(made.length > 0, `${node.name} builds nothing`)
    assert.deepEqual([...new Set((built.roles ?? []).map(role => role.from))], node.from, `${node.name} reads what it says`)
    assert.deepEqual([...new Set(made.flatMap(part => part.to))].sort(), [...node.to].sort(), `${node.name} writes what it says`)
    for (const role of built.roles ?? []) assert.deepEqual([role.state, role.reads], [node.state, node.reads])
    await built.close?.()
  }
})

test('every topic has exactly the writers of its kind, and a reader or is an output', () => {
  for (const id of ids) {
    const writers = topology.filter(node => node.to.includes(id)).map(node => node.name)
    const readers = topology.filter(node => node.from.includes(id) || node.reads?.includes(id) === true).map(node => node.name)
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
  for (const node of topology) {
    if (node.state === undefined) continue
    assert.equal(topics[node.state].cleanup, 'compact')
    assert.equal(topics[node.state].group, topics[node.from[0]!].group)
    assert.ok(node.to.includes(node.state))
  }
})

test('keys are looked up in a compacted topic that only the part itself writes, with as many partitions as the input', () => {
  for (const node of topology)
    for (const id of node.reads ?? []) {
      assert.equal(topics[id].cleanup, 'compact')
      assert.equal(topics[id].group, topics[node.from[0]!].group)
      assert.ok(node.to.includes(id))
    }
})

test('names are unique: parts, roles, topics', () => {
  const config = loadConfig({ env: {} })
  const unique = (names: readonly string[]): void => assert.deepEqual([...new Set(names)], names)
  unique(topology.map(node => node.name))
  unique(topology.flatMap(node => node.build({ config }).roles ?? []).map(role => role.name))
  unique(Object.values(topics).map(topic => `${topic.name}.v${topic.version}`))
})

test('the drawing names every part and every topic', () => {
  const drawing = drawTopology('p.')
  for (const node of topology) assert.ok(drawing.includes(`${node.kind} ${node.name}: ${node.doc}`))
  for (const id of ids) assert.ok(drawing.includes(topicName('p.', topics[id])))
})
