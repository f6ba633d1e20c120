import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compileColumns, headerNames } from '../../../../../processors/enrich/parse/column-plan.ts'
import { lineFaultReasons, type LineFaultReason } from '../../../../../processors/enrich/parse/line-faults.ts'
import { defaultFormat, fullV11Format, fullV5Format, transitGatewayFormat } from '../../../../../flow/fields.ts'
import { TestEnricher } from '../../../../../harness/enrich-blocks.ts'

const header = 'srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags flow-direction interface-id'
const good = '10.0.0.1 8.8.8.8 1024 53 17 1 60 1700000000 1700000060 ACCEPT OK 0 egress eni-1'

/** The good line with one column replaced. */
const withValue = (name: string, value: string): string => {
  const tokens = good.split(' ')
  tokens[header.split(' ').indexOf(name)] = value
  return tokens.join(' ')
}

void describe('faults', () => {
  const cases: { name: string; line: string; reason: LineFaultReason; detail: string }[] = [
    {
      name: 'a missing field',
      line: good.slice(0, good.lastIndexOf(' ')),
      reason: 'too-few-fields',
      detail: '13 fields, the header line has 14',
    },
    {
      name: 'a missing field and a trailing space',
      line: `${good.slice(0, good.lastIndexOf(' '))} `,
      reason: 'too-few-fields',
      detail: '13 fields, the header line has 14',
    },
    { name: 'an extra field', line: `${good} x`, reason: 'too-many-fields', detail: '15 fields, the header line has 14' },
    {
      name: 'a shifted line is not called a bad number',
      line: `x ${good}`,
      reason: 'too-many-fields',
      detail: '15 fields, the header line has 14',
    },
    { name: 'letters in a counter', line: withValue('bytes', '12x'), reason: 'bad-number', detail: 'bytes is "12x"' },
    { name: 'a negative port', line: withValue('srcport', '-1'), reason: 'bad-number', detail: 'srcport is "-1"' },
    { name: 'a fraction', line: withValue('packets', '1.5'), reason: 'bad-number', detail: 'packets is "1.5"' },
    { name: 'a tab in a number', line: withValue('packets', '1\t'), reason: 'bad-number', detail: 'packets is "1\\t"' },
    { name: 'a port above 65535', line: withValue('dstport', '65536'), reason: 'number-too-large', detail: 'dstport is "65536"' },
    {
      name: 'a counter above 2^53 - 2',
      line: withValue('bytes', '9007199254740991'),
      reason: 'number-too-large',
      detail: 'bytes is "9007199254740991"',
    },
    {
      name: 'a counter of 40 digits',
      line: withValue('bytes', '1'.repeat(40)),
      reason: 'number-too-large',
      detail: `bytes is "${'1'.repeat(40)}"`,
    },
    { name: 'a protocol above 255', line: withValue('protocol', '256'), reason: 'number-too-large', detail: 'protocol is "256"' },
    { name: 'flags above 65535', line: withValue('tcp-flags', '65536'), reason: 'number-too-large', detail: 'tcp-flags is "65536"' },
    { name: 'a protocol name', line: withValue('protocol', 'tcp'), reason: 'bad-number', detail: 'protocol is "tcp"' },
    { name: 'an octet above 255', line: withValue('srcaddr', '10.0.0.256'), reason: 'bad-address', detail: 'srcaddr is "10.0.0.256"' },
    {
      name: 'an octet with a leading zero',
      line: withValue('srcaddr', '10.0.0.01'),
      reason: 'bad-address',
      detail: 'srcaddr is "10.0.0.01"',
    },
    { name: 'three octets', line: withValue('dstaddr', '10.0.0'), reason: 'bad-address', detail: 'dstaddr is "10.0.0"' },
    { name: 'five octets', line: withValue('dstaddr', '10.0.0.1.2'), reason: 'bad-address', detail: 'dstaddr is "10.0.0.1.2"' },
    { name: 'a prefix', line: withValue('dstaddr', '10.0.0.0/8'), reason: 'bad-address', detail: 'dstaddr is "10.0.0.0/8"' },
    { name: 'IPv6 with a zone', line: withValue('dstaddr', 'fe80::1%eth0'), reason: 'bad-address', detail: 'dstaddr is "fe80::1%eth0"' },
    { name: 'IPv6 with two gaps', line: withValue('dstaddr', '1::2::3'), reason: 'bad-address', detail: 'dstaddr is "1::2::3"' },
    { name: 'another action', line: withValue('action', 'accept'), reason: 'bad-action', detail: 'action is "accept"' },
    { name: 'another status', line: withValue('log-status', 'SKIP'), reason: 'bad-log-status', detail: 'log-status is "SKIP"' },
    { name: 'another direction', line: withValue('flow-direction', 'in'), reason: 'bad-direction', detail: 'flow-direction is "in"' },
    {
      name: 'end before start',
      line: withValue('end', '1699999999'),
      reason: 'bad-time',
      detail: 'end 1699999999 is before start 1700000000',
    },
    {
      name: 'a time beyond 2^32 - 1',
      line: withValue('end', '99999999999999999'),
      reason: 'bad-time',
      detail: 'end is "99999999999999999"',
    },
    { name: 'milliseconds', line: withValue('start', '1700000000000'), reason: 'time-in-milliseconds', detail: 'start is "1700000000000"' },
  ]
  const enricher = new TestEnricher()
  for (const { name, line, reason, detail } of cases)
    it(`${name}: ${reason}`, () => {
      const { deadLetters, rows } = enricher.run(header, `${good}\n${line}\n${good}\n`, { firstLine: 10 })
      assert.deepEqual(
        deadLetters.map(letter => [letter.line, letter.reason, letter.bytes.toString(), letter.length, letter.sha256]),
        [[11, reason, line, line.length, null]],
      )
      assert.ok(deadLetters[0]!.detail.startsWith(detail), deadLetters[0]!.detail)
      assert.deepEqual(
        rows.map(row => row.line),
        [10, 12],
      )
    })

  void it('sends text that is not UTF-8 to dead letters, wherever it stands', () => {
    for (const at of ['interface-id', 'action', 'srcaddr']) {
      const line = Buffer.from(withValue(at, 'X?'))
      line[line.indexOf('X?')] = 0xff
      const { deadLetters, rows } = enricher.run(header, Buffer.concat([Buffer.from(`${good}\n`), line, Buffer.from(`\n${good}`)]))
      assert.deepEqual(
        deadLetters.map(letter => letter.reason),
        [at === 'srcaddr' ? 'bad-address' : 'invalid-utf8'],
      )
      assert.equal(rows.length, 2)
      assert.deepEqual(deadLetters[0]!.bytes, line)
    }
  })

  void it('keeps 4096 bytes of a long bad line, its length and its hash', () => {
    const { deadLetters } = enricher.run(header, 'x'.repeat(10_000))
    assert.equal(deadLetters[0]!.bytes.length, 4096)
    assert.equal(deadLetters[0]!.length, 10_000)
    assert.equal(deadLetters[0]!.sha256!.toString('hex'), 'e4ee97ec252749d2096447e849628d0d7734f51700416eefbb33574bf0b3ee75')
  })

  void it('sends each line of a block without header line to dead letters as no-columns', () => {
    for (const bad of [null, '', 'what is this']) {
      const { deadLetters, blankLines, lines } = enricher.run(bad, `${good}\r\n\n  \nx`, { firstLine: 5 })
      assert.deepEqual([lines, blankLines], [4, 2])
      assert.deepEqual(
        deadLetters.map(letter => [letter.line, letter.reason, letter.bytes.toString()]),
        [
          [5, 'no-columns', good],
          [8, 'no-columns', 'x'],
        ],
      )
    }
  })

  void it('explains every reason', () => {
    for (const [reason, doc] of Object.entries(lineFaultReasons)) assert.ok(doc.length > 10, reason)
  })
})

