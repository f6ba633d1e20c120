import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

test('a suite that does not exist is no suite that passed', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, '../../run.ts'), '--only', 'types,integrations'], {
    encoding: 'utf8',
  })
  assert.equal(status, 2)
  assert.match(stderr, /no suite "integrations"; suites are format, .*integration/)
})
