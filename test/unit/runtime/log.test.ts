// Log lines name the docs of the installation, as the messages of commands do.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { FlowError } from '../../../runtime/errors.ts'
import { createLog } from '../../../runtime/log.ts'
import { withOwnDocs } from '../../../runtime/own-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'flowloom "docs"-'))
mkdirSync(join(folder, 'docs'))
writeFileSync(join(folder, 'docs', 'operations.md'), '')
after(() => rmSync(folder, { recursive: true }))

/** What is written by one call. */
function lineOf(write: (log: ReturnType<typeof createLog>) => void, docsFolder?: string): Record<string, unknown> {
  const lines: string[] = []
  write(createLog('info', { write: line => void lines.push(line) }, docsFolder))
  assert.equal(lines.length, 1)
  return JSON.parse(lines[0]!) as Record<string, unknown>
}

const { code, message } = new FlowError('OFFSET_LOST', { task: 'sink/0', offset: 0, low: 7 })

test('the text of an error has the path of the page where it is installed', () => {
  for (const child of [false, true]) {
    const line = lineOf(log => (child ? log.child({ role: 'sink' }) : log).error({ code, error: message, offset: 0 }, 'stopped'), folder)
    assert.equal(line['error'], message.replace('docs/operations.md', join(folder, 'docs', 'operations.md')))
    assert.deepEqual([line['code'], line['offset'], line['msg']], [code, 0, 'stopped'])
  }
})

test('in a clone, and where no page is installed, the text stays', () => {
  assert.equal(lineOf(log => log.error({ error: message }, 'stopped'))['error'], message)
  assert.equal(lineOf(log => log.error({ error: message }, 'stopped'), join(folder, 'none'))['error'], message)
  assert.equal(
    withOwnDocs('see docs/none.md, and docs/operations.md', folder),
    `see docs/none.md, and ${join(folder, 'docs/operations.md')}`,
  )
})
