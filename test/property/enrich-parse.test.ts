import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { attributeRows } from '../../flow/attributes.ts'
import { flowFields, type FlowField } from '../../flow/fields.ts'
import { partitionOf } from '../../runtime/partition.ts'
import { plain, TestEnricher } from '../../harness/enrich-blocks.ts'
import { canonicalIpv6, referenceBlock, referenceProtocols } from '../support/references/enrich-reference.ts'

const runs = Number(process.env['FLOWLOOM_TEST_RUNS'] ?? 150)
const ipv4 = fc.oneof(fc.constantFrom('10.0.0.1', '10.0.0.2', '172.16.3.4', '192.168.1.1', '52.1.2.3', '8.8.8.8', '203.0.113.9'), fc.ipV4())
const ipv6 = fc.oneof(fc.constantFrom('2001:db8::1', 'fd00::2', '2600:1f18::9', '::1', 'FE80::1', '::ffff:10.1.2.3'), fc.ipV6())
const text = fc.stringMatching(/^[a-zA-Z0-9_./:%-]{1,24}$/).filter(value => value !== '-')
const absent = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | '-'> =>
  fc.oneof({ weight: 1, arbitrary: fc.constant('-' as const) }, { weight: 6, arbitrary: values })

function tokenOf(field: FlowField): fc.Arbitrary<string> {
  switch (field.name) {
    case 'action':
      return absent(fc.constantFrom('ACCEPT', 'REJECT'))
    case 'log-status':
      return fc.oneof({ weight: 8, arbitrary: fc.constantFrom('OK', '-') }, { weight: 1, arbitrary: fc.constantFrom('NODATA', 'SKIPDATA') })
    case 'flow-direction':
      return absent(fc.constantFrom('ingress', 'egress'))
    case 'protocol':
      return absent(fc.constantFrom(...referenceProtocols.map(String)))
    case 'tcp-flags':
      return absent(fc.nat(63).map(String))
    case 'version':
    case 'traffic-path':
    case 'encryption-status':
      return absent(fc.nat(11).map(String))
    case 'start':
      return absent(fc.integer({ min: 1_700_000_000, max: 1_700_000_300 }).map(String))
    case 'end':
      return absent(fc.integer({ min: 1_700_000_250, max: 2 ** 32 - 1 }).map(String))
    default:
  }
  switch (field.role) {
    case 'address':
      return absent(fc.oneof({ weight: 4, arbitrary: ipv4 }, { weight: 1, arbitrary: ipv6 }))
    case 'port':
      return absent(fc.oneof(fc.constantFrom('443', '80', '22', '0', '65535'), fc.nat(65_535).map(String)))
    case 'counter':
      return absent(fc.oneof(fc.nat(5000).map(String), fc.bigInt({ min: 0n, max: 2n ** 53n - 2n }).map(String)))
    default:
      return absent(fc.oneof(fc.constantFrom('eni-0ffa7e54f1ae8fa1b', 'eni-1235b8ca123456789', 'i-01234567890123456'), text))
  }
}

const columns = fc
  .tuple(
    fc.shuffledSubarray([...flowFields] as FlowField[], { minLength: 1 }),
    fc.uniqueArray(fc.constantFrom('new-field', 'x', 'zzz'), { maxLength: 3 }),
    fc.nat(),
  )
  .map(([fields, unknown, at]) => {
    const all: { name: string; field: FlowField | undefined }[] = fields.map(field => ({ name: field.name, field }))
    unknown.forEach((name, i) => all.splice((at + 7 * i) % (all.length + 1), 0, { name, field: undefined }))
    return all
  })
const separator = fc.oneof({ weight: 20, arbitrary: fc.constant(' ') }, { weight: 1, arbitrary: fc.constant('   ') })
const broken = fc.constantFrom(
  'x',
  '1.2.3',
  '99999999999999999999',
  '70000',
  '-1',
  '1700000000000',
  'ACCEPT',
  '::g',
  '01.2.3.4',
  '1.2.3.4.5',
  '',
)

/** A header line and lines that mostly fit it. Contexts repeat, as they do in real logs. */
const block = columns.chain(list =>
  fc.record({
    header: fc.constant(list.map(({ name }) => name).join(' ')),
    lines: fc.array(
      fc.oneof(
        { weight: 1, arbitrary: fc.constantFrom('', ' ', '   ') },
        {
          weight: 12,
          arbitrary: fc
            .tuple(
              fc.tuple(...list.map(({ field }) => (field === undefined ? absent(text) : tokenOf(field)))),
              separator,
              fc.option(fc.tuple(fc.nat(), broken), { freq: 8 }),
              fc.boolean(),
            )
            .map(([tokens, between, fault, returns]) => {
              const out = [...tokens] as string[]
              if (fault !== null) out[fault[0] % out.length] = fault[1]
              return out.filter(token => token !== '').join(between) + (returns ? '\r' : '')
            }),
        },
      ),
      { maxLength: 25 },
    ),
    firstLine: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 1_000_000 })),
    marked: fc.boolean(),
    origin: fc.record({
      accountId: fc.option(fc.constant('001607371330')),
      region: fc.option(fc.constant('us-east-1')),
      slotStart: fc.option(fc.constant(1_700_000_100)),
      source: fc.record({
        accountId: fc.option(fc.constant('999999999999')),
        region: fc.option(fc.constant('eu-north-1')),
        scope: fc.option(fc.constant('sales')),
      }),
    }),
    endsWithNewline: fc.boolean(),
  }),
)

