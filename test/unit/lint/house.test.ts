/** The table of who may import whom refuses what it says it refuses: one forbidden import, clock and package is planted in each folder. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'node:test'
import { Linter } from 'eslint'
import { allows, house, isPure, rowOf, type HouseRow } from '../../../lint/house.js'
import { houseRule } from '../../../lint/house-rule.js'

const root = join(import.meta.dirname, '../../..')
/** Asked of every path and of every bare name. */
const ignored = /^(node_modules|dist|\.flowloom)(\/|$)/
const tracked = globSync('**/*.ts', { cwd: root, exclude: path => ignored.test(path) })

/** What the lint rule says of a text, had it stood in the file. */
function complaints(path: string, text: string): string[] {
  const linter = new Linter({ cwd: root })
  const config = { files: ['**/*.ts'], plugins: { house: { rules: { imports: houseRule } } }, rules: { 'house/imports': 'error' } } as const
  return linter.verify(text, config as never, { filename: join(root, path) }).map(({ message }) => message)
}

const isPattern = ({ folder }: HouseRow): boolean => folder.includes('*')
/** Every row; of one for folders of any name the row of two such folders. */
const rows = house.flatMap(row =>
  isPattern(row) ? ['planted', 'planted-too'].map(name => rowOf(`${row.folder.replace('*', name)}/x.ts`)!) : [row],
)
const open = (row: HouseRow): boolean => row.may.includes('*')
const isFile = ({ folder }: HouseRow): boolean => folder.endsWith('.ts')
const pathIn = (row: HouseRow, name = 'planted.ts'): string => (isFile(row) ? row.folder : `${row.folder}/${name}`)
const up = (path: string): string => '../'.repeat(path.split('/').length - 1) || './'

test('every TypeScript file of the repository belongs to a folder of the table, and every folder of the table has one', () => {
  assert.deepEqual(
    tracked.filter(path => rowOf(path) === undefined),
    [],
  )
  assert.deepEqual(
    house.filter(row => !isPattern(row) && !tracked.some(path => rowOf(path) === row)).map(row => row.folder),
    [],
  )
})

for (const row of rows.filter(one => !open(one)))
  test(`${row.folder}: an import that its row does not name is refused`, () => {
    const path = pathIn(row)
    const others = rows.filter(other => other !== row && !row.may.includes(other.folder))
    assert.ok(others.length > 0)
    for (const other of others) {
      const target = isFile(other) ? other.folder : `${other.folder}/anything.ts`
      // a file of a folder may be named though the folder is not
      if (isFile(other) && allows(row, other, target)) continue
      assert.equal(complaints(path, `import '${up(path)}${target}'`).length, 1, `${path} imports ${target}`)
      assert.equal(complaints(path, `await import('${up(path)}${target}')`).length, 1, `${path} loads ${target}`)
    }
    if (!row.packages.includes('*')) assert.equal(complaints(path, `import 'a-package-that-nobody-named'`).length, 1)
    const neighbour = rowOf(posix.join(posix.dirname(path), 'neighbour.ts'))?.folder
    const isAllowed = !isFile(row) || (neighbour !== undefined && row.may.includes(neighbour))
    assert.deepEqual(complaints(path, `import './neighbour.ts'`).length, isAllowed ? 0 : 1)
  })

test('a new part needs no row: it has what parts have, and neither another part, nor the configuration, nor a client', () => {
  for (const folder of ['sinks/planted', 'sinks/planted/columns', 'processors/planted', 'producers/planted']) {
    const path = `${folder}/planted-part.ts`
    for (const target of ['runtime/part.ts', 'runtime/ranges/range-task.ts', 'schemas/topics.ts', 'flow/fields.ts'])
      assert.deepEqual(complaints(path, `import '${up(path)}${target}'`), [], `${path} imports ${target}`)
    for (const target of ['config/config.ts', 'topology.ts', 'sinks/clickhouse/ddl.ts', 'processors/planted-too/x.ts'])
      assert.equal(complaints(path, `import '${up(path)}${target}'`).length, 1, `${path} imports ${target}`)
    for (const name of ['zod', 'node:fs', 'node:net']) assert.deepEqual(complaints(path, `import '${name}'`), [])
    assert.equal(complaints(path, `import 'kafkajs'`).length, 1)
  }
  assert.deepEqual(complaints('topology.ts', `import './sinks/planted/planted-part.ts'`), [])
  assert.equal(complaints('topology.ts', `import './sinks/planted/settings.ts'`).length, 1)
  assert.deepEqual(complaints('config/sections.ts', `import '../sinks/planted/settings.ts'`), [])
  assert.equal(complaints('config/sections.ts', `import '../sinks/planted/planted-part.ts'`).length, 1)
  assert.equal(complaints('sinks/planted.ts', `import 'zod'`).length, 1, 'a part has a folder')
})

const pureName = (row: HouseRow): string => (row.pure === true ? 'planted.ts' : row.pure![0]!.replace('*', '-planted.ts'))

for (const row of house.filter(one => one.pure !== undefined))
  test(`${row.folder}: what is pure reads no clock, no environment and no chance, and opens nothing`, () => {
    const path = pathIn(row, pureName(row))
    assert.ok(isPure(path, row))
    for (const text of ['Date.now()', 'performance.now()', 'new Date()', 'process.env', 'Math.random()'])
      assert.equal(complaints(path, `export const x = ${text}`).length, 1, text)
    assert.deepEqual(complaints(path, 'export const x = new Date(0)'), [])
    for (const target of ['runtime/log.ts', 'runtime/metrics.ts', 'runtime/kafka/cluster.ts', 'runtime/http.ts'])
      assert.ok(complaints(path, `import '${up(path)}${target}'`).length > 0, target)
    for (const name of ['kafkajs', '@aws-sdk/client-s3', '@clickhouse/client', 'pino', 'node:fs', 'node:net', 'node:timers/promises'])
      assert.equal(complaints(path, `import '${name}'`).length, 1, name)
  })

test('a file outside of every folder of the table is refused', () => {
  assert.equal(complaints('somewhere/new.ts', `import 'node:fs'`).length, 1)
  assert.equal(complaints('schemas/x.ts', `import '../somewhere/new.ts'`).length, 1)
})

test('the rule is on for the product, in the configuration that npm test lints with', () => {
  const printed = (path: string): string =>
    execFileSync(process.execPath, [join(root, 'node_modules/eslint/bin/eslint.js'), '--print-config', path], {
      cwd: root,
      encoding: 'utf8',
    })
  for (const path of ['topology.ts', 'sinks/clickhouse/columns/address.ts', 'processors/ip-context/changes.ts', 'runtime/kafka/cluster.ts'])
    assert.deepEqual((JSON.parse(printed(path)) as { rules: Record<string, unknown> }).rules['house/imports'], [2], path)
})
