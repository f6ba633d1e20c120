/** `flowloom topics apply`: creates topics and registers schemas. */
import { counted } from '../runtime/counted.ts'
import { loadConfig } from '../config/config.ts'
import { applyTopicsAndSchemas } from '../operations/apply-topics.ts'
import { FlowError } from '../runtime/errors.ts'
import { configOption, type Command } from './arguments/command.ts'

/** The command. */
export const topicsCommand: Command = {
  name: 'topics',
  summary: 'create missing topics and register their schemas',
  words: 'apply',
  options: { config: configOption },
  details:
    'Existing topics are never changed; if they differ from the settings, that is printed. Run it once per deployment and after an upgrade.',
  async run({ values, positionals }) {
    if (positionals.length !== 1 || positionals[0] !== 'apply') {
      const why = positionals.length === 0 ? 'a word is missing' : `there is no \`topics ${positionals.join(' ')}\``
      throw new FlowError('USAGE', { detail: `${why}: say \`topics apply\``, command: 'topics' })
    }
    const config = loadConfig({ file: values['config'] as string | undefined })
    const subjects = await applyTopicsAndSchemas(config, reports => {
      for (const report of reports) {
        console.log(`${report.state === 'created' ? 'created' : 'kept   '}  ${report.topic}  ${counted(report.partitions, 'partition')}`)
        for (const difference of report.differences) console.log(`         differs: ${difference}`)
      }
    })
    console.log(`schemas registered: ${subjects} subjects`)
    return 0
  },
}
