/** Tests lie where a stranger looks for them, and only tests import from test/. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../../..')
const unitTests = globSync('test/unit/**/*.ts', { cwd: root })

/**
 * Why a unit test lies in the wrong place; undefined if it does not. Its name is that of its source, or of the folder if it is about more than
 * one of its files; what it asks about may follow behind a dot, if one source has several tests.
 *
 * @param path Below test/unit.
 * @param isSource Whether the repository has a file or a folder of that path.
 */
function misplaced(path: string, isSource: (path: string) => boolean): string | undefined {
  if (!path.endsWith('.test.ts')) return `${path} is not a test: it belongs to test/support`
  const folder = dirname(path)
  const name = basename(path).split('.')[0]!
  if (!isSource(folder)) return `${path}: there is no folder ${folder}`
  const isFolder = name === basename(folder)
  const sources = ['ts', 'js', 'sql', 'yml'].map(kind => join(folder, `${name}.${kind}`))
  return isFolder || sources.some(isSource) ? undefined : `${path}: ${folder} has no source named ${name}`
}

test('a unit test that does not lie beside its source, or has another name, is found', () => {
  const isSource = (path: string): boolean => ['aws', 'aws/regions.ts', '.', 'docker-compose.yml'].includes(path)
  for (const path of [
    'aws/regions.test.ts',
    'aws/regions.names.test.ts',
    'aws/aws.test.ts',
    'aws/aws.limits.test.ts',
    'docker-compose.test.ts',
  ])
    assert.equal(misplaced(path, isSource), undefined)
  for (const path of ['regions.test.ts', 'aws/region.test.ts', 's3/regions.test.ts', 'aws/limits.aws.test.ts', 'aws/regions.ts'])
    assert.notEqual(misplaced(path, isSource), undefined, path)
})

test('test/unit mirrors the tree, file by file', () => {
  const isSource = (path: string): boolean => existsSync(join(root, path))
  assert.deepEqual(
    unitTests.map(path => misplaced(path.slice('test/unit/'.length), isSource)).filter(why => why !== undefined),
    [],
  )
})

test('test/support has rooms, not a heap', () => {
  const inNoRoom = globSync('test/support/*', { cwd: root }).filter(path => !statSync(join(root, path)).isDirectory())
  assert.deepEqual(inNoRoom, [])
})

test('benches, the demo and all that is shipped import nothing from test/, nor read its files', () => {
  const elsewhere = globSync('**/*.ts', { cwd: root, exclude: path => /^(node_modules|dist|\.flowloom|test)(\/|$)/.test(path) })
  const naming = /['"`](?:\.\.\/)+test\//
  assert.deepEqual(
    elsewhere.filter(path => naming.test(readFileSync(join(root, path), 'utf8'))),
    [],
  )
})
