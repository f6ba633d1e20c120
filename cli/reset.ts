/** `flowloom reset`: makes a role start from the first record again. */
import { loadConfig } from '../config/config.ts'
import { FlowError } from '../runtime/errors.ts'
import { Cluster } from '../runtime/kafka/cluster.ts'
import { resetGroup } from '../runtime/kafka/topic-admin.ts'
import { createLog } from '../runtime/log.ts'
import { connectClickHouse } from '../sinks/clickhouse/clickhouse-client.ts'
import { resetTables } from '../sinks/clickhouse/reset.ts'
import { topology } from '../topology.ts'
import type { Command } from './arguments/command.ts'
import { configOption } from './arguments/command.ts'
import { commandLevel } from '../operations/session.ts'

/** See the head of this file. */
export const resetCommand: Command = {
  name: 'reset',
  summary: 'make the sink start from nothing: drop its tables, read its topics from the first record',
  words: 'sink',
  options: {
    config: configOption,
    yes: { type: 'boolean', doc: 'do it; without it the command only says what it would do' },
  },
  details:
    'Stop every sink process first. The tables come back with the same content, as far as the topics still hold it (kafka.retentionMs).\nOnly the sink can be reset: for the other roles a restart from the first record would write every record twice.',
  async run({ values, positionals }) {
    if (positionals.length !== 1 || positionals[0] !== 'sink')
      throw new FlowError('USAGE', { detail: 'say `reset sink`', command: 'reset' })
    const config = loadConfig({ file: values['config'] as string | undefined })
    const built = topology.find(node => node.name === 'sink')!.build({ config })
    const roles = (built.roles ?? []).map(role => role.name)
    await built.close?.()
    const cluster = new Cluster(config.kafka, createLog(commandLevel(config.log.level)))
    console.log(
      `groups: ${roles.map(role => cluster.groupOf(role)).join(', ')}\ntables: all of database ${config.clickhouse.database} at ${config.clickhouse.url}`,
    )
    if (values['yes'] !== true) {
      console.log('nothing done; add --yes to forget these positions and drop these tables')
      return 0
    }
    const store = connectClickHouse(config.clickhouse)
    try {
      for (const role of roles) await resetGroup(cluster, role)
      await resetTables(store, config.clickhouse)
    } finally {
      await store.close()
      await cluster.close()
    }
    console.log('done; start the sink again')
    return 0
  },
}
