/** Schemas are promises: keys never change, values stay readable in both directions, types and schemas say the same. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import avsc from 'avsc'
import {
  again,
  arrayOf,
  optional,
  record,
  required,
  symbols,
  type AvroField,
  type AvroRecord,
  type RecordOf,
} from '../../../schemas/avro-types.ts'
import { emptyGroup } from '../../../flow/observers.ts'
import { flowKey, flowValue, type FlowKeyRecord, type FlowRecord } from '../../../schemas/flow-record.ts'
import { objectId } from '../../../schemas/records.ts'
import { topics } from '../../../schemas/topics.ts'
import { emptyFlow } from '../../support/records/flow-records.ts'

const root = join(import.meta.dirname, '../../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const typeOf = (schema: unknown): avsc.Type => avsc.Type.forSchema(schema as avsc.Schema, { wrapUnions: false })

test('every schema file is a schema', () => {
  const paths = globSync('schemas/*.avsc', { cwd: root })
  assert.equal(
    paths.length,
    Object.values(topics).reduce((sum, topic) => sum + (topic.value === null ? 1 : 2), 0),
  )
  for (const path of paths) assert.equal(typeOf(JSON.parse(read(path))).typeName, 'record', path)
})

/**
 * A key schema is frozen to the byte: its id is part of the key bytes, so another schema moves keys to other partitions and ends compaction.
 * A failure here means: make a new topic version, never a new entry for an old topic.
 */
test('key schemas are what they were', () => {
  const frozen = JSON.parse(read('test/unit/schemas/frozen-keys.json')) as Record<string, string>
  for (const topic of Object.values(topics)) {
    const name = `${topic.name}.v${topic.version}`
    const now = createHash('sha256')
      .update(read(`schemas/${topic.name}-key.avsc`))
      .digest('hex')
    assert.equal(now, frozen[name], `the key schema of ${name} changed`)
  }
})

/** test/unit/schemas/released-values.json holds the value schemas of each release; entries are added, never changed. */
test('value schemas read every released version, and are read by it', () => {
  const released = JSON.parse(read('test/unit/schemas/released-values.json')) as Record<string, Record<string, AvroRecord>>
  for (const [version, schemas] of Object.entries(released)) {
    for (const topic of Object.values(topics)) {
      const old = schemas[`${topic.name}.v${topic.version}`]
      if (topic.value === null || old === undefined) continue
      assert.doesNotThrow(() => typeOf(topic.value).createResolver(typeOf(old)), `${topic.name} cannot read records of ${version}`)
      assert.doesNotThrow(() => typeOf(old).createResolver(typeOf(topic.value)), `${version} cannot read records of ${topic.name}`)
    }
  }
})

test('the compiler knows what a schema says', () => {
  const type = record('Thing', 'a thing', [
    required('count', 'long', 'whole number'),
    optional('kind', symbols('Kind', ['a', 'b']), 'one of two'),
    required('parts', arrayOf(record('Part', 'a part', [required('id', objectId, 'its id')])), 'its parts'),
    optional('other', again(objectId), 'another id'),
    optional('names', { type: 'map', values: 'string' }, 'names'),
  ])
  type Thing = RecordOf<typeof type>
  const id = Buffer.alloc(8)
  const thing: Thing = { count: 1, kind: 'b', parts: [{ id }], other: null, names: { a: 'b' } }
  assert.ok(typeOf(type).isValid(thing))
  // @ts-expect-error a whole number is never null
  assert.ok(!typeOf(type).isValid({ ...thing, count: null } satisfies Thing))
  // @ts-expect-error not one of the symbols
  assert.ok(!typeOf(type).isValid({ ...thing, kind: 'c' } satisfies Thing))
  // @ts-expect-error a part is a record
  assert.ok(!typeOf(type).isValid({ ...thing, parts: [id] } satisfies Thing))
  // @ts-expect-error the name of a type stands for the type
  assert.ok(!typeOf(type).isValid({ ...thing, other: 'text' } satisfies Thing))
  // @ts-expect-error a field is missing
  assert.ok(!typeOf(type).isValid({ count: 1 } satisfies Thing))
})

test('the compatibility check can fail', () => {
  const [first, ...rest] = flowValue.fields
  const changed = { ...flowValue, fields: [{ ...first, type: 'long', default: 0 }, ...rest] }
  assert.throws(() => typeOf(changed).createResolver(typeOf(flowValue)))
  const added = { ...flowValue, fields: [...flowValue.fields, { name: 'added', type: 'string' }] }
  assert.throws(() => typeOf(added).createResolver(typeOf(flowValue)))
})

const key: FlowKeyRecord = { lowAddr: '10.0.0.1', lowPort: 1024, highAddr: '10.0.0.2', highPort: 443, protocol: 6 }

