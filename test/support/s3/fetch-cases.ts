/** What the fetch tests share: a cluster, a store, and objects with numbered lines. */
import { gzipSync } from 'node:zlib'
import { checkConfig } from '../../../config/config.ts'
import type { FlowLogService } from '../../../producers/s3/fetch/describe-flow-logs.ts'
import { createFetchRole } from '../../../producers/s3/fetch/fetch-processor.ts'
import { ParquetReaders } from '../../../producers/s3/parquet/parquet-readers.ts'
import type { Role } from '../../../runtime/task.ts'
import type { ObjectArrival, ObjectLedger } from '../../../schemas/records.ts'
import { MemoryCluster, type MemoryTask } from '../../../harness/memory-context.ts'
import { MemoryObjectStore } from '../../../harness/memory-object-store.ts'

/** Bucket of every object. */
export const bucket = 'flow-logs'
/** Header line of every object, unless a case has its own. */
export const header = 'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status'
/** Folder of every object. */
export const day = 'AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24/'
/** Key of an object, by the end of its name. */
export const keyOf = (name: string): string => `${day}123456789012_vpcflowlogs_us-east-1_fl-0123456789abcdef0_20261124T1155Z_${name}.log.gz`

/** Lines that say which line they are. */
export const numbered = (count: number, from = 2): string[] =>
  Array.from({ length: count }, (_unused, index) => `2 123456789012 eni-${from + index} 10.0.0.1 10.0.0.2 1 2 6 1 40 1 2 ACCEPT OK`)
/** Body of an object with these lines below the header. */
export const gz = (lines: readonly string[]): Buffer => gzipSync(`${[header, ...lines].join('\n')}\n`)

/** Ticks until started downloads have ended and were read. */
export async function settle(task: MemoryTask): Promise<void> {
  for (let i = 0; i < 8; i++) {
    await task.tick()
    await new Promise(resolve => setTimeout(resolve, 1))
  }
}

/** A cluster, a store and the role, with bounds small enough to be reached. */
export class FetchBench {
  readonly cluster: MemoryCluster
  readonly store = new MemoryObjectStore()
  readonly role: Role
  readonly points: string[] = []
  onPoint: ((point: string) => void) | undefined

  constructor(settings: Record<string, unknown> = {}, partitions = 1, parts: { flowLogs?: FlowLogService; parquet?: ParquetReaders } = {}) {
    this.cluster = new MemoryCluster({ partitions })
    const { s3 } = checkConfig({
      s3: { blockBytes: 2048, linesPerRecord: 20, chunkBytes: 65_536, maxLineBytes: 1024, maxAttempts: 3, retryBaseMs: 1000, ...settings },
    })
    const atPoint = (point: string): void => {
      this.points.push(point)
      this.onPoint?.(point)
    }
    const { flowLogs, parquet = new ParquetReaders() } = parts
    this.role = createFetchRole({
      settings: s3,
      kafka: { commitIntervalMs: 500, commitRows: 200_000 },
      stores: () => this.store,
      parquet,
      atPoint,
      ...(flowLogs === undefined ? {} : { flowLogs }),
    })
  }

  /** Announces the stored object as a listing would. */
  async announce(key: string, source: ObjectArrival['source'] = 'poll'): Promise<void> {
    let found: { etag: string; size: number; lastModifiedMs: number } = { etag: 'gone', size: 1, lastModifiedMs: 0 }
    for await (const object of this.store.list(bucket, key)) if (object.key === key) found = object
    this.cluster.put(
      'objectArrivals',
      { bucket, key },
      { etag: found.etag, size: found.size, lastModifiedMs: found.lastModifiedMs, source },
    )
  }

  async putAndAnnounce(key: string, body: Buffer | string): Promise<string> {
    const etag = this.store.put(bucket, key, body)
    await this.announce(key)
    return etag
  }

  async run(): Promise<void> {
    await this.cluster.runRole(this.role)
  }

  /**
   * Runs the task and kills it at its chunk of that number, again and again until the object is done.
   *
   * @returns How often it was killed.
   */
  async runKilled(key: string, { chunks, tries }: { chunks: number; tries: number }): Promise<number> {
    let kills = 0
    for (let tried = 0; tried < tries && this.ledger(key)?.state !== 'done'; tried++) {
      let committed = 0
      this.onPoint = point => {
        if (point === 'fetch-chunk-committed' && ++committed === chunks) throw new Error('killed')
      }
      const task = await this.cluster.startTask(this.role, 0)
      await task
        .drain()
        .then(() => task.stop())
        .catch(() => kills++)
    }
    return kills
  }

  ledger(key: string): ObjectLedger | undefined {
    return this.cluster.latest('objects', each => each.key).get(key)
  }

  /** The published lines of an object, in order, with their numbers. */
  lines(key: string, etag?: string): { line: number; text: string }[] {
    const all: { line: number; text: string }[] = []
    for (const record of this.cluster.readCommitted('rawLines')) {
      if (record.key.key !== key || (etag !== undefined && record.headers['etag'] !== etag)) continue
      const lines = (record.value ?? '').split('\n')
      if (lines.at(-1) === '') lines.pop()
      if (lines.length !== Number(record.headers['lines']))
        throw new Error(`block says ${record.headers['lines'] ?? ''} lines, has ${lines.length}`)
      for (const [index, text] of lines.entries()) all.push({ line: Number(record.headers['first-line']) + index, text })
    }
    return all
  }
}
