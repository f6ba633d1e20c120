// Records of the topic `flows` to columns and to a Native block, against what avsc decodes.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import avsc from 'avsc'
import fc from 'fast-check'
import { emptyGroup } from '../../../../../flow/observers.ts'
import { observerColumns } from '../../../../../flow/store-columns.ts'
import { countedSchemaIds, createCodecs } from '../../../../../runtime/avro.ts'
import type { InSlab } from '../../../../../runtime/records.ts'
import type { AvroRecord } from '../../../../../schemas/avro-types.ts'
import { flowValue, type FlowRecord } from '../../../../../schemas/flow-record.ts'
import { observerRowOf } from '../../../../../sinks/clickhouse/columns/observer-dictionary.ts'
import { FlowDecoder } from '../../../../../sinks/clickhouse/columns/flow-decoder.ts'
import { flowBlockColumns, FlowBlockEncoder } from '../../../../../sinks/clickhouse/flow-block.ts'
import { NativeWriter } from '../../../../../sinks/clickhouse/native-writer.ts'
import { anyFlow, emptyFlow, expectedRows, flow } from '../../../../support/records/flow-records.ts'
import { encodeSlab } from '../../../../../harness/memory-slabs.ts'
import { readNative } from '../../../../support/records/native-rows.ts'

const codecs = createCodecs(countedSchemaIds())
const key = codecs.flows.encodeKey({ lowAddr: '10.0.0.1', lowPort: 1, highAddr: '10.0.0.2', highPort: 2, protocol: 6 })

function slabOf(values: readonly Buffer[], options: { baseOffset?: number; from?: number; deltas?: number[] } = {}): InSlab {
  const baseOffset = options.baseOffset ?? 100
  const slab = encodeSlab(
    values.map(value => ({ key, value, headers: { any: 'header' } })),
    options.deltas,
  )
  const last = options.deltas?.at(-1) ?? values.length - 1
  return { ...slab, baseOffset, from: options.from ?? baseOffset, nextOffset: baseOffset + last + 1 }
}

const encoder = new FlowBlockEncoder()
const rowsOf = (decoder: FlowDecoder) => readNative(encoder.encode(new NativeWriter(16), decoder).bytes)

/** The schema of `flows` in a version. */
const released = (version: string): typeof flowValue => {
  const text = readFileSync(join(import.meta.dirname, '../../../schemas/released-values.json'), 'utf8')
  return (JSON.parse(text) as Record<string, Record<string, typeof flowValue>>)[version]!['flows.v1']!
}

