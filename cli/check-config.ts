/** `flowloom check-config`: checks settings and prints what is in force, secrets hidden. */
import { listSettings, loadConfig, type Config } from '../config.ts'
import type { Command } from './command.ts'
import { configOption } from './command.ts'

const isSecret = (section: string, key: string): boolean =>
  listSettings().some(
    setting => setting.section === section && setting.key === key && (setting.schema.description ?? '').includes('Secret:'),
  )

/** The configuration with secrets replaced. */
export function printable(config: Config): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).map(([section, values]) => [
      section,
      Object.fromEntries(Object.entries(values).map(([key, value]) => [key, isSecret(section, key) ? '(hidden)' : value])),
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
