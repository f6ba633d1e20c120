/** `flowloom run`: the roles of this process, until it is asked to stop. */
import { runRoles } from '../operations/run-roles.ts'
import { FlowError } from '../runtime/errors.ts'
import { topology, type RoleName } from '../topology.ts'
import { configOption, type Command } from './arguments/command.ts'

const roleNames = topology.map(node => node.name)

/**
 * Reads a list of role names.
 *
 * @throws FlowError USAGE for an unknown one.
 */
export function parseRoles(text: string | undefined): RoleName[] {
  const names = text === undefined ? roleNames : text.split(',').map(name => name.trim())
  const unknown = names.find(name => !roleNames.includes(name as RoleName))
  if (unknown !== undefined)
    throw new FlowError('USAGE', { detail: `unknown role "${unknown}"; roles are ${roleNames.join(', ')}`, command: 'run' })
  return names as RoleName[]
}

/** The command. */
export const runCommand: Command = {
  name: 'run',
  endsOnSignal: true,
  summary: 'run roles in this process',
  options: {
    config: configOption,
    roles: { type: 'string', short: 'r', value: 'LIST', doc: `roles, separated by commas: ${roleNames.join(', ')}; default all` },
  },
  details:
    'Stops on SIGTERM or Ctrl-C: finishes or drops the open transactions and leaves its groups. More processes of a role share its work.',
  async run({ values, signal }) {
    const file = values['config'] as string | undefined
    await runRoles({ file, roles: parseRoles(values['roles'] as string | undefined), named: values['roles'] !== undefined }, signal)
    return 0
  },
}
