import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compareAddresses, AddressDictionary } from '../../../../flow/address-dictionary.ts'
import { addressFlag, flagsOfIpv4, flagsOfIpv6, formatIpv6, parseIpv4, parseIpv6 } from '../../../../flow/address-text.ts'
import { hashKey } from '../../../../processors/enrich/encode/key-hash.ts'
import { varintLength, writeVarint } from '../../../../processors/enrich/encode/varint.ts'
import { murmur2 } from '../../../../runtime/partition.ts'
import { TestEnricher } from '../../../../harness/enrich-blocks.ts'

void describe('service port', () => {
  const cases = [
    { line: '6 50000 443', expect: [443, 'https'] },
    { line: '6 443 50000', expect: [443, 'https'] },
    { line: '6 50000 50001', expect: [50_000, null] },
    { line: '6 80 443', expect: [80, 'http'] },
    { line: '6 1000 3306', expect: [3306, 'mysql'] },
    { line: '17 40000 53', expect: [53, 'domain'] },
    { line: '17 40000 22', expect: [22, null] },
    { line: '132 40000 5060', expect: [5060, 'sip'] },
    { line: '33 40000 5060', expect: [5060, 'sip'] },
    { line: '1 0 0', expect: [null, null] },
    { line: '- 1 2', expect: [null, null] },
    { line: '6 - 443', expect: [443, 'https'] },
    { line: '6 - -', expect: [null, null] },
    { line: '6 0 0', expect: [0, null] },
  ]
  for (const { line, expect } of cases)
    it(`${line}: ${expect.join(' ')}`, () => {
      const [row] = new TestEnricher().run('protocol srcport dstport', line).rows
      assert.deepEqual([row!.servicePort, row!.serviceName], expect)
    })
})

void describe('the key of a conversation', () => {
  const key = (line: string): string => {
    const { lowAddr, lowPort, highAddr, highPort, protocol } = new TestEnricher().run(
      'srcaddr srcport dstaddr dstport pkt-srcaddr pkt-dstaddr protocol',
      line,
    ).encoded[0]!.key
    return `${lowAddr ?? '-'} ${lowPort ?? '-'} ${highAddr ?? '-'} ${highPort ?? '-'} ${protocol ?? '-'}`
  }
  const cases = [
    { line: '10.0.0.1 5 9.0.0.1 6 - - 6', expect: '9.0.0.1 6 10.0.0.1 5 6' },
    { line: '9.0.0.1 6 10.0.0.1 5 - - 6', expect: '9.0.0.1 6 10.0.0.1 5 6' },
    { line: '200.0.0.1 6 10.0.0.1 5 - - 6', expect: '10.0.0.1 5 200.0.0.1 6 6' },
    { line: '10.0.0.1 9 10.0.0.1 5 - - 6', expect: '10.0.0.1 5 10.0.0.1 9 6' },
    { line: '2001:db8::1 1 10.0.0.1 2 - - 6', expect: '10.0.0.1 2 2001:db8::1 1 6' },
    { line: '2001:db8::2 1 2001:db8::1 2 - - 6', expect: '2001:db8::1 2 2001:db8::2 1 6' },
    { line: '10.0.0.220 1 10.0.0.1 2 8.8.8.8 - 6', expect: '8.8.8.8 1 10.0.0.1 2 6' },
    { line: '10.0.0.1 1 - - - - -', expect: '- - 10.0.0.1 1 -' },
  ]
  for (const { line, expect } of cases)
    it(line, () => {
      assert.equal(key(line), expect)
    })

  void it('is the same for both directions and for every observer', () => {
    assert.equal(
      key('10.0.1.5 40112 203.0.113.5 443 10.0.1.5 203.0.113.5 6'),
      key('203.0.113.5 443 10.0.0.220 40112 203.0.113.5 10.0.1.5 6'),
    )
  })
})

