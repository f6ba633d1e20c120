import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { classifyLine, readPlainly } from '../../../audit/plain-reader.ts'
import { emptyTally, type Tally } from '../../../schemas/tally.ts'

const v2 = 'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status'
const columns = v2.split(' ')
const good = '2 123456789012 eni-1 10.0.0.1 8.8.8.8 443 50000 6 10 840 1764000000 1764000060 ACCEPT OK'
const flow = { lines: 1, flows: 1, packets: 10, bytes: 840 }
const dead = { lines: 1, dead: 1 }
/** The good line with one field changed. */
function changed(name: string, value: string): string {
  const values = good.split(' ')
  values[columns.indexOf(name)] = value
  return values.join(' ')
}

const lines: { name: string; line: string | Buffer; expect: Partial<Tally> }[] = [
  { name: 'a flow', line: good, expect: flow },
  { name: 'a flow that ends with a carriage return', line: `${good}\r`, expect: flow },
  { name: 'spaces around and between fields', line: `  ${good.replaceAll(' ', '  ')} `, expect: flow },
  { name: 'an empty line', line: '', expect: { lines: 1, blank: 1 } },
  { name: 'spaces only', line: '   \r', expect: { lines: 1, blank: 1 } },
  { name: 'a field too few', line: good.slice(0, -3), expect: dead },
  { name: 'a field too many', line: `${good} x`, expect: dead },
  { name: 'NODATA', line: '2 1 eni-1 - - - - - - - 1764000000 1764000060 - NODATA', expect: { lines: 1, noData: 1 } },
  { name: 'SKIPDATA', line: '2 1 eni-1 - - - - - - - 1764000000 1764000060 - SKIPDATA', expect: { lines: 1, skipData: 1 } },
  { name: 'NODATA with values', line: changed('log-status', 'NODATA'), expect: { lines: 1, noData: 1 } },
  { name: 'SKIPDATA with an address that is none', line: changed('log-status', 'SKIPDATA').replace('8.8.8.8', '8'), expect: dead },
  { name: 'a status that is none', line: changed('log-status', 'MAYBE'), expect: dead },
  { name: 'an action that is none', line: changed('action', 'accept'), expect: dead },
  { name: 'an address that is none', line: changed('srcaddr', '10.0.0.256'), expect: dead },
  { name: 'an IPv6 address', line: changed('dstaddr', '2001:db8::1'), expect: flow },
  { name: 'an address with a zone', line: changed('dstaddr', 'fe80::1%eth0'), expect: dead },
  { name: 'a port too large', line: changed('srcport', '65536'), expect: dead },
  { name: 'a number that is none', line: changed('packets', '1e3'), expect: dead },
  { name: 'a negative number', line: changed('bytes', '-1'), expect: dead },
  { name: 'a counter of 2^53 - 2', line: changed('bytes', '9007199254740990'), expect: { ...flow, bytes: 2 ** 53 - 2 } },
  { name: 'a counter beyond 2^53 - 2', line: changed('bytes', '9007199254740991'), expect: dead },
  {
    name: 'no packets and bytes',
    line: changed('packets', '-').replace(' 840 ', ' - '),
    expect: { lines: 1, flows: 1, packets: 0, bytes: 0 },
  },
  { name: 'an end before the start', line: changed('end', '1763999999'), expect: dead },
  { name: 'no end', line: changed('end', '-'), expect: flow },
  { name: 'bytes that are not UTF-8', line: Buffer.concat([Buffer.from(good), Buffer.from([0xff])]), expect: dead },
  { name: 'a line longer than allowed', line: good.replace('eni-1', 'e'.repeat(300)), expect: dead },
]
for (const { name, line, expect } of lines)
  test(`a line: ${name}`, () => {
    assert.deepEqual(classifyLine(columns, Buffer.from(line), 256), expect)
  })

const tally = (part: Partial<Tally>): Tally => ({ ...emptyTally(), ...part })
const objects: { name: string; content: string; expect: Tally }[] = [
  {
    name: 'a header and two flows',
    content: `${v2}\n${good}\n${good}\n`,
    expect: tally({ lines: 3, headers: 1, flows: 2, packets: 20, bytes: 1680 }),
  },
  { name: 'no newline at the end', content: `${v2}\n${good}`, expect: tally({ lines: 2, headers: 1, flows: 1, packets: 10, bytes: 840 }) },
  {
    name: 'blank lines before the header and between',
    content: `\n${v2}\n\n${good}\n`,
    expect: tally({ lines: 4, headers: 1, blank: 2, flows: 1, packets: 10, bytes: 840 }),
  },
  {
    name: 'a byte order mark and CRLF',
    content: `\uFEFF${v2}\r\n${good}\r\n`,
    expect: tally({ lines: 2, headers: 1, flows: 1, packets: 10, bytes: 840 }),
  },
  {
    name: 'a second header with other columns',
    content: `${v2}\n${good}\nbytes  packets start\r\n5 1 2\n${good}\n${v2}\n${good}`,
    expect: tally({ lines: 7, headers: 3, flows: 3, dead: 1, packets: 21, bytes: 1685 }),
  },
  { name: 'a header alone', content: `${v2}\n`, expect: tally({ lines: 1, headers: 1 }) },
  { name: 'nothing', content: '', expect: tally({}) },
]
for (const { name, content, expect } of objects)
  for (const [how, stored] of [
    ['', Buffer.from(content)],
    [', as gzip', gzipSync(content)],
    [', as zstd in two frames', Buffer.concat([content.slice(0, 9), content.slice(9)].map(part => zstdCompressSync(part)))],
  ] as const)
    test(`an object with ${name}${how}`, () => {
      assert.deepEqual(readPlainly(stored, 1000), { ok: true, tally: expect })
    })

for (const { name, stored, reason } of [
  { name: 'cut gzip', stored: gzipSync(`${v2}\n${good}\n`).subarray(0, 60), reason: /unexpected end of file/ },
  { name: 'cut zstd', stored: zstdCompressSync(`${v2}\n${good}\n`).subarray(0, 60), reason: /unexpected end of file/ },
  {
    name: 'zstd with text behind it',
    stored: Buffer.concat([zstdCompressSync(`${v2}\n`), Buffer.from(`${good}\n`)]),
    reason: /behind the zstd data/,
  },
  { name: 'no header line', stored: Buffer.from(`${good}\n`), reason: /no header line/ },
  { name: 'something else', stored: Buffer.from('<?xml version="1.0"?>\n'), reason: /no header line/ },
])
  test(`an object that is ${name} cannot be read`, () => {
    const reading = readPlainly(stored, 1000)
    assert.ok(!reading.ok)
    assert.match(reading.reason, reason)
  })

test('a byte-order mark is no part of the first line of lines without a header', () => {
  const read = (content: string): unknown => readPlainly(Buffer.from(content), 256, v2)
  assert.deepEqual(read(`\ufeff${good}\n${good}`), { ok: true, tally: tally({ lines: 2, flows: 2, packets: 20, bytes: 1680 }) })
  assert.deepEqual(read(`\ufeff\r\n${good}`), { ok: true, tally: tally({ lines: 2, blank: 1, flows: 1, packets: 10, bytes: 840 }) })
  assert.deepEqual(read(`${good}\n\ufeff${good}`), { ok: true, tally: tally({ lines: 2, flows: 1, dead: 1, packets: 10, bytes: 840 }) })
})