describe('flow columns', () => {
  it('gives every value of every record, whatever is absent', () => {
    const decoder = new FlowDecoder(codecs.flows, 1000)
    fc.assert(
      fc.property(fc.array(anyFlow, { minLength: 1, maxLength: 30 }), records => {
        const slab = slabOf(records.map(record => codecs.flows.encodeValue(record)))
        // as from the broker: a Buffer, whose slices share its memory, and which is freed when it was taken
        const bytes = Buffer.from(slab.bytes)
        assert.equal(decoder.takeSlab({ ...slab, bytes }, 0, Infinity, Infinity), slab.nextOffset)
        bytes.fill(0)
        assert.deepEqual(rowsOf(decoder), expectedRows(records))
        assert.equal(decoder.unfit, 0)
        decoder.clear()
      }),
      { numRuns: 150 },
    )
  })

  it('has all columns of the expected row', () => {
    assert.deepEqual([...flowBlockColumns].sort(), Object.keys(expectedRows([flow({ startMs: 1, endMs: 2 })])[0]!).sort())
  })

  it('decodes records of another writer schema into the same columns', () => {
    const other = { ...flowValue, fields: [...flowValue.fields].reverse() }
    const ids = countedSchemaIds()
    const reader = createCodecs(ids, new Map([[77, other]]))
    fc.assert(
      fc.property(fc.array(anyFlow, { minLength: 1, maxLength: 8 }), records => {
        const decoder = new FlowDecoder(reader.flows, 1000)
        // The writer has the fields in reverse order: its bytes are made by a schema of its own.
        const foreign = records.map(record => encodeWith(other, record, 77))
        const mixed = foreign.map((value, i) => (i % 2 === 0 ? value : reader.flows.encodeValue(records[i]!)))
        const slab = slabOf(mixed)
        const bytes = Buffer.from(slab.bytes)
        decoder.takeSlab({ ...slab, bytes }, 0, Infinity, Infinity)
        bytes.fill(0)
        assert.deepEqual(rowsOf(decoder), expectedRows(records))
        assert.equal(decoder.resolved, Math.ceil(records.length / 2))
      }),
      { numRuns: 30 },
    )
  })

  it('resolves records that 0.1.0 wrote, whose service port is inferred, to the same columns', () => {
    const old = released('0.1.0')
    const reader = createCodecs(countedSchemaIds(), new Map([[77, old]]))
    fc.assert(
      fc.property(fc.array(anyFlow, { minLength: 1, maxLength: 8 }), records => {
        const decoder = new FlowDecoder(reader.flows, 1000)
        const slab = slabOf(records.map((record, i) => (i % 2 === 0 ? encodeWith(old, record, 77) : reader.flows.encodeValue(record))))
        decoder.takeSlab(slab, 0, Infinity, Infinity)
        const told = records.map((record, i) =>
          i % 2 === 0
            ? {
                ...{ ...record, scope: null, directionBy: null, timeKept: null, origin: null, sensor: null, startMs: null, endMs: null },
                servicePortSource: record.servicePort === null ? null : ('inferred' as const),
              }
            : record,
        )
        assert.deepEqual(rowsOf(decoder), expectedRows(told))
        assert.equal(decoder.resolved, Math.ceil(records.length / 2))
        assert.deepEqual(
          decoder.observers.fresh.map(({ hash }) => hash).sort(),
          [...new Set(told.map(record => observerRowOf(record).hash))].sort(),
        )
      }),
      { numRuns: 30 },
    )
  })

  it('reads records that were in the topic before origin, sensor and milliseconds were recorded', () => {
    const old = released('0.1.0 and what was added before origin')
    const reader = createCodecs(countedSchemaIds(), new Map([[77, old]]))
    fc.assert(
      fc.property(fc.array(anyFlow, { minLength: 1, maxLength: 8 }), records => {
        const decoder = new FlowDecoder(reader.flows, 1000)
        decoder.takeSlab(slabOf(records.map(record => encodeWith(old, record, 77))), 0, Infinity, Infinity)
        assert.equal(decoder.resolved, records.length)
        const told = records.map(record => ({ ...record, origin: null, sensor: null, startMs: null, endMs: null }))
        assert.deepEqual(rowsOf(decoder), expectedRows(told))
        const origin = observerColumns.findIndex(({ name }) => name === 'origin')
        const origins = new Map(told.map(record => [observerRowOf(record).hash, record.transitGateway === null ? 'vpc' : 'tgw']))
        for (const { hash, values } of decoder.observers.fresh) assert.equal(values[origin], origins.get(hash))
      }),
      { numRuns: 30 },
    )
  })

  it('gives the hash that an observer had before origin was recorded, unless a sensor observed', () => {
    const byHand = (record: FlowRecord): bigint => {
      const pairs = [
        ['account_id', record.accountId],
        ['interface_id', record.interfaceId],
        ['vpc_id', record.vpcId],
        ['tgw_id', record.transitGateway?.id ?? null],
      ]
      const hash = createHash('sha256')
      for (const [name, value] of pairs) if (value != null) hash.update(`${name}\0${value}\0`)
      return hash.digest().readBigUInt64LE(0)
    }
    const vpc = flow({ accountId: '123456789012', interfaceId: 'eni-1', vpcId: 'vpc-1' })
    const group = emptyGroup('transitGateway') as unknown as NonNullable<FlowRecord['transitGateway']>
    const transit = flow({ accountId: '123456789012', transitGateway: { ...group, id: 'tgw-1' } })
    for (const origin of ['vpc', null] as const) assert.equal(observerRowOf({ ...vpc, origin }).hash, byHand(vpc))
    for (const origin of ['tgw', null] as const) assert.equal(observerRowOf({ ...transit, origin }).hash, byHand(transit))
    assert.notEqual(observerRowOf({ ...vpc, origin: 'sensor' }).hash, byHand(vpc))
  })

  it('gives the same rows however a long slab is cut', () => {
    const other = { ...flowValue, fields: [...flowValue.fields].reverse() }
    const reader = createCodecs(countedSchemaIds(), new Map([[77, other]]))
    const records = fc.sample(anyFlow, { numRuns: 700, seed: 3 }).map((record, i) => ({ ...record, line: i + 1 }))
    const values = records.map((record, i) => (i % 333 === 300 ? encodeWith(other, record, 77) : reader.flows.encodeValue(record)))
    const slab = slabOf(values)
    for (const room of [Infinity, 257, 100]) {
      const decoder = new FlowDecoder(reader.flows, 100_000)
      for (let next = slab.from; next < slab.nextOffset;) next = decoder.takeSlab(slab, next, Infinity, room)
      assert.deepEqual(rowsOf(decoder), expectedRows(records))
      assert.equal(decoder.resolved, 2)
    }
  })

  it('asks for a schema that it does not have', () => {
    const decoder = new FlowDecoder(codecs.flows, 1000)
    const value = codecs.flows.encodeValue(emptyFlow)
    value.writeInt32BE(9999, 1)
    assert.throws(() => decoder.takeSlab(slabOf([value]), 0, Infinity, Infinity), { code: 'REGISTRY_SCHEMA_UNKNOWN' })
  })

  it('skips what is below the position, stops at the end of the range and at the bound of rows', () => {
    const values = Array.from({ length: 10 }, (_, i) => codecs.flows.encodeValue(flow({ line: i + 1 })))
    const slab = slabOf(values, { baseOffset: 1000, from: 1004, deltas: [0, 1, 2, 4, 6, 8, 10, 12, 14, 16] })
    const lines = (from: number, until: number, room: number): [number, ...unknown[]] => {
      const decoder = new FlowDecoder(codecs.flows, 1000)
      const next = decoder.takeSlab(slab, from, until, room)
      return [next, ...rowsOf(decoder).map(row => row['line'])]
    }
    assert.deepEqual(lines(0, Infinity, Infinity), [1017, 4, 5, 6, 7, 8, 9, 10])
    assert.deepEqual(lines(1010, Infinity, Infinity), [1017, 7, 8, 9, 10])
    assert.deepEqual(lines(0, 1012, Infinity), [1011, 4, 5, 6, 7])
    assert.deepEqual(lines(0, Infinity, 2), [1007, 4, 5])
    assert.deepEqual(lines(1017, Infinity, 2), [1017])
  })

  it('gives equal columns when its dictionaries were dropped in between', () => {
    const values = Array.from({ length: 500 }, (_, i) =>
      flow({ srcAddr: `10.0.${i >> 8}.${i & 255}`, interfaceId: `eni-${i % 7}`, line: i + 1 }),
    )
    const slab = slabOf(values.map(value => codecs.flows.encodeValue(value)))
    const decoder = new FlowDecoder(codecs.flows, 100)
    for (let round = 0; round < 3; round++) {
      decoder.takeSlab(slab, 0, Infinity, Infinity)
      assert.equal(decoder.observers.fresh.length, 7)
      assert.deepEqual(rowsOf(decoder), expectedRows(values))
      decoder.clear()
    }
  })

  it('takes 40,000 tag values on one interface in less than three seconds of CPU', () => {
    const count = 40_000
    const tag = { instance2: null, interface: null, interface2: null, asg: null, asg2: null }
    // other in the middle alone: the ends of texts do not tell them apart
    const values = Array.from({ length: count }, (_, i) =>
      codecs.flows.encodeValue(
        flow({
          accountId: '123456789012',
          interfaceId: 'eni-0123456789abcdef0',
          tags: { ...tag, instance: `build-number-${String(i).padStart(6, '0')}-of-the-pipeline` },
          line: i + 1,
        }),
      ),
    )
    const slab = slabOf(values)
    const decoder = new FlowDecoder(codecs.flows, 200_000)
    const cpuMs = (): number => {
      const before = process.cpuUsage()
      decoder.takeSlab(slab, 0, Infinity, Infinity)
      const { user, system } = process.cpuUsage(before)
      return (user + system) / 1000
    }
    const first = cpuMs()
    const second = cpuMs()
    // those of the first rows that are read together can be known twice: by account and interface, and by all bytes
    assert.ok(decoder.observers.spans.size <= count + 1024)
    assert.equal(new Set(decoder.observers.fresh.map(({ hash }) => hash)).size, count)
    assert.ok(first < 3000 && second < 1000, `${first} ms, again ${second} ms`)
    decoder.clear()
  })

  it('tells each context once while it remembers it', () => {
    const decoder = new FlowDecoder(codecs.flows, 1000)
    const slab = slabOf([flow({ interfaceId: 'eni-1' }), flow({ interfaceId: 'eni-2' })].map(value => codecs.flows.encodeValue(value)))
    decoder.takeSlab(slab, 0, Infinity, Infinity)
    assert.equal(decoder.observers.fresh.length, 2)
    decoder.clear()
    decoder.takeSlab(slab, 0, Infinity, Infinity)
    assert.equal(decoder.observers.fresh.length, 0)
  })

  it('stores what no column can hold as absent, and counts it', () => {
    const strange: FlowRecord = flow({
      srcAddr: 'xxx.xxx.1.2',
      dstPort: 70_000,
      protocol: 300,
      srcAsn: 2 ** 40,
      packets: -1,
      start: 2 ** 40,
      end: 2 ** 40 + 5,
      timeSource: 'logged',
    })
    const decoder = new FlowDecoder(codecs.flows, 1000)
    decoder.takeSlab(slabOf([codecs.flows.encodeValue(strange)]), 0, Infinity, Infinity)
    assert.deepEqual(rowsOf(decoder), expectedRows([emptyFlow]))
    assert.equal(decoder.unfit, 6)
  })

  it('refuses bytes that are not what their schema id says', () => {
    const decoder = new FlowDecoder(codecs.flows, 1000)
    const good = codecs.flows.encodeValue(emptyFlow)
    assert.throws(() => decoder.takeSlab(slabOf([good, Buffer.concat([good, Buffer.from([0])])]), 0, Infinity, Infinity), TypeError)
    assert.equal(decoder.columns.rows, 1)
  })

  it('indexes more than 256 and more than 65,536 texts', () => {
    for (const count of [257, 65_537]) {
      const decoder = new FlowDecoder(codecs.flows, 1_000_000)
      for (let i = 0; i < count; i++) decoder.takeValue(codecs.flows.encodeValue(flow({ serviceName: `s${i}` })))
      const rows = rowsOf(decoder)
      assert.ok(rows.every((row, i) => row['service_name'] === `s${i}`))
    }
  })
})

function encodeWith(schema: AvroRecord, record: FlowRecord, id: number): Buffer {
  const type = avsc.Type.forSchema(schema as unknown as avsc.Schema, { wrapUnions: false })
  const header = Buffer.alloc(5)
  header.writeInt32BE(id, 1)
  return Buffer.concat([header, type.toBuffer(record)])
}