/** A value for each field of the type. Rows of the tables in flow/ that are younger than this file are null here: flow.tables.test.ts has them. */
const flow: FlowRecord = {
  ...emptyFlow,
  accountId: '123456789012',
  interfaceId: 'eni-1',
  vpcId: 'vpc-1',
  subnetId: 'subnet-1',
  instanceId: 'i-1',
  region: 'us-east-1',
  azId: 'use1-az1',
  sublocationType: 'outpost',
  sublocationId: 'op-1',
  resourceId: 'nat-1',
  interfaceType: 'nat_gateway',
  ecs: {
    clusterArn: 'a',
    clusterName: 'b',
    containerInstanceArn: 'c',
    containerInstanceId: 'd',
    containerId: 'e',
    secondContainerId: 'f',
    serviceName: 'g',
    taskDefinitionArn: 'h',
    taskArn: 'i',
    taskId: 'j',
  },
  tags: { instance: 'a', instance2: 'b', interface: 'c', interface2: 'd', asg: 'e', asg2: 'f' },
  transitGateway: {
    resourceType: 'TransitGateway',
    id: 'tgw-1',
    attachmentId: 'tgw-attach-1',
    srcVpcAccountId: '1',
    dstVpcAccountId: '2',
    srcVpcId: 'vpc-1',
    dstVpcId: 'vpc-2',
    srcSubnetId: 'subnet-1',
    dstSubnetId: 'subnet-2',
    srcEni: 'eni-1',
    dstEni: 'eni-2',
    srcAzId: 'az-1',
    dstAzId: 'az-2',
    pairAttachmentId: 'tgw-attach-2',
  },
  scope: null,
  origin: 'vpc',
  sensor: { name: 'S0', exporter: '192.0.2.1', domain: 4_294_967_295, input: 'eth0', output: '2' },
  srcAddr: '10.0.0.1',
  pktSrcAddr: '10.0.0.1',
  srcCountry: null,
  srcAsn: 4_200_000_000,
  srcAsOrg: 'org',
  srcThreat: '',
  srcAwsService: 'S3',
  dstAddr: '10.0.0.2',
  pktDstAddr: null,
  dstCountry: 'DE',
  dstAsn: null,
  dstAsOrg: null,
  dstThreat: null,
  dstAwsService: null,
  version: 5,
  logStatus: 'OK',
  action: 'ACCEPT',
  flowDirection: 'egress',
  protocol: 6,
  protocolName: 'tcp',
  tcpFlags: 3,
  tcpFlagNames: 'SYN+FIN',
  type: 'IPv4',
  trafficPath: 1,
  pktSrcAwsService: null,
  pktDstAwsService: 'S3',
  rejectReason: null,
  encryptionStatus: 1,
  direction: 'egress',
  directionSource: 'logged',
  directionBy: null,
  nextHop: { interfaceId: 'eni-2', subnetId: 'subnet-2', azId: 'az-2', vpcId: 'vpc-2', interfaceType: 'lambda' },
  srcPort: 1024,
  dstPort: 443,
  packets: 2 ** 53 - 2,
  bytes: 1,
  start: 1,
  end: 2,
  timeSource: 'logged',
  timeKept: null,
  startMs: 0,
  endMs: 999,
  packetsLost: {
    ...(emptyGroup('packetsLost') as NonNullable<FlowRecord['packetsLost']>),
    noRoute: 1,
    blackhole: 2,
    mtuExceeded: 3,
    ttlExpired: 4,
  },
  servicePort: 443,
  servicePortSource: 'tcp_flags',
  serviceName: 'https',
  objectId: Buffer.alloc(8, 1),
  line: 2,
  extra: { 'new-field': 'x' },
}

/** Names of the fields of a nested record. */
const groupFields = (field: AvroField): string[] | undefined => {
  const members = Array.isArray(field.type) ? (field.type as { fields?: AvroField[] }[]) : []
  return members.find(member => member.fields !== undefined)?.fields?.map(inner => inner.name)
}

test('the types of a flow have exactly the fields of its schema, in its order', () => {
  assert.deepEqual(
    Object.keys(key),
    flowKey.fields.map(field => field.name),
  )
  assert.deepEqual(
    Object.keys(flow),
    flowValue.fields.map(field => field.name),
  )
  for (const field of flowValue.fields) {
    const fields = groupFields(field)
    if (fields !== undefined) assert.deepEqual(Object.keys(flow[field.name as 'ecs']!), fields, field.name)
  }
})

test('a record of the types is a record of the schemas, and comes back equal', () => {
  for (const [schema, sample] of [
    [flowKey, key],
    [flowValue, flow],
  ] as const) {
    const type = typeOf(schema)
    assert.ok(type.isValid(sample, { errorHook: path => assert.fail(`${schema.name}.${path.join('.')}`) }))
    assert.deepEqual(JSON.parse(JSON.stringify(type.fromBuffer(type.toBuffer(sample)))), JSON.parse(JSON.stringify(sample)))
  }
})

test('a flow with nothing but what is required is valid', () => {
  const absent = Object.fromEntries(flowValue.fields.filter(field => 'default' in field).map(field => [field.name, null]))
  assert.ok(typeOf(flowValue).isValid({ ...flow, ...absent }))
})