const annotations: readonly string[] = attributeRows.flatMap(({ name }) => [`src${name}`, `dst${name}`])

void describe('enrich, on any columns and any values', () => {
  void it('makes of each line what a plain reader makes of it, and encodes it as avsc reads it', () => {
    const enricher = new TestEnricher({ dictionaryEntries: 40 })
    fc.assert(
      fc.property(block, ({ header, lines, firstLine, marked, origin, endsWithNewline }) => {
        const content = (marked ? '\ufeff' : '') + lines.join('\n') + (endsWithNewline && lines.length > 0 ? '\n' : '')
        const expected = referenceBlock(header, content, firstLine, origin)
        const actual = enricher.run(header, content, { firstLine, origin })
        assert.equal(actual.lines, expected.lines)
        assert.equal(actual.blankLines, expected.blank)
        assert.deepEqual(
          actual.deadLetters.map(({ line }) => line),
          expected.dead.map(({ line }) => line),
        )
        assert.deepEqual(
          actual.gaps.map(({ kind, line, start, end, timeSource, timeKept, interfaceId, extra }) => ({
            ...{ kind, line, start, end, timeSource, timeKept, interfaceId, extra },
          })),
          expected.gaps,
        )
        assert.deepEqual(
          actual.rows.map(({ serviceName: _name, objectId: _id, ...row }) =>
            Object.fromEntries(
              Object.entries(row)
                .filter(([name]) => !annotations.includes(name))
                .sort(),
            ),
          ),
          expected.rows.map(row => Object.fromEntries(Object.entries(row).sort())),
        )
        const byLine = [...actual.encoded].sort((a, b) => a.value.line - b.value.line)
        assert.deepEqual(plain(byLine.map(({ value }) => value)), plain(actual.rows))
        for (const { partition, keyBytes, key, value } of actual.encoded) {
          assert.equal(partition, partitionOf(keyBytes, enricher.partitions))
          const ends = [
            [value.pktSrcAddr ?? value.srcAddr, value.srcPort],
            [value.pktDstAddr ?? value.dstAddr, value.dstPort],
          ]
          const low = [key.lowAddr, key.lowPort]
          const high = [key.highAddr, key.highPort]
          assert.ok(JSON.stringify([low, high]) === JSON.stringify(ends) || JSON.stringify([high, low]) === JSON.stringify(ends))
          assert.equal(key.protocol, value.protocol)
        }
      }),
      { numRuns: runs },
    )
  })

  void it('accounts for every line of any bytes and never throws', () => {
    const enricher = new TestEnricher()
    const header = 'version interface-id srcaddr srcport bytes start action log-status unknown'
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.array(fc.constantFrom(32, 10, 13, 45, 46, 48, 49, 58, 57, 0, 9, 255, 65), { maxLength: 300 }).map(list => Uint8Array.from(list)),
    )
    fc.assert(
      fc.property(bytes, block => {
        const lines = block.length === 0 ? 0 : block.reduce((sum, byte) => sum + (byte === 10 ? 1 : 0), block.at(-1) === 10 ? 0 : 1)
        const actual = enricher.run(header, block)
        assert.equal(actual.lines, lines)
        assert.equal(actual.flows + actual.gaps.length + actual.blankLines + actual.deadLetters.length, lines)
        const none = enricher.run(null, block)
        assert.equal(none.blankLines + none.deadLetters.length, lines)
        assert.equal(none.blankLines, actual.blankLines)
      }),
      { numRuns: 4 * runs },
    )
  })

  void it('compiles any header line without throwing', () => {
    const enricher = new TestEnricher()
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (header, line) => {
        const { lines, flows, gaps, blankLines, deadLetters } = enricher.run(header, line)
        assert.equal(flows + gaps.length + blankLines + deadLetters.length, lines)
      }),
      { numRuns: runs },
    )
  })

  void it('gives addresses back in canonical text', () => {
    const enricher = new TestEnricher()
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { minLength: 1, maxLength: 20 }), addresses => {
        const { rows } = enricher.run('srcaddr', addresses.join('\n'))
        assert.deepEqual(
          rows.map(({ srcAddr }) => srcAddr),
          addresses.map(address => (address.includes(':') ? canonicalIpv6(address) : address)),
        )
      }),
      { numRuns: runs },
    )
  })
})
