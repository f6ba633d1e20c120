/** `flowloom check-config`: checks settings and prints what is in force, secrets hidden. */
import { isSecret, listSettings, loadConfig, type Config } from '../config.ts'
import type { Command } from './command.ts'
import { configOption } from './command.ts'

/** Hides the password in a URL that has one. */
const withoutPassword = (value: unknown): unknown =>
  typeof value === 'string' ? value.replace(/^([a-z]+:\/\/[^/@:]*):[^/@]*@/i, '$1:(hidden)@') : value

/** The configuration with secrets replaced. */
export function printable(config: Config): Record<string, unknown> {
  const secrets = new Set(
    listSettings()
      .filter(isSecret)
      .map(({ section, key }) => `${section}.${key}`),
  )
  return Object.fromEntries(
    Object.entries(config).map(([section, values]) => [
      section,
      Object.fromEntries(
        Object.entries(values).map(([key, value]) => [key, secrets.has(`${section}.${key}`) ? '(hidden)' : withoutPassword(value)]),
      ),
    ]),
  )
}

/** See the head of this file. */
export const checkConfigCommand: Command = {
  name: 'check-config',
  summary: 'check the settings, all faults at once, and print what is in force',
  options: { config: configOption },
  async run({ values }) {
    const config = loadConfig({ file: values['config'] as string | undefined })
    console.log(JSON.stringify(printable(config), null, 2))
    return 0
  },
}
