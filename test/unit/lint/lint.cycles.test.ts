/** No folder depends on one that depends on it: computed from the imports, types included, by folder and by the first name of a path. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../../..')
/** Asked of every path and of every bare name. */
const ignored = /^(node_modules|dist|\.flowloom)(\/|$)/
const files = globSync('**/*.ts', { cwd: root, exclude: path => ignored.test(path) })

type Graph = ReadonlyMap<string, ReadonlySet<string>>

/** Imports between nodes; `nodeOf` names the node of a path. */
function graphOf(paths: readonly string[], nodeOf: (path: string) => string, read: (path: string) => string): Graph {
  const graph = new Map<string, Set<string>>()
  for (const path of paths) {
    const from = nodeOf(path)
    const targets = graph.get(from) ?? new Set<string>()
    graph.set(from, targets)
    for (const [, specifier] of read(path).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.{1,2}\/[^']+\.ts)'/g)) {
      const to = nodeOf(posix.join(posix.dirname(path), specifier!))
      if (to !== from) targets.add(to)
    }
  }
  return graph
}

/** The nodes of every cycle: what remains if those that import nothing that remains are taken away, and then those that nothing imports. */
function knots(graph: Graph): string[] {
  const left = new Map([...graph].map(([node, targets]) => [node, new Set(targets)]))
  for (let before = -1; before !== left.size;) {
    before = left.size
    for (const [node, targets] of left) {
      for (const target of targets) if (!left.has(target)) targets.delete(target)
      const isImported = [...left].some(([other, others]) => other !== node && others.has(node))
      if (targets.size === 0 || !isImported) left.delete(node)
    }
  }
  return [...left.keys()].sort()
}

const folderOf = (path: string): string => (dirname(path) === '.' ? path : dirname(path))
const topOf = (path: string): string => path.split('/')[0]!
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

test('a cycle is found, and what only leads to it or away from it is not named', () => {
  const texts: Record<string, string> = {
    'a/x.ts': `import type { B } from '../b/deep/y.ts'`,
    'b/deep/y.ts': `export { c } from '../../c/z.ts'`,
    'c/z.ts': `await import('../a/x.ts')\nimport '../d/leaf.ts'`,
    'd/leaf.ts': '',
    'main.ts': `import './a/x.ts'`,
  }
  const paths = Object.keys(texts)
  assert.deepEqual(knots(graphOf(paths, folderOf, path => texts[path]!)), ['a', 'b/deep', 'c'])
  assert.deepEqual(knots(graphOf(paths.slice(0, 2), folderOf, path => texts[path]!)), [])
})

test('no folder is in a cycle of imports', () => {
  assert.deepEqual(knots(graphOf(files, folderOf, read)), [])
})

test('nor is any folder of the root, with all that is in it; tests import anything', () => {
  const product = files.filter(path => topOf(path) !== 'test')
  assert.deepEqual(knots(graphOf(product, topOf, read)), [])
})

test('the only TypeScript files of the root are main.ts and topology.ts', () => {
  assert.deepEqual(
    files.filter(path => !path.includes('/')),
    ['main.ts', 'topology.ts'],
  )
})
