import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createEnrichRole } from '../../../../processors/enrich/enrich-processor.ts'
import { registry } from '../../../../runtime/metrics.ts'
import { fullV5Format, transitGatewayFormat } from '../../../../flow/fields.ts'
import { rawLineHeaders } from '../../../../schemas/topics.ts'
import { TestEnricher } from '../../../../harness/enrich-blocks.ts'
import { MemoryCluster } from '../../../../harness/memory-context.ts'

const line = (format: readonly string[], values: Readonly<Record<string, string>>): string =>
  format.map(name => values[name] ?? '-').join(' ')

void describe('transit gateway records', () => {
  const seen = {
    version: '6',
    'resource-type': 'TransitGateway',
    'account-id': '123456789012',
    'tgw-id': 'tgw-1',
    'tgw-attachment-id': 'tgw-attach-1',
    'tgw-src-vpc-id': 'vpc-1',
    'tgw-src-eni': 'eni-1',
    srcaddr: '10.0.0.1',
    dstaddr: '8.8.8.8',
    srcport: '1024',
    dstport: '443',
    protocol: '6',
    packets: '1',
    bytes: '40',
    start: '1764000000',
    end: '1764000060',
    'log-status': 'OK',
    region: 'us-east-1',
    'flow-direction': 'ingress',
  }

  void it('have the attachment as observation point, no local side whatever direction is logged, and teach nothing', () => {
    const lines = ['ingress', 'egress'].map(way =>
      line(transitGatewayFormat, { ...seen, 'flow-direction': way, 'pkt-dst-aws-service': 'S3' }),
    )
    const { rows, sightings } = new TestEnricher().run(transitGatewayFormat.join(' '), lines.join('\n'))
    assert.deepEqual(
      rows.map(({ direction, directionSource, flowDirection }) => [direction, directionSource, flowDirection]),
      [
        ['unknown', 'none', 'ingress'],
        ['unknown', 'none', 'egress'],
      ],
    )
    assert.equal(rows[0]!.transitGateway!.attachmentId, 'tgw-attach-1')
    assert.equal(rows[0]!.interfaceId, null)
    assert.deepEqual(sightings, [])
  })

  void it('without flow-direction have none: neither side is that of the gateway', () => {
    const format = transitGatewayFormat.filter(name => name !== 'flow-direction')
    const answers = ['10.0.0.1', '10.0.0.2'].map(dstaddr => line(format, { ...seen, dstaddr }))
    const { rows, sightings } = new TestEnricher().run(format.join(' '), [line(format, seen), ...answers].join('\n'))
    assert.deepEqual(
      rows.map(({ direction, directionSource }) => `${direction} ${directionSource}`),
      ['unknown none', 'unknown none', 'unknown none'],
    )
    assert.deepEqual(sightings, [])
  })

  void it('give gaps of their attachment', () => {
    const skipped = line(transitGatewayFormat, { ...seen, 'log-status': 'SKIPDATA' })
    const { gaps, flows } = new TestEnricher().run(transitGatewayFormat.join(' '), skipped)
    assert.deepEqual([gaps.length, flows, gaps[0]!.kind, gaps[0]!.interfaceId], [1, 0, 'SKIPDATA', 'tgw-attach-1'])
  })
})

void describe('gaps', () => {
  const origin = { accountId: '000000000042', region: 'eu-west-1', slotStart: 1_764_000_000 }
  const cases = [
    { name: 'narrow', format: ['interface-id', 'log-status'], values: {} },
    { name: 'wide, packet fields absent', format: fullV5Format, values: { 'vpc-id': 'vpc-1', 'az-id': 'use1-az1', region: 'eu-west-1' } },
    {
      name: 'wide, with addresses and counters',
      format: fullV5Format,
      values: { srcaddr: '10.0.0.1', dstaddr: '::1', packets: '5', bytes: '0', srcport: '0', action: 'ACCEPT', region: 'eu-west-1' },
    },
  ]
  for (const { name, format, values } of cases)
    for (const status of ['NODATA', 'SKIPDATA'] as const)
      void it(`${status}, ${name}`, () => {
        const text = line(format, { 'interface-id': 'eni-1', 'log-status': status, ...values })
        const { gaps, flows, deadLetters } = new TestEnricher().run(format.join(' '), text, { origin, firstLine: 9 })
        assert.deepEqual([flows, deadLetters.length, gaps.length], [0, 0, 1])
        const { kind, interfaceId, region, start, end, timeSource, line: at } = gaps[0]!
        assert.deepEqual(
          { kind, interfaceId, region, start, end, timeSource, at },
          {
            kind: status,
            interfaceId: 'eni-1',
            region: 'eu-west-1',
            start: 1_764_000_000,
            end: 1_764_000_299,
            timeSource: 'slot',
            at: 9,
          },
        )
      })

  void it('with an impossible value are dead letters, so that nothing is hidden', () => {
    const { gaps, deadLetters } = new TestEnricher().run('srcport log-status', '70000 SKIPDATA')
    assert.deepEqual([gaps.length, deadLetters.map(({ reason }) => reason)], [0, ['number-too-large']])
  })
})

void describe('columns that are not documented', () => {
  void it('are counted once for each format', async () => {
    const cluster = new MemoryCluster({ partitions: 1 })
    const lookups = { country: 'none', asn: 'none', threats: [], reloadMs: 0, dictionaryEntries: 1000 }
    const role = createEnrichRole({ lookups, kafka: { commitRows: 1000, commitIntervalMs: 500 } })
    for (const header of ['new srcaddr', 'srcaddr new newer', 'new srcaddr', 'srcaddr'])
      cluster.append('rawLines', 0, [
        {
          key: cluster.codecs.rawLines.encodeKey({ bucket: 'b', key: 'k' }),
          value: Buffer.from(`${header.replaceAll(/\w+/g, '10.0.0.1')}\n`),
          headers: { [rawLineHeaders.header]: header, [rawLineHeaders.firstLine]: '2' },
        },
      ])
    await cluster.runRole(role)
    assert.match(await registry.metrics(), /^flowloom_enrich_unknown_columns 3$/m)
    assert.deepEqual(
      cluster.readCommitted('flows').map(({ value }) => value!.extra),
      [{ new: '10.0.0.1' }, { new: '10.0.0.1', newer: '10.0.0.1' }, { new: '10.0.0.1' }, null],
    )
  })
})
