/** Exports without a docstring are refused, and docstrings that say nothing. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { Linter } from 'eslint'
import { docstringRule } from '../../../lint/docstring-rule.js'

const root = join(import.meta.dirname, '../../..')

/** What the rule says of a text. */
function complaints(text: string): string[] {
  const config = {
    files: ['**/*.js'],
    plugins: { house: { rules: { docstrings: docstringRule } } },
    rules: { 'house/docstrings': 'error' },
  }
  return new Linter().verify(text, config as never, { filename: 'planted.js' }).map(({ message }) => message)
}

const bare = ['const x = 1', 'function x() {}', 'async function* x() {}', 'class x {}', 'let x']

test('an export without a docstring is refused, whatever stands before it', () => {
  for (const text of bare)
    for (const before of ['', '// a comment\n', '/* a comment */\n', '/** The file. */\n\n', '/** Another. */\nconst y = 1\n'])
      assert.equal(complaints(`${before}export ${text}`).length, 1, `${before}export ${text}`)
})

test('one with a docstring is taken, and what is not exported, given on or a metric with its text', () => {
  for (const text of bare) assert.deepEqual(complaints(`/** What it is. */\nexport ${text}`), [])
  for (const text of [
    'const x = 1',
    "export { x } from './x.js'",
    "export * from './x.js'",
    "export const x = counter('x', 'what is counted')",
  ])
    assert.deepEqual(complaints(text), [])
})

test('a docstring that sends the reader to the head of the file is refused, of an export or not', () => {
  assert.equal(complaints('/** See the head of this file. */\nexport const x = 1').length, 1)
  assert.equal(complaints('/** By the rules at the head of the file. */\nconst x = 1').length, 1)
})

test('the rule is on for every file of the repository', () => {
  for (const path of ['topology.ts', 'runtime/kafka/cluster.ts', 'harness/fleet.ts', 'test/support/records/ledger.ts', 'bench/gate.ts']) {
    const args = [join(root, 'node_modules/eslint/bin/eslint.js'), '--print-config', path]
    const config = JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })) as { rules: Record<string, unknown> }
    assert.deepEqual(config.rules['house/docstrings'], [2], path)
  }
})
