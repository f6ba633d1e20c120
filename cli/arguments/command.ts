/** What a command is: its words, its options, what it does. Help is made from it. */
import type { ParseArgsOptionsConfig } from 'node:util'
import { parseArgs } from 'node:util'
import { FlowError } from '../../runtime/errors.ts'
import { nearestName } from '../../runtime/nearest-name.ts'

/** One option of a command. */
export interface CommandOption {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  readonly multiple?: boolean
  /** Shown for the value in the help. */
  readonly value?: string
  readonly doc: string
}

/** What a command gets. */
export interface CommandInput {
  readonly values: Readonly<Record<string, string | boolean | string[] | undefined>>
  readonly positionals: readonly string[]
  /** Ends when the user presses Ctrl-C or the process is asked to stop. */
  readonly signal: AbortSignal
}

/** One command. */
export interface Command {
  readonly name: string
  readonly summary: string
  /** Words after the name, for the usage line. */
  readonly words?: string
  readonly options: Readonly<Record<string, CommandOption>>
  readonly details?: string
  /** It ends in order when the signal comes; any other command simply dies of it. */
  readonly endsOnSignal?: boolean
  /** @returns The exit code. */
  run(input: CommandInput): Promise<number>
}

/** Option that every command with a configuration has. */
export const configOption: CommandOption = {
  type: 'string',
  short: 'c',
  value: 'FILE',
  doc: 'YAML or JSON file of settings; default FLOWLOOM_CONFIG',
}

const helpWidth = 120

/** Breaks a line between words. @param indent Of the lines behind the first. */
function wrapped(line: string, indent = 0): string {
  const lines = ['']
  for (const word of line.split(/(?<=\S) (?=\S)/)) {
    const last = lines.at(-1)!
    if (last !== '' && last.length + 1 + word.length > helpWidth) lines.push(' '.repeat(indent) + word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines.join('\n')
}

/** Text in lines of the width of the help; a line that ends a sentence stays the end of a line. */
const wrappedText = (text: string): string =>
  text
    .replace(/([^.:\n])\n(?=[^\n ])/g, '$1 ')
    .split('\n')
    .map(line => wrapped(line))
    .join('\n')

/** Help text of a command. */
export function helpOf(command: Command): string {
  const options: Record<string, CommandOption> = { ...command.options, help: { type: 'boolean', short: 'h', doc: 'show this help' } }
  const rows = Object.entries(options).map(([name, { short, value, doc }]) => {
    const left = `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`
    return [left, doc] as const
  })
  const width = Math.max(...rows.map(([left]) => left.length)) + 2
  const lines = rows.map(([left, right]) => wrapped(`  ${left.padEnd(width)}${right}`, width + 2))
  return [
    wrapped(`flowloom ${command.name}: ${command.summary}`),
    '',
    `usage: flowloom ${command.name} ${[command.words, '[options]'].filter(Boolean).join(' ')}`,
    '',
    ...lines,
    ...(command.details === undefined ? [] : ['', wrappedText(command.details)]),
  ].join('\n')
}

/**
 * Reads the words of a command line.
 *
 * @throws FlowError USAGE for an unknown option, or a value that is missing.
 */
export function parseCommandLine(command: Command, args: readonly string[]): Omit<CommandInput, 'signal'> & { help: boolean } {
  const options: ParseArgsOptionsConfig = { help: { type: 'boolean', short: 'h' } }
  for (const [name, option] of Object.entries(command.options))
    options[name] = {
      type: option.type,
      ...(option.short === undefined ? {} : { short: option.short }),
      ...(option.multiple === undefined ? {} : { multiple: option.multiple }),
    }
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: command.words !== undefined, strict: true })
    return { values: values as CommandInput['values'], positionals, help: values['help'] === true }
  } catch (cause) {
    throw new FlowError('USAGE', { detail: optionFault(cause as Error, options), command: command.name }, { cause })
  }
}

/** What is wrong with the options; for one that there is not, the one that was probably meant. */
function optionFault({ message }: Error, options: ParseArgsOptionsConfig): string {
  const [, name] = /^Unknown option '--?([^']*)'/.exec(message) ?? []
  if (name === undefined) return message
  const near = nearestName(name, Object.keys(options))
  return `there is no option ${name.length > 1 ? '--' : '-'}${name}${near === undefined ? '' : `: did you mean --${near}?`}`
}
