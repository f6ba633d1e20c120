// Direction, teaching, service ports and times over random blocks of few interfaces and addresses, against a model with sets over objects.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { teach, type ReferenceNetwork, lookedUp } from '../support/references/direction-reference.ts'
import { TestEnricher } from '../../harness/enrich-blocks.ts'
import { referenceBlock } from '../support/references/enrich-reference.ts'
import { joinRanges } from '../support/references/reference.ts'
import { everywhere } from '../support/files/everywhere.ts'

const runs = Number(process.env['FLOWLOOM_TEST_RUNS'] ?? 100)
/** Seeds that are always tried, so that a run can be compared with another; those that failed once are kept among them. */
const seeds = [1, 2, 3, 20_261_130]

const addresses = fc.constantFrom(
  ...['10.0.0.5', '10.0.0.6', '10.1.0.7', '172.31.4.10', '192.168.0.9', '100.64.0.3'],
  ...['172.32.0.40', '172.32.0.41', '172.33.1.1', '8.8.8.8', '8.8.4.4', '203.0.113.9'],
  ...['169.254.169.123', '224.0.0.251', '0.0.0.0', '2600:1f18::5', '2600:1f18::6', 'fd12::9', 'ff02::1', '::ffff:10.0.0.5', '-'],
)
/** Mostly few addresses, so that one can stand in all records of an interface. */
const pool = fc.oneof(
  { weight: 3, arbitrary: fc.uniqueArray(addresses, { minLength: 1, maxLength: 4 }) },
  { weight: 1, arbitrary: fc.uniqueArray(addresses, { minLength: 5, maxLength: 12 }) },
)
const now = 1_796_000_000
const time = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: now, max: now + 200 }) },
  { weight: 1, arbitrary: fc.constantFrom(now + 5000, 2 ** 32 - 1, 0) },
)
const optional = (value: fc.Arbitrary<string>, absent: number): fc.Arbitrary<string> =>
  fc.oneof({ weight: 10 - absent, arbitrary: value }, { weight: absent, arbitrary: fc.constant('-') })

const columns = [
  'account-id',
  'interface-id',
  'instance-id',
  'vpc-id',
  'srcaddr',
  'dstaddr',
  'srcport',
  'dstport',
  'protocol',
  'start',
  'end',
]
const more = [
  'resource-id',
  'interface-type',
  'pkt-srcaddr',
  'pkt-dstaddr',
  'flow-direction',
  'tcp-flags',
  'pkt-src-aws-service',
  'pkt-dst-aws-service',
]

const observers = [
  ['eni-1', 'i-1', 'vpc-1', '111122223333'],
  ['eni-2', 'i-1', 'vpc-1', '111122223333'],
  ['eni-3', 'i-3', 'vpc-2', '111122223333'],
  ['eni-4', '-', '-', 'unknown'],
  ['-', '-', '-', '444455556666'],
  // regional NAT gateways: by their id, and by their type
  ['-', '-', 'vpc-1', '444455556666', 'nat-1'],
  ['-', '-', 'vpc-1', '111122223333', '-', 'regional_nat_gateway'],
  ['-', '-', 'vpc-1', '111122223333', 'res-1'],
]

const block = fc
  .tuple(
    pool,
    fc.subarray(more),
    fc.boolean(),
    fc.integer({ min: 0, max: 5 }),
    fc.uniqueArray(fc.nat(observers.length - 1), { minLength: 1, maxLength: 3 }),
  )
  .chain(([some, extra, loggedSometimes, without, few]) => {
    // some formats do not name the interface
    const names = [...columns.filter(name => without > 0 || name !== 'interface-id'), ...extra]
    const ip = fc.constantFrom(...some)
    const pair = fc.oneof(
      { weight: 1, arbitrary: fc.tuple(ip, ip) },
      { weight: 2, arbitrary: ip.map((other): [string, string] => [some[0]!, other]) },
      { weight: 2, arbitrary: ip.map((other): [string, string] => [other, some[0]!]) },
    )
    const line = fc
      .record({
        observer: fc.constantFrom(...few.map(i => observers[i]!)),
        ends: pair,
        packets: fc.tuple(optional(ip, 6), optional(ip, 6)),
        ports: fc.tuple(
          fc.constantFrom('443', '3389', '22', '40000', '50051', '-'),
          fc.constantFrom('443', '20', '1024', '30080', '41000'),
        ),
        protocol: fc.constantFrom('6', '6', '17', '1', '-'),
        times: fc.tuple(optional(time.map(String), 1), optional(time.map(String), 1)),
        flags: fc.constantFrom('2', '3', '18', '19', '0', '16', '4', '-'),
        way: loggedSometimes ? optional(fc.constantFrom('ingress', 'egress'), 5) : fc.constant('-'),
        services: fc.tuple(optional(fc.constant('S3'), 8), optional(fc.constant('EC2'), 8)),
      })
      .map(({ observer, ends, packets, ports, protocol, times, flags, way, services }) => {
        const values: Record<string, string> = {
          'interface-id': observer[0]!,
          'resource-id': observer[4] ?? '-',
          'interface-type': observer[5] ?? '-',
          'instance-id': observer[1]!,
          'vpc-id': observer[2]!,
          'account-id': observer[3]!,
          srcaddr: ends[0],
          dstaddr: ends[1],
          'pkt-srcaddr': packets[0],
          'pkt-dstaddr': packets[1],
          srcport: ports[0],
          dstport: ports[1],
          protocol,
          start: times[0],
          end: times[1],
          'tcp-flags': flags,
          'flow-direction': way,
          'pkt-src-aws-service': services[0],
          'pkt-dst-aws-service': services[1],
        }
        return names.map(name => values[name]).join(' ')
      })
    return fc.record({ header: fc.constant(names.join(' ')), lines: fc.array(line, { maxLength: 12 }) })
  })

