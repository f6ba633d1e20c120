/** The sink's roles on an in-memory Kafka and a real ClickHouse database of their own. */
import { readFileSync } from 'node:fs'
import type { FlowRecord } from '../../../schemas/flow-record.ts'
import type { Role } from '../../../runtime/task.ts'
import { createClickHouseRoles } from '../../../sinks/clickhouse/clickhouse-sink.ts'
import type { Store } from '../../../sinks/clickhouse/store.ts'
import { flowsOfLog } from '../records/flow-records.ts'
import type { LiveClickHouse } from './live-clickhouse.ts'
import { MemoryCluster } from '../../../harness/memory-context.ts'

/** A key that any flow can have. */
export const anyKey = { lowAddr: null, lowPort: null, highAddr: null, highPort: null, protocol: null }
/** Object that the records of a test stand for. */
export const testObjectId = Buffer.from('00ab3c4d5e6f7081', 'hex')

/** What a test works with. */
export interface SinkSetup {
  readonly store: Store
  readonly cluster: MemoryCluster
  /** A role by its name. */
  readonly role: (name: string) => Role
  readonly putFlows: (records: readonly FlowRecord[]) => void
}

/** Takes a database without rows. */
export async function setUpSink(server: LiveClickHouse, insertRows = 1000): Promise<SinkSetup> {
  const { store } = await server.migrated()
  const cluster = new MemoryCluster()
  const roles = createClickHouseRoles({ store, topicPrefix: 'test.', insertRows, insertIntervalMs: 1000 })
  return {
    store,
    cluster,
    role: name => roles.find(role => role.name === name)!,
    putFlows: records => {
      for (const record of records) cluster.put('flows', anyKey, record)
    },
  }
}

/** The records of examples/logs/nat-gateway-v5. */
export const natGatewayFlows = (): FlowRecord[] =>
  flowsOfLog(readFileSync(new URL('../../../examples/logs/nat-gateway-v5/nat.log', import.meta.url), 'utf8'), testObjectId)
