import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { addRange } from '../../../../processors/enrich/add-range.ts'
import type { SecondsRange } from '../../../../schemas/records.ts'
import { joinRanges } from '../../../support/references/reference.ts'
import { Slabs } from '../../../../processors/enrich/encode/slabs.ts'
import { noLookups } from '../../../../processors/enrich/lookups/lookup-set.ts'
import { SightingCollector } from '../../../../processors/enrich/sightings.ts'
import { codecs, objectId, TestEnricher } from '../../../../harness/enrich-blocks.ts'

const header =
  'account-id interface-id instance-id vpc-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr start end flow-direction pkt-src-aws-service pkt-dst-aws-service'
const origin = { accountId: null, region: 'eu-west-1', slotStart: null }

/** `scope ip owner` of what one record teaches. */
const learned = (line: string, columns = header): string[] =>
  new TestEnricher()
    .run(columns, line, { origin })
    .sightings.map(({ key, value }) => `${key.scope} ${key.ip} ${value.owner.service ?? value.owner.interfaceId ?? ''}`)

void describe('what a record teaches', () => {
  const cases = [
    {
      name: 'egress: the source',
      line: '1 eni-1 i-1 vpc-1 10.0.0.1 8.8.8.8 10.0.0.1 8.8.8.8 100 160 egress - -',
      expect: ['vpc-1 10.0.0.1 eni-1'],
    },
    {
      name: 'ingress: the destination',
      line: '1 eni-1 i-1 vpc-1 8.8.8.8 10.0.0.1 8.8.8.8 10.0.0.1 100 160 ingress - -',
      expect: ['vpc-1 10.0.0.1 eni-1'],
    },
    {
      name: 'only one side of two private ones',
      line: '1 eni-1 i-1 vpc-1 10.0.0.2 10.0.0.1 10.0.0.2 10.0.0.1 100 160 ingress - -',
      expect: ['vpc-1 10.0.0.1 eni-1'],
    },
    {
      name: 'absent packet addresses',
      line: '1 eni-1 i-1 vpc-1 10.0.0.1 8.8.8.8 - - 100 160 egress - -',
      expect: ['vpc-1 10.0.0.1 eni-1'],
    },
    {
      name: 'a pod or secondary address of an instance: the address of the interface and that one',
      line: '1 eni-1 i-1 vpc-1 10.0.0.1 8.8.8.8 10.0.0.99 8.8.8.8 100 160 egress - -',
      expect: ['vpc-1 10.0.0.1 eni-1', 'vpc-1 10.0.0.99 eni-1'],
    },
    {
      name: 'a public packet address of an instance: the address of the interface only',
      line: '1 eni-1 i-1 vpc-1 10.0.0.1 10.0.0.2 9.9.9.9 10.0.0.2 100 160 egress - -',
      expect: ['vpc-1 10.0.0.1 eni-1'],
    },
    {
      name: 'a packet of others on an interface without instance: the address of the interface only',
      line: '1 eni-1 - vpc-1 10.0.1.5 10.0.0.220 10.0.1.5 10.9.9.9 100 160 ingress - -',
      expect: ['vpc-1 10.0.0.220 eni-1'],
    },
    {
      name: 'the own address of an interface without instance',
      line: '1 eni-1 - vpc-1 10.0.0.220 203.0.113.5 10.0.0.220 203.0.113.5 100 160 egress - -',
      expect: ['vpc-1 10.0.0.220 eni-1'],
    },
    { name: 'no interface: nothing', line: '1 - - vpc-1 10.0.0.1 8.8.8.8 10.0.0.1 8.8.8.8 100 160 egress - -', expect: [] },
    {
      name: 'no VPC: scope is account and region',
      line: '1 eni-1 i-1 - 10.0.0.1 8.8.8.8 10.0.0.1 8.8.8.8 100 160 egress - -',
      expect: ['1/eu-west-1 10.0.0.1 eni-1'],
    },
    { name: 'no VPC and no account: nothing', line: '- eni-1 i-1 - 10.0.0.1 8.8.8.8 10.0.0.1 8.8.8.8 100 160 egress - -', expect: [] },
    // a logged direction is believed: VPCs can have public ranges
    {
      name: 'a public IPv4 address on our side',
      line: '1 eni-1 i-1 vpc-1 8.8.4.4 8.8.8.8 8.8.4.4 8.8.8.8 100 160 egress - -',
      expect: ['vpc-1 8.8.4.4 eni-1'],
    },
    {
      name: 'an address that no interface has: nothing',
      line: '1 eni-1 i-1 vpc-1 10.0.0.1 224.0.0.251 10.0.0.1 127.0.0.1 100 160 ingress - -',
      expect: [],
    },
    {
      name: 'a pod of a VPC with a public range: the address of the interface and that one',
      line: '1 eni-1 i-1 vpc-1 172.32.0.1 8.8.8.8 172.32.7.99 8.8.8.8 100 160 egress - -',
      expect: ['vpc-1 172.32.0.1 eni-1', 'vpc-1 172.32.7.99 eni-1'],
    },
    {
      name: 'a public IPv6 address on our side',
      line: '1 eni-1 i-1 vpc-1 2600:1f18::1 2001:4860::8 - - 100 160 egress - -',
      expect: ['vpc-1 2600:1f18::1 eni-1'],
    },
    // 8.8.8.8 can as well be the address of an interface in a VPC with a public range
    {
      name: 'no direction, one pair of addresses, one of them private: nothing',
      line: '1 eni-1 i-1 vpc-1 10.0.0.1 8.8.8.8 10.0.0.1 8.8.8.8 100 160 - - -',
      expect: [],
    },
    {
      name: 'no direction, one private address and peers in different networks: inferred',
      line: '1 eni-1 i-1 vpc-1 10.0.0.1 8.8.8.8 - - 100 160 - - -\n1 eni-1 i-1 vpc-1 9.9.9.9 10.0.0.1 - - 100 160 - - -',
      expect: ['vpc-1 10.0.0.1 eni-1'],
    },
    {
      name: 'no direction, two private addresses: nothing',
      line: '1 eni-1 i-1 vpc-1 10.0.0.1 10.0.0.2 10.0.0.1 10.0.0.2 100 160 - - S3',
      expect: [],
    },
    { name: 'no end: nothing', line: '1 eni-1 i-1 vpc-1 10.0.0.1 8.8.8.8 10.0.0.1 8.8.8.8 100 - egress - -', expect: [] },
    {
      name: 'a service on egress: the packet destination',
      line: '1 eni-1 i-1 vpc-1 10.0.0.1 10.0.0.7 10.0.0.1 52.1.2.3 100 160 egress S3 DYNAMODB',
      expect: ['vpc-1 10.0.0.1 eni-1', 'aws 52.1.2.3 DYNAMODB'],
    },
    {
      name: 'a service on ingress: the packet source',
      line: '1 eni-1 i-1 vpc-1 10.0.0.7 10.0.0.1 52.1.2.3 10.0.0.1 100 160 ingress S3 DYNAMODB',
      expect: ['vpc-1 10.0.0.1 eni-1', 'aws 52.1.2.3 S3'],
    },
  ]
  for (const { name, line, expect } of cases)
    it(name, () => {
      assert.deepEqual(learned(line), expect)
    })

  void it('learns the private address that all records of an interface share, of records between private addresses too', () => {
    const columns = 'interface-id vpc-id srcaddr dstaddr start end'
    const { rows, sightings } = new TestEnricher().run(columns, 'eni-1 vpc-1 10.0.0.1 10.0.0.2 1 2\neni-1 vpc-1 10.0.0.3 10.0.0.1 1 2')
    assert.deepEqual(
      rows.map(row => [row.direction, row.directionSource]),
      [
        ['egress', 'inferred'],
        ['ingress', 'inferred'],
      ],
    )
    assert.deepEqual(
      sightings.map(({ key, value }) => [key.ip, value.owner.interfaceId]),
      [['10.0.0.1', 'eni-1']],
    )
  })

  void it('says that a direction is a guess if all records are of one pair of addresses, or name no interface', () => {
    const sources = (columns: string, ...lines: string[]): string[] =>
      new TestEnricher().run(columns, lines.join('\n')).rows.map(row => row.directionSource)
    const columns = 'interface-id vpc-id srcaddr dstaddr start end'
    const pair = ['eni-1 vpc-1 10.0.0.1 8.8.8.8 1 2', 'eni-1 vpc-1 8.8.8.8 10.0.0.1 1 2']
    assert.deepEqual(sources(columns, ...pair), ['inferred_count', 'inferred_count'])
    assert.deepEqual(sources(columns, ...pair, 'eni-1 vpc-1 10.0.0.1 9.9.9.9 1 2'), ['inferred', 'inferred', 'inferred'])
    assert.deepEqual(sources('srcaddr dstaddr start end', '10.0.0.1 8.8.8.8 1 2', '10.0.0.1 9.9.9.9 1 2'), [
      'inferred_count',
      'inferred_count',
    ])
  })

  void it('joins the seconds of all rows, and tells owners apart', () => {
    const line = (start: number, end: number, eni = 'eni-1'): string =>
      `1 ${eni} i-1 vpc-1 10.0.0.1 8.8.8.8 10.0.0.1 8.8.8.8 ${start} ${end} egress - -`
    const { sightings } = new TestEnricher().run(
      header,
      [line(100, 159), line(300, 360), line(160, 200), line(310, 320), line(5, 5, 'eni-2'), line(90, 120)].join('\n'),
    )
    assert.deepEqual(
      sightings.map(({ value }) => [value.owner.interfaceId, value.ranges.map(({ first, last }) => [first, last])]),
      [
        [
          'eni-1',
          [
            [90, 200],
            [300, 360],
          ],
        ],
        ['eni-2', [[5, 5]]],
      ],
    )
  })

  void it('takes no direction of IPv6 from one global and one unique local address, and none by counting', () => {
    const columns = 'interface-id vpc-id srcaddr dstaddr start end'
    const lines = ['2600:1f18::5 fd12:3456::9', 'fd12:3456::9 2600:1f18::6', '2600:1f18::7 fd12:3456::9']
    const { rows, sightings } = new TestEnricher().run(columns, lines.map(pair => `eni-1 vpc-1 ${pair} 1 2`).join('\n'))
    assert.deepEqual([...new Set(rows.map(row => row.direction))], ['unknown'])
    assert.deepEqual(sightings, [])
  })
})

