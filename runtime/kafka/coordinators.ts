/** Whether the broker shows a login the coordinators of its groups and transactional ids. */
/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-explicit-any -- kafkajs internals have no types */
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import type * as KafkaJs from 'kafkajs'

const require = createRequire(import.meta.url)

/** What has a coordinator. */
export type CoordinatorKind = 'group' | 'transaction'

/**
 * Asks for the coordinators of groups or transactional ids, which needs the permission to describe them and changes nothing of them. kafkajs
 * itself tells no reason where one is refused, and asks for those of transactional ids only to take them over.
 *
 * @returns By name: the error, or undefined.
 */
export async function tryCoordinators(
  kafka: KafkaJs.Kafka,
  kind: CoordinatorKind,
  names: readonly string[],
): Promise<Map<string, unknown>> {
  const create = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === 'private:Kafka:createCluster')
  const { GROUP, TRANSACTION } = require('kafkajs/src/protocol/coordinatorTypes')
  const coordinatorType = kind === 'group' ? GROUP : TRANSACTION
  const cluster = (kafka as any)[create!]({})
  const errors = new Map<string, unknown>()
  await cluster.connect()
  try {
    await cluster.refreshMetadata()
    const broker = await cluster.findControllerBroker()
    for (const groupId of names) {
      for (let attempt = 0; ; attempt++) {
        const error: any = await broker.findGroupCoordinator({ groupId, coordinatorType }).then(
          () => undefined,
          (reason: unknown) => reason,
        )
        errors.set(groupId, error)
        // the broker makes its own topic first
        if (error?.type !== 'GROUP_COORDINATOR_NOT_AVAILABLE' || attempt >= 100) break
        await sleep(100)
      }
    }
  } finally {
    await cluster.disconnect()
  }
  return errors
}