const settings: readonly (readonly ReferenceNetwork[])[] = [
  [],
  [{ cidrs: ['172.32.0.0/16', '2600:1f18::/32'] }],
  [{ cidrs: ['10.0.0.0/8', '172.32.0.0/15'] }, { cidrs: ['172.32.0.0/16', '10.0.0.0/16'], vpcs: ['vpc-1'] }],
  [
    { cidrs: ['172.16.0.0/12', 'fd00::/8'], accounts: ['111122223333'] },
    { cidrs: ['8.8.8.8/32'], accounts: ['444455556666'], vpcs: ['vpc-1'] },
  ],
  // general, for an account, and for VPCs, over one another
  [
    { cidrs: ['10.0.0.0/16', '8.8.0.0/16', '2600:1f18::6/128', 'fd12::/16'] },
    { cidrs: ['10.1.0.0/16', '172.33.0.0/16'], accounts: ['111122223333'] },
    { cidrs: ['172.32.0.0/24', '8.8.4.0/24', '2600:1f18::5/128'], vpcs: ['vpc-2', 'vpc-1'] },
  ],
]

const sources = [
  { accountId: null, region: null, scope: null },
  { accountId: '999999999999', region: 'eu-north-1', scope: null },
  { accountId: null, region: null, scope: 'sales' },
]

/** `kind scope ip owner` with the union of its seconds. */
type Taught = Map<string, [number, number][]>

function joined(sightings: readonly { id: string; range: [number, number] }[]): Taught {
  const ranges = new Map<string, [number, number][]>()
  for (const { id, range } of sightings) ranges.set(id, [...(ranges.get(id) ?? []), range])
  return new Map([...ranges].map(([id, list]): [string, [number, number][]] => [id, joinRanges(list)]).sort())
}

void describe('direction and what a block teaches', () => {
  for (const [number, networks] of settings.entries())
    it(`is what the model says, with own networks ${number}`, () => {
      const enricher = new TestEnricher({
        networks: networks.map(({ cidrs, accounts, vpcs }) => ({
          cidrs: [...cidrs],
          ...(accounts === undefined ? {} : { accounts: [...accounts] }),
          ...(vpcs === undefined ? {} : { vpcs: [...vpcs] }),
        })),
        dictionaryEntries: 10,
        tables: everywhere(),
      })
      const property = fc.property(
        block,
        fc.constantFrom(...sources),
        fc.option(fc.constant(now - 3500)),
        fc.option(fc.constant(now), { freq: 2 }),
        ({ header, lines }, source, lastModified, slotStart) => {
          const origin = { accountId: null, region: 'us-east-1', slotStart, source }
          const expected = referenceBlock(header, lines.join('\n'), 2, origin, networks)
          const actual = enricher.run(header, lines.join('\n'), {
            origin,
            ...(lastModified === null ? {} : { lastModifiedS: lastModified }),
          })
          const seen = (row: object): unknown[] =>
            [
              'line',
              'direction',
              'directionSource',
              'directionBy',
              'start',
              'end',
              'timeSource',
              'timeKept',
              'servicePort',
              'servicePortSource',
              'scope',
              'accountId',
            ].map(name => (row as Record<string, unknown>)[name])
          assert.deepEqual(actual.rows.map(seen), expected.rows.map(seen))
          assert.deepEqual(
            actual.rows.map(row => [row.srcThreat !== null, row.dstThreat !== null]),
            expected.rows.map(row => lookedUp(row, header.split(' '), networks)),
          )
          const latest = lastModified === null ? Infinity : lastModified + 3600
          assert.deepEqual(
            joined(
              actual.sightings.flatMap(({ key, value: { kind, owner, ranges } }) =>
                ranges.map(({ first, last }) => ({
                  id: `${kind} ${key.scope} ${key.ip} ${owner.interfaceId ?? ''}|${owner.instanceId ?? ''}|${owner.service ?? ''}`,
                  range: [first, last] as [number, number],
                })),
              ),
            ),
            joined(
              teach(expected.rows, latest, networks).map(({ kind, scope, ip, owner, first, last }) => ({
                id: `${kind} ${scope} ${ip} ${owner}`,
                range: [first, last],
              })),
            ),
          )
          const isImplausible = (row: Record<string, unknown>): boolean =>
            row['timeSource'] === 'logged' && ((row['end'] as number) - (row['start'] as number) > 660 || (row['end'] as number) > latest)
          assert.equal(actual.implausible, expected.rows.filter(isImplausible).length)
        },
      )
      for (const seed of seeds) fc.assert(property, { numRuns: runs, seed })
    })
})
