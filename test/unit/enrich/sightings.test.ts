import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { addRange } from '../../../processors/enrich/add-range.ts'
import type { SecondsRange } from '../../../schemas/records.ts'
import { joinRanges } from '../../support/reference.ts'
import { TestEnricher } from '../../support/enrich-blocks.ts'

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
    {
      name: 'a public IPv4 address on our side: nothing',
      line: '1 eni-1 i-1 vpc-1 8.8.4.4 8.8.8.8 8.8.4.4 8.8.8.8 100 160 egress - -',
      expect: [],
    },
    {
      name: 'a public IPv6 address on our side',
      line: '1 eni-1 i-1 vpc-1 2600:1f18::1 2001:4860::8 - - 100 160 egress - -',
      expect: ['vpc-1 2600:1f18::1 eni-1'],
    },
    {
      name: 'no direction, one private address: inferred',
      line: '1 eni-1 i-1 vpc-1 10.0.0.1 8.8.8.8 10.0.0.1 8.8.8.8 100 160 - - -',
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

  void it('does not learn from a direction that was found by counting', () => {
    const columns = 'interface-id vpc-id srcaddr dstaddr start end'
    const { rows, sightings } = new TestEnricher().run(columns, 'eni-1 vpc-1 10.0.0.1 10.0.0.2 1 2\neni-1 vpc-1 10.0.0.3 10.0.0.1 1 2')
    assert.deepEqual(
      rows.map(row => [row.direction, row.directionSource]),
      [
        ['egress', 'inferred_count'],
        ['ingress', 'inferred_count'],
      ],
    )
    assert.deepEqual(sightings, [])
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
