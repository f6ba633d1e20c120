/** Flow records for tests: an empty one to change, random ones, and the row of the table that each must become. */
import fc from 'fast-check'
import { flowFields } from '../../../flow/fields.ts'
import { attributeRows } from '../../../flow/attributes.ts'
import { optionalNumbers } from '../../../flow/numbers.ts'
import { columnName, storedTraits } from '../../../flow/store-columns.ts'
import { mostOf, traitKind } from '../../../flow/traits.ts'
import { flowValue, type FlowRecord } from '../../../schemas/flow-record.ts'
import { observerRowOf } from '../../../sinks/clickhouse/columns/observer-dictionary.ts'
import type { NativeCell } from './native-rows.ts'

const group = (name: string): Record<string, null> =>
  Object.fromEntries(
    flowFields.filter(field => field.record.startsWith(`${name}.`)).map(field => [field.record.slice(name.length + 1), null]),
  )

/** A record of which nothing is known. */
export const emptyFlow: FlowRecord = {
  ...(Object.fromEntries(flowValue.fields.map(({ name }) => [name, null])) as unknown as FlowRecord),
  direction: 'unknown',
  directionSource: 'none',
  start: 0,
  end: 0,
  timeSource: 'none',
  objectId: Buffer.alloc(8),
  line: 1,
}

/** A record with some values. */
export const flow = (values: Partial<FlowRecord>): FlowRecord => ({ ...emptyFlow, ...values })

const few = (...values: string[]): fc.Arbitrary<string | null> => fc.option(fc.constantFrom(...values), { freq: 3 })
const text = fc.option(fc.string({ minLength: 1, maxLength: 90, unit: 'binary' }), { freq: 4 })
const number = (max: number): fc.Arbitrary<number | null> =>
  fc.option(
    fc.oneof(
      fc.integer({ min: 0, max: Math.min(max, 300) }),
      fc.integer({ min: 0, max }),
      fc.maxSafeNat().map(value => value % (max + 1)),
    ),
    { freq: 6 },
  )
const address = fc.option(fc.oneof(fc.constantFrom('10.0.0.1', '10.0.0.2', '203.0.113.5', '::', '2001:db8::1'), fc.ipV4(), fc.ipV6()), {
  freq: 12,
})
const groupOf = (name: string, value: fc.Arbitrary<unknown>): fc.Arbitrary<null> =>
  fc.option(fc.record(Object.fromEntries(Object.keys(group(name)).map(field => [field, value]))), {
    freq: 2,
  }) as unknown as fc.Arbitrary<null>

/** Mostly none, so that blocks without any occur. */
const milliseconds = fc.oneof({ weight: 30, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 999 }) })

/** What decided the direction, and the number of it in the table. */
const decidedBy = [
  { directionSource: 'none', directionBy: null },
  { directionSource: 'logged', directionBy: null },
  { directionSource: 'inferred', directionBy: null },
  { directionSource: 'inferred_count', directionBy: null },
  { directionSource: 'inferred', directionBy: 'own_network' },
  // what no version writes yet
  { directionSource: 'inferred', directionBy: 'own_nothing' },
  { directionSource: 'inferred', directionBy: 'x'.repeat(100) },
] as const

/** Traits that the random records and the expected rows below spell out. */
const knownTraits = 'version logStatus action flowDirection protocol tcpFlags type trafficPath rejectReason encryptionStatus'.split(' ')

/** Where the times come from. */
const timedBy = [
  { timeSource: 'none', timeKept: null },
  { timeSource: 'logged', timeKept: null },
  { timeSource: 'slot', timeKept: null },
  { timeSource: 'none', timeKept: 'start' },
  { timeSource: 'none', timeKept: 'end' },
] as const

/** Values of rows of the tables of flow/ that are younger than this file. */
const further = fc.record(
  Object.fromEntries([
    ...attributeRows
      .filter(({ name }) => !['Country', 'Asn', 'AsOrg', 'Threat', 'AwsService'].includes(name))
      .flatMap(({ name, type }) => ['src', 'dst'].map(side => [`${side}${name}`, type === 'string' ? text : number(0xffff_ffff)] as const)),
    ...storedTraits
      .filter(field => !knownTraits.includes(field.record))
      .map(field => {
        const kind = traitKind(field)
        const symbols = few(...(field.kept.symbols ?? ['']))
        return [field.record, kind === 'symbol' ? symbols : kind === 'text' ? text : number(mostOf(field))] as const
      }),
    ...optionalNumbers.filter(({ field }) => field !== null).map(({ record, most }) => [record, number(most)] as const),
  ]),
) as unknown as fc.Arbitrary<Partial<FlowRecord>>

