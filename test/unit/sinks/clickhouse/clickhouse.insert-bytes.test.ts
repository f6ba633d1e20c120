// What rows take in memory has a bound in bytes, whatever is in them.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { countedSchemaIds, createCodecs } from '../../../../runtime/avro.ts'
import type { InBatch, InSlab } from '../../../../runtime/records.ts'
import type { FlowRecord } from '../../../../schemas/flow-record.ts'
import { createClickHouseRoles } from '../../../../sinks/clickhouse/clickhouse-sink.ts'
import { FlowBuffer } from '../../../../sinks/clickhouse/flow-buffer.ts'
import { NativeWriter } from '../../../../sinks/clickhouse/native-writer.ts'
import { RecordBuffer } from '../../../../sinks/clickhouse/record-buffer.ts'
import { deadLetterTable } from '../../../../sinks/clickhouse/row-tables.ts'
import { flow } from '../../../support/records/flow-records.ts'
import { MemoryCluster } from '../../../../harness/memory-context.ts'
import { encodeSlab } from '../../../../harness/memory-slabs.ts'
import { MemoryStore } from '../../../support/clickhouse/memory-store.ts'
import { readNative } from '../../../support/records/native-rows.ts'
import type { RowBuffer } from '../../../../sinks/clickhouse/table-target.ts'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void
const MiB = 1024 * 1024

/** Memory that is in use. */
function usedMiB(): number {
  gc()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / MiB
}

const codecs = createCodecs(countedSchemaIds())
const key = codecs.flows.encodeKey({ lowAddr: null, lowPort: null, highAddr: null, highPort: null, protocol: null })
const slabRows = 500

function slabOf(rows: (i: number) => Partial<FlowRecord>, from: number): InSlab {
  const values = Array.from({ length: slabRows }, (_, i) => codecs.flows.encodeValue(flow({ line: from + i + 1, ...rows(from + i) })))
  return { ...encodeSlab(values.map(value => ({ key, value }))), baseOffset: from, from, nextOffset: from + slabRows }
}

const name = (text: string, i: number): string => `${text}-${i.toString(16).padStart(17, '0')}`

/** Columns of logs that somebody may send. */
const hostile: readonly { name: string; row: (i: number) => Partial<FlowRecord> }[] = [
  {
    name: '14 unknown columns',
    row: i => ({ extra: Object.fromEntries(Array.from({ length: 14 }, (_, n) => [`unknown-column-${n}`, `value-${i}-${n}`])) }),
  },
  {
    name: 'a transit gateway attachment of its own in each record',
    row: i => ({
      resourceType: 'TransitGateway',
      transitGateway: Object.fromEntries(
        ['tgwId', 'tgwAttachmentId', 'srcVpcId', 'dstVpcId', 'srcSubnetId', 'dstSubnetId', 'srcEni', 'dstEni', 'pairAttachmentId'].map(
          field => [field, name('tgw', i)],
        ),
      ) as never,
    }),
  },
  {
    name: 'addresses that never repeat',
    row: i => ({ srcAddr: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, dstAddr: `2001:db8::${i.toString(16)}` }),
  },
  { name: 'organisations with long names', row: i => ({ srcAddr: `10.0.${(i >> 8) & 255}.${i & 255}`, srcAsOrg: `${i} `.repeat(400) }) },
  {
    name: 'next hops that never repeat',
    row: i => ({ nextHop: { interfaceId: name('eni', i), subnetId: name('subnet', i), azId: null, vpcId: null, interfaceType: null } }),
  },
  { name: 'types that never repeat', row: i => ({ type: name('type', i) }) },
]

const batchOf = (slab: InSlab): InBatch => ({ records: [], slabs: [slab], nextOffset: slab.nextOffset, lag: 1 })

/** What the generator of this test and the code itself need is there before it is measured, that for measuring coverage too. */
function warmUp(row: (i: number) => Partial<FlowRecord>, bytes: number): void {
  const buffer = new FlowBuffer(codecs.flows, bytes)
  for (let at = 0; !buffer.full; at += slabRows) buffer.take(batchOf(slabOf(row, at)), at, Infinity, Infinity)
  for (const insert of buffer.inserts()) if (insert.rows > 0) insert.encode(new NativeWriter())
}