/** `kind ip interface` of what a block teaches. */
const kinds = (lines: readonly string[], options: { lastModifiedS?: number } = {}): string[] =>
  new TestEnricher()
    .run(header, lines.join('\n'), { origin, ...options })
    .sightings.map(({ key, value }) => `${value.kind} ${key.ip} ${value.owner.interfaceId ?? ''}`)

void describe('instances that forward are not taught the addresses of their clients and servers', () => {
  const ways: { name: string; lines: string[]; expect: string[] }[] = [
    {
      name: 'a firewall with one interface',
      lines: [
        '1 eni-f i-f vpc-1 10.0.1.5 10.0.0.9 10.0.1.5 10.9.9.9 100 160 ingress - -',
        '1 eni-f i-f vpc-1 10.0.0.9 10.9.9.9 10.0.1.5 10.9.9.9 100 160 egress - -',
      ],
      expect: ['own 10.0.0.9 eni-f', 'passed 10.9.9.9 eni-f', 'passed 10.0.1.5 eni-f'],
    },
    {
      name: 'a router with two interfaces, each of which has one side',
      lines: [
        '1 eni-a i-r vpc-1 10.0.1.5 10.0.0.9 10.0.1.5 10.9.9.9 100 160 ingress - -',
        '1 eni-b i-r vpc-1 10.0.2.9 10.9.9.9 10.0.1.5 10.9.9.9 100 160 egress - -',
      ],
      expect: ['own 10.0.0.9 eni-a', 'own 10.0.2.9 eni-b', 'passed 10.9.9.9 eni-a', 'passed 10.0.1.5 eni-b'],
    },
    {
      name: 'a firewall in a format without directions, where the side of its clients is not told by any rule',
      lines: [
        '1 eni-f i-f vpc-1 10.0.1.5 10.0.0.9 10.0.1.5 203.0.113.9 100 160 - - -',
        '1 eni-f i-f vpc-1 10.0.0.9 203.0.113.9 10.0.1.5 203.0.113.9 100 160 - - -',
        '1 eni-f i-f vpc-1 198.51.100.9 10.0.0.9 198.51.100.9 10.0.1.5 100 160 - - -',
      ],
      expect: ['own 10.0.0.9 eni-f', 'passed 10.0.1.5 eni-f'],
    },
    {
      name: 'one hairpin record between two pods of a node: these two are passed on, a third one is not taught in this block, and nothing is void',
      lines: [
        '1 eni-n i-n vpc-1 10.0.0.9 10.0.0.78 10.0.0.77 10.0.0.78 100 160 egress - -',
        '1 eni-n i-n vpc-1 10.0.0.77 10.0.0.9 10.0.0.77 10.0.0.78 100 160 ingress - -',
        '1 eni-n i-n vpc-1 10.0.0.9 10.0.1.5 10.0.0.79 10.0.1.5 100 160 egress - -',
      ],
      expect: ['own 10.0.0.9 eni-n', 'passed 10.0.0.77 eni-n', 'passed 10.0.0.78 eni-n'],
    },
    {
      name: 'a node with pods beside it is',
      lines: [
        '1 eni-n i-n vpc-1 10.0.1.5 10.0.0.9 10.0.1.5 10.0.0.77 100 160 ingress - -',
        '1 eni-n i-n vpc-1 10.0.0.9 10.0.1.5 10.0.0.77 10.0.1.5 100 160 egress - -',
        '1 eni-n i-n vpc-1 10.0.0.9 10.0.1.5 10.0.0.78 10.0.1.5 100 160 egress - -',
      ],
      expect: ['own 10.0.0.9 eni-n', 'packet 10.0.0.77 eni-n', 'packet 10.0.0.78 eni-n'],
    },
  ]
  for (const { name, lines, expect } of ways)
    it(name, () => {
      assert.deepEqual(kinds(lines), expect)
    })

  void it('is decided in each block for itself', () => {
    const enricher = new TestEnricher()
    const [first = '', second = ''] = ways[0]!.lines
    const taughtBy = (text: string): string[] => enricher.run(header, text, { origin }).sightings.map(({ value }) => value.kind)
    assert.deepEqual(taughtBy(`${first}\n${second}`), ['own', 'passed', 'passed'])
    assert.deepEqual(taughtBy(first), ['own', 'packet'])
    assert.deepEqual(taughtBy(`${first}\n${second}`), ['own', 'passed', 'passed'])
  })
})

