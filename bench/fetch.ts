/** Benchmark: fetch without network and broker: open, gunzip, cut, build records; lz4 on top as Kafka would. */
import { checkConfig } from '../config/config.ts'
import { createFetchRole } from '../producers/s3/fetch/fetch-processor.ts'
import { packRecords } from '../runtime/kafka/fenced-producer.ts'
import type { OutRecord } from '../runtime/records.ts'
import type { OutPart, TaskContext } from '../runtime/task.ts'
import { MemoryCluster } from '../harness/memory-context.ts'
import { MemoryObjectStore } from '../harness/memory-object-store.ts'
import type { BenchResult } from './enrich-measure.ts'
import { sampleObject } from './sample-object.ts'

const bucket = 'flow-logs'

/** Passes records on to nobody, after the work that any writer would have to do. */
class SinkContext {
  readonly #base: TaskContext
  readonly #lz4: boolean
  readonly #scratch = Buffer.allocUnsafeSlow(1_000_000)
  bytes = 0

  constructor(base: TaskContext, lz4: boolean) {
    this.#base = base
    this.#lz4 = lz4
  }

  #count(records: OutPart['records']): void {
    if ('packed' in records) this.bytes += records.packed.length
    else if (!('count' in records)) for (const { value } of records) this.bytes += value?.length ?? 0
  }

  context(): TaskContext {
    const { partition, name, log, codecs, signal } = this.#base
    return {
      partition,
      name,
      log,
      codecs,
      signal,
      partitionsOf: topic => this.#base.partitionsOf(topic),
      lookUp: (topic, keys) => this.#base.lookUp(topic, keys),
      greatestGroup: topic => this.#base.greatestGroup(topic),
      sideTable: topic => this.#base.sideTable(topic),
      send: async (_topic, _partition, records) => this.#count(records),
      sendAll: async parts => {
        for (const { records } of parts) this.#count(records)
      },
      ...(this.#lz4 ? { pack: (records: readonly OutRecord[]) => packRecords(records, 'lz4', () => this.#scratch) } : {}),
      commit: () => Promise.resolve(),
      nowMs: () => performance.now(),
    }
  }
}

/**
 * Measures a fetch task. Target 0.5 M rows per CPU-second for large objects, lz4 included.
 *
 * @param rowsPerObject 500: small objects; 300,000: about 10 MB of gzip each.
 */
export async function benchFetch(
  rowsPerObject: number,
  options: { rows?: number; lz4?: boolean; runs?: number } = {},
): Promise<BenchResult> {
  const { rows = 1_200_000, lz4 = false, runs = 5 } = options
  const store = new MemoryObjectStore()
  const objects = rows / rowsPerObject
  const sample = sampleObject(rowsPerObject, 3, 1_790_000_000)
  const cluster = new MemoryCluster()
  for (let i = 0; i < objects; i++) {
    const key = sample.key.replace('.log.gz', `${i}.log.gz`)
    const etag = store.put(bucket, key, sample.body)
    cluster.put('objectArrivals', { bucket, key }, { etag, size: sample.body.length, lastModifiedMs: 0, source: 'poll' })
  }
  const { s3, kafka } = checkConfig({})
  const role = createFetchRole({ settings: s3, kafka, stores: () => store })
  const records = cluster.partition('objectArrivals', 0)
  let bytes = 0
  const pass = async (): Promise<void> => {
    const sink = new SinkContext(cluster.createContext(role, 0), lz4)
    const task = role.createTask(sink.context())
    await task.process({ records, slabs: [], nextOffset: records.length, lag: 0 })
    await task.stop?.()
    bytes = sink.bytes
  }
  await pass()
  const seconds: number[] = []
  for (let run = 0; run < runs; run++) {
    const before = process.cpuUsage()
    await pass()
    const { user, system } = process.cpuUsage(before)
    seconds.push((user + system) / 1e6)
  }
  seconds.sort((a, b) => a - b)
  return {
    name: `fetch ${rowsPerObject} rows an object${lz4 ? ', lz4' : ''}`,
    rowsPerCpuSecond: Math.round(rows / seconds[runs >> 1]!),
    bytesPerRow: Math.round((10 * bytes) / rows) / 10,
  }
}

if (import.meta.main) {
  for (const [rows, lz4] of [
    [300_000, false],
    [300_000, true],
    [60_000, false],
    [500, false],
    [500, true],
  ] as const)
    console.log(JSON.stringify(await benchFetch(rows, { lz4 })))
  console.log(`peak memory ${Math.round(process.resourceUsage().maxRSS / 1024)} MB`)
}
