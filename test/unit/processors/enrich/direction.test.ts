// Whose side a record is if the log does not say it: what was once read the wrong way round, by symptom.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TestEnricher, plain } from '../../../../harness/enrich-blocks.ts'
import { everywhere } from '../../../support/files/everywhere.ts'

type Networks = NonNullable<ConstructorParameters<typeof TestEnricher>[0]>['networks']

const columns = 'account-id interface-id vpc-id instance-id srcaddr dstaddr start end'
const origin = { accountId: null, region: 'eu-west-1', slotStart: null }

/** Interface, source and destination, and what else the line says. */
type Line = readonly [eni: string, src: string, dst: string, vpc?: string]

interface Case {
  readonly name: string
  readonly networks?: Networks
  readonly lines: readonly Line[]
  readonly directions: readonly string[]
  readonly taught: readonly string[]
}

function check({ name, networks, lines, directions, taught }: Case): void {
  void it(name, () => {
    const text = lines.map(([eni, src, dst, vpc = 'vpc-b']) => `1 ${eni} ${vpc} i-1 ${src} ${dst} 100 160`).join('\n')
    const { rows, sightings } = new TestEnricher(networks === undefined ? {} : { networks }).run(columns, text, { origin })
    assert.deepEqual(
      rows.map(row => `${row.direction} ${row.directionBy ?? row.directionSource}`),
      directions,
    )
    assert.deepEqual(
      sightings.map(({ key, value }) => `${key.ip} ${value.owner.interfaceId ?? ''}`),
      taught,
    )
  })
}

const vpcA: Networks = ['10.50.0.0/16', '172.32.0.0/16']

void describe('networks.own without vpcs, in a VPC that is peered with the named one', () => {
  const cases: readonly Case[] = [
    {
      name: 'an interface with several peers in the named VPC is not reversed, and is taught its own address alone',
      networks: vpcA,
      lines: [
        ['eni-b', '10.60.0.5', '10.50.0.9'],
        ['eni-b', '10.50.0.10', '10.60.0.5'],
      ],
      directions: ['egress inferred', 'ingress inferred'],
      taught: ['10.60.0.5 eni-b'],
    },
    {
      name: 'a single pair with a private far side is unknown, and teaches nothing',
      networks: vpcA,
      lines: [['eni-b', '10.60.0.5', '10.50.0.9']],
      directions: ['unknown none'],
      taught: [],
    },
    {
      name: 'a single pair with a public named address and a private far side is not guessed either way',
      networks: vpcA,
      lines: [['eni-b', '10.60.0.5', '172.32.0.9']],
      directions: ['unknown none'],
      taught: [],
    },
    {
      name: 'both sides in own networks: unknown in a single pair, what the block says in several',
      networks: vpcA,
      lines: [
        ['eni-1', '10.50.0.5', '172.32.0.9'],
        ['eni-2', '10.50.0.6', '172.32.0.9'],
        ['eni-2', '172.32.0.8', '10.50.0.6'],
      ],
      directions: ['unknown none', 'egress inferred_count', 'ingress inferred_count'],
      taught: [],
    },
    {
      name: 'a network of the account does not decide against one for all records',
      networks: ['10.50.0.0/16', { cidrs: ['10.60.0.0/16'], accounts: ['1'] }],
      lines: [['eni-1', '10.60.0.5', '10.50.0.9']],
      directions: ['unknown none'],
      taught: [],
    },
    {
      name: 'two interfaces of a scope that both have the named address: unknown',
      networks: vpcA,
      lines: [
        ['eni-1', '172.32.0.9', '44.2.0.5'],
        ['eni-2', '44.2.0.5', '172.32.0.9'],
      ],
      directions: ['unknown none', 'unknown none'],
      taught: [],
    },
    {
      name: 'a scope in which another interface is outside of own networks: a single pair is unknown',
      networks: vpcA,
      lines: [
        ['eni-1', '172.32.0.9', '44.2.0.5'],
        ['eni-2', '44.2.0.6', '8.8.8.8'],
        ['eni-2', '9.9.9.9', '44.2.0.6'],
      ],
      directions: ['unknown none', 'egress inferred_count', 'ingress inferred_count'],
      taught: [],
    },
    {
      name: 'several IPv6 addresses with one peer: unknown',
      networks: ['2600:1f18:50::/56'],
      lines: [
        ['eni-1', '2600:1f18:50::1', '2600:1f18:60::9'],
        ['eni-1', '2600:1f18:60::9', '2600:1f18:50::2'],
      ],
      directions: ['unknown none', 'unknown none'],
      taught: [],
    },
  ]
  for (const one of cases) check(one)
})