void describe('a record whose times cannot be teaches nothing, is kept as logged, and is counted', () => {
  const line = (start: number, end: number): string => `1 eni-1 i-1 vpc-1 10.0.0.1 8.8.8.8 10.0.0.1 8.8.8.8 ${start} ${end} egress - -`
  const cases: { name: string; start: number; end: number; stored?: number; implausible: number }[] = [
    { name: 'the longest record', start: 1000, end: 1660, implausible: 0 },
    { name: 'a record longer than that', start: 1000, end: 1661, implausible: 1 },
    { name: 'a far-future end', start: 1000, end: 2 ** 32 - 1, implausible: 1 },
    { name: 'both far in the future, object of a known time', start: 2 ** 32 - 9, end: 2 ** 32 - 1, stored: 1000, implausible: 1 },
    { name: 'an end an hour after the object was stored', start: 4500, end: 4600, stored: 1000, implausible: 0 },
    { name: 'an end a second later', start: 4500, end: 4601, stored: 1000, implausible: 1 },
  ]
  for (const { name, start, end, stored, implausible } of cases)
    it(name, () => {
      const block = new TestEnricher().run(header, line(start, end), { origin, ...(stored === undefined ? {} : { lastModifiedS: stored }) })
      assert.deepEqual([block.rows[0]!.start, block.rows[0]!.end, block.rows[0]!.timeSource], [start, end, 'logged'])
      assert.equal(block.implausible, implausible)
      assert.equal(block.sightings.length, 1 - implausible)
    })
})

