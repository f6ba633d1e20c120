/** Benchmarks: records of the topic `flows` to columns and Native blocks, and the whole part with a real ClickHouse engine behind HTTP. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkConfig } from '../config/config.ts'
import { BlockEnricher } from '../processors/enrich/block-enricher.ts'
import type { LookupSet } from '../processors/enrich/lookups/lookup-set.ts'
import { SightingCollector } from '../processors/enrich/sightings.ts'
import { Slabs } from '../processors/enrich/encode/slabs.ts'
import { countedSchemaIds, createCodecs } from '../runtime/avro.ts'
import type { InSlab } from '../runtime/records.ts'
import { connectClickHouse } from '../sinks/clickhouse/clickhouse-client.ts'
import { createClickHouseRoles } from '../sinks/clickhouse/clickhouse-sink.ts'
import { FlowDecoder } from '../sinks/clickhouse/columns/flow-decoder.ts'
import { FlowBlockEncoder } from '../sinks/clickhouse/flow-block.ts'
import { migrate } from '../sinks/clickhouse/migrate.ts'
import { NativeWriter } from '../sinks/clickhouse/native-writer.ts'
import { ChildService } from '../stack/child-service.ts'
import { clickhouseService } from '../stack/node-services.ts'
import { freePorts } from '../stack/ports.ts'
import { benchTables } from './encode.ts'
import { generateRows } from './enrich-input.ts'
import { cpuSeconds, measure, type BenchResult } from './enrich-measure.ts'
import { taskContext } from './task-context.ts'

const insertRows = 200_000
const codecs = createCodecs(countedSchemaIds())

/** Slabs of one partition as the enricher writes them. */
export function benchSlabs(tables: LookupSet, rows: number): InSlab[] {
  const input = generateRows(rows)
  const enricher = new BlockEnricher(200_000, countedSchemaIds().flows)
  const slabs = new Slabs(1)
  const sightings = new SightingCollector()
  const object = { bucket: 'b', key: 'k' }
  const objectName = { accountId: null, region: null, flowLogId: null, slotStart: null }
  const all: InSlab[] = []
  let offset = 0
  let firstLine = 2
  const keep = (full: ReturnType<Slabs['takeAll']>): void => {
    for (const slab of full) {
      const { bytes, count } = slab.out
      all.push({ bytes: bytes.slice(), count, baseOffset: offset, from: offset, nextOffset: offset + count })
      offset += count
      slabs.release(slab)
    }
  }
  for (const bytes of input.blocks) {
    firstLine += enricher.enrich(
      { object, objectName, bytes, header: input.header, etag: '', objectId: Buffer.alloc(8, 7), firstLine },
      tables,
      slabs,
      sightings,
    ).lines
    sightings.take()
    keep(slabs.takeFull())
  }
  keep(slabs.takeAll())
  return all
}

/** Measures records to columns to Native blocks. Target 1.5 M rows per CPU-second. */
export function benchColumns(tables: LookupSet, rows = 400_000): BenchResult[] {
  const slabs = benchSlabs(tables, rows)
  const decoder = new FlowDecoder(codecs.flows, 65_536)
  const encoder = new FlowBlockEncoder()
  const writer = new NativeWriter()
  const pass = (encode: boolean) => (): number => {
    let bytes = 0
    const flush = (): void => {
      if (encode) bytes += encoder.encode(writer, decoder).bytes.length
      decoder.clear()
    }
    for (const slab of slabs) {
      decoder.takeSlab(slab, slab.from, Infinity, Infinity)
      if (decoder.columns.rows >= insertRows) flush()
    }
    flush()
    return bytes
  }
  return [
    measure('clickhouse: records to columns', rows, pass(false)),
    measure('clickhouse: records to columns to Native', rows, pass(true)),
  ]
}

/** Process that has the folder among its arguments. */
function pidWith(folder: string): number {
  const isServer = (pid: string): boolean => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder)
    } catch {
      return false
    }
  }
  return Number(readdirSync('/proc').find(isServer))
}

/** Measures the role `clickhouse-flows` with ClickHouse and its merges, both counted. Linux only. Target 0.25 M rows per CPU-second. */
export async function benchClickHouse(tables: LookupSet, rows = 400_000, rounds = 5): Promise<BenchResult> {
  const slabs = benchSlabs(tables, rows)
  const folder = mkdtempSync(join(tmpdir(), 'flowloom-bench-'))
  const { clickhouse: port } = await freePorts()
  const server = new ChildService(clickhouseService({ port, folder }), { logs: folder, run: folder }, () => undefined)
  await server.start()
  const { clickhouse } = checkConfig({ clickhouse: { url: `http://127.0.0.1:${port}` } })
  const store = connectClickHouse(clickhouse)
  try {
    await migrate(store, clickhouse)
    const pid = pidWith(folder)
    const seconds: number[] = []
    for (let round = 0; round <= rounds; round++) {
      // A topic of its own per round: the same offsets are another range.
      const [role] = createClickHouseRoles({ store, topicPrefix: `r${round}.`, insertRows, insertIntervalMs: 60_000 })
      const task = role!.createTask(taskContext(codecs, () => Date.now()))
      await task.start?.({ offset: 0, metadata: '' })
      const before = cpuSeconds(pid) + cpuSeconds(process.pid)
      for (const slab of slabs) await task.process({ records: [], slabs: [slab], nextOffset: slab.nextOffset, lag: 1 })
      await task.stop?.()
      while ((await store.query<{ n: string }>('SELECT toString(count()) AS n FROM system.merges'))[0]!.n !== '0') await sleep(50)
      if (round > 0) seconds.push(cpuSeconds(pid) + cpuSeconds(process.pid) - before)
    }
    const [counted] = await store.query<{ rows: string; bytes: string }>(
      "SELECT toString(sum(rows)) AS rows, toString(sum(data_compressed_bytes)) AS bytes FROM system.parts WHERE database = {database:String} AND table = 'flows' AND active",
      { database: clickhouse.database },
    )
    if (Number(counted!.rows) !== rows * (rounds + 1)) throw new Error(`${counted!.rows} rows in the table`)
    seconds.sort((a, b) => a - b)
    return {
      name: 'clickhouse: records to the server, its CPU and merges included',
      rowsPerCpuSecond: Math.round(rows / seconds[rounds >> 1]!),
      bytesPerRow: Number(counted!.bytes) / (rows * (rounds + 1)),
    }
  } finally {
    await store.close()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  const tables = await benchTables()
  console.log(benchColumns(tables))
  console.log(await benchClickHouse(tables))
}
