// Inputs from which the cloud map learned the wrong thing, or nothing: VPCs that are not private, and exports without a region.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { defaultFormat } from '../../flow/fields.ts'
import { TestEnricher, type EnrichedBlock } from '../../harness/enrich-blocks.ts'
import { everywhere } from '../support/files/everywhere.ts'

const read = (file: string): string => readFileSync(new URL(file, import.meta.url), 'utf8')
const lookupsOf = (folder: string): Record<string, string> =>
  (JSON.parse(read(`${folder}/expected.json`)) as { lookup: Record<string, string> }).lookup

function enrich(file: string, options: ConstructorParameters<typeof TestEnricher>[0] = {}): EnrichedBlock {
  const [header = '', ...lines] = read(file).split('\n')
  return new TestEnricher({ tables: everywhere(), ...options }).run(header, lines.join('\n'), {
    origin: { accountId: null, region: 'us-east-1', slotStart: null },
  })
}
const taught = (block: EnrichedBlock): string[] =>
  block.sightings.map(({ key, value }) => `${value.kind} ${key.scope} ${key.ip} ${value.owner.interfaceId ?? ''}`)
/** Side, country and other annotations of an address in all rows. */
const annotationsOf = (block: EnrichedBlock, ip: string): unknown[] => [
  ...new Set(
    block.encoded.flatMap(({ value }) => [
      ...(value.srcAddr === ip ? [value.srcCountry, value.srcAsn, value.srcAsOrg, value.srcThreat, value.srcAwsService] : []),
      ...(value.dstAddr === ip ? [value.dstCountry, value.dstAsn, value.dstAsOrg, value.dstThreat, value.dstAwsService] : []),
    ]),
  ),
]

void describe('routable-vpc', () => {
  void it('learns what a logged direction says, whatever the range: the addresses of the lookups', () => {
    const block = enrich('routable-vpc/public-range-vpc.log')
    const eni = 'eni-0c18000000000001'
    const vpc = 'vpc-0c18000000000001'
    assert.deepEqual(taught(block), [`own ${vpc} 172.32.0.27 ${eni}`, `packet ${vpc} 172.32.0.99 ${eni}`])
    assert.deepEqual(
      block.sightings.map(({ key }) => key.ip),
      Object.keys(lookupsOf('routable-vpc')),
    )
    assert.equal(block.sightings[1]!.value.owner.instanceId, 'i-0c18000000000001')
    assert.deepEqual(annotationsOf(block, '172.32.0.27'), [null])
  })

  void it('is not inferred the wrong way round, teaches nothing, and its own address has no country', () => {
    const block = enrich('routable-vpc/public-range-v2.log')
    assert.deepEqual(
      block.rows.map(row => [row.srcAddr, row.direction, row.directionSource]),
      [
        ['172.32.0.28', 'egress', 'inferred_count'],
        ['172.31.4.11', 'ingress', 'inferred_count'],
      ],
    )
    assert.deepEqual(taught(block), [])
    assert.deepEqual(annotationsOf(block, '172.32.0.28'), [null])
  })

  void it('leaves the direction of one pair open that two interfaces have, and that of IPv6', () => {
    const block = enrich('routable-vpc/both-sides-v2.log')
    assert.deepEqual([...new Set(block.rows.map(row => `${row.direction} ${row.directionSource}`))], ['unknown none'])
    assert.deepEqual(taught(block), [])
  })

  void it('knows the direction by own networks, learns by it, and gives what is in them no country', () => {
    const networks = ['172.32.0.0/16', '2600:1f18:10::/64']
    const v2 = enrich('routable-vpc/public-range-v2.log', { networks })
    assert.deepEqual(
      v2.rows.map(row => [row.direction, row.directionSource, row.directionBy]),
      [
        ['egress', 'inferred', 'own_network'],
        ['ingress', 'inferred', 'own_network'],
      ],
    )
    assert.deepEqual(taught(v2), ['own 111122223333/us-east-1 172.32.0.28 eni-0c18000000000002'])
    const both = enrich('routable-vpc/both-sides-v2.log', { networks })
    assert.equal(both.rows.at(-3)!.directionBy, 'own_network')
    // both ends of the last one are ours
    assert.equal(both.rows.at(-1)!.directionSource, 'none')
    for (const ip of ['172.32.0.40', '2600:1f18:10::5', '2600:1f18:10::77']) assert.deepEqual(annotationsOf(both, ip), [null])
  })
})

void describe('cloudwatch-export-default', () => {
  const header = `exported ${defaultFormat.join(' ')}`
  const run = (source: { accountId: string | null; region: string | null; scope: string | null }): EnrichedBlock =>
    new TestEnricher().run(header, read('cloudwatch-export-default/export.txt'), {
      firstLine: 1,
      origin: { accountId: null, region: null, slotStart: null, source },
    })
  const ip = '10.155.108.192'
  const eni = lookupsOf('cloudwatch-export-default')[ip]!

  void it('learns from an export whose source names the region', () => {
    const block = run({ accountId: null, region: 'us-east-1', scope: null })
    assert.deepEqual([block.flows, block.gaps.length, block.deadLetters.length], [2, 1, 0])
    assert.deepEqual(taught(block), [`own 111122223333/us-east-1 ${ip} ${eni}`])
    assert.equal(block.gaps[0]!.region, 'us-east-1')
  })

  void it('learns in the scope that the source names, and the flows say it', () => {
    const block = run({ accountId: null, region: null, scope: 'sales' })
    assert.deepEqual(taught(block), [`own sales ${ip} ${eni}`])
    assert.deepEqual([...new Set(block.encoded.map(({ value }) => value.scope))], ['sales'])
  })

  void it('learns nothing where nothing names a region or a scope', () => {
    assert.deepEqual(taught(run({ accountId: null, region: null, scope: null })), [])
  })
})
