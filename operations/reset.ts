/** Makes the sink start from the first record again. */
import type { Config } from '../config/config.ts'
import { Cluster } from '../runtime/kafka/cluster.ts'
import { resetGroup } from '../runtime/kafka/topic-admin.ts'
import { createLog } from '../runtime/log.ts'
import { connectClickHouse } from '../sinks/clickhouse/clickhouse-client.ts'
import { resetTables } from '../sinks/clickhouse/reset.ts'
import { topology } from '../topology.ts'
import { commandLevel } from './session.ts'

/** What a reset would remove. */
export interface SinkReset {
  /** Consumer groups whose positions are forgotten. */
  readonly groups: readonly string[]
  /** Forgets the positions and drops the tables. No process of the sink may run. */
  run(): Promise<void>
}

/** Says what there is to reset; opens no connection. */
export async function sinkReset(config: Config): Promise<SinkReset> {
  const built = topology.find(node => node.name === 'sink')!.build({ config })
  const roles = (built.roles ?? []).map(role => role.name)
  await built.close?.()
  const cluster = new Cluster(config.kafka, createLog(commandLevel(config.log.level)))
  return {
    groups: roles.map(role => cluster.groupOf(role)),
    async run() {
      const store = connectClickHouse(config.clickhouse)
      try {
        for (const role of roles) await resetGroup(cluster, role)
        await resetTables(store, config.clickhouse)
      } finally {
        await store.close()
        await cluster.close()
      }
    },
  }
}
