/**
 * Runs test files in the order in which they are given, each in a process of its own, and prints what `node --test` prints; that one sorts them by name.
 * A test that has failed half-way may leave a loop or a connection behind: its file ends all the same.
 *
 * Usage: node test/run-in-order.ts --concurrency 3 --timeout 420000 <files>
 */
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  options: { concurrency: { type: 'string' }, timeout: { type: 'string' } },
  allowPositionals: true,
})
const ended = new AbortController()
process.once('SIGTERM', () => ended.abort())

const results = run({
  files: positionals.map(file => resolve(file)),
  concurrency: Number(values.concurrency),
  timeout: Number(values.timeout),
  forceExit: true,
  signal: ended.signal,
})
// until all have passed
process.exitCode = 1
results.on('test:summary', ({ file, success }) => {
  if (file === undefined) process.exitCode = success ? 0 : 1
})
results.compose(spec).pipe(process.stdout)
