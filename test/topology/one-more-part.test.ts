/**
 * One more part takes its folder, its lines in topology.ts, config/sections.ts (if it has settings) and docker-compose.yml, and nothing else that
 * is written by hand: a copy of the source gets an invented sink, and the tests that look at all parts pass there.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { refusal } from '../../lint/house-rule.js'

const root = join(import.meta.dirname, '../..')
const left = ['node_modules', '.git', '.flowloom', 'dist', 'release', 'coverage', 'docs']

/** The folder of the part. */
const folder: Readonly<Record<string, string>> = {
  'sinks/vault/settings.ts': `/** Section \`vault\`: where gaps are kept. */
import { z } from 'zod'
import { text } from '../../runtime/setting-types.ts'

/** Its settings. */
export const vaultSection = z.strictObject({ path: text('Folder of the files.').default('/tmp/vault') })
`,
  'sinks/vault/vault-part.ts': `/** The vault as a part of the path. */
import { harmless, part } from '../../runtime/part.ts'
import { vaultSection } from './settings.ts'

const roles = [{ name: 'vault', from: 'flowGaps', to: [] }] as const

/** What the vault is and does. */
export const vault = part({
  name: 'vault',
  kind: 'sink',
  doc: 'keeps every gap in a file',
  settings: { vault: vaultSection },
  roles,
  guard: { vault: harmless('a file is written again') },
  reset: { drops: 'files', what: () => 'all of them', run: async () => undefined },
  build: () => ({ roles: roles.map(shape => ({ ...shape, createTask: () => ({ process: async () => undefined }) })) }),
})
`,
}

/** Lines that other files get, each behind a line of today. */
const lines: Readonly<Record<string, readonly (readonly [after: RegExp, line: string])[]>> = {
  'topology.ts': [
    [/^import \{ clickhouse \}.*$/m, `import { vault } from './sinks/vault/vault-part.ts'`],
    [/^ {2}clickhouse,$/m, '  vault,'],
  ],
  'config/sections.ts': [
    [/^import \{ clickhouseSection \}.*$/m, `import { vaultSection } from '../sinks/vault/settings.ts'`],
    [/^ {2}clickhouse: clickhouseSection,$/m, '  vault: vaultSection,'],
  ],
  'docker-compose.yml': [
    [/^ {4}command: \['run', '--roles', 'clickhouse'\]$/m, `\n  vault:\n    <<: *flowloom\n    command: ['run', '--roles', 'vault']`],
  ],
}

let copy: string
before(() => {
  copy = mkdtempSync(join(tmpdir(), 'one-more-part-'))
  for (const name of readdirSync(root)) if (!left.includes(name)) cpSync(join(root, name), join(copy, name), { recursive: true })
  mkdirSync(join(copy, 'docs/reference'), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  mkdirSync(join(copy, 'sinks/vault'))
  for (const [path, text] of Object.entries(folder)) writeFileSync(join(copy, path), text)
  for (const [path, added] of Object.entries(lines)) {
    let text = readFileSync(join(copy, path), 'utf8')
    for (const [place, line] of added) {
      assert.match(text, place)
      text = text.replace(place, found => `${found}\n${line}`)
    }
    writeFileSync(join(copy, path), text)
  }
})
after(() => rmSync(copy, { recursive: true, force: true }))

/** Runs something in the copy, with this Node. @returns What it printed, if it did not end with 0. */
function faultsOf(...args: string[]): string {
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', ...args], { cwd: copy, env, encoding: 'utf8' })
  return status === 0 ? '' : stdout + stderr
}

test('its imports, and those of the lines, need no row in lint/house.js', () => {
  const texts = Object.entries({
    ...folder,
    ...Object.fromEntries(Object.entries(lines).map(([path, added]) => [path, added.map(([, line]) => line).join('\n')])),
  })
  const refused = texts.flatMap(([path, text]) =>
    [...text.matchAll(/^import .* from '(.*)'$/gm)].flatMap(([, specifier]) => refusal(path, specifier!) ?? []),
  )
  assert.deepEqual(refused, [])
})

test('types hold', () => {
  writeFileSync(join(copy, 'tsconfig.path.json'), JSON.stringify({ extends: './tsconfig.json', include: ['topology.ts'] }))
  assert.equal(faultsOf('node_modules/typescript/bin/tsc', '--noEmit', '--project', 'tsconfig.path.json'), '')
})

test('the reference is written, and every test that looks at all parts passes', () => {
  assert.equal(faultsOf('reference/generate.ts'), '')
  assert.match(readFileSync(join(copy, 'docs/reference/parts.md'), 'utf8'), /^## vault$/m)
  assert.match(readFileSync(join(copy, 'docs/reference/config.md'), 'utf8'), /`vault\.path`/)
  const looking = [
    'test/topology/topology.test.ts',
    'test/topology/invented-part.test.ts',
    'test/unit/cli/replay.test.ts',
    'test/unit/config/config.test.ts',
    'test/unit/docker-compose.test.ts',
    'test/unit/lint/lint.cycles.test.ts',
  ]
  assert.equal(faultsOf('--test', '--test-reporter=tap', ...looking), '')
})