void describe('addresses', () => {
  const cases: [string, string][] = [
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:2:3:4:5:6:0:8', '1:2:3:4:5:6:0:8'],
    ['::ffff:0a01:0203', '::ffff:10.1.2.3'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ]
  for (const [text, canonical] of cases)
    it(`${text} is ${canonical}`, () => {
      assert.equal(formatIpv6(parseIpv6(text)!), canonical)
    })

  void it('knows what is private and what is never looked up', () => {
    const { private: ours, special, nobody } = addressFlag
    const flags = (ip: string): number => (ip.includes(':') ? flagsOfIpv6(parseIpv6(ip)!) : flagsOfIpv4(parseIpv4(ip)!))
    for (const ip of [
      '10.1.2.3',
      '172.31.255.255',
      '192.168.0.1',
      '100.64.0.1',
      '169.254.1.1',
      '127.0.0.1',
      'fd00::1',
      'fe80::1',
      '::1',
      '::ffff:10.0.0.1',
    ])
      assert.equal(flags(ip) & ~nobody, ours | special, ip)
    for (const ip of [
      '0.0.0.0',
      '192.0.2.1',
      '198.18.0.1',
      '198.51.100.1',
      '203.0.113.1',
      '224.0.0.1',
      '255.255.255.255',
      '::',
      'ff02::1',
      '2001:db8::1',
      '4000::',
    ])
      assert.equal(flags(ip) & ~nobody, special, ip)
    const nobodys = ['0.0.0.0', '127.0.0.1', '169.254.1.1', '224.0.0.1', '255.255.255.255', '::', '::1', 'ff02::1', '::ffff:127.0.0.1']
    for (const ip of nobodys) assert.notEqual(flags(ip) & nobody, 0, ip)
    for (const ip of ['10.1.2.3', '100.64.0.1', 'fe80::1', 'fd00::1', '203.0.113.1', '2001:db8::1']) assert.equal(flags(ip) & nobody, 0, ip)
    for (const ip of ['8.8.8.8', '172.32.0.1', '100.128.0.1', '192.0.1.1', '2600::1', '2001:4860::1']) assert.equal(flags(ip), 0, ip)
  })

  void it('keeps annotations when a new generation starts, and orders ends as numbers', () => {
    const dictionary = new AddressDictionary(2)
    const a = dictionary.internV4(1)
    dictionary.current.annotated[a] = 1
    dictionary.current.looked[1]![a] = 77
    const b = dictionary.internV4(-1)
    assert.ok(compareAddresses(dictionary.current, a, b) < 0)
    dictionary.beginBlock()
    assert.deepEqual([dictionary.epoch, dictionary.current.count, dictionary.size], [2, 0, 2])
    const again = dictionary.internV4(1)
    assert.deepEqual([dictionary.current.annotated[again], dictionary.current.looked[1]![again]], [1, 77])
    dictionary.clear()
    assert.equal(dictionary.size, 0)
    assert.equal(dictionary.current.annotated[dictionary.internV4(1)], 0)
  })
})

void describe('bytes', () => {
  void it('writes varints as Avro does', () => {
    const bytes = new Uint8Array(16)
    fc.assert(
      fc.property(
        fc.oneof(
          fc.nat(200),
          fc.bigInt({ min: 0n, max: 2n ** 53n }).map(Number),
          fc.constantFrom(2 ** 30 - 1, 2 ** 30, 2 ** 31, 2 ** 32 - 1, 2 ** 32),
        ),
        value => {
          const end = writeVarint(bytes, 0, value)
          assert.equal(end, varintLength(value))
          let decoded = 0n
          for (let i = 0; i < end; i++) decoded |= BigInt(bytes[i]! & 127) << BigInt(7 * i)
          assert.equal(decoded, 2n * BigInt(value))
          assert.ok(end === 1 || bytes[end - 1]! > 0)
        },
      ),
      { numRuns: 2000 },
    )
  })

  void it('hashes keys as the Java client does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), key => {
        const buffer = new Uint8Array(80).fill(0xee)
        buffer.set(key)
        assert.equal(hashKey(new DataView(buffer.buffer), key.length), murmur2(key))
      }),
    )
  })

  void it('encodes records of any size', () => {
    for (const size of [1, 50, 3000, 7900, 8000, 8100, 8200, 60_000, 260_000]) {
      const value = 'x'.repeat(size)
      const { encoded, rows } = new TestEnricher({ partitions: 1 }).run('srcaddr unknown', `1.2.3.4 ${value}\n1.2.3.4 short`)
      assert.deepEqual(
        encoded.map(record => record.value.extra!['unknown']!.length),
        [size, 5],
      )
      assert.equal(rows[0]!.extra!['unknown'], value)
    }
  })
})
