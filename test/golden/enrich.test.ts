import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { plain, TestEnricher } from '../../harness/enrich-blocks.ts'
import { referenceBlock } from '../support/references/enrich-reference.ts'

const read = (file: string): { header: string; text: string } => {
  const content = readFileSync(new URL(file, import.meta.url), 'utf8')
  const end = content.indexOf('\n')
  return { header: content.slice(0, end), text: content.slice(end + 1) }
}
const expectedOf = (file: string) => JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as Record<string, never>

const logs = [
  '../../examples/logs/aws-examples/default-v2.log',
  '../../examples/logs/aws-examples/nat-gateway-custom.log',
  '../../examples/logs/aws-examples/nodata-skipdata-v2.log',
  '../../examples/logs/aws-examples/service-path-direction-v5.log',
  '../../examples/logs/aws-examples/tcp-flags-v3.log',
  '../../examples/logs/aws-examples/transit-gateway-interfaces-v3.log',
  '../../examples/logs/flocon-2024/snapshot.log',
  '../../examples/logs/nat-gateway-v5/nat.log',
]
const origin = { accountId: '123456789010', region: 'us-east-1', slotStart: 1_700_000_100 }

void describe('golden logs', () => {
  for (const log of logs)
    it(`${log}: every value of every line`, () => {
      const { header, text } = read(log)
      const expected = referenceBlock(header, text, 2, origin)
      const { rows, gaps, deadLetters, encoded, lines, blankLines } = new TestEnricher().run(header, text, { origin })
      assert.deepEqual(deadLetters, [])
      assert.equal(rows.length + gaps.length + blankLines, lines)
      assert.equal(rows.length, expected.rows.length)
      expected.rows.forEach((row, i) => {
        for (const [name, value] of Object.entries(row)) assert.deepEqual(plain(rows[i]![name as keyof (typeof rows)[0]]), value, `line ${i + 2} ${name}`)
      })
      assert.deepEqual(
        gaps.map(({ kind, line, start, end, timeSource, timeKept, interfaceId, extra }) => ({ kind, line, start, end, timeSource, timeKept, interfaceId, extra })),
        expected.gaps,
      )
      assert.deepEqual(plain([...encoded].sort((a, b) => a.value.line - b.value.line).map(({ value }) => value)), plain(rows))
    })
})

void describe('aws-examples', () => {
  void it('reads the first default record field by field', () => {
    const { header, text } = read('../../examples/logs/aws-examples/default-v2.log')
    const [row] = new TestEnricher().run(header, text).rows
    const { accountId, interfaceId, srcAddr, dstAddr, srcPort, dstPort, protocol, protocolName, packets, bytes, start, end, action, logStatus, servicePort, serviceName, region } = row!
    assert.deepEqual(
      { accountId, interfaceId, srcAddr, dstAddr, srcPort, dstPort, protocol, protocolName, packets, bytes, start, end, action, logStatus, servicePort, serviceName, region },
      {
        accountId: '123456789010',
        interfaceId: 'eni-1235b8ca123456789',
        srcAddr: '172.31.16.139',
        dstAddr: '172.31.16.21',
        srcPort: 20641,
        dstPort: 22,
        protocol: 6,
        protocolName: 'tcp',
        packets: 20,
        bytes: 4249,
        start: 1_418_530_010,
        end: 1_418_530_070,
        action: 'ACCEPT',
        logStatus: 'OK',
        servicePort: 22,
        serviceName: 'ssh',
        region: null,
      },
    )
  })

  void it('takes two spaces in a row as one separator', () => {
    const { header, text } = read('../../examples/logs/aws-examples/tcp-flags-v3.log')
    const { rows } = new TestEnricher().run(header, text)
    assert.deepEqual([rows.at(-1)!.dstPort, rows.at(-1)!.pktSrcAddr, rows.at(-1)!.tcpFlagNames], [43_638, '10.0.0.62', 'SYN+ACK+FIN'])
  })

  void it('records without times take the slot of the object and say so, and teach nothing', () => {
    const { header, text } = read('../../examples/logs/aws-examples/nat-gateway-custom.log')
    const { rows, sightings } = new TestEnricher().run(header, text, { origin })
    for (const row of rows) assert.deepEqual([row.start, row.end, row.timeSource, row.accountId, row.region], [1_700_000_100, 1_700_000_399, 'slot', '123456789010', 'us-east-1'])
    assert.deepEqual(sightings, [])
  })
})

void describe('flocon-2024', () => {
  const { header, text } = read('../../examples/logs/flocon-2024/snapshot.log')
  const expected = expectedOf('../../examples/logs/flocon-2024/expected.json') as unknown as {
    rows: number
    packets: number
    bytes: number
    service_addresses: Record<string, string>
    interface_addresses: Record<string, Record<string, string | number>>
  }
  const { rows, sightings } = new TestEnricher().run(header, text)

  void it('has the rows, packets and bytes of the talk', () => {
    assert.equal(rows.length, expected.rows)
    assert.equal(
      rows.reduce((sum, row) => sum + row.packets!, 0),
      expected.packets,
    )
    assert.equal(
      rows.reduce((sum, row) => sum + row.bytes!, 0),
      expected.bytes,
    )
  })

  void it('labels exactly the eight service addresses', () => {
    const services = sightings.filter(({ key }) => key.scope === 'aws')
    assert.deepEqual(Object.fromEntries(services.map(({ key, value }) => [key.ip, value.owner.service])), expected.service_addresses)
    for (const { value } of services) assert.deepEqual({ ...value.owner, service: null }, Object.fromEntries(Object.keys(value.owner).map(name => [name, null])))
  })

  void it('gives exactly one address an interface', () => {
    const [ip, owner] = Object.entries(expected.interface_addresses)[0]!
    assert.deepEqual(
      sightings.filter(({ key }) => key.scope !== 'aws'),
      [
        {
          key: { scope: owner['vpc-id'], ip },
          value: {
            kind: 'own',
            owner: {
              interfaceId: owner['interface-id'],
              instanceId: owner['instance-id'],
              interfaceType: null,
              subnetId: owner['subnet-id'],
              vpcId: owner['vpc-id'],
              accountId: owner['account-id'],
              region: owner['region'],
              azId: owner['az-id'],
              service: null,
            },
            ranges: [{ first: owner['first-seen'], last: owner['last-seen'] }],
          },
        },
      ],
    )
  })
})

void describe('nat-gateway-v5', () => {
  void it('gives each address its own interface, and teaches nothing where the packet belongs to someone else', () => {
    const { header, text } = read('../../examples/logs/nat-gateway-v5/nat.log')
    const expected = expectedOf('../../examples/logs/nat-gateway-v5/expected.json') as unknown as { scope: string; owners: Record<string, Record<string, string | number | null>> }
    const { sightings } = new TestEnricher().run(header, text)
    assert.deepEqual(
      sightings.map(({ key, value }) => [key.scope, key.ip, value.owner.interfaceId, value.owner.instanceId, value.owner.subnetId, value.ranges[0]!.first]).sort(),
      Object.entries(expected.owners)
        .map(([ip, owner]) => [expected.scope, ip, owner['interface-id'], owner['instance-id'], owner['subnet-id'], owner['first-seen']])
        .sort(),
    )
    assert.deepEqual(
      sightings.map(({ key, value }) => [key.ip, value.ranges.length, value.ranges[0]!.last]).sort(),
      Object.entries(expected.owners)
        .map(([ip, owner]) => [ip, 1, owner['last-seen']])
        .sort(),
    )
  })
})
