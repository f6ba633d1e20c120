// One new row is all: a copy of the source gets an invented row of each kind, and nothing else but what is generated and the columns of the tables.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'

const root = join(import.meta.dirname, '../../..')
const invented = {
  'flow/fields.ts': [
    "f('owner-team', 12, 'STRING', 'observer', 'ownerTeam', 'team that owns the interface')",
    "f('app-protocol', 12, 'STRING', 'traits', 'appProtocol', 'protocol of the application')",
    "f('dscp', 12, 'INT_32', 'traits', 'dscp', 'differentiated services code point', { most: 63, absentBit: 18 })",
    "f('packets-lost-policy', 12, 'INT_64', 'counter', 'packetsLost.policy', 'packets lost by policy')",
    "f('retransmits', 12, 'INT_64', 'counter', 'retransmits', 'packets that were sent again')",
  ],
  'flow/attributes.ts': [
    "a({ name: 'Continent', type: 'string', doc: 'continent', column: 'continent', stored: 'LowCardinality(String)', lookup: 'country' })",
  ],
} as const

let copy: string
before(() => {
  copy = mkdtempSync(join(tmpdir(), 'one-new-row-'))
  for (const folder of [
    'aws',
    'config',
    'audit',
    'cli',
    'flow',
    'harness',
    'operations',
    'processors',
    'producers',
    'reference',
    'runtime',
    'schemas',
    'sinks',
    'stack',
    'test/support',
    'package.json',
    'topology.ts',
  ])
    cpSync(join(root, folder), join(copy, folder), { recursive: true })
  mkdirSync(join(copy, 'test/unit/flow'), { recursive: true })
  cpSync(join(root, 'test/unit/flow/flow.tables.test.ts'), join(copy, 'test/unit/flow/flow.tables.test.ts'))
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  for (const [file, rows] of Object.entries(invented)) {
    const text = readFileSync(join(copy, file), 'utf8')
    assert.match(text, /^\] as const/m)
    writeFileSync(join(copy, file), text.replace(/^\] as const/m, `  ${rows.join(',\n  ')},\n] as const`))
  }
})
after(() => rmSync(copy, { recursive: true, force: true }))

/** Runs a file of the copy. @returns What it printed. */
function run(...args: string[]): { readonly status: number | null; readonly printed: string } {
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', ...args], { cwd: copy, env, encoding: 'utf8' })
  return { status, printed: stdout + stderr }
}

describe('a new row of a table of flow/', () => {
  it('is carried everywhere; a table without its column fails, and the line to add is named', () => {
    const generated = run('reference/generate.ts')
    assert.equal(generated.status, 0, generated.printed)
    const test = join(copy, 'test/unit/flow/flow.tables.test.ts')
    const without = run('--test', '--test-reporter=tap', test)
    assert.notEqual(without.status, 0)
    const lines = [...new Set([...without.printed.matchAll(/^ *(ALTER TABLE \{database\}\..*;)$/gm)].map(match => match[1]!))]
    assert.deepEqual(
      lines.map(line => / (\S+) ADD COLUMN IF NOT EXISTS (\w+ \S+)/.exec(line)!.slice(1).join(' ')),
      [
        '{database}.interfaces owner_team String',
        '{database}.flows app_protocol LowCardinality(String)',
        '{database}.flows dscp UInt8',
        '{database}.flows local_continent LowCardinality(String)',
        '{database}.flows remote_continent LowCardinality(String)',
        '{database}.flows retransmits Nullable(UInt64)',
      ],
    )
    assert.equal(without.printed.match(/^ +not ok /gm)?.length, 1, without.printed)
    writeFileSync(join(copy, 'schemas/clickhouse/9999-invented.sql'), `${lines.join('\n')}\n`)
    const whole = run('--test', '--test-reporter=tap', test)
    assert.equal(whole.status, 0, whole.printed)
  })

  it('that says nothing of how an absent number differs from 0 fails', () => {
    const file = join(copy, 'flow/fields.ts')
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replace('{ most: 63, absentBit: 18 }', '{ most: 63 }'))
    const { status, printed } = run('--test', join(copy, 'test/unit/flow/flow.tables.test.ts'))
    assert.notEqual(status, 0)
    assert.match(printed, /dscp needs an absentBit or isNeverZero/)
  })
})