void describe('networks.own in the named VPC itself', () => {
  const cases: readonly Case[] = [
    {
      name: 'a single pair with a public far side is decided, and teaches',
      networks: vpcA,
      lines: [['eni-a', '172.32.0.9', '8.8.8.8']],
      directions: ['egress own_network'],
      taught: ['172.32.0.9 eni-a'],
    },
    {
      name: 'with private peers the block has to agree, and then it teaches, too',
      networks: vpcA,
      lines: [
        ['eni-a', '172.32.0.9', '10.60.0.5'],
        ['eni-a', '10.60.0.6', '172.32.0.9'],
      ],
      directions: ['egress own_network', 'ingress own_network'],
      taught: ['172.32.0.9 eni-a'],
    },
    {
      name: 'with its VPC a network decides a single pair alone, and teaches',
      networks: [{ cidrs: ['172.32.0.0/16'], vpcs: ['vpc-a'] }, '10.0.0.0/8'],
      lines: [['eni-a', '10.60.0.5', '172.32.0.9', 'vpc-a']],
      directions: ['ingress own_network'],
      taught: ['172.32.0.9 eni-a'],
    },
    {
      name: 'networks of a VPC that name several own addresses of an interface name its peers, too: the block decides',
      networks: [{ cidrs: ['172.32.0.0/16'], vpcs: ['vpc-b'] }],
      lines: [
        ['eni-b', '10.60.0.5', '172.32.0.9'],
        ['eni-b', '172.32.0.8', '10.60.0.5'],
      ],
      directions: ['egress inferred_count', 'ingress inferred_count'],
      taught: [],
    },
  ]
  for (const one of cases) check(one)
})

void describe('VPCs with a public range, without own networks', () => {
  const cases: readonly Case[] = [
    {
      name: 'a single pair with a pod on 100.64/10 is unknown',
      lines: [['eni-1', '44.1.0.5', '100.64.3.180']],
      directions: ['unknown none'],
      taught: [],
    },
    {
      name: 'an interface on 100.64/10 with several peers is known, and taught',
      lines: [
        ['eni-1', '100.64.0.5', '8.8.8.8'],
        ['eni-1', '9.9.9.9', '100.64.0.5'],
      ],
      directions: ['egress inferred', 'ingress inferred'],
      taught: ['100.64.0.5 eni-1'],
    },
    {
      name: 'a single pair with a private address is unknown if another interface of the scope has a public one',
      lines: [
        ['eni-1', '44.1.0.5', '10.0.0.9'],
        ['eni-2', '44.1.0.6', '8.8.8.8'],
        ['eni-2', '9.9.9.9', '44.1.0.6'],
        ['eni-3', '10.9.0.5', '8.8.8.8', 'vpc-c'],
      ],
      directions: ['unknown none', 'egress inferred_count', 'ingress inferred_count', 'egress inferred_count'],
      taught: [],
    },
  ]
  for (const one of cases) check(one)
})

void describe('a regional NAT gateway is not read the wrong way round: its inner records have the peer where an interface has its own address', () => {
  // client to gateway, gateway to peer, and back
  const pairs = ['44.1.0.5 81.2.3.4', '44.1.0.20 81.2.3.4', '81.2.3.4 44.1.0.20', '81.2.3.4 44.1.0.5', '10.0.0.5 81.2.3.4']
  const ways = [
    { name: 'named by resource-id', header: 'interface-id resource-id', names: '- nat-1' },
    { name: 'named by resource-id alone', header: 'resource-id', names: 'nat-1' },
    { name: 'named by its type', header: 'interface-type', names: 'regional_nat_gateway' },
    { name: 'known by - for its interface', header: 'interface-id', names: '-' },
  ]
  for (const { name, header, names } of ways)
    for (const networks of [[], ['44.1.0.0/16', '10.0.0.0/8'], [{ cidrs: ['44.1.0.0/16'], vpcs: ['vpc-1'] }]])
      it(`${name}, own networks ${JSON.stringify(networks)}`, () => {
        const text = pairs.map(pair => `1 vpc-1 ${names} ${pair} 100 160`).join('\n')
        const { rows, sightings } = new TestEnricher({ networks }).run(`account-id vpc-id ${header} srcaddr dstaddr start end`, text, {
          origin,
        })
        assert.deepEqual([...new Set(rows.map(row => `${row.direction} ${row.directionSource}`))], ['unknown none'])
        assert.deepEqual(sightings, [])
      })
})

void describe('a logged direction at a gateway without a side of its own hides no peer', () => {
  const columns = 'account-id vpc-id interface-id resource-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr start end flow-direction'
  const annotated = (line: string): unknown[] => {
    const { rows } = new TestEnricher({ tables: everywhere() }).run(columns, `1 vpc-1 ${line}`, { origin })
    return rows.flatMap(row => [row.srcThreat, row.srcCountry, row.srcAsn, row.dstThreat, row.dstCountry, row.dstAsn])
  }
  const cases = [
    { name: 'regional NAT gateway, ingress', line: '- nat-1 10.0.0.5 81.2.3.4 10.0.0.5 81.2.3.4 100 160 ingress', src: false, dst: true },
    { name: 'regional NAT gateway, egress', line: '- nat-1 81.2.3.4 10.0.0.5 81.2.3.4 10.0.0.5 100 160 egress', src: true, dst: false },
    {
      name: 'an interface with a public address',
      line: 'eni-1 - 81.2.3.4 10.0.0.5 81.2.3.4 10.0.0.5 100 160 egress',
      src: false,
      dst: false,
    },
  ]
  for (const { name, line, src, dst } of cases)
    it(name, () => {
      const known = (is: boolean): unknown[] => (is ? ['XX', 'XX', 64_500] : [null, null, null])
      assert.deepEqual(plain(annotated(line)), [...known(src), ...known(dst)])
    })
})
