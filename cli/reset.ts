/** `flowloom reset`: makes a part start from the first record again. */
import { loadConfig } from '../config/config.ts'
import { newNameOf } from '../operations/choose-parts.ts'
import { resetOf, resettable } from '../operations/reset.ts'
import { FlowError } from '../runtime/errors.ts'
import { nearestName } from '../runtime/nearest-name.ts'
import { topology, type Topology } from '../topology.ts'
import { configOption, type Command } from './arguments/command.ts'

/** The command for a path. */
export function resetCommandOf(parts: Topology): Command {
  const choices = resettable(parts)
  const names = choices.map(({ name }) => name)
  const drops = [...new Set(choices.map(({ reset }) => reset.drops))].join(' or ')
  return {
    name: 'reset',
    summary: `make the part ${names.join(' or ')} start from nothing: drop its ${drops}, read its topics from the first record`,
    words: names.join('|'),
    options: {
      config: configOption,
      yes: { type: 'boolean', doc: 'do it; without it the command only says what it would do' },
    },
    details: `Stop every ${names.join(' or ')} process first. The ${drops} come back with the same content, as far as the topics still hold it (kafka.retentionMs).\nOnly ${names.join(' or ')} can be reset: for the other parts a restart from the first record would write every record twice.`,
    async run({ values, positionals }) {
      const other = parts.find(({ name, reset }) => name === positionals[0] && reset === undefined)
      if (other !== undefined) {
        const why = `${other.name} cannot be reset: from the first record it would write every record twice`
        throw new FlowError('USAGE', {
          detail: `${why}; say ${names.map(name => `\`reset ${name}\``).join(' or ')}`,
          command: 'reset',
        })
      }
      const chosen = choices.find(({ name }) => name === positionals[0])
      if (positionals.length !== 1 || chosen === undefined) {
        const renamed = positionals.length === 1 ? newNameOf(positionals[0]!, parts) : undefined
        const near = positionals.length === 1 ? nearestName(positionals[0]!, names) : undefined
        const detail = `say ${(near === undefined ? names : [near]).map(name => `\`reset ${name}\``).join(' or ')}`
        throw new FlowError('USAGE', {
          detail: renamed === undefined ? detail : `there is no part "${positionals[0]!}": it is called ${renamed} now`,
          command: 'reset',
        })
      }
      const config = loadConfig({ file: values['config'] as string | undefined })
      const reset = resetOf(config, chosen)
      console.log(`groups: ${reset.groups.join(', ')}\n${reset.drops}: ${reset.what}`)
      if (values['yes'] !== true) {
        console.log(`nothing done; add --yes to forget these positions and drop these ${reset.drops}`)
        return 0
      }
      await reset.run()
      console.log(`done; start ${chosen.name} again`)
      return 0
    },
  }
}

/** The command. */
export const resetCommand = resetCommandOf(topology)