void describe('lines', () => {
  const enricher = new TestEnricher()
  const cases = [
    { name: 'line feeds', text: `${good}\n${good}\n`, lines: [2, 3], blank: 0 },
    { name: 'no line end after the last line', text: `${good}\n${good}`, lines: [2, 3], blank: 0 },
    { name: 'carriage returns', text: `${good}\r\n${good}\r\n`, lines: [2, 3], blank: 0 },
    { name: 'a carriage return at the very end', text: `${good}\r`, lines: [2], blank: 0 },
    { name: 'runs of spaces', text: `  ${good.replaceAll(' ', '   ')}  \n${good}`, lines: [2, 3], blank: 0 },
    { name: 'blank lines', text: `\n${good}\n\r\n   \n${good}\n\n`, lines: [3, 6], blank: 4 },
    { name: 'nothing', text: '', lines: [], blank: 0 },
  ]
  for (const { name, text, lines, blank } of cases)
    it(`takes ${name}`, () => {
      const result = enricher.run(header, text)
      assert.deepEqual(
        result.rows.map(row => row.line),
        lines,
      )
      assert.equal(result.blankLines, blank)
      assert.deepEqual(result.deadLetters, [])
      for (const row of result.rows)
        assert.deepEqual([row.srcAddr, row.bytes, row.interfaceId, row.end], ['10.0.0.1', 60, 'eni-1', 1_700_000_060])
    })

  void it('makes gaps of NODATA and SKIPDATA, also where such a line carries addresses and counters', () => {
    const { gaps, rows } = enricher.run(header, [withValue('log-status', 'NODATA'), withValue('log-status', 'SKIPDATA'), good].join('\n'))
    assert.deepEqual(
      gaps.map(gap => [gap.kind, gap.line, gap.interfaceId, gap.start, gap.end]),
      [
        ['NODATA', 2, 'eni-1', 1_700_000_000, 1_700_000_060],
        ['SKIPDATA', 3, 'eni-1', 1_700_000_000, 1_700_000_060],
      ],
    )
    assert.deepEqual(
      rows.map(row => row.line),
      [4],
    )
  })

  void it('takes the largest values that are allowed', () => {
    const [row] = enricher.run('bytes srcport end protocol tcp-flags', '9007199254740990 65535 4294967295 255 65535').rows
    assert.deepEqual([row!.bytes, row!.srcPort, row!.protocol, row!.tcpFlags], [9_007_199_254_740_990, 65_535, 255, 65_535])
  })

  void it('keeps contexts apart that differ in columns before or behind the interface', () => {
    const columns = 'account-id srcaddr interface-id dstaddr vpc-id'
    const lines = [
      '1 10.0.0.1 eni-0ffa7e54f1ae8fa1b 10.0.0.2 vpc-a',
      '2 10.0.0.1 eni-0ffa7e54f1ae8fa1b 10.0.0.2 vpc-a',
      '1 10.0.0.1 eni-0ffa7e54f1ae8fa1b 10.0.0.2 vpc-b',
    ]
    const { rows } = enricher.run(columns, [...lines, ...lines, ...lines].join('\n'))
    assert.deepEqual(
      rows.map(row => `${row.accountId!} ${row.srcAddr!} ${row.interfaceId!} ${row.dstAddr!} ${row.vpcId!}`),
      [...lines, ...lines, ...lines],
    )
  })

  void it('does not read beyond the block what an earlier, longer block left in the buffer', () => {
    enricher.run(header, `${good}\n`.repeat(50))
    const { rows, deadLetters } = enricher.run(header, `${good}\n${good.slice(0, -5)}`)
    assert.equal(rows.length, 1)
    assert.equal(deadLetters[0]!.reason, 'too-few-fields')
  })
})

