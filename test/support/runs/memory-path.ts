/** The whole path in memory: object store, topics, tables. Time stands still unless a test moves it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { checkConfig, type Config, type RawConfig } from '../../../config/config.ts'
import { createEnrichRole } from '../../../processors/enrich/enrich-processor.ts'
import { createIpContextRole } from '../../../processors/ip-context/ip-context-processor.ts'
import { createDiscoverSource } from '../../../producers/s3/discover/discover-source.ts'
import { createFetchRole } from '../../../producers/s3/fetch/fetch-processor.ts'
import type { Role } from '../../../runtime/task.ts'
import { topics } from '../../../schemas/topics.ts'
import { createClickHouseRoles } from '../../../sinks/clickhouse/clickhouse-sink.ts'
import { MemoryCluster } from '../../../harness/memory-context.ts'
import { MemoryObjectStore } from '../../../harness/memory-object-store.ts'
import { MemoryStore } from '../clickhouse/memory-store.ts'

const bucket = 'flow-logs'

/** One deployment in memory: objects are put in, roles are run, and topics and tables are read. */
export class MemoryPath {
  readonly config: Config
  readonly cluster: MemoryCluster
  readonly objects = new MemoryObjectStore()
  readonly tables = new MemoryStore()
  readonly bucket = bucket
  readonly #roles: readonly Role[]

  constructor(settings: RawConfig = {}) {
    this.config = checkConfig({
      lookups: { country: 'none', asn: 'none' },
      ...settings,
      s3: { sources: [{ bucket }], pollIntervalMs: 100, ...settings['s3'] },
    })
    const { s3, kafka, lookups, ipContext, clickhouse } = this.config
    this.cluster = new MemoryCluster({ partitions: { objects: 2, lines: 2, flows: 3, addresses: 2, few: 1 } })
    this.#roles = [
      createFetchRole({ settings: s3, stores: () => this.objects, kafka }),
      createEnrichRole({ lookups, kafka }),
      createIpContextRole({ ...ipContext, ...kafka }),
      ...createClickHouseRoles({ ...clickhouse, store: this.tables, topicPrefix: kafka.topicPrefix }),
    ]
  }

  /** Unix seconds of the five-minute slot that is complete now. */
  get slotS(): number {
    return Math.floor(this.cluster.clockMs / 300_000) * 300 - 300
  }

  /** Key of an object that discover finds. */
  keyOf(name: string, account = '123456789010'): string {
    const day = new Date(this.slotS * 1000).toISOString()
    return `AWSLogs/${account}/vpcflowlogs/us-east-1/${day.slice(0, 10).replaceAll('-', '/')}/${account}_vpcflowlogs_us-east-1_fl-0123456789abcdef0_${day.slice(0, 16).replace(/[-:]/g, '')}Z_${name}.log.gz`
  }

  /** Lists the bucket once. */
  async discover(): Promise<void> {
    const source = createDiscoverSource({ settings: this.config.s3, stores: () => this.objects, quietDayRounds: 1 })
    const stop = new AbortController()
    const shards = Array.from({ length: this.cluster.partitionsOf(topics.objectArrivals) }, (_unused, shard) =>
      source.runShard(this.cluster.createSourceContext(source, shard, stop.signal)),
    )
    while (!source.ready()) await sleep(5)
    stop.abort()
    await Promise.all(shards)
  }

  /** Runs every role over all there is, in the order of the path, each task from its fence to its stop. */
  async work(): Promise<void> {
    for (const role of this.#roles)
      for (let partition = 0; partition < this.cluster.partitionsOf(topics[role.from]); partition++) {
        const task = await this.cluster.startTask(role, partition)
        await task.drain()
        await task.tick()
        // a retry is downloaded after one tick and read in a later one
        for (let i = 0; i < 3 && role.state === 'objects'; i++) {
          await sleep(2)
          await task.tick()
        }
        await task.stop()
      }
  }

  /** Puts objects, lists, works. @returns Their keys. */
  async bring(objects: Readonly<Record<string, Buffer | string>>, account?: string): Promise<string[]> {
    const keys = Object.keys(objects).map(name => this.keyOf(name, account))
    for (const [i, body] of Object.values(objects).entries()) this.objects.put(bucket, keys[i]!, body)
    await this.discover()
    await this.work()
    return keys
  }
}
