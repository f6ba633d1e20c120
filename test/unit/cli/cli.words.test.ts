/** What is said of words that no command knows, and how wide help is. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, test } from 'node:test'
import { helpOf, type Command } from '../../../cli/arguments/command.ts'
import { resetCommand } from '../../../cli/reset.ts'
import { parseRoles } from '../../../cli/run.ts'
import { topicsCommand } from '../../../cli/topics.ts'
import { ownVersion, withOwnDocs } from '../../../runtime/own-files.ts'

const folder = join(import.meta.dirname, '../../../cli')

const isCommand = (value: unknown): value is Command => typeof value === 'object' && value !== null && 'summary' in value

test('no line of any help is wider than the others, and none loses a word', async () => {
  const names = readdirSync(folder).filter(name => name.endsWith('.ts') && name !== 'main.ts')
  const modules = await Promise.all(names.map(async name => (await import(join(folder, name))) as Record<string, unknown>))
  const commands = modules.flatMap(module => Object.values(module).filter(isCommand))
  assert.equal(commands.length, names.length)
  for (const command of commands) {
    const help = helpOf(command)
    for (const line of help.split('\n')) assert.ok(line.length <= 120, `${command.name}: ${line}`)
    const words = (text: string): string[] => text.split(/\s+/).filter(word => word !== '')
    const told = [command.summary, ...Object.values(command.options).map(({ doc }) => doc), command.details ?? '']
    const plain = words(help).join(' ')
    for (const text of told) assert.ok(plain.includes(words(text).join(' ')), `${command.name}: ${text}`)
  }
})

describe('a word that is not one says why', () => {
  const refusal = (command: Command, ...positionals: string[]): Promise<number> =>
    command.run({ values: {}, positionals, signal: new AbortController().signal })
  for (const { name, call, message } of [
    {
      name: 'reset enrich',
      call: () => refusal(resetCommand, 'enrich'),
      message: /enrich cannot be reset: .*twice; say `reset clickhouse`/,
    },
    {
      name: 'reset sink, the name of an older version',
      call: () => refusal(resetCommand, 'sink'),
      message: /there is no part "sink": it is called clickhouse now;/,
    },
    { name: 'topics aply', call: () => refusal(topicsCommand, 'aply'), message: /there is no `topics aply`: say `topics apply`/ },
    { name: 'topics', call: () => refusal(topicsCommand), message: /a word is missing: say `topics apply`/ },
  ])
    it(name, async () => {
      await assert.rejects(call, { code: 'USAGE', message })
    })

  it('run --roles sink, the name of an older version', () => {
    assert.deepEqual(parseRoles('enrich,sink'), ['enrich', 'clickhouse'])
  })

  for (const roles of ['enrich,', ',enrich', 'fetch,,enrich', '', ' '])
    it(`run --roles "${roles}"`, () => {
      assert.throws(() => parseRoles(roles), { code: 'USAGE', message: /has a comma without a role|names no role/ })
    })
})

test('the version is that of package.json, and pages of docs are where they are', () => {
  assert.match(ownVersion(), /^\d+\.\d+\.\d+/)
  assert.equal(withOwnDocs('see docs/operations.md on it; https://x/docs/a.md'), 'see docs/operations.md on it; https://x/docs/a.md')
})
