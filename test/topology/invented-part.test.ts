/** One more part in the path is all that it takes: everything that loops over parts has it, and nothing else was changed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { helpOf } from '../../cli/arguments/command.ts'
import { drawTopology } from '../../cli/print/topology-drawing.ts'
import { probeText } from '../../cli/print/probe-text.ts'
import { resetCommandOf } from '../../cli/reset.ts'
import { parseRoles, runCommandOf } from '../../cli/run.ts'
import { loadConfig, type Config } from '../../config/config.ts'
import { checkPositions, type PositionSession } from '../../operations/check-positions.ts'
import { planRun, prepareParts, processLists } from '../../operations/choose-parts.ts'
import { fileFaults, probe } from '../../operations/probe/probe.ts'
import { replayParts } from '../../operations/replay/run-replay.ts'
import { resetOf, resettable } from '../../operations/reset.ts'
import { errorsPage } from '../../reference/errors-page.ts'
import { partsPage } from '../../reference/parts-page.ts'
import { createLog } from '../../runtime/log.ts'
import { part } from '../../runtime/part.ts'
import { ok } from '../../runtime/probe-result.ts'
import { topics } from '../../schemas/topics.ts'
import { topology, type Topology } from '../../topology.ts'

const config = loadConfig({ env: {} })
const done: string[] = []

const archive = part({
  name: 'archive',
  kind: 'sink',
  doc: 'keeps every gap on tape',
  settings: {},
  roles: [{ name: 'archive', group: 'old-archive', from: 'flowGaps', to: [] }],
  fills: 'a tape',
  prepare: async ({ kafka }: Config) => void done.push(`prepared for ${kafka.deployment}`),
  guard: { archive: { repeated: { harmless: 'a tape is rewound' }, missed: 'refused' } },
  faults: async () => ['the tape is torn'],
  probe: async () => [ok('tape', 'tape:Write')],
  refuses: { unwritable: 'no tape takes it' },
  reset: { drops: 'tapes', what: () => 'all of them', run: async () => void done.push('dropped') },
  build: () => ({}),
})
const { reset: _reset, ...unresettable } = archive
const idle = part({ ...unresettable, name: 'idle', roles: [], guard: {}, wanted: () => false })
const path: Topology = [...topology, archive, idle]
const namesOf = (parts: Topology): string[] => parts.map(({ name }) => name)
const ofKind = (kind: Topology[number]['kind'], parts: Topology): Topology => parts.filter(each => each.kind === kind)

test('the plan of a run has it, and what it needs is made before; a part that is not wanted is idle', async () => {
  const { parts, idle: none } = planRun(config, parseRoles('enrich,archive,idle', path), path)
  assert.deepEqual([parts.map(({ name }) => name), none], [['enrich', 'archive'], ['idle']])
  await prepareParts(config, [archive], createLog('silent'))
  assert.equal(done.pop(), 'prepared for flowloom')
  assert.throws(() => parseRoles('enrcih', path), /there is no role "enrcih": did you mean enrich\? There are /)
  assert.throws(() => parseRoles('nobody', path), new RegExp(`there are ${namesOf(topology).join(', ')}, archive, idle`))
})

test('each part has a process of its own, but a source that of its reader', () => {
  const lists = processLists(config, path)
  assert.deepEqual(lists, [...processLists(config, topology), 'archive'])
  assert.deepEqual(
    lists.join().split(',').sort(),
    namesOf(planRun(config, namesOf(path), path).parts).sort(),
    'each part that is wanted once',
  )
  assert.deepEqual(
    lists.filter(list => list.includes(',')),
    ['discover,fetch'],
  )
  const queued = loadConfig({ env: {}, overrides: { s3: { queues: [{ url: 'http://127.0.0.1:9/000000000000/q' }] } } })
  assert.equal(processLists(queued, topology)[0], 'discover,notify,fetch')
})

test('it can be reset, with the group that it has kept', async () => {
  const before = namesOf(topology.filter(({ reset }) => reset !== undefined))
  const choices = resettable(path)
  assert.deepEqual(
    choices.map(({ name }) => name),
    [...before, 'archive'],
  )
  const { groups, drops, what } = resetOf(config, choices.at(-1)!)
  assert.deepEqual([groups, drops, what], [['flowloom.old-archive'], 'tapes', 'all of them'])
  await assert.rejects(
    resetCommandOf(path).run({ values: {}, positionals: ['enrich'], signal: AbortSignal.abort() }),
    new RegExp(`say ${[...before, 'archive'].map(name => `\`reset ${name}\``).join(' or ')}`),
  )
})

test('a reset of clickhouse does not claim tables of somebody else in its database', () => {
  const { what } = resetOf(
    config,
    resettable(path).find(({ name }) => name === 'clickhouse')!,
  )
  assert.match(what, /^those of flowloom, .* in database flowloom at .*; others stay$/)
})

test('its positions are checked as its guard says', async () => {
  const asked: string[] = []
  const cluster = {
    groupOf: () => 'g',
    topicName: () => 't',
    ranges: async () => new Map([[0, { start: 5, end: 9 }]]),
    admin: async () => ({
      fetchOffsets: async ({ groupId }: { groupId: string }) => {
        asked.push(groupId)
        return []
      },
    }),
  }
  const session = { cluster, config } as unknown as PositionSession
  await checkPositions(session, ['discover', 'notify', 'fetch'], path)
  assert.deepEqual(asked, [], 'what is harmless asks nothing')
  await assert.rejects(checkPositions(session, ['archive'], path), { code: 'OFFSET_LOST', message: /^archive wants offset 0/ })
})

test('a sink that was stopped for longer than the broker keeps positions and the topic its records refuses to skip the days between', async () => {
  const begun = new Set<string>()
  const tape = part({
    ...unresettable,
    name: 'tape',
    guard: {
      archive: {
        repeated: { harmless: 'a tape is rewound' },
        missed: {
          refusedIfBegun: {
            doc: 'the tape has a label',
            hasBegun: async ({ ownGroup, group, topic }) => begun.has(`${ownGroup} ${group} ${topic}`),
            remember: async inputs => inputs.forEach(({ ownGroup, group, topic }) => begun.add(`${ownGroup} ${group} ${topic}`)),
          },
        },
      },
    },
  })
  let start = 0
  let positions: unknown[] = []
  const cluster = {
    groupOf: () => 'g',
    topicName: () => 't',
    ranges: async () => new Map([[0, { start, end: 9 }]]),
    admin: async () => ({ fetchOffsets: async () => positions }),
  }
  const check = () => checkPositions({ cluster, config } as unknown as PositionSession, ['tape'], [...topology, tape])
  start = 3
  await check()
  assert.deepEqual([...begun], ['old-archive g t'], 'a new deployment begins with what is left, and is remembered')
  positions = [{ topic: 't', partitions: [{ partition: 0, offset: '4', metadata: '' }] }]
  await check()
  positions = []
  await assert.rejects(check(), { code: 'OFFSET_LOST', message: /^archive wants offset 0, but the topic starts at 3/ })
  start = 0
  await check()
  start = 9
  begun.clear()
  await check()
})

test('each role of clickhouse whose topic loses records to retention remembers that it has begun', () => {
  const { roles, guard } = topology.find(({ name }) => name === 'clickhouse')!
  for (const { name, from } of roles)
    assert.equal('refusedIfBegun' in (guard[name]!.missed as object), topics[from].cleanup === 'delete', name)
})

test('what it needs is tried, in its place, and its files are checked', async () => {
  const without: Topology = path.map(each => (each === archive ? each : part({ ...each, probe: async () => [ok('s', each.name)] })))
  const services = async (_config: Config, all: Topology) => [ok('k', all.flatMap(({ roles }) => roles.map(({ name }) => name)).join())]
  const steps = (await probe(config, without, services)).map(({ step }) => step)
  const roles = path.flatMap(each => each.roles.map(({ name }) => name)).join()
  assert.ok(roles.endsWith(',archive'))
  const sinks = namesOf(ofKind('sink', topology))
  assert.deepEqual(steps, [
    ...namesOf(ofKind('source', topology)),
    roles,
    ...[...sinks, 'tape:Write', 'idle'],
    ...namesOf(ofKind('processor', topology)),
  ])
  assert.match(probeText([ok('tape', 'tape:Write')]), /^ok +tape:Write +tape$/)
  assert.deepEqual(await fileFaults(config, [archive]), ['the tape is torn'])
})

test('a replay reaches it, because what it reads is written behind raw-lines', () => {
  assert.deepEqual(namesOf(replayParts(path).parts), [...namesOf(replayParts(topology).parts), 'archive'])
})

test('docs, drawing and help list it', () => {
  const page = partsPage(path)
  assert.match(page, /^## archive$/m)
  assert.match(page, /^A sink: keeps every gap on tape\.$/m)
  assert.match(page, /`archive` *\| *`flowloom\.old-archive` *\| *harmless: a tape is rewound; refuses \(`OFFSET_LOST`\)/)
  assert.match(errorsPage(path), /`unwritable` *\| *archive *\| *no tape takes it/)
  assert.match(drawTopology('p.', path), /^sink archive: keeps every gap on tape\n {2}<── p\.flow-gaps\.v1\n {2}──> a tape$/m)
  assert.ok(
    helpOf(runCommandOf(path))
      .replaceAll(/\s+/g, ' ')
      .includes(`${namesOf(topology).join(', ')}, archive, idle; default all`),
  )
  const help = helpOf(resetCommandOf(path)).replaceAll(/\s+/g, ' ')
  const choices = resettable(path).map(({ name }) => name)
  assert.ok(help.includes(`usage: flowloom reset ${choices.join('|')}`))
  assert.ok(help.includes(`Only ${choices.join(' or ')} can be reset`))
})
