/** Creates missing topics and registers their schemas. */
import type { Config } from '../config/config.ts'
import { Cluster } from '../runtime/kafka/cluster.ts'
import { applyTopics, type TopicReport } from '../runtime/kafka/topic-admin.ts'
import { createLog } from '../runtime/log.ts'
import { Registry } from '../runtime/registry.ts'
import { commandLevel } from './session.ts'

/**
 * Makes what the path needs of Kafka and the registry. Repeating it changes nothing.
 *
 * @param onTopics Told of the topics before schemas are registered.
 * @returns How many subjects have a schema now.
 */
export async function applyTopicsAndSchemas(config: Config, onTopics: (reports: readonly TopicReport[]) => void): Promise<number> {
  const cluster = new Cluster(config.kafka, createLog(commandLevel(config.log.level)))
  const registry = new Registry(config.registry, config.kafka.topicPrefix)
  try {
    await registry.check()
    onTopics(await applyTopics(cluster))
    await cluster.loadTopics()
    const ids = await registry.schemaIds()
    return Object.values(ids).flatMap(({ key, value }) => (value < 0 ? [key] : [key, value])).length
  } finally {
    await cluster.close()
  }
}