/** Any record that the schema can hold and the table too. */
export const anyFlow = fc
  .record({
    context: fc.record({
      accountId: few('123456789012', '000000000001'),
      interfaceId: few('eni-1111aaaa2222bbbb3', 'eni-1235b8ca123456789', 'eni-0'),
      vpcId: few('vpc-1', 'vpc-abcdefab012345678'),
      subnetId: text,
      instanceId: few('i-01234567890123456'),
      region: few('us-east-1', 'eu-central-1'),
      azId: few('use1-az1'),
      sublocationType: few('outpost'),
      sublocationId: few('op-1'),
      resourceId: few('nat-1'),
      interfaceType: few('nat_gateway'),
      ecs: groupOf('ecs', text),
      tags: groupOf('tags', text),
      transitGateway: groupOf('transitGateway', text),
      scope: few('sales', '123456789012/us-east-1'),
      origin: fc.constantFrom('vpc', 'tgw', 'sensor', null),
      sensor: fc.option(
        fc.record({ name: few('S0', 'edge'), exporter: few('192.0.2.1'), domain: number(0xffff_ffff), input: text, output: few('2') }),
        { freq: 2 },
      ),
      nextHop: groupOf('nextHop', text),
    }),
    ends: fc.record({
      srcAddr: address,
      pktSrcAddr: address,
      srcCountry: few('DE', 'US'),
      srcAsn: number(0xffff_ffff),
      srcAsOrg: text,
      srcThreat: few('drop', ''),
      srcAwsService: few('S3', 'EC2'),
      dstAddr: address,
      pktDstAddr: address,
      dstCountry: few('DE', 'SE'),
      dstAsn: number(0xffff_ffff),
      dstAsOrg: text,
      dstThreat: few('drop', ''),
      dstAwsService: few('S3', 'AMAZON'),
    }),
    kind: fc.record({
      version: fc.option(fc.integer({ min: 2, max: 11 })),
      logStatus: fc.constantFrom('OK', 'NODATA', 'SKIPDATA', null),
      action: fc.constantFrom('ACCEPT', 'REJECT', null),
      flowDirection: fc.constantFrom('ingress', 'egress', null),
      protocol: number(255),
      protocolName: few('tcp', 'udp'),
      tcpFlags: number(65_535),
      tcpFlagNames: few('SYN+ACK', ''),
      type: few('IPv4', 'IPv6', 'EFA'),
      trafficPath: fc.option(fc.integer({ min: 1, max: 8 })),
      pktSrcAwsService: few('S3', 'CLOUDFRONT'),
      pktDstAwsService: few('DYNAMODB'),
      rejectReason: few('BPA', 'EC'),
      encryptionStatus: number(3),
    }),
    rest: fc.record({
      direction: fc.constantFrom('unknown', 'ingress', 'egress'),
      decided: fc.constantFrom(...decidedBy),
      srcPort: number(65_535),
      dstPort: number(65_535),
      packets: number(Number.MAX_SAFE_INTEGER - 1),
      bytes: number(Number.MAX_SAFE_INTEGER - 1),
      start: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      timed: fc.constantFrom(...timedBy),
      startMs: milliseconds,
      endMs: milliseconds,
      packetsLost: groupOf('packetsLost', number(2 ** 40)),
      servicePort: number(65_535),
      portSource: fc.constantFrom('tcp_flags', 'inferred'),
      serviceName: few('ssh', 'https', 'domain'),
      objectId: fc.uint8Array({ minLength: 8, maxLength: 8 }).map(bytes => Buffer.from(bytes)),
      line: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      extra: fc.option(
        // enrich writes every name but this one, which no decoder can put into an object
        fc.dictionary(
          fc.string({ minLength: 1, maxLength: 12 }).filter(name => name !== '__proto__'),
          fc.string({ maxLength: 20 }),
          { maxKeys: 3, noNullPrototype: true },
        ),
        { freq: 2 },
      ),
    }),
    seconds: fc.integer({ min: -600, max: 100_000 }),
  })
  .map(({ context, ends, kind, rest: { decided, timed, portSource, ...rest }, seconds }) => ({
    ...{ ...context, ...ends, ...kind, ...rest, ...decided, ...timed, end: rest.start + seconds },
    servicePortSource: rest.servicePort === null ? null : portSource,
  }))
  .chain((record): fc.Arbitrary<FlowRecord> => further.map(values => ({ ...emptyFlow, ...record, ...values })))