describe('rows of an insert', () => {
  for (const { name: what, row } of hostile)
    it(`end at the bound of bytes, measured: ${what}`, () => {
      const most = 4 * MiB
      const buffer = new FlowBuffer(codecs.flows, most)
      const writer = new NativeWriter()
      warmUp(row, most / 4)
      let taken = 0
      let peak = 0
      let least = Infinity
      const before = usedMiB()
      for (let range = 0; range < 3; range++) {
        while (!buffer.full && buffer.rows < 200_000) {
          const next = buffer.take(batchOf(slabOf(row, taken)), taken, Infinity, 200_000 - buffer.rows)
          assert.ok(next > taken, 'each look takes something')
          taken = next
        }
        least = Math.min(least, buffer.rows)
        for (const insert of buffer.inserts()) if (insert.rows > 0) insert.encode(writer)
        peak = Math.max(peak, usedMiB() - before)
        buffer.clear()
      }
      const left = usedMiB() - before
      assert.ok(least < 200_000 && least >= 500, `${least} rows a range`)
      // buffers double, and so does that of the block
      assert.ok(peak < (2.5 * most) / MiB + 2, `${peak} MiB for a bound of ${most / MiB}`)
      assert.ok(left < (2 * most) / MiB, `${left} MiB between ranges`)
      assert.ok(writer.bytes.length <= 2 * most, `a block of ${writer.bytes.length} bytes`)
    })

  it('take a fraction of the 63 MiB that objects took where 10,000 rows have 14 unknown columns', () => {
    const before = usedMiB()
    const buffer = new FlowBuffer(codecs.flows, Infinity)
    for (let taken = 0; taken < 10_000; taken += slabRows) buffer.take(batchOf(slabOf(hostile[0]!.row, taken)), taken, Infinity, Infinity)
    const used = usedMiB() - before
    assert.equal(buffer.rows, 10_000)
    assert.ok(used < 20, `${used} MiB`)
  })

  it('end at the bound of bytes for dead letters as for flows', () => {
    const decode = (): { key: { bucket: string; key: string }; letter: never; recordedMs: number } => ({
      key: { bucket: 'b', key: 'k' },
      letter: { bytes: Buffer.alloc(4096) } as never,
      recordedMs: 0,
    })
    const buffer: RowBuffer = new RecordBuffer(deadLetterTable, decode, 8 * MiB)
    const records = Array.from({ length: 20_000 }, (_, offset) => ({
      offset,
      timestampMs: 0,
      key: null,
      value: Buffer.alloc(4096),
      headers: {},
    }))
    const next = buffer.take({ records, slabs: [], nextOffset: 20_000, lag: 0 }, 0, Infinity, 200_000)
    assert.ok(next < 1100 && next > 500, `${next} letters`)
    assert.ok(buffer.full)
    buffer.clear()
    assert.ok(!buffer.full)
  })

  it('are cut into ranges that are taken whole again after a restart, whatever the bound is then', async () => {
    const cluster = new MemoryCluster()
    for (let line = 1; line <= 4000; line++)
      cluster.put(
        'flows',
        { lowAddr: null, lowPort: null, highAddr: null, highPort: null, protocol: null },
        flow({ line, ...hostile[0]!.row(line) }),
      )
    const store = new MemoryStore()
    const roleWith = (insertBytes: number) =>
      createClickHouseRoles({ store, topicPrefix: 'p.', insertRows: 200_000, insertBytes, insertIntervalMs: 1000 })[0]!
    let left = true
    store.fail = table => {
      if (table !== 'flows' || !left) return undefined
      left = false
      return 'after'
    }
    await assert.rejects(cluster.runRole(roleWith(MiB)))
    await cluster.runRole(roleWith(65_536))
    const inserts = store.inserts.filter(({ table }) => table === 'flows')
    assert.deepEqual([inserts[0]!.token, inserts[0]!.rows], [inserts[1]!.token, inserts[1]!.rows], 'the same range')
    assert.ok(inserts[0]!.rows > 500 && inserts.at(-2)!.rows < 300, JSON.stringify(inserts.map(({ rows }) => rows)))
    assert.deepEqual(
      store.rows('flows').map(row => row['line']),
      Array.from({ length: 4000 }, (_, i) => i + 1),
    )
  })
})

describe('extra columns', () => {
  it('come back from their arena with every length', () => {
    const texts = [0, 1, 63, 64, 65, 127, 128, 129, 300, 16_383, 16_384, 70_000].map(
      length => 'é'.repeat(length >> 1) + 'x'.repeat(length & 1),
    )
    const buffer = new FlowBuffer(codecs.flows, Infinity)
    const rows = texts.map((text, i) => flow({ line: i + 1, extra: { [`k${text}`]: text, second: String(i) } }))
    rows.forEach((record, offset) =>
      buffer.take(
        {
          records: [{ offset, timestampMs: 0, key: null, value: codecs.flows.encodeValue(record), headers: {} }],
          slabs: [],
          nextOffset: offset + 1,
          lag: 0,
        },
        offset,
        Infinity,
        100,
      ),
    )
    const block = buffer.inserts()[1]!.encode(new NativeWriter())
    assert.deepEqual(
      readNative(block.bytes).map(row => row['extra']),
      rows.map(({ extra }) => extra),
    )
  })
})
