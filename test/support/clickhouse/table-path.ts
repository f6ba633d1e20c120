/** From objects in memory to the tables of a real ClickHouse: the roles of fetch, enrich and clickhouse on an in-memory Kafka. */
import { setTimeout as sleep } from 'node:timers/promises'
import { checkConfig, type Config } from '../../../config/config.ts'
import { createEnrichRole } from '../../../processors/enrich/enrich-processor.ts'
import { createFetchRole } from '../../../producers/s3/fetch/fetch-processor.ts'
import { objectKeyOf, type ObjectLayout } from '../../../producers/synthetic/object-layout.ts'
import type { Role } from '../../../runtime/task.ts'
import { topics } from '../../../schemas/topics.ts'
import { createClickHouseRoles } from '../../../sinks/clickhouse/clickhouse-sink.ts'
import type { Store } from '../../../sinks/clickhouse/store.ts'
import type { LiveClickHouse } from './live-clickhouse.ts'
import { MemoryCluster } from '../../../harness/memory-context.ts'
import { MemoryObjectStore } from '../../../harness/memory-object-store.ts'

/** Account and region of all objects. */
export const place = { accountId: '001234567890', region: 'eu-central-1' } as const
const bucket = 'flow-logs'

/** One database and the roles that fill it from objects in memory. */
export class TablePath {
  readonly cluster = new MemoryCluster()
  readonly objects = new MemoryObjectStore()
  readonly bucket = bucket
  readonly store: Store
  readonly settings: Config['clickhouse']
  readonly #roles: readonly Role[]

  private constructor(store: Store, settings: Config['clickhouse']) {
    this.store = store
    this.settings = settings
    const config = checkConfig({ lookups: { country: 'none', asn: 'none' }, s3: { sources: [{ bucket }], maxLineBytes: 4096 } })
    this.#roles = [
      createFetchRole({ settings: config.s3, stores: () => this.objects, kafka: config.kafka }),
      createEnrichRole({ lookups: config.lookups, kafka: config.kafka }),
      ...createClickHouseRoles({ store, topicPrefix: 'test.', insertRows: 1000, insertIntervalMs: 1000 }).filter(
        role => role.name !== 'clickhouse-runs',
      ),
    ]
  }

  /** Takes a database without rows. */
  static async open(server: LiveClickHouse): Promise<TablePath> {
    const { store, settings } = await server.migrated()
    return new TablePath(store, settings)
  }

  /** Uploads an object of a flow log and announces it. @returns Its key. */
  put(
    flowLogId: string,
    slotS: number,
    body: Buffer | string,
    options: { layout?: ObjectLayout; uploadedS?: number; hash?: string } = {},
  ): string {
    const key = this.keyOf(flowLogId, slotS, options)
    this.putKey(key, body, options.uploadedS ?? slotS + 420)
    return key
  }

  /** The key of an object of a flow log. */
  keyOf(flowLogId: string, slotS: number, options: { layout?: ObjectLayout; hash?: string } = {}): string {
    const site = { ...place, flowLogId } as Parameters<typeof objectKeyOf>[0]
    return objectKeyOf(site, options.layout ?? 'plain', slotS, options.hash ?? '0a1b2c3d')
  }

  /** Uploads an object with any key and announces it. */
  putKey(key: string, body: Buffer | string, uploadedS: number): void {
    this.objects.clockMs = uploadedS * 1000
    const etag = this.objects.put(bucket, key, body)
    const arrival = { etag, size: Buffer.byteLength(body), lastModifiedMs: uploadedS * 1000, source: 'poll' } as const
    this.cluster.put('objectArrivals', { bucket, key }, arrival)
  }

  /** Runs every role over all there is. */
  async work(): Promise<void> {
    for (const role of this.#roles)
      for (let partition = 0; partition < this.cluster.partitionsOf(topics[role.from]); partition++) {
        const task = await this.cluster.startTask(role, partition)
        await task.drain()
        for (let i = 0; i < 3 && role.state === 'objects'; i++) {
          await sleep(2)
          await task.tick()
        }
        await task.stop()
      }
  }
}
