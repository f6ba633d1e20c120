/** `flowloom reset`: makes a role start from the first record again. */
import { loadConfig } from '../config/config.ts'
import { sinkReset } from '../operations/reset.ts'
import { FlowError } from '../runtime/errors.ts'
import { configOption, type Command } from './arguments/command.ts'

/** The command. */
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
    const reset = await sinkReset(config)
    console.log(`groups: ${reset.groups.join(', ')}\ntables: all of database ${config.clickhouse.database} at ${config.clickhouse.url}`)
    if (values['yes'] !== true) {
      console.log('nothing done; add --yes to forget these positions and drop these tables')
      return 0
    }
    await reset.run()
    console.log('done; start the sink again')
    return 0
  },
}