void describe('contexts of several headers have the same ids', () => {
  const line = (owner: number): string => `1 eni-${owner} i-${owner} vpc-1 10.0.0.1 8.8.8.8 10.0.0.1 8.8.8.8 100 160 egress - -`
  const block = (header: string, owner: number, more = '') => ({
    object: { bucket: 'b', key: 'k' },
    objectName: { ...origin, flowLogId: null },
    bytes: Buffer.from(line(owner) + more),
    header,
    etag: 'etag',
    objectId,
    firstLine: 2,
  })

  void it('an address is never taught to the owner of another header or of an earlier transaction', () => {
    const { enricher, tables } = new TestEnricher()
    const slabs = new Slabs(3)
    const sightings = new SightingCollector()
    for (let transaction = 0; transaction < 5; transaction++) {
      const owners = Array.from({ length: 12 }, (_, i) => 12 * transaction + i)
      for (const owner of owners) enricher.enrich(block(header, owner), tables, slabs, sightings)
      // another header line, whose contexts are numbered from 1 again
      for (const owner of owners) enricher.enrich(block(`${header} team`, owner + 1000, ' x'), tables, slabs, sightings)
      for (const owner of owners) enricher.enrich(block(header, owner), tables, slabs, sightings)
      slabs.takeAll()
      const taught = sightings.take()
      assert.deepEqual(
        taught.map(({ value }) => value.owner.interfaceId),
        [...owners, ...owners.map(owner => owner + 1000)].map(owner => `eni-${owner}`),
      )
      for (const { key } of taught) assert.deepEqual({ ...key }, { scope: 'vpc-1', ip: '10.0.0.1' })
    }
  })
})

