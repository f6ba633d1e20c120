/** Objects of planted networks through fetch, enrich, ip-context and the sinks into a real ClickHouse. */
import { checkConfig } from '../../../config/config.ts'
import { createEnrichRole } from '../../../processors/enrich/enrich-processor.ts'
import { createIpContextRole } from '../../../processors/ip-context/ip-context-processor.ts'
import { createFetchRole } from '../../../producers/s3/fetch/fetch-processor.ts'
import { objectKeyOf } from '../../../producers/synthetic/object-layout.ts'
import { topics } from '../../../schemas/topics.ts'
import { createClickHouseRoles } from '../../../sinks/clickhouse/clickhouse-sink.ts'
import { migrate } from '../../../sinks/clickhouse/migrate.ts'
import type { Store } from '../../../sinks/clickhouse/store.ts'
import type { LiveClickHouse } from '../clickhouse/live-clickhouse.ts'
import { MemoryCluster } from '../../../harness/memory-context.ts'
import { MemoryObjectStore } from '../../../harness/memory-object-store.ts'
import type { LogObject } from './log-objects.ts'

const bucket = 'flow-logs'

/**
 * Brings objects into the tables of a fresh database.
 *
 * @returns The store, and the objects by their keys.
 */
export async function bringObjects(
  server: LiveClickHouse,
  objects: readonly LogObject[],
): Promise<{ store: Store; byKey: Map<string, LogObject> }> {
  // prettier-ignore
  const { store, settings } = server.fresh()
  await migrate(store, settings)
  const config = checkConfig({ lookups: { country: 'none', asn: 'none' }, s3: { sources: [{ bucket }] } })
  const cluster = new MemoryCluster()
  const memory = new MemoryObjectStore()
  const byKey = new Map<string, LogObject>()
  for (const object of [...objects].sort((a, b) => a.slotS - b.slotS)) {
    const { network, flowLog, slotS, text } = object
    const site = { accountId: network.accountId, region: network.region, flowLogId: flowLog.id } as Parameters<typeof objectKeyOf>[0]
    const key = objectKeyOf(site, 'plain', slotS, '0a1b2c3d')
    memory.clockMs = (slotS + 420) * 1000
    const etag = memory.put(bucket, key, text)
    cluster.put('objectArrivals', { bucket, key }, { etag, size: Buffer.byteLength(text), lastModifiedMs: memory.clockMs, source: 'poll' })
    byKey.set(key, object)
  }
  const roles = [
    createFetchRole({ settings: config.s3, stores: () => memory, kafka: config.kafka }),
    createEnrichRole({ lookups: config.lookups, kafka: config.kafka }),
    createIpContextRole({ ...config.ipContext, ...config.kafka }),
    ...createClickHouseRoles({ store, topicPrefix: 'test.', insertRows: 20_000, insertIntervalMs: 1000 }),
  ]
  for (const role of roles)
    for (let partition = 0; partition < cluster.partitionsOf(topics[role.from]); partition++) {
      const task = await cluster.startTask(role, partition)
      await task.drain()
      await task.tick()
      await task.stop()
    }
  return { store, byKey }
}
