/** `flowloom run`: the roles of this process, until it is asked to stop. */
import { newNameOf } from '../operations/choose-parts.ts'
import { runProcesses } from '../operations/run-processes.ts'
import { runRoles } from '../operations/run-roles.ts'
import { FlowError } from '../runtime/errors.ts'
import { namesText } from '../runtime/nearest-name.ts'
import { topology, type Topology } from '../topology.ts'
import { configOption, type Command } from './arguments/command.ts'

/**
 * Reads a list of role names. A name of an older version counts as the new one, so that an upgrade needs no new command line.
 *
 * @throws FlowError USAGE for an unknown one.
 */
export function parseRoles(text: string | undefined, parts: Topology = topology): string[] {
  const roleNames = parts.map(({ name }) => name)
  const names = text === undefined ? roleNames : text.split(',').map(name => newNameOf(name.trim(), parts) ?? name.trim())
  if (names.includes(''))
    throw new FlowError('USAGE', {
      detail: text!.includes(',') ? `--roles "${text!}" has a comma without a role before or behind it` : '--roles names no role',
      command: 'run',
    })
  const unknown = names.find(name => !roleNames.includes(name))
  if (unknown !== undefined)
    throw new FlowError('USAGE', { detail: `there is no role "${unknown}": ${namesText(unknown, roleNames)}`, command: 'run' })
  return names
}

const mostProcesses = 256

/**
 * Reads the number of processes.
 *
 * @throws FlowError USAGE for anything but a number from 1 to 256.
 */
export function parseProcesses(text: string): number {
  if (!/^[1-9][0-9]{0,2}$/.test(text) || Number(text) > mostProcesses)
    throw new FlowError('USAGE', { detail: `--processes takes a number from 1 to ${mostProcesses}, not "${text}"`, command: 'run' })
  return Number(text)
}

/** The command for a path. */
export const runCommandOf = (parts: Topology): Command => ({
  name: 'run',
  endsOnSignal: true,
  summary: 'run roles in this process',
  options: {
    config: configOption,
    roles: {
      type: 'string',
      short: 'r',
      value: 'LIST',
      doc: `roles, separated by commas: ${parts.map(({ name }) => name).join(', ')}; default all`,
    },
    processes: {
      type: 'string',
      short: 'n',
      value: 'N',
      doc: 'start N processes of these roles and watch them; a process uses about one core',
    },
  },
  details:
    'Stops on SIGTERM or Ctrl-C: finishes or drops the open transactions and leaves its groups. More processes of a role share its work.\nExit code 1 if something did not stop cleanly; the log says what.',
  async run({ values, signal }) {
    const file = values['config'] as string | undefined
    const named = values['roles'] as string | undefined
    const roles = parseRoles(named, parts)
    const count = values['processes'] as string | undefined
    if (count !== undefined) return runProcesses({ count: parseProcesses(count), file, roles: named }, signal)
    return (await runRoles({ file, roles, named: named !== undefined }, signal)) ? 0 : 1
  },
})

/** The command. */
export const runCommand = runCommandOf(topology)