void describe('195,000 short sightings of one address', () => {
  void it('make records of at most 10,000 ranges, which the broker takes, with the same union', () => {
    const collector = new SightingCollector()
    const enricher = new TestEnricher().enricher
    const slabs = new Slabs(1)
    const total = 195_000
    for (let from = 0; from < total; from += 5000) {
      const lines = Array.from(
        { length: 5000 },
        (_, i) => `1 eni-1 i-1 vpc-1 10.0.0.1 8.8.8.8 - - ${3 * (from + i)} ${3 * (from + i)} egress - -`,
      )
      const block = { object: { bucket: 'b', key: 'k' }, objectName: { ...origin, flowLogId: null }, bytes: Buffer.from(lines.join('\n')) }
      enricher.enrich({ ...block, header, etag: '', objectId, firstLine: 2 }, noLookups, slabs, collector)
    }
    const sightings = collector.take()
    assert.equal(sightings.length, Math.ceil(total / 10_000))
    const seen = sightings.flatMap(({ value }) => value.ranges)
    assert.deepEqual(
      seen,
      Array.from({ length: total }, (_, i) => ({ first: 3 * i, last: 3 * i })),
    )
    for (const { key, value } of sightings)
      assert.ok(codecs.ipSightings.encodeKey(key).length + codecs.ipSightings.encodeValue(value).length < 1_000_000)
  })
})

void describe('addRange', () => {
  void it('keeps the exact union in any order', () => {
    const range = fc.tuple(fc.nat(60), fc.nat(8)).map(([first, length]): [number, number] => [first, first + length])
    fc.assert(
      fc.property(fc.array(range, { maxLength: 20 }), list => {
        const ranges: SecondsRange[] = []
        for (const [first, last] of list) addRange(ranges, first, last)
        assert.deepEqual(
          ranges.map(({ first, last }) => [first, last]),
          joinRanges(list),
        )
      }),
    )
  })
})
