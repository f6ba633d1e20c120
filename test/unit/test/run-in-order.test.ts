import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'

const folder = mkdtempSync(join(tmpdir(), 'flowloom-run-in-order-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const files: Readonly<Record<string, string>> = {
  a: "test('of a', () => {})",
  b: "test('of b', () => {}); setInterval(() => {}, 1000)",
  fails: "test('fails', () => assert.equal(1, 2))",
  ends: 'process.exit(3)',
}

/** Runs files, one at a time. @returns Exit code, and names of the tests that passed. */
function runs(...names: string[]): { status: number | null; passed: string[] } {
  const paths = names.map(name => {
    const path = join(folder, `${name}.test.mjs`)
    writeFileSync(path, `import assert from 'node:assert/strict'\nimport { test } from 'node:test'\n${files[name]}\n`)
    return path
  })
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const script = join(import.meta.dirname, '../../run-in-order.ts')
  const { status, stdout } = spawnSync(process.execPath, ['--no-warnings', script, '--concurrency=1', '--timeout=20000', ...paths], { encoding: 'utf8', env }) // prettier-ignore
  return { status, passed: [...stdout.matchAll(/✔ (.+) \(/g)].map(match => match[1]!) }
}

describe('test files that are run in order', () => {
  it('begin in the order in which they are given, and end though a timer is left', () => {
    assert.deepEqual(runs('b', 'a'), { status: 0, passed: ['of b', 'of a'] })
  })
  it('fail together if a test fails, or a file ends with an error', () => {
    assert.deepEqual(runs('fails', 'a'), { status: 1, passed: ['of a'] })
    assert.equal(runs('a', 'ends').status, 1)
  })
})
