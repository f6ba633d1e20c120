/** Makes a part start from the first record again. */
import type { Config } from '../config/config.ts'
import { Cluster } from '../runtime/kafka/cluster.ts'
import { resetGroup } from '../runtime/kafka/topic-admin.ts'
import { createLog } from '../runtime/log.ts'
import type { Reset } from '../runtime/part.ts'
import { topology, type Topology } from '../topology.ts'
import { commandLevel } from './session.ts'

/** A part that can be reset. */
export type ResettablePart = Topology[number] & { readonly reset: Reset<Config> }

/** What a reset would remove. */
export interface PartReset {
  /** Consumer groups whose positions are forgotten. */
  readonly groups: readonly string[]
  /** What is dropped: one word, and what exactly. */
  readonly drops: string
  readonly what: string
  /** Forgets the positions and drops the rest. No process of the part may run. */
  run(): Promise<void>
}

/** The parts that can be reset. */
export const resettable = (parts: Topology = topology): ResettablePart[] =>
  parts.filter((part): part is ResettablePart => part.reset !== undefined)

/** Says what there is to reset; opens no connection. */
export function resetOf(config: Config, { name, roles, reset }: ResettablePart): PartReset {
  const cluster = new Cluster(config.kafka, createLog(commandLevel(config.log.level)))
  return {
    groups: roles.map(role => cluster.groupOf(role)),
    drops: reset.drops,
    what: reset.what(config),
    async run() {
      try {
        for (const role of roles) await resetGroup(cluster, role, { part: name })
        await reset.run(config)
      } finally {
        await cluster.close()
      }
    },
  }
}
