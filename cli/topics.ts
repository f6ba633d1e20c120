/** `flowloom topics apply`: creates topics and registers schemas. */
import { loadConfig } from '../config/config.ts'
import { FlowError } from '../runtime/errors.ts'
import { Cluster } from '../runtime/kafka/cluster.ts'
import { applyTopics } from '../runtime/kafka/topic-admin.ts'
import { createLog } from '../runtime/log.ts'
import { Registry } from '../runtime/registry.ts'
import type { Command } from './arguments/command.ts'
import { configOption } from './arguments/command.ts'
import { commandLevel } from '../operations/session.ts'

/** See the head of this file. */
export const topicsCommand: Command = {
  name: 'topics',
  summary: 'create missing topics and register their schemas',
  words: 'apply',
  options: { config: configOption },
  details:
    'Existing topics are never changed; if they differ from the settings, that is printed. Run it once per deployment and after an upgrade.',
  async run({ values, positionals }) {
    if (positionals.length !== 1 || positionals[0] !== 'apply')
      throw new FlowError('USAGE', { detail: 'say `topics apply`', command: 'topics' })
    const config = loadConfig({ file: values['config'] as string | undefined })
    const cluster = new Cluster(config.kafka, createLog(commandLevel(config.log.level)))
    const registry = new Registry(config.registry, config.kafka.topicPrefix)
    try {
      await registry.check()
      for (const report of await applyTopics(cluster)) {
        console.log(`${report.state === 'created' ? 'created' : 'kept   '}  ${report.topic}  ${report.partitions} partitions`)
        for (const difference of report.differences) console.log(`         differs: ${difference}`)
      }
      await cluster.loadTopics()
      const ids = await registry.schemaIds()
      console.log(
        `schemas registered: ${Object.values(ids).flatMap(({ key, value }) => (value < 0 ? [key] : [key, value])).length} subjects`,
      )
    } finally {
      await cluster.close()
    }
    return 0
  },
}