/** 16 bytes of an address in hex, by a way of its own: the URL parser. */
export function addressHex(address: string | null): string {
  if (address === null) return '0'.repeat(32)
  if (!address.includes(':')) return `00000000000000000000ffff${Buffer.from(address.split('.').map(Number)).toString('hex')}`
  const [head, tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (part = ''): string[] => (part === '' ? [] : part.split(':').map(digits => digits.padStart(4, '0')))
  const left = groups(head)
  const right = groups(tail)
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0000'), ...right].join('')
}

/** The rows of one block: a column of an optional number is in it if some row has a value. */
export function expectedRows(records: readonly FlowRecord[]): Record<string, NativeCell>[] {
  const numbers = optionalNumbers.filter(({ record }) => records.some(flow => valueOf(flow, record) !== null))
  return records.map(record => ({
    ...expectedRow(record),
    ...Object.fromEntries(
      numbers.map(({ column, record: name, stored }) => {
        const value = valueOf(record, name) as number | null
        return [column, value === null || stored === 'Nullable(UInt16)' ? value : BigInt(value)]
      }),
    ),
  }))
}

const valueOf = (record: FlowRecord, name: string): unknown => (record as unknown as Record<string, unknown>)[name]

/** What rows of the tables of flow/ that are younger than this file become. */
function addFurther(row: Record<string, NativeCell>, bits: boolean[], record: FlowRecord): void {
  for (const field of storedTraits) {
    if (knownTraits.includes(field.record)) continue
    const value = record[field.record]
    row[columnName(field)] =
      traitKind(field) === 'symbol' ? field.kept.symbols!.indexOf(String(value)) + 1 : (value ?? (traitKind(field) === 'text' ? '' : 0))
    if (field.kept.absentBit !== undefined) bits[field.kept.absentBit] = value === null
  }
  const sides = record.direction === 'ingress' ? (['dst', 'src'] as const) : (['src', 'dst'] as const)
  for (const { name, column, type, absentBit } of attributeRows)
    for (const [index, side] of sides.entries()) {
      const value = valueOf(record, `${side}${name}`) as string | number | null
      row[`${['local', 'remote'][index]!}_${column}`] ??= value ?? (type === 'string' ? '' : 0)
      if (absentBit !== undefined) bits[absentBit + index] = value === null
    }
}

/** The row of `flows` that a record must become; what `absent` says is spelled out bit by bit. */
function expectedRow(record: FlowRecord): Record<string, NativeCell> {
  const sides = record.direction === 'ingress' ? (['dst', 'src'] as const) : (['src', 'dst'] as const)
  const row: Record<string, NativeCell> = {
    start: record.start,
    dur: record.end - record.start,
    interface: observerRowOf(record).hash,
    direction: ['unknown', 'ingress', 'egress'].indexOf(record.direction),
    direction_source:
      record.directionBy === 'own_network' ? 4 : ['none', 'logged', 'inferred', 'inferred_count'].indexOf(record.directionSource),
    time_source: ['none', 'logged', 'slot', 'start', 'end'].indexOf(record.timeKept ?? record.timeSource),
    flow_direction: [null, 'ingress', 'egress'].indexOf(record.flowDirection),
    action: [null, 'ACCEPT', 'REJECT'].indexOf(record.action),
    log_status: [null, 'OK', 'NODATA', 'SKIPDATA'].indexOf(record.logStatus),
    version: record.version ?? 0,
    protocol: record.protocol ?? 0,
    traffic_path: record.trafficPath ?? 0,
    encryption: record.encryptionStatus ?? 0,
    tcp_flags: record.tcpFlags ?? 0,
    type: record.type ?? '',
    reject_reason: record.rejectReason ?? '',
    packets: BigInt(record.packets ?? 0),
    bytes: BigInt(record.bytes ?? 0),
    service_port: record.servicePort ?? 0,
    service_port_source: [null, 'tcp_flags', 'inferred'].indexOf(record.servicePortSource),
    service_name: record.serviceName ?? '',
    next_hop_interface_id: record.nextHop?.interfaceId ?? '',
    next_hop_subnet_id: record.nextHop?.subnetId ?? '',
    next_hop_az_id: record.nextHop?.azId ?? '',
    next_hop_vpc_id: record.nextHop?.vpcId ?? '',
    next_hop_interface_type: record.nextHop?.interfaceType ?? '',
    object_id: BigInt(`0x${record.objectId.toString('hex')}`),
    line: record.line,
  }
  const lost = record.packetsLost
  const lostPairs = {
    'no-route': lost?.noRoute,
    blackhole: lost?.blackhole,
    'mtu-exceeded': lost?.mtuExceeded,
    'ttl-expired': lost?.ttlExpired,
  }
  row['extra'] = {
    ...Object.fromEntries(
      Object.entries(lostPairs).flatMap(([name, value]) => (value == null ? [] : [[`packets-lost-${name}`, String(value)]])),
    ),
    ...record.extra,
  }
  const bits = [record.protocol, record.tcpFlags, record.encryptionStatus, record.packets, record.bytes, record.servicePort].map(
    value => value === null,
  )
  for (const [index, side] of sides.entries()) {
    const name = index === 0 ? 'local' : 'remote'
    const Side = side === 'src' ? 'Src' : 'Dst'
    const own = record[`${side}Addr`]
    const packet = record[`pkt${Side}Addr`]
    const same = own !== null && packet !== null && addressHex(own) === addressHex(packet)
    row[`${name}_addr`] = addressHex(own)
    row[`pkt_${name}`] = addressHex(same ? null : packet)
    row[`${name}_port`] = record[`${side}Port`] ?? 0
    row[`${name}_country`] = record[`${side}Country`] ?? ''
    row[`${name}_asn`] = record[`${side}Asn`] ?? 0
    row[`${name}_as_org`] = record[`${side}AsOrg`] ?? ''
    row[`${name}_threat`] = record[`${side}Threat`] ?? ''
    row[`${name}_service`] = record[`pkt${Side}AwsService`] ?? record[`${side}AwsService`] ?? ''
    bits[6 + index] = record[`${side}Port`] === null
    bits[8 + index] = own === null
    bits[10 + index] = packet === null
    bits[12 + index] = record[`${side}Threat`] === null
    bits[14 + index] = record[`pkt${Side}AwsService`] === null
    bits[16 + index] = packet !== null && !same && addressHex(packet) === '0'.repeat(32)
  }
  addFurther(row, bits, record)
  row['absent'] = Array.from(bits, Boolean).reduce((mask, bit, index) => mask + (bit ? 2 ** index : 0), 0)
  return row
}

const numeric = new Set(['port', 'counter', 'time'])

/** Records of a flow log with a header line, as the enricher would make them without lookup tables: good enough for questions to the store. */
export function flowsOfLog(log: string, objectId: Buffer): FlowRecord[] {
  const [header = '', ...lines] = log.trimEnd().split('\n')
  return lines.map((text, index) => {
    const values: Record<string, unknown> = { objectId, line: index + 2 }
    header.split(' ').forEach((name, i) => {
      const field = flowFields.find(candidate => candidate.name === name)!
      const value = text.split(' ')[i]!
      if (value !== '-') values[field.record] = numeric.has(field.role) || field.awsType !== 'STRING' ? Number(value) : value
    })
    const record = flow(values)
    return {
      ...record,
      direction: record.flowDirection ?? 'unknown',
      directionSource: record.flowDirection === null ? 'none' : 'logged',
      timeSource: 'logged',
      servicePort: Math.min(record.srcPort ?? 0, record.dstPort ?? 0),
      servicePortSource: 'inferred',
    }
  })
}