void describe('a byte-order mark', () => {
  const enricher = new TestEnricher()
  const mark = '\ufeff'
  void it('is no part of the first line of an object', () => {
    const { rows, blankLines, lines } = enricher.run(header, `${mark}${good}\n${good}\n`, { firstLine: 1 })
    assert.deepEqual([rows.map(({ srcAddr }) => srcAddr), blankLines, lines], [['10.0.0.1', '10.0.0.1'], 0, 2])
  })

  void it('alone is a blank line', () => {
    for (const line of [mark, `${mark}\n`, `${mark} \r\n`]) {
      const { lines, blankLines } = enricher.run(header, line, { firstLine: 1 })
      assert.deepEqual([lines, blankLines], [1, 1])
      const without = enricher.run('one two', line, { firstLine: 1 })
      assert.deepEqual([without.lines, without.blankLines], [1, 1])
    }
  })

  void it('stands in the dead letter of the first line', () => {
    const { deadLetters } = enricher.run(header, `${mark}x\n`, { firstLine: 1 })
    assert.equal(deadLetters[0]!.bytes.toString(), `${mark}x`)
  })

  void it('before a later line is a part of it', () => {
    assert.equal(enricher.run(header, `${mark}${good}\n`, { firstLine: 2 }).deadLetters[0]!.reason, 'bad-address')
  })
})

void describe('compileColumns', () => {
  void it('leaves byte-order mark, line end and runs of spaces out of the names', () => {
    assert.deepEqual(headerNames('\uFEFFversion  account-id \r\n'), ['version', 'account-id'])
  })

  void it('takes every documented format without unknown columns', () => {
    for (const format of [defaultFormat, fullV5Format, fullV11Format, transitGatewayFormat]) {
      const plan = compileColumns(format.join(' '))!
      assert.deepEqual(plan.extraNames, [])
      assert.equal(plan.names.length, format.length)
    }
  })

  void it('takes the underscores of Parquet', () => {
    assert.ok(compileColumns('account_id pkt_srcaddr')!.has('pkt-srcaddr'))
  })

  void it('keeps unknown and repeated columns by name', () => {
    const { rows, unknownColumns } = new TestEnricher().run('srcaddr new srcaddr new', '1.1.1.1 a 2.2.2.2 b')
    assert.deepEqual(unknownColumns, ['new', 'srcaddr#2', 'new#2'])
    assert.equal(rows[0]!.srcAddr, '1.1.1.1')
    assert.deepEqual(rows[0]!.extra, { new: 'a', 'srcaddr#2': '2.2.2.2', 'new#2': 'b' })
  })
})
