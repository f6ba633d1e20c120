/** The layout of commands: one file of cli/ for each, and what it does in operations/, which neither reads arguments nor prints. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

test('each command is one file of cli/ that has its name, and only main.ts, which loads them, stands beside them', () => {
  const loaded = [...read('cli/main.ts').matchAll(/^ {2}'?([a-z-]+)'?: async \(\) => \(await import\('\.\/([a-z-]+)\.ts'\)\)\.\w+,$/gm)]
  assert.ok(loaded.length > 10)
  for (const [, name, file] of loaded) assert.equal(file, name)
  const files = globSync('cli/*.ts', { cwd: root }).map(path => path.slice('cli/'.length, -'.ts'.length))
  assert.deepEqual(files.sort(), ['main', ...loaded.map(([, name]) => name)].sort())
})

test('operations read no arguments, print nothing and never end the process', () => {
  for (const path of globSync('operations/**/*.ts', { cwd: root }))
    for (const word of ['console.', 'process.argv', 'process.exit', 'process.stdout', 'process.stderr', 'USAGE'])
      assert.ok(!read(path).includes(word), `${path} has ${word}`)
})
