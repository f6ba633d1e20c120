/** Keys and error texts that were made to steer a terminal. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { formatAudit } from '../../../../cli/print/audit-table.ts'
import { escapeLines, escapeText } from '../../../../cli/print/escape-text.ts'
import { formatRows } from '../../../../cli/print/text-table.ts'

test('control characters are escaped, and letters of any language stay', () => {
  assert.equal(escapeText('a\x1b[2Jb\r\n\x7f\x9b\u202eä語🙂\u2028'), 'a\\u001b[2Jb\\u000d\\u000a\\u007f\\u009b\\u202eä語🙂\\u2028')
  assert.equal(escapeLines('a\x1b\nb\t'), 'a\\u001b\nb\\u0009')
})

test('no text steers a terminal, and JSON means the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      assert.doesNotMatch(escapeText(text), /[\p{Cc}\p{Cf}]/u)
      assert.doesNotMatch(escapeLines(text), /[^\P{Cc}\n]/u)
      assert.deepEqual(JSON.parse(escapeLines(JSON.stringify({ text }, null, 2))), { text })
    }),
    { seed: 1 },
  )
})

test('a key does not add a line to a table or an audit', () => {
  assert.equal(formatRows([{ key: 'a\nb\x1b[A' }]).split('\n').length, 2)
  const totals = { lines: 0, headers: 0, blank: 0, flows: 0, nodata: 0, skipdata: 0, dead: 0, packets: 0, bytes: 0 }
  const report = {
    ...{ objects: 1, gone: 0, sources: [], foreign: [], beforeStart: 0, unannounced: { count: 0, first: null, last: null }, blind: [] },
    totals: new Proxy({}, { get: () => new Proxy(totals, { get: () => 0 }) }),
    unreadable: ['s3://b/x\nevery line is accounted for'],
    differences: [{ object: 's3://b/k\x1b[2A', side: 's3', detail: 'x\ny' }],
  }
  const text = formatAudit(report as unknown as Parameters<typeof formatAudit>[0], false)
  assert.match(text, /^unreadable, recorded as such: s3:\/\/b\/x\\u000aevery line/m)
  assert.match(text, /^DIFFERENT s3 s3:\/\/b\/k\\u001b\[2A: x\\u000ay$/m)
})

test('the message of an error is escaped, whichever command it is of', () => {
  const main = fileURLToPath(new URL('../../../../main.ts', import.meta.url))
  const { stderr } = spawnSync(process.execPath, [main, 'dead-letters', 'show', '\x1b[2J'], { encoding: 'utf8' })
  assert.match(stderr, /^flowloom: /)
  const { stderr: unknown } = spawnSync(process.execPath, [main, 'no\x1b[2J'], { encoding: 'utf8' })
  assert.match(unknown, /^flowloom has no command "no\\u001b\[2J"/)
})
